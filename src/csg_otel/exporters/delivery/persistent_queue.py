"""
The persistent queue: items are encoded once, kept on disk while they cannot be delivered, and sent again unchanged.

Each queue has two threads. The gathering thread encodes new items every tenth of a second and writes them to the spool, so an
outage loses nothing, and SIGKILL loses the items of at most 0.1 s. Items that a full queue cannot hold are encoded by the
threads that emit them (``burst``) and go to the spool, too; without a spool they are dropped. The sending thread may wait for
a destination as long as necessary. It joins several frames of a signal into one request by joining their bytes: protobuf merges
messages that way. The rule: ``emitted + adopted == delivered + dropped + queued + spooled``, exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial as bind
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks, waits
from csg_otel.exporters.delivery.backlog import MAX_MEMORY_BYTES, MAX_REQUEST_BYTES, Backlog, Frame
from csg_otel.exporters.delivery.base import DeliveryObserver, DeliveryQueue, QueueStatus, backoff_s
from csg_otel.exporters.delivery.burst import Burst, Chunk
from csg_otel.exporters.delivery.export import Export, shared_out, units
from csg_otel.exporters.delivery.requests import encoded, joined
from csg_otel.exporters.delivery.sender import Partial, RequestSender, SendError
from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    from csg_otel.exporters.delivery.segment import Ref, Segment
    from csg_otel.exporters.delivery.spool import Spool

_TICK_S: Final = 0.08
"""Seconds between two writes to the spool: with the write itself, 0.1 s at most."""

_NO_PROGRESS_S: Final = 1.0
"""Longest wait of a shutdown for a destination that accepts nothing; then the items on disk are left to the next process."""

_HURRY_S: Final = 0.05
"""Seconds after which a flush wakes the threads again: they may have paused between two of its items."""

_WEEK_S: Final = 7 * 86_400.0


class PersistentQueue(DeliveryQueue):
    """A queue that encodes its items, with a spool behind it if there is one."""

    _sender: RequestSender
    _wakes_on_first_item = True

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
        self._burst = Burst(self._lock, self._sender, max_items=self.max_items, max_bytes=MAX_MEMORY_BYTES)
        self._gathered = waits.Latch()
        self._failing = False
        self._hurry = False
        self._is_prepared = False
        self._progress_at = 0.0

    # -- called by the program -------------------------------------------------------------------------------------

    def adopt(self, refs: Sequence[Ref]) -> None:
        """Deliver the frames of a dead process, before all newer items."""
        with self._lock:
            if self._deadline is not None:  # closed: the next process adopts them
                return
            self._counts.adopted += sum(ref.count for ref in refs)
            self.count_dropped("spool_full", self._backlog.adopt(refs))
            if refs and not self._started:
                self._start_threads()
        self._notify()

    def _make_room(self) -> Callable[[], None] | None:
        """Put the oldest items into the burst, which the spool will hold; without a spool, drop one."""
        if not (self._backlog.keeps_on_disk and self._burst.has_room):
            return super()._make_room()
        return bind(self._burst.encode, self._burst.move_oldest(self._items, self._batch_size))

    def prepare(self) -> None:
        """Import the encoder now: the import takes longer than the 0.1 s in which an item must be on disk."""
        with suppress(Exception):  # encoding the first item reports the error
            self._sender.encode(())

    def segment_dropped(self, segment: Segment) -> None:
        """Count the items of *segment*, which the spool removed to make room."""
        with self._lock:
            self.count_dropped("spool_full", self._backlog.drop_segment(segment))

    def status(self) -> QueueStatus:
        """Return the queue's counts."""
        with self._lock:
            spooled = self._backlog.items(on_disk=True)
            queued = self._unwritten() + self._backlog.items(on_disk=False)
            counts = self._counts
            return QueueStatus(
                counts.emitted, counts.delivered, dict(counts.dropped), queued, spooled, counts.adopted, counts.waited
            )

    def nudge(self) -> None:
        """Wake both threads, so that everything is sent now instead of at the end of the delay."""
        self._hurry = True
        self._wake.set()
        self._due.set()

    def flush(self, deadline: float) -> bool:
        """
        Wait until all items queued so far are settled, at most until monotonic *deadline*; True if none was dropped.

        While the destination does not answer, items on disk count as settled.
        """
        with self._lock:
            target, dropped = self._counts.emitted + self._counts.adopted, self._dropped()
            self._start_late()
            self._hurry = True  # ends one back-off; a destination that still fails gets no more extra attempts
        left_s = deadline - clocks.monotonic()
        self._settlements.wait_for(lambda: self._is_flushed(target), left_s, every_s=_HURRY_S)
        if self._settled() < target:
            self._backlog.verify()  # the program may have deleted the spool's folder
        return (self._settled() >= target or self._all_safe()) and self._dropped() == dropped

    def _is_flushed(self, target: int) -> bool:
        """Return whether *target* items are settled, or all are on disk while the destination fails; else send on at once."""
        with self._lock:
            if self._settled() >= target or (self._failing and self._all_safe()):
                return True
            # The sending thread resets the flag when it has sent what there was; items gathered after that hurry, too.
            self._hurry = self._hurry or not self._failing
        self._wake.set()
        self._due.set()
        return False

    def _all_safe(self) -> bool:
        """Return whether every item that is not settled is on disk."""
        with self._lock:
            return not self._unwritten() and self._backlog.safe

    def _unwritten(self) -> int:
        """Return the number of items that are not in the backlog yet; called with the lock held."""
        return len(self._items) + self._burst.items + self._in_flight

    def _notify(self) -> None:
        super()._notify()
        self._due.set()

    def close(self, deadline: float) -> None:
        """Accept no more items and send the rest until monotonic *deadline*; returns at once, see :meth:`join`."""
        with self._lock:
            super().close(deadline)
            self._progress_at = clocks.monotonic()
        self._notify()

    def join(self) -> QueueStatus:
        """
        Wait for a closed queue's sending thread until its deadline; drop the items that are neither sent nor on disk.

        If everything is on disk, a destination that accepts nothing for one second ends the wait.
        """
        deadline = self._deadline or 0.0
        if not self._started:  # nothing was queued yet, or the system has no more threads
            own_context = copy_context()  # they mark it; the context of the program stays as it is
            own_context.run(self._gather)
            own_context.run(self._work)
        self._gathered.wait(max(0.0, deadline - clocks.monotonic()))
        self._backlog.verify()  # the program may have deleted the spool's folder
        while (now := clocks.monotonic()) < deadline and not self._finished.wait(min(0.05, deadline - now)):
            if self._is_prepared and now - self._progress_at > _NO_PROGRESS_S and self._all_safe():
                break
        with self._lock:
            self._deadline = clocks.monotonic()
            self.count_dropped("shutdown", self._unwritten() + self._backlog.abandon())
            self._items.clear()
            self._burst.clear()
            self._in_flight = 0
        self._notify()
        return self.status()

    # -- on the gathering thread -----------------------------------------------------------------------------------

    def _start_threads(self) -> None:
        self._run_threads(("-gather", self._gather), ("-send", self._work))

    def _gather(self) -> None:
        _compat.suppress_instrumentation()
        while True:
            self._wake.wait(_TICK_S if self._deadline is not None else None)  # asleep while the program emits nothing
            if self._deadline is None and not self._hurry and len(self._items) < self._batch_size:
                self._wake.wait(_TICK_S)
            closing = self._deadline is not None
            while chunks := self._take_chunks():
                requests = [request for chunk in chunks for request in self._requests(chunk)]
                self._backlog.keep(joined(requests, self._batch_size, MAX_REQUEST_BYTES), self._mark_kept)
            if closing and self._is_over():
                self._gathered.set()
                self._notify()
                return

    def _take_chunks(self) -> list[Chunk]:
        """Return the items to write next: those of a burst, because they are older, or else a batch of the queue."""
        with self._lock:
            chunks = self._burst.take()
            if not chunks and self._items:
                chunks = [Chunk(self._items[: self._batch_size])]
                del self._items[: self._batch_size]
            self._in_flight = sum(chunk.count for chunk in chunks)
            return chunks

    def _is_over(self) -> bool:
        """Return whether the queue is closed, and either no thread of the program encodes any more, or it is too late."""
        with self._lock:
            return self._deadline is not None and (not self._burst.items or clocks.monotonic() >= self._deadline)

    def _requests(self, chunk: Chunk) -> list[tuple[int, bytes]]:
        """Return *chunk* as requests, each with its number of items; drop only the items that cannot be encoded."""
        if chunk.body is not None:
            return [(chunk.encoded, chunk.body)]
        requests, errors = encoded(chunk.items, self._sender.encode)
        with self._lock:
            self.count_dropped("encoding", len(errors))
            self._in_flight -= len(errors)
        for error in errors:
            self._report(error)
        return requests

    def _mark_kept(self) -> None:
        """Count the items in flight no longer, because the backlog counts them from now on; called with the lock held."""
        self._in_flight = 0
        self._notify()

    def _report(self, error: SendError) -> None:
        self._observer.attempt_ended(self.signal, error)

    # -- on the sending thread -------------------------------------------------------------------------------------

    def _work(self) -> None:
        _compat.suppress_instrumentation()
        self.prepare()
        with self._lock:
            self._is_prepared, self._progress_at = True, clocks.monotonic()
        while self._await_frames():
            batch, body = self._backlog.take(self._batch_size)
            if batch:
                self._deliver(batch, body)
            else:
                self._hurry = False
        self._finished.set()
        self._sender.close()

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
                    wait_s = max(0.001, self._backlog.oldest + self._delay_s - now) if self._backlog else 60.0
            self._due.wait(wait_s)

    def _is_due(self, now: float) -> bool:
        return now - self._backlog.oldest >= self._delay_s or self._backlog.reaches(self._batch_size)

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
