"""
The persistent queue: items are encoded once, kept on disk while they cannot be delivered, and sent again unchanged.

Each queue has two threads. The gathering thread encodes new items every tenth of a second and writes them to the spool, so an
outage loses nothing, and SIGKILL loses the items of at most 0.1 s. Items that a full queue cannot hold are encoded by the
threads that emit them (``burst``) and go to the spool, too; without a spool they are dropped. The other thread sends
(``frame_queue``). The rule: ``emitted + adopted == delivered + dropped + queued + spooled``, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial as bind
from typing import TYPE_CHECKING, Final

from csg_otel import clocks
from csg_otel.exporters.delivery.backlog import MAX_MEMORY_BYTES, MAX_REQUEST_BYTES
from csg_otel.exporters.delivery.base import QueueStatus
from csg_otel.exporters.delivery.burst import Burst, Chunk
from csg_otel.exporters.delivery.frame_queue import FrameQueue
from csg_otel.exporters.delivery.requests import encoded, joined
from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    from csg_otel.exporters.delivery.segment import Ref, Segment

_TICK_S: Final = 0.08
"""Seconds between two writes to the spool: with the write itself, 0.1 s at most."""

_NO_PROGRESS_S: Final = 1.0
"""Longest wait of a shutdown for a destination that accepts nothing; then the items on disk are left to the next process."""

_HURRY_S: Final = 0.05
"""Seconds after which a flush wakes the threads again: they may have paused between two of its items."""


class PersistentQueue(FrameQueue):
    """A queue that encodes its items, with a spool behind it if there is one."""

    def _reset(self) -> None:
        super()._reset()
        self._burst = Burst(self._lock, self._sender, max_items=self.max_items, max_bytes=MAX_MEMORY_BYTES)
        self._leaves_some = False
        """Whether items waited that were too many for the chunks that were taken last."""

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

    def _limit(self) -> None:
        """Leave what is too many to the thread that emits, which encodes it for the spool; without a spool, drop it."""
        if not (self._backlog.keeps_on_disk and self._burst.has_room):
            super()._limit()

    def _make_room(self) -> Sequence[Callable[[], None]]:
        """Put the oldest items that are too many into the burst, which the spool will hold; drop what has no room there."""
        chunks: list[Chunk] = []
        while len(self._items) > self.max_items and self._backlog.keeps_on_disk and self._burst.has_room:
            chunks += (self._burst.move_oldest(self._items, self._batch_size),)
        self._limit()
        return [bind(self._encode, chunk) for chunk in chunks]

    def _encode(self, chunk: Chunk) -> None:
        self._burst.encode(chunk)
        self._wake.set()  # the gathering thread has left the chunk out while this thread encoded it

    def segment_dropped(self, segment: Segment) -> None:
        """Count the items of *segment*, which the spool removed to make room."""
        with self._lock:
            self.count_dropped("spool_full", self._backlog.drop_segment(segment))

    def status(self) -> QueueStatus:
        """Return the queue's counts."""
        with self._lock:
            self._take_in()
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
            self._take_in()
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
            if self._is_prepared and now - self._progress_at > _NO_PROGRESS_S and self._gives_up() and self._all_safe():
                break
        with self._lock:
            self._deadline = clocks.monotonic()
            self.count_dropped("shutdown", self._unwritten() + self._backlog.abandon())
            self._items.clear()
            self._burst.clear()
            self._in_flight = 0
        self._notify()
        return self.status()

    def _gives_up(self) -> bool:
        """Return whether a shutdown may leave the items on disk, because the destination has accepted nothing for a while."""
        return True

    # -- on the gathering thread -----------------------------------------------------------------------------------

    def _start_threads(self) -> None:
        self._run_threads(("-gather", self._gather), ("-send", self._work))

    def _gather(self) -> None:
        _compat.suppress_instrumentation()
        while True:
            self._await_item(_TICK_S if self._deadline is not None else None)
            if self._deadline is None and not self._hurry and len(self._items) < self._batch_size:
                self._wake.wait(_TICK_S)
            closing = self._deadline is not None
            while chunks := self._take_chunks():
                requests = [request for chunk in chunks for request in self._requests(chunk)]
                self._backlog.keep(joined(requests, self._batch_size, MAX_REQUEST_BYTES), self._mark_kept)
                if not (closing or self._leaves_some):  # what came meanwhile waits for the next write
                    break
            if closing and self._is_over():
                self._gathered.set()
                self._notify()
                return

    def _await_item(self, timeout_s: float | None) -> None:
        """Sleep while the program emits nothing, at most *timeout_s* seconds."""
        self._watch()
        if not (self.pending or self._items):  # after the mark: an item that comes later wakes this thread
            self._wake.wait(timeout_s)
        self._is_asleep = False

    def _take_chunks(self) -> list[Chunk]:
        """Return the items to write next: those of a burst, because they are older, or else a batch of the queue."""
        with self._lock:
            chunks = self._burst.take()
            if not chunks and len(self._items) < self._batch_size:
                self._take_in()
            if not chunks and self._items:
                chunks = [Chunk(self._items[: self._batch_size])]
                del self._items[: self._batch_size]
            self._in_flight = sum(chunk.count for chunk in chunks)
            self._leaves_some = bool(self._items or self._burst.items)
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
        kept, self._in_flight = self._in_flight, 0
        if self._is_expected(kept):
            self._settlements.notify()
        else:
            self._notify()

    def _is_expected(self, kept: int) -> bool:
        """Return whether the sending thread need not look now at *kept* more items: it will when the oldest frame is due."""
        if self._hurry or self._deadline is not None or not self._backlog:
            return False
        return not self._backlog.reaches(self._batch_size - kept)
