"""A windowed queue: one request for all items of a window, however many there are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from csg_otel.exporters.delivery.sender import NotPlain
from csg_otel.exporters.delivery.windowed_queue import WindowedQueue
from support.programs import HUNG_S, eventually
from support.senders import Observer


class Lines:
    """A sender whose items are words, a line each; it records the number of items of each request."""

    def __init__(self) -> None:
        self.requests: list[int] = []

    def encode(self, items: Sequence[Any]) -> bytes:
        return "".join(f"{item}\n" for item in items).encode()

    def encode_plain(self, _items: Sequence[Any]) -> bytes:
        raise NotPlain

    def split(self, body: bytes) -> list[bytes]:
        return body.splitlines(keepends=True)

    def send_batch(self, body: bytes, _timeout_s: float) -> None:
        self.requests.append(body.count(b"\n"))

    def reset_after_fork(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """There is no connection."""


def started(sender: Lines, **options: Any) -> WindowedQueue:
    """Return a queue that waits a moment for the first request, and ten minutes for the next of a group."""
    options = {"window_s": 600.0, "delay_s": 1.0, "batch_size": 100, "max_items": 20_000, **options}
    return WindowedQueue("c", "alerts", sender, Observer(), group=lambda item: item.split("-")[0], **options)


def ended(queue: WindowedQueue) -> None:
    """Close the queue."""
    queue.close(time.monotonic() + HUNG_S)
    queue.join()


def test_a_window_is_one_request_however_many_items_come() -> None:
    """A thousand items in the first wait, and a thousand in the window: two requests, the second when it is flushed."""
    sender = Lines()
    queue = started(sender)
    for number in range(1000):
        queue.enqueue(f"a-{number}")
    eventually(lambda: sender.requests)
    first = list(sender.requests)
    for number in range(1000):
        queue.enqueue(f"a-{1000 + number}")
    eventually(lambda: queue.status().queued == 1000 and not queue.pending)
    time.sleep(1.5)  # more than the wait of an item of another group
    during = list(sender.requests)
    queue.flush(time.monotonic() + HUNG_S)
    ended(queue)

    assert (first, during, sender.requests) == ([1000], [1000], [1000, 1000])


def test_what_a_request_has_no_room_for_follows_at_once() -> None:
    """So the last item of a burst does not wait for another window."""
    sender = Lines()
    queue = started(sender, most=100)
    for number in range(350):
        queue.enqueue(f"a-{number}")
    eventually(lambda: sum(sender.requests) == 350)
    ended(queue)

    assert max(sender.requests) <= 100
    assert len(sender.requests) <= 7
