"""Pauses of the garbage collector and lateness of event loops, measured on real ones."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from csg_otel import names
from csg_otel.metrics import RuntimeMonitor, runtime
from csg_otel.metrics.runtime import LoopState, watch_loop
from support.capture import Captured
from support.programs import Program, eventually


@pytest.fixture
def monitor() -> Iterator[RuntimeMonitor]:
    monitor = RuntimeMonitor()
    monitor.start()
    yield monitor
    monitor.stop()


@pytest.fixture
def no_collections() -> Iterator[None]:
    """No garbage collection but those of the test: another one would be measured, too."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collections")
def test_every_collection_is_a_pause(captured: Captured, monitor: RuntimeMonitor) -> None:
    """Each collection is one measurement of its generation, recorded at the flush and not before."""
    name = names.GC_PAUSE.name
    runtime.flush()
    before = captured.values(name, names.GC_GENERATION).get(2, 0)
    gc.collect()
    gc.collect()
    unflushed = captured.values(name, names.GC_GENERATION).get(2, 0)
    runtime.flush()

    assert (unflushed, captured.values(name, names.GC_GENERATION)[2]) == (before, before + 2)


@pytest.mark.usefixtures("no_collections")
def test_pauses_have_their_real_length(captured: Captured, monitor: RuntimeMonitor) -> None:
    """The sum of the pauses is what collecting took, but for what a busy machine takes between pause and clock."""
    rubbish = [[] for _ in range(300_000)]  # type: ignore[var-annotated]
    runtime.flush()
    shares = []
    for _ in range(5):
        before = sum(point.sum for point in captured.points(names.GC_PAUSE.name))
        began_s = time.perf_counter()
        gc.collect()
        took_s = time.perf_counter() - began_s
        runtime.flush()
        shares.append((sum(point.sum for point in captured.points(names.GC_PAUSE.name)) - before) / took_s)

    assert len(rubbish) == 300_000
    assert 0.5 < max(shares) < 1.001


def test_a_collection_under_any_lock_is_harmless(captured: Captured, monitor: RuntimeMonitor) -> None:
    """Collections in the middle of recording and flushing, in several threads, neither hang nor lose a pause."""

    def work() -> None:
        for _ in range(50):
            gc.collect(0)
            runtime.flush()

    ended: list[str] = []

    def note(phase: str, _info: object) -> None:
        ended.extend([phase] * (phase == "stop"))

    runtime.flush()
    before = sum(point.count for point in captured.points(names.GC_PAUSE.name))
    gc.callbacks.append(note)  # a collection that begins within another one is none: threads on a busy machine do less
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    gc.callbacks.remove(note)
    runtime.flush()

    assert not [thread for thread in threads if thread.is_alive()]
    assert ended
    assert sum(point.count for point in captured.points(names.GC_PAUSE.name)) - before >= len(ended)


@pytest.mark.usefixtures("no_collections")
def test_collector_counts_are_shown_while_a_monitor_runs(captured: Captured) -> None:
    """The collector's own counts appear with start() and are gone after stop()."""
    monitor = RuntimeMonitor()
    monitor.start()
    before = captured.values(names.GC_COLLECTIONS.name, names.GC_GENERATION)
    gc.collect()
    after = captured.values(names.GC_COLLECTIONS.name, names.GC_GENERATION)
    monitor.stop()

    assert set(after) == {0, 1, 2}
    assert after[2] == before[2] + 1
    assert captured.points(names.GC_COLLECTIONS.name) == []


def test_stop_leaves_nothing_behind() -> None:
    """After start, start, stop, stop the collector's callbacks are as before."""
    before = list(gc.callbacks)
    monitor = RuntimeMonitor()
    monitor.start()
    monitor.start()
    during = len(gc.callbacks)
    monitor.stop()
    monitor.stop()

    assert during > len(before)
    assert gc.callbacks == before


FORK = """
    import gc, os
    from csg_otel.metrics import runtime

    monitor = runtime.RuntimeMonitor()
    monitor.start()
    counter = runtime._GcCounter("collections")
    gc.disable()
    for _ in range(5):
        gc.collect()
    child = os.fork()
    if child == 0:
        pending = len(monitor._take_pauses())
        gc.collect()
        full = [found.value for found in counter(None)][2]
        os._exit(0 if (pending, full, len(monitor._take_pauses())) == (0, 1, 1) else 1)
    print(os.waitpid(child, 0)[1], len(monitor._take_pauses()))
"""


def test_a_forked_child_counts_its_own_collections(tmp_path: Path) -> None:
    """A child starts without the parent's pauses and counts; the parent keeps its own."""
    with Program(FORK, tmp_path) as program:
        assert program.line() == "0 5", program.stderr


def state(name: str) -> LoopState | None:
    return next((found for found in runtime.loops() if found.name == name), None)


def test_a_blocked_loop_is_late(captured: Captured) -> None:
    """A loop blocked for 200 ms is measured at least 100 ms late, under its name."""

    async def main() -> float:
        watch = watch_loop(name="blocked", interval_s=0.02)
        await asyncio.sleep(0.05)
        time.sleep(0.2)
        lags = []
        for _ in range(3):  # the timer that is due runs behind this task; another one may be due at once
            await asyncio.sleep(0)
            found = state("blocked")
            assert found is not None
            lags.append(found.lag_s)
        watch.stop()
        return max(lags)

    lag_s = asyncio.run(main())
    points = [point for point in captured.points(names.EVENT_LOOP_LAG.name) if "blocked" in point.attributes.values()]

    assert 0.1 < lag_s < 60
    assert [point.max >= 0.1 for point in points] == [True]


def test_a_free_loop_beats() -> None:
    """A loop with nothing to do keeps beating, hardly late; after stop() it is no longer listed."""

    async def main() -> list[LoopState | None]:
        watch = watch_loop(name="free", interval_s=0.01)
        first = state("free")
        await asyncio.sleep(0.1)
        second = state("free")
        watch.stop()
        return [first, second, state("free")]

    first, second, third = asyncio.run(main())

    assert first is not None
    assert second is not None
    assert second.last_beat > first.last_beat
    assert third is None


def test_a_loop_of_another_thread_can_be_watched() -> None:
    """Given a loop, watching starts and stops from any thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    watch = watch_loop(loop, name="other", interval_s=0.01)
    began_s = time.monotonic()
    eventually(lambda: (found := state("other")) is not None and found.last_beat > began_s)
    watch.stop()
    gone = state("other")
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()

    assert gone is None


def test_a_blocked_loop_of_another_thread_shows_in_its_last_beat() -> None:
    """While a loop is stuck, its last beat stays where it was: what a health check looks at."""
    loop = asyncio.new_event_loop()
    blocked, release = threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        release.wait()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    watch_loop(loop, name="stuck", interval_s=0.01)
    loop.call_soon_threadsafe(block)
    assert blocked.wait(50)
    time.sleep(0.1)
    found = state("stuck")
    release.set()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()

    assert found is not None
    assert time.monotonic() - found.last_beat > 0.08


def test_a_closed_loop_ends_quietly() -> None:
    """A loop that is closed with its watch running is no longer listed; stopping or watching it raises nothing."""
    loop = asyncio.new_event_loop()
    watch = watch_loop(loop, name="closing", interval_s=0.01)
    loop.run_until_complete(asyncio.sleep(0.03))
    loop.close()
    listed = state("closing")
    watch.stop()
    watch_loop(loop, name="closing")

    assert listed is None
    assert state("closing") is None


def test_mistakes_are_raised() -> None:
    """Without a loop there is nothing to watch, and an interval of 0 is refused."""
    with pytest.raises(RuntimeError):
        watch_loop()
    with pytest.raises(ValueError, match="above 0"):
        watch_loop(interval_s=0)
