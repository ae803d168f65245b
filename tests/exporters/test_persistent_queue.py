"""What a durable lane tells of its attempts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from csg_otel.exporters.delivery.destination import Destination, items_by_outcome
from csg_otel.exporters.delivery.persistent_queue import DurableLane
from csg_otel.exporters.delivery.queue import SendError


class Letters:
    """A codec whose items are letters, and a receiver that takes one letter at a time and no ``x``."""

    def encode(self, items: Sequence[Any]) -> bytes:
        return "".join(items).encode()

    def split(self, body: bytes) -> list[bytes]:
        return [bytes([byte]) for byte in body]

    def __call__(self, body: bytes, _timeout_s: float) -> None:
        if len(body) > 1 or body == b"x":
            raise SendError("too_large" if len(body) > 1 else "bad", "no", retry=False)


def outcomes(items: str) -> tuple[list[str | None], dict[str, int], int]:
    """Return what a lane told of sending *items*, what it dropped, and how many it delivered."""
    told: list[str | None] = []
    wire = Letters()
    lane = DurableLane(
        "c", "traces", wire, wire, on_outcome=lambda _, error: told.append(error.reason if error else None)
    )
    for item in items:
        lane.put(item)
    lane.flush(time.monotonic() + 5)
    books = lane.status()
    lane.close(time.monotonic() + 5)
    lane.join()
    return told, books.dropped, books.delivered


def test_a_request_that_is_taken_in_parts_was_not_refused() -> None:
    """Nothing is dropped, so nothing is told of a refusal."""
    told, dropped, delivered = outcomes("abcd")

    assert (told, dropped, delivered) == ([None] * 4, {}, 4)


def test_what_is_refused_alone_is_told_once() -> None:
    """By its own reason, and the others are delivered."""
    told, dropped, delivered = outcomes("abxd")

    assert sorted(map(str, told)) == ["None", "None", "None", "bad"]
    assert (dropped, delivered) == ({"bad": 1}, 3)


def test_a_first_loss_is_a_rise_from_nought() -> None:
    """What alerts look at is shown before anything was dropped."""
    destination = Destination("c", "http://c")
    wire = Letters()
    destination.lanes["traces"] = DurableLane("c", "traces", wire, wire, on_outcome=lambda *_: None)

    found = {
        reason: count
        for (_, _, result, reason), count in items_by_outcome([destination]).items()
        if result == "dropped"
    }

    assert {"queue_full", "spool_full", "rejected", "shutdown"} <= found.keys()
    assert set(found.values()) == {0}
