"""Waits between threads: a time limit at any point of them leaves nothing that others wait for in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from csg_otel.pipeline.readers import Ticker
from csg_otel.pipeline.runner import Run, Runner
from csg_otel.server.background import Background
from csg_otel.waits import Changes, Latch
from support.time_limits import at_each_point


def on_another_thread(call: Callable[[], object]) -> object:
    """Return the result of *call* on a thread; fail if it does not return."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    return results[0]


def _latch() -> Callable[[], bool]:
    latches = [Latch()]

    def use() -> bool:
        latches[0].set()  # that of an interrupted call
        latch = latches[0] = Latch()
        latch.wait(0.001)
        latch.set()
        return latch.wait(10)

    return use


def _changes() -> Callable[[], bool]:
    changes, calls = Changes(), [0]

    def use() -> bool:
        calls[0] += 1
        begun = calls[0]
        changes.notify()
        return changes.wait_for(lambda: calls[0] > begun, 0.001) or changes.wait_for(lambda: calls[0] >= begun, 10)

    return use


def _runner() -> Callable[[], bool]:
    runner = Runner()
    return lambda: runner.run_now(Run(lambda: ()), 10)


def _background() -> Callable[[], bool]:
    background = Background("test")

    def use() -> bool:
        done = Latch()
        return background.run(done.set) and done.wait(10)

    return use


def _ticker() -> Callable[[], bool]:
    ticker = Ticker("test", 60, lambda: None)
    ticker.start()
    return lambda: ticker.request().wait(10)


@pytest.mark.parametrize("make", [_latch, _changes, _runner, _background, _ticker])
def test_a_time_limit_at_any_point_breaks_nothing(make: Callable[[], Callable[[], bool]]) -> None:
    """It reaches the caller, and another thread then does the same without waiting in vain."""
    use = make()
    points = 0
    for reached in at_each_point(use):
        assert reached
        assert on_another_thread(use)
        points += 1

    assert points > 5
    assert use()


def test_a_latch_lets_every_thread_go_on() -> None:
    """Those that wait, and those that come later."""
    latch, waiting = Latch(), [threading.Event() for _ in range(3)]

    def wait(begun: threading.Event) -> None:
        begun.set()
        assert latch.wait(20)
        passed.append(begun)

    passed: list[threading.Event] = []
    threads = [threading.Thread(target=wait, args=(begun,)) for begun in waiting]
    for thread, begun in zip(threads, waiting, strict=True):
        thread.start()
        begun.wait(20)
    early = latch.wait(0.01)
    latch.set()
    for thread in threads:
        thread.join(20)

    assert (early, len(passed), latch.wait(0)) == (False, 3, True)
