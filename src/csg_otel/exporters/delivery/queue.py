"""
The memory queue: bounded, in memory only, one worker thread.

For a destination that needs no disk, such as the console. A batch that may be accepted later is sent again, in order, until the
queue's deadline.
"""

from __future__ import annotations

from typing import Any

from csg_otel import clocks
from csg_otel.exporters.delivery.base import DeliveryObserver, DeliveryQueue, QueueStatus, backoff_s
from csg_otel.exporters.delivery.sender import ItemSender, Partial, SendError
from csg_otel.pipeline import _compat

_PAUSE_S = 0.1
"""Longest single wait during a back-off. A nudge ends one such wait only, so it does not shorten the back-off."""

_CLOSING_PAUSE_S = 0.2
"""Longest back-off of a closed queue, so that a short outage does not use up the shutdown's budget."""


class MemoryQueue(DeliveryQueue):
    """A queue whose items are lost with the process."""

    _sender: ItemSender

    def __init__(
        self, destination: str, signal: str, sender: ItemSender, observer: DeliveryObserver, **options: Any
    ) -> None:
        """Prepare the queue; *options* are those of :class:`DeliveryQueue`."""
        super().__init__(destination, signal, sender, observer, **options)

    def status(self) -> QueueStatus:
        """Return the queue's counts."""
        with self._lock:
            self._take_in()
            counts = self._counts
            queued = len(self._items) + self._in_flight
            return QueueStatus(counts.emitted, counts.delivered, dict(counts.dropped), queued)

    def flush(self, deadline: float) -> bool:
        """Wait until all items queued so far are settled, at most until monotonic *deadline*; True if none was dropped."""
        with self._lock:
            self._take_in()
            target, dropped = self._counts.emitted, self._dropped()
            self._start_late()

        def is_settled() -> bool:
            with self._lock:
                return self._settled() >= target

        self._wake.set()
        return self._settlements.wait_for(is_settled, deadline - clocks.monotonic()) and self._dropped() == dropped

    def join(self) -> QueueStatus:
        """Wait for a closed queue's worker until its deadline; drop the items it has not sent, with the reason ``shutdown``."""
        self._finished.wait(max(0.0, (self._deadline or 0.0) - clocks.monotonic()))
        with self._lock:
            unsent = len(self._items) + self._in_flight
            self.count_dropped("shutdown", unsent)
            self._items.clear()
            self._in_flight = 0
        return self.status()

    # -- on the worker thread --------------------------------------------------------------------------------------

    def _start_threads(self) -> None:
        self._run_threads(("", self._work))

    def _work(self) -> None:
        _compat.suppress_instrumentation()
        self._is_asleep = False
        while True:
            self._wake.wait(self._delay_s)
            sent = False
            while batch := self._take():
                sent = True
                self._deliver(batch)
            if self._deadline is not None and (not self._items or clocks.monotonic() >= self._deadline):
                self._sender.close()
                self._finished.set()
                return
            if not sent:
                self._sender.on_idle()

    def _take(self) -> list[Any]:
        with self._lock:
            if self._deadline is not None and clocks.monotonic() >= self._deadline:
                return []
            self._take_in()
            batch = self._items[: self._batch_size]
            del self._items[: self._batch_size]
            self._in_flight = len(batch)
            return batch

    def _deliver(self, batch: list[Any]) -> None:
        attempt = 0
        while True:
            partial, error = self._attempt(batch)
            if error is None or not error.retry:
                self._settle(len(batch), partial, error)
                return
            attempt += 1
            if not self._pause(error.retry_after_s or backoff_s(attempt)):
                self._settle(len(batch), None, SendError("shutdown", str(error), retry=False))
                return

    def _settle(self, count: int, partial: Partial | None, error: SendError | None) -> None:
        with self._lock:
            if self._in_flight:
                rejected = min(count, partial.rejected) if partial else 0
                if error is not None:
                    self.count_dropped(error.reason, count)
                else:
                    self._counts.delivered += count - rejected
                    self.count_dropped("rejected", rejected)
                self._in_flight = 0
        self._notify()

    def _pause(self, seconds: float) -> bool:
        """Wait before the next attempt; return False once the queue's deadline has passed."""
        until = clocks.monotonic() + seconds
        while (now := clocks.monotonic()) < until:
            if self._deadline is not None:
                if now >= self._deadline:
                    return False
                until = min(until, now + _CLOSING_PAUSE_S, self._deadline)
            self._wake.wait(min(until - now, _PAUSE_S) if self._deadline is None else max(0.0, until - now))
        return self._deadline is None or clocks.monotonic() < self._deadline
