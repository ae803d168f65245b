"""Bursts: what a full queue cannot hold goes to the spool, and only a full spool drops."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from csg_otel.exporters.delivery.persistent_queue import PersistentQueue
from csg_otel.exporters.delivery.requests import joined
from csg_otel.exporters.delivery.sender import NotPlain, SendError
from csg_otel.exporters.delivery.spool import Spool
from support.otlp_sink import HttpSink
from support.programs import Program, eventually
from support.senders import Losses, Observer
from support.time_limits import at_each_point

HUNG_S = 50.0


class Lines:
    """A sender whose items are texts; the gathering thread encodes nothing until it is allowed to."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.may_gather = threading.Event()
        self.encoders: set[str] = set()

    def encode(self, items: Sequence[str]) -> bytes:
        name = threading.current_thread().name
        self.encoders.add(name)
        if name.endswith("-gather"):
            assert self.may_gather.wait(HUNG_S)
        return "".join(f"{item}\n" for item in items).encode()

    def encode_plain(self, items: Sequence[str]) -> bytes:
        if any(item.startswith("special") for item in items):
            raise NotPlain
        return self.encode(items)

    def split(self, body: bytes) -> list[bytes]:
        return body.splitlines(keepends=True)

    def send_batch(self, body: bytes, _timeout_s: float) -> None:
        self.received += body.decode().splitlines()

    def reset_after_fork(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """There is no connection."""


def queue_of(sender: Lines, spool: Spool | None, max_items: int = 32) -> PersistentQueue:
    options = {"max_items": max_items, "batch_size": 16, "delay_s": 0.01}
    return PersistentQueue("c", "traces", sender, Observer(), spool=spool, **options)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool with room for everything."""
    return Spool(tmp_path, "c\nhttp://c", Losses(), max_bytes=10_000_000)


def test_a_burst_is_kept_although_the_gathering_thread_gets_no_turn(spool: Spool) -> None:
    """Eight threads emit a hundred times what the queue holds, while nothing is gathered: everything is delivered, once."""
    sender = Lines()
    queue = queue_of(sender, spool)

    def emit(thread: int) -> None:
        for number in range(400):
            queue.enqueue(f"{thread}/{number}")

    threads = [threading.Thread(target=emit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waiting = queue.status()
    sender.may_gather.set()

    assert queue.flush(time.monotonic() + HUNG_S)
    assert (waiting.emitted, waiting.dropped) == (3200, {})
    assert Counter(sender.received) == Counter(f"{thread}/{number}" for thread in range(8) for number in range(400))
    assert queue.status().dropped == {}


def test_items_with_code_of_the_program_are_not_encoded_by_the_thread_that_emits(spool: Spool) -> None:
    """It may hold a lock that they need. They wait as far as the queue's limit allows, once more."""
    sender = Lines()
    queue = queue_of(sender, spool)
    for number in range(100):
        queue.enqueue(f"special {number}")
    status = queue.status()
    sender.may_gather.set()

    assert queue.flush(time.monotonic() + HUNG_S)
    assert all(name.startswith("csg-otel") for name in sender.encoders)
    assert status.dropped["queue_full"] + len(sender.received) == 100
    assert len(sender.received) >= 48


@pytest.mark.parametrize("broken", [False, True])
def test_without_a_spool_a_full_queue_drops(broken: bool, tmp_path: Path) -> None:
    """It is switched off, or its folder cannot be created: the queue holds its number of items, and counts the others."""
    (tmp_path / "file").touch()
    sender = Lines()
    sender.may_gather.set()
    queue = queue_of(sender, Spool(tmp_path / "file", "c", Losses(), max_bytes=10_000) if broken else None)
    queue.enqueue("first")
    assert queue.flush(time.monotonic() + HUNG_S)
    sender.may_gather.clear()
    queue.enqueue("second")
    while "csg-otel-c-traces-gather" not in sender.encoders or queue.status().queued == 0:
        time.sleep(0.01)
    for number in range(100):
        queue.enqueue(str(number))
    status = queue.status()
    sender.may_gather.set()

    assert status.dropped["queue_full"] >= 50  # the queue holds 32, and the gathering thread at most a batch
    assert status.emitted == status.delivered + status.queued + sum(status.dropped.values())


def test_a_time_limit_in_a_burst_loses_nothing(spool: Spool) -> None:
    """A signal handler may raise while a thread of the program encodes: the items are gathered all the same."""
    sender = Lines()
    queue = queue_of(sender, spool, max_items=3000)  # with room for all that is interrupted
    for number in range(3008):
        queue.enqueue(f"before {number}")
    points = 0

    def emit() -> None:
        for _ in range(16):  # a batch, so that the queue looks at its limit
            queue.enqueue("interrupted")

    for reached in at_each_point(emit):
        assert reached
        points += 1
    sender.may_gather.set()

    assert points > 40
    assert queue.flush(time.monotonic() + HUNG_S)
    status = queue.status()
    assert (status.dropped, status.delivered) == ({}, status.emitted)
    assert len(sender.received) == status.emitted
    assert set(sender.received) >= {f"before {number}" for number in range(3008)}


class Held(Lines):
    """A sender with which the emitting threads stay in their encoding until they are allowed to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.may_emit = threading.Event()
        self.held: set[int] = set()

    def encode(self, items: Sequence[str]) -> bytes:
        if items and not threading.current_thread().name.endswith("-gather"):
            self.held.add(threading.get_ident())
            assert self.may_emit.wait(HUNG_S)
        return super().encode(items)


def test_a_thread_has_room_for_its_share_however_many_others_encode(spool: Spool) -> None:
    """Six threads hold more together than the queue; the limit is for items that wait for the gathering thread."""
    sender = Held()
    queue = queue_of(sender, spool)

    def emit(name: int) -> None:
        for number in range(100):
            queue.enqueue(f"{name} {number}")

    threads = [threading.Thread(target=emit, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(sender.held) == 6 or queue.status().dropped)
    sender.may_emit.set()
    sender.may_gather.set()
    for thread in threads:
        thread.join()

    assert queue.flush(time.monotonic() + HUNG_S)
    assert (queue.status().dropped, len(sender.received)) == ({}, 600)


def test_requests_are_joined_within_both_limits() -> None:
    """Neither more items than a batch nor more bytes than a request."""
    assert joined([(1, b"a"), (2, b"b"), (2, b"c"), (4, b"dd"), (1, b"eee")], 4, 3) == [
        (3, b"ab"),
        (2, b"c"),
        (4, b"dd"),
        (1, b"eee"),
    ]


@pytest.mark.parametrize("threads", [1, 8])
def test_spans_and_records_emitted_flat_out_all_arrive(threads: int, sink: HttpSink, tmp_path: Path) -> None:
    """Beside a queue that holds a hundredth of them; the memory stays bounded."""
    source = f"""
    import csg_otel, logging, pathlib, threading, time
    telemetry = csg_otel.instrument("burst", exporters=["otlp+{sink.endpoint}"], health_monitoring__enabled=False,
        system_monitoring__prometheus__enabled=False, exporters__queue__max_items=100, exporters__queue__batch_size=100)
    def resident():
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
    log = logging.getLogger("app")
    def work(count):
        for number in range(count):
            with csg_otel.observe("op"):
                log.warning("done %d", number, extra={{"details": {{"number": [number]}}}})
    def burst(items):
        workers = [threading.Thread(target=work, args=(items // {threads},)) for _ in range({threads})]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    burst(400)
    telemetry.force_flush({HUNG_S})
    before = resident()  # with all that is loaded at the first items, and the memory pools of the threads
    burst(3600)
    print(telemetry.force_flush({HUNG_S}), telemetry.status()["otlp"].dropped, resident() - before < 50)
    """
    with Program(source, tmp_path, {"XDG_STATE_HOME": str(tmp_path)}) as program:
        answer = program.line()
        assert program.wait() == 0, program.stderr

    assert answer == "True {} True", program.stderr
    names = Counter(span.name for span in sink.received.spans)
    assert (names["op"], sum("done" in r.body.string_value for r in sink.received.records)) == (4000, 4000)


class Away(Lines):
    """A sender whose destination is down."""

    def send_batch(self, _body: bytes, _timeout_s: float) -> None:
        raise SendError("down", "down", retry=True)


def test_only_what_is_on_disk_counts_as_safe(tmp_path: Path) -> None:
    """The folder is deleted at run time: written again, or neither flushed nor counted as spooled."""
    sender, root = Away(), tmp_path / "state"
    sender.may_gather.set()
    queue = queue_of(sender, Spool(root, "c", Losses(), max_bytes=10_000_000))
    for number in range(5):
        queue.enqueue(str(number))
    assert queue.flush(time.monotonic() + HUNG_S)

    shutil.rmtree(root)
    assert queue.flush(time.monotonic() + HUNG_S)
    assert [path.stat().st_size > 0 for path in root.rglob("traces-*")] == [True]

    shutil.rmtree(root)
    root.touch()
    assert not queue.flush(time.monotonic() + 0.2)
    queue.close(time.monotonic() + 0.2)
    status = queue.join()
    assert (status.spooled, status.dropped) == (0, {"shutdown": 5})
