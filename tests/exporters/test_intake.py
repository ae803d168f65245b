"""One intake for the queues of all destinations: each item counts once in each queue, whatever threads and signals do."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.exporters.delivery.base import DeliveryQueue, QueueStatus
from csg_otel.exporters.delivery.intake import Intake
from csg_otel.exporters.delivery.persistent_queue import PersistentQueue
from csg_otel.exporters.delivery.queue import MemoryQueue
from csg_otel.exporters.delivery.spool import Spool
from support.otlp_sink import HttpSink
from support.programs import HUNG_S, Program, eventually
from support.senders import FunctionSender, Losses, Observer
from support.time_limits import at_each_point


class Lines:
    """A sender whose items are texts; it sends nothing until it is open."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.open = threading.Event()
        self.open.set()

    def encode(self, items: Sequence[str]) -> bytes:
        return "".join(f"{item}\n" for item in items).encode()

    def encode_plain(self, items: Sequence[str]) -> bytes:
        return self.encode(items)

    def split(self, body: bytes) -> list[bytes]:
        return body.splitlines(keepends=True)

    def send_batch(self, body: bytes, _timeout_s: float) -> None:
        assert self.open.wait(HUNG_S)
        self.received += body.decode().splitlines()

    def reset_after_fork(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """There is no connection."""


class Destinations:
    """Persistent queues and a memory queue behind one intake, and what each receives."""

    def __init__(self, folder: Path | None = None, *, max_items: int = 64, batch_size: int = 16) -> None:
        options: dict[str, Any] = {"max_items": max_items, "batch_size": batch_size, "delay_s": 0.005}
        self.senders = [Lines(), Lines(), Lines()]
        self.shown: list[str] = []
        self.may_show = threading.Event()
        self.may_show.set()
        spools = [
            None if folder is None else Spool(folder, f"{n}\nhttp://{n}", Losses(), max_bytes=10**8) for n in "abc"
        ]
        self.persistent = [
            PersistentQueue(name, "traces", sender, Observer(), spool=spool, **options)
            for name, sender, spool in zip("abc", self.senders, spools, strict=True)
        ]
        self.memory = MemoryQueue("d", "traces", FunctionSender(self._show), Observer(), **options)
        self.queues: list[DeliveryQueue] = [*self.persistent, self.memory]
        self.intake = Intake(self.queues, batch_size)
        for queue in self.queues:
            queue.join_intake(self.intake)

    def _show(self, batch: Sequence[Any], _timeout_s: float) -> None:
        assert self.may_show.wait(HUNG_S)
        self.shown += batch

    def hang(self) -> None:
        """Let no destination receive anything, until :meth:`go_on`."""
        for event in (self.may_show, *(sender.open for sender in self.senders)):
            event.clear()

    def go_on(self) -> None:
        for event in (self.may_show, *(sender.open for sender in self.senders)):
            event.set()

    @property
    def received(self) -> list[list[str]]:
        """What each queue has delivered."""
        return [*(sender.received for sender in self.senders), self.shown]

    def flush(self) -> list[bool]:
        return [queue.flush(time.monotonic() + HUNG_S) for queue in self.queues]

    def end(self) -> list[QueueStatus]:
        for queue in self.queues:
            queue.close(time.monotonic() + HUNG_S)
        return [queue.join() for queue in self.queues]


def is_balanced(status: QueueStatus) -> bool:
    return status.emitted == status.delivered + sum(status.dropped.values()) + status.queued + status.spooled


def run(*works: Callable[[], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    return threads


def test_eight_threads_count_exactly_in_each_queue_while_others_read(tmp_path: Path) -> None:
    """Also while the workers take, the memory queue drops, and readers look: the counts never lack an item."""
    there, ended, unbalanced = Destinations(tmp_path), threading.Event(), list[QueueStatus]()

    def read(queue: DeliveryQueue) -> None:
        emitted = 0
        while not ended.is_set():
            status = queue.status()
            if not is_balanced(status) or status.emitted < emitted:
                unbalanced.append(status)
            emitted = status.emitted
            time.sleep(0.001)

    def emit(thread: int) -> None:
        for number in range(1500):
            there.intake.enqueue(f"{thread}/{number}")

    readers = run(*(lambda queue=queue: read(queue) for queue in there.queues))
    for thread in run(*(lambda thread=thread: emit(thread) for thread in range(8))):
        thread.join()
    there.flush()
    ended.set()
    for thread in readers:
        thread.join()

    assert unbalanced == []
    every = Counter(f"{thread}/{number}" for thread in range(8) for number in range(1500))
    for queue, received, status in zip(there.queues, there.received, there.end(), strict=True):
        assert (status.emitted, status.queued, status.spooled) == (12_000, 0, 0)
        assert status.delivered == len(received) == 12_000 - sum(status.dropped.values())
        assert Counter(received) <= every
        if queue is not there.memory:
            assert Counter(received) == every


@pytest.mark.parametrize("emitted_each", range(1, 8))
@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize(("max_items", "hung", "spool"), [(2, 1, 0), (2, 1, 1), (4, 0, 0), (64, 0, 0)])
def test_a_signal_handler_that_emits_breaks_no_count(
    *, max_items: int, hung: bool, spool: bool, raises: bool, emitted_each: int, tmp_path: Path
) -> None:
    """
    At each point of the items of a portion, whether it raises or returns.

    What the handler emits arrives once, and an interrupted item at most once.
    """
    there = Destinations(tmp_path if spool else None, max_items=max_items, batch_size=4)
    there.intake.enqueue("first")
    assert all(there.flush())
    if hung:
        there.hang()
    handled: list[str] = []

    def handler() -> None:
        for _ in range(emitted_each):
            handled.append(f"handled {len(handled)}")
            there.intake.enqueue(handled[-1])

    numbers = iter(range(100_000))

    def emit() -> None:
        for _ in range(4):  # a batch, so that the queues look at their lists
            there.intake.enqueue(f"interrupted {next(numbers)}")

    points = 0
    for reached in at_each_point(emit, handler, raises=raises):
        points += 1
        assert reached is raises
        assert all(is_balanced(queue.status()) for queue in there.queues)
        if not hung:
            there.flush()
    there.go_on()

    assert points > 50
    for received, status in zip(there.received, there.end(), strict=True):
        assert status.delivered == len(received) == len(set(received))
        assert status.emitted == status.delivered + sum(status.dropped.values())
        assert len(handled) <= status.emitted <= len(handled) + next(numbers) + 1
        if max_items == 64:
            assert status.dropped == {}
            assert set(handled) <= set(received)


def test_a_hung_destination_does_not_affect_another() -> None:
    """It drops what it cannot hold, without a spool; all others deliver everything."""
    there = Destinations(max_items=2000)
    there.senders[0].open.clear()
    for number in range(6000):
        there.intake.enqueue(str(number))
        if not number % 1000:
            for queue in there.queues[1:]:
                queue.nudge()
                assert queue.flush(time.monotonic() + HUNG_S)
    hung, *others = (queue.status() for queue in there.queues)
    there.senders[0].open.set()

    assert hung.dropped["queue_full"] > 0
    assert is_balanced(hung)
    assert all(status.dropped == {} for status in others)
    there.end()
    assert [len(received) for received in there.received[1:]] == [6000] * 3


def test_a_close_during_items_loses_none_without_a_count() -> None:
    """Each is delivered, or dropped as `shutdown`, and never both."""
    there = Destinations(max_items=100_000)

    def emit(thread: int) -> None:
        for number in range(5000):
            there.intake.enqueue(f"{thread}/{number}")

    threads = run(*(lambda thread=thread: emit(thread) for thread in range(4)))
    eventually(lambda: there.memory.status().emitted > 2000)
    there.end()
    for thread in threads:
        thread.join()

    for queue, received in zip(there.queues, there.received, strict=True):
        status = queue.status()
        assert status.emitted == 20_000
        assert status.delivered == len(received) == len(set(received))
        assert status.dropped.keys() <= {"shutdown"}
        assert is_balanced(status)


def test_an_item_wakes_a_worker_that_has_just_fallen_asleep() -> None:
    """Again and again, without a flush: no item waits for the next one."""
    there = Destinations()
    for number in range(25):
        there.intake.enqueue(str(number))
        eventually(lambda number=number: all(len(received) > number for received in there.received))
    assert all(received == [str(number) for number in range(25)] for received in there.received)
    there.end()


@given(st.lists(st.one_of(st.integers(1, 40), st.sampled_from(["flush", "read", "nudge", "close"])), max_size=12))
def test_the_counts_balance_after_each_step(steps: list[int | str]) -> None:
    """Any mixture of items, flushes, and an end: the queues agree about what was emitted, and nothing is missing."""
    there = Destinations(max_items=16, batch_size=8)
    emitted = 0
    for step in steps:
        if isinstance(step, int):
            for number in range(step):
                there.intake.enqueue(f"{emitted + number}")
            emitted += step
        for queue in there.queues:
            if step == "flush":
                queue.flush(time.monotonic() + HUNG_S)
            elif step == "nudge":
                queue.nudge()
            elif step == "close":
                queue.close(time.monotonic() + HUNG_S)
            status = queue.status()
            assert (status.emitted, is_balanced(status)) == (emitted, True)

    assert all(status.emitted == emitted and is_balanced(status) and not status.queued for status in there.end())


def test_a_child_starts_with_empty_lists_and_the_parent_keeps_its_own(sink: HttpSink, tmp_path: Path) -> None:
    """A fork while items wait for a portion to be full: each process delivers its own, once, to both destinations."""
    source = f"""
    import csg_otel, os
    both = [{{"name": name, "endpoint": "{sink.endpoint}", "signals": ["traces"], "protocol": "http/protobuf"}}
            for name in ("a", "b")]
    telemetry = csg_otel.instrument("forks", exporters__otlp=both, health_monitoring__enabled=False,
        system_monitoring__prometheus__enabled=False, system_monitoring__enabled=False)
    def emit(name, count):
        for number in range(count):
            with csg_otel.observe(f"{{name}} {{number}}"):
                pass
    def counts():
        return sorted({{(s.emitted, s.delivered) for s in telemetry.status().values() if s.emitted}})
    emit("parent", 100)
    if not (child := os.fork()):
        emit("child", 30)
        done = telemetry.force_flush({HUNG_S}) and counts() == [(30, 30)]
        os._exit(0 if done else 1)
    emit("later", 30)
    print(os.waitpid(child, 0)[1], telemetry.force_flush({HUNG_S}), counts())
    """
    with Program(source, tmp_path, {"XDG_STATE_HOME": str(tmp_path)}) as program:
        answer = program.line()
        assert program.wait() == 0, program.stderr

    assert answer == "0 True [(130, 130)]", program.stderr
    expected = {
        f"{name} {number}" for name, count in (("parent", 100), ("child", 30), ("later", 30)) for number in range(count)
    }
    assert Counter(span.name for span in sink.received.spans) == Counter(dict.fromkeys(expected, 2))


def test_all_spans_of_a_program_that_does_nothing_else_arrive_at_two_destinations(
    sink: HttpSink, tmp_path: Path
) -> None:
    """One thread without a pause, with the default queue of 2,048: ten times as many, and none is dropped."""
    source = f"""
    import csg_otel
    both = [{{"name": name, "endpoint": "{sink.endpoint}", "signals": ["traces"], "protocol": "http/protobuf"}}
            for name in ("a", "b")]
    telemetry = csg_otel.instrument("flat", exporters__otlp=both, health_monitoring__enabled=False,
        system_monitoring__prometheus__enabled=False, system_monitoring__enabled=False)
    @csg_otel.observe("op")
    def op():
        pass
    for _ in range(20_000):
        op()
    flushed = telemetry.force_flush({HUNG_S})
    print(flushed, [(s.emitted, s.delivered, s.dropped) for s in telemetry.status().values() if s.emitted])
    """
    with Program(source, tmp_path, {"XDG_STATE_HOME": str(tmp_path)}) as program:
        answer = program.line()
        assert program.wait() == 0, program.stderr

    assert answer == "True [(20000, 20000, {}), (20000, 20000, {})]", program.stderr
    assert len(sink.received.spans) == 40_000
