"""The results that a persistent queue reports of its attempts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from csg_otel.exporters.delivery.accounting import items_by_result
from csg_otel.exporters.delivery.destination import Destination
from csg_otel.exporters.delivery.persistent_queue import PersistentQueue
from csg_otel.exporters.delivery.sender import NotPlain, SendError
from support.programs import HUNG_S, eventually
from support.senders import Observer


class Letters:
    """A sender whose items are letters, and whose receiver accepts one letter at a time and no ``x``."""

    def encode(self, items: Sequence[Any]) -> bytes:
        return "".join(items).encode()

    def encode_plain(self, items: Sequence[Any]) -> bytes:
        if any(type(item) is not str for item in items):
            raise NotPlain
        return self.encode(items)

    def split(self, body: bytes) -> list[bytes]:
        return [bytes([byte]) for byte in body]

    def send_batch(self, body: bytes, _timeout_s: float) -> None:
        if len(body) > 1 or body == b"x":
            raise SendError("too_large" if len(body) > 1 else "bad", "no", retry=False)

    def reset_after_fork(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """There is no connection."""


def results(items: str) -> tuple[list[str | None], dict[str, int], int]:
    """Send *items*; return the reported results, the drops by reason, and the number delivered."""
    observer = Observer()
    queue = PersistentQueue("c", "traces", Letters(), observer)
    for item in items:
        queue.enqueue(item)
    queue.flush(time.monotonic() + HUNG_S)
    status = queue.status()
    queue.close(time.monotonic() + HUNG_S)
    queue.join()
    return observer.results, status.dropped, status.delivered


def test_a_request_that_is_taken_in_parts_was_not_refused() -> None:
    """Nothing is dropped, so no refusal is reported."""
    reported, dropped, delivered = results("abcd")

    assert (reported, dropped, delivered) == ([None] * 4, {}, 4)


def test_an_item_that_is_refused_alone_is_reported_once() -> None:
    """By its own reason, and the others are delivered."""
    reported, dropped, delivered = results("abxd")

    assert sorted(map(str, reported)) == ["None", "None", "None", "bad"]
    assert (dropped, delivered) == ({"bad": 1}, 3)


def test_an_item_that_comes_during_a_write_waits_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A steady program causes a write for each tick, not one for each of its items."""
    writes, waits = [], []

    class Busy(Letters):
        def encode(self, items: Sequence[Any]) -> bytes:
            if items:
                writes.append(len(items))
                if len(writes) < 10:
                    queue.enqueue("z")
            return super().encode(items)

        def send_batch(self, body: bytes, _timeout_s: float) -> None:
            """Accept all."""

    queue = PersistentQueue("c", "traces", Busy(), Observer(), batch_size=4, delay_s=0.0)
    wait = queue._wake.wait

    def counted(timeout_s: float | None = None) -> None:
        waits.append(timeout_s)
        wait(timeout_s)

    monkeypatch.setattr(queue._wake, "wait", counted)
    for item in "abcd":
        queue.enqueue(item)
    eventually(lambda: queue.status().delivered == 13)

    assert len(waits) >= len(writes) - 1 == 9
    queue.close(time.monotonic() + HUNG_S)
    queue.join()


def test_the_sending_thread_sleeps_until_the_oldest_item_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wake up for each write; a full batch wakes it."""
    queue = PersistentQueue("c", "traces", Letters(), Observer(), batch_size=8, delay_s=HUNG_S)
    wakes: list[int] = []
    wake = queue._due.set
    queue.enqueue("a")
    eventually(lambda: queue.status().queued == 1 and not queue._items and not queue._in_flight)

    def counted() -> None:
        wakes.append(queue.status().emitted)
        wake()

    monkeypatch.setattr(queue._due, "set", counted)
    for count in range(2, 6):
        queue.enqueue("a")
        eventually(lambda count=count: queue._backlog.items(on_disk=False) == count)

    assert wakes == []
    for _ in range(3):
        queue.enqueue("a")
    eventually(lambda: queue.status().delivered == 8)
    assert wakes
    queue.close(time.monotonic() + HUNG_S)
    queue.join()


def test_a_first_loss_is_a_rise_from_0() -> None:
    """The drop reasons that alerts look at are exported before anything was dropped."""
    destination = Destination("c", "http://c")
    destination.add_persistent_queue("traces", Letters())

    drops = {
        reason: count for (_, _, result, reason), count in items_by_result([destination]).items() if result == "dropped"
    }

    assert {"queue_full", "spool_full", "rejected", "shutdown"} <= drops.keys()
    assert set(drops.values()) == {0}
