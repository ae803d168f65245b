"""
The sending half of a persistent queue: a thread that sends encoded frames until the destination has accepted them.

It may wait for a destination as long as necessary. It joins several frames of a signal into one request by joining their bytes:
protobuf merges messages that way. A request that is refused for good is sent again in halves, so that only the items that are
refused alone are dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks, waits
from csg_otel.exporters.delivery.backlog import Backlog, Frame
from csg_otel.exporters.delivery.base import DeliveryObserver, DeliveryQueue, backoff_s
from csg_otel.exporters.delivery.export import Export, shared_out, units
from csg_otel.exporters.delivery.sender import Partial, RequestSender, SendError
from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    from csg_otel.exporters.delivery.spool import Spool

_WEEK_S: Final = 7 * 86_400.0


class FrameQueue(DeliveryQueue):
    """A queue of encoded requests, with a spool behind it if there is one; a subclass encodes the items."""

    _sender: RequestSender

    def __init__(
        self,
        destination: str,
        signal: str,
        sender: RequestSender,
        observer: DeliveryObserver,
        *,
        spool: Spool | None = None,
        max_age_s: float = _WEEK_S,
        **options: Any,
    ) -> None:
        """
        Prepare the queue; its threads start with the first item.

        Args:
            destination: Name of the destination, for thread names and log lines.
            signal: ``traces``, ``metrics``, ``logs`` or ``alerts``.
            sender: Encodes and sends; called on the worker threads only.
            observer: Receives the result of each attempt.
            spool: Keeps undelivered requests on disk; None (default) keeps them in memory only.
            max_age_s: Age in seconds at which an undelivered request on disk is dropped. Default one week.
            **options: The other options of :class:`DeliveryQueue`.
        """
        self._spool = spool
        self._max_age_s = max_age_s
        super().__init__(destination, signal, sender, observer, **options)

    def _reset(self) -> None:
        super()._reset()
        self._due = waits.Wakeup()  # of the sending thread
        self._backlog = Backlog(
            self._lock,
            self.destination,
            self.signal,
            self._spool,
            self,
            max_items=self.max_items,
            max_age_s=self._max_age_s,
        )
        self._gathered = waits.Latch()
        self._failing = False
        self._hurry = False
        self._is_prepared = False
        self._progress_at = 0.0

    def prepare(self) -> None:
        """Import the encoder now: the import takes longer than the 0.1 s in which an item must be on disk."""
        with suppress(Exception):  # encoding the first item reports the error
            self._sender.encode(())

    def _notify(self) -> None:
        super()._notify()
        self._due.set()

    def _report(self, error: SendError) -> None:
        self._observer.attempt_ended(self.signal, error)

    # -- on the sending thread -------------------------------------------------------------------------------------

    def _work(self) -> None:
        _compat.suppress_instrumentation()
        self.prepare()
        with self._lock:
            self._is_prepared, self._progress_at = True, clocks.monotonic()
        while self._await_frames():
            batch, body = self._take()
            if batch:
                self._deliver(batch, body)
            else:
                self._hurry = False
        self._finished.set()
        self._sender.close()

    def _take(self) -> tuple[list[Frame], bytes]:
        return self._backlog.take(self._batch_size)

    def _await_frames(self) -> bool:
        """Wait until a frame must be sent; return False when the queue has ended."""
        while True:
            now = clocks.monotonic()
            with self._lock:
                if self._deadline is not None:
                    if self._backlog or self._gathered.is_set():
                        return bool(self._backlog) and now < self._deadline
                    if now >= self._deadline:
                        return False
                    wait_s = 0.02
                elif self._backlog and (self._hurry or self._is_due(now)):
                    return True
                else:
                    self._hurry = False
                    wait_s = min(60.0, max(0.001, self._due_at() - now)) if self._backlog else 60.0
            self._due.wait(wait_s)

    def _is_due(self, now: float) -> bool:
        return now >= self._due_at() or self._backlog.reaches(self._batch_size)

    def _due_at(self) -> float:
        """Return the monotonic time at which the waiting frames are sent; called with the lock held, and only if some wait."""
        return self._backlog.oldest + self._delay_s

    def _deliver(self, batch: list[Frame], body: bytes) -> None:
        """Send *batch* until it is delivered or refused for good. If the queue ends first, put it back into the backlog."""
        attempt = 0
        export = Export.begin(batch, body, self.component)
        with self._lock:
            export.count_begin(self._counts)
        while True:
            partial, error = self._attempt_request(body, final=False)
            if error is None:
                self._settle(export, {"rejected": partial.rejected if partial else 0})
                return
            if not error.retry:
                self._bisect(export, body, error)
                return
            with self._lock:
                self._hurry = False
                if not attempt:
                    self._counts.waited += sum(frame.count for frame in batch if frame.ref is not None)
            self._notify()  # flush() returns early when the destination fails
            attempt += 1
            if not self._wait_after(error, attempt):
                self._put_back(export)
                return

    def _put_back(self, export: Export) -> None:
        with self._lock:
            self._backlog.put_back(export.batch)
            self._counts.in_request = 0

    def _attempt_request(self, body: bytes, *, final: bool) -> tuple[Partial | None, SendError | None]:
        partial, error = self._attempt(body, final=final)
        self._failing = error is not None and error.retry
        if partial is not None and partial.rejected:
            self._report(SendError("rejected", f"{partial.rejected} items rejected: {partial.message}", retry=False))
        return partial, error

    def _bisect(self, export: Export, body: bytes, error: SendError) -> None:
        """Send a refused request in ever smaller halves, so that only items that are refused alone are dropped."""
        items = self._sender.split(body)
        dropped: Counter[str] = Counter()
        attempt = 0
        waiting = [items[: len(items) // 2], items[len(items) // 2 :]] if len(items) > 1 else []
        if not waiting:
            dropped[error.reason] += export.units
            self._report(error)
        while waiting:
            half = waiting.pop(0)
            partial, refusal = self._attempt_request(b"".join(half), final=len(half) == 1)
            if refusal is None:
                attempt = 0
                dropped["rejected"] += partial.rejected if partial else 0
            elif refusal.retry:
                waiting.insert(0, half)
                attempt += 1
                # When the queue ends, the whole batch waits again: a half may be sent twice, but nothing is lost.
                if not self._wait_after(refusal, attempt):
                    self._put_back(export)
                    return
            elif len(half) > 1:
                waiting[:0] = [half[: len(half) // 2], half[len(half) // 2 :]]
            else:
                dropped[refusal.reason] += units(half[0], 1, self.component)
        self._settle(export, dropped)

    def _settle(self, export: Export, dropped: Mapping[str, int]) -> None:
        """Count the items of *export*: as dropped the numbers in *dropped*, by reason; all others as delivered."""

        def count_items(items: int) -> None:
            for reason, count in shared_out(items, dropped).items():
                self.count_dropped(reason, count)
                items -= count
            self._counts.delivered += items
            export.count_end(self._counts, dropped)
            self._progress_at = clocks.monotonic()
            self._notify()

        self._backlog.settle(export.batch, count_items)
        export.record(dropped)

    def _wait_after(self, error: SendError, attempt: int) -> bool:
        """
        Wait before the next attempt; return False once the queue's deadline has passed.

        A wait that the destination requested is kept in full. A back-off ends early when the queue is flushed.
        """
        requested = bool(error.retry_after_s)
        until = clocks.monotonic() + (error.retry_after_s or backoff_s(attempt))
        while (now := clocks.monotonic()) < until and (requested or not self._hurry):
            if (end := self._deadline) is not None:
                if now >= end:
                    return False
                until = min(until, end) if requested else min(until, now + 0.2, end)
            self._due.wait(min(until, now + 1.0) - now)
        return self._deadline is None or clocks.monotonic() < self._deadline
