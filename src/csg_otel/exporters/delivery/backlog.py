"""
The backlog of a persistent queue: encoded frames that are neither delivered nor dropped yet, oldest first.

A frame is in memory, on disk, or both. The backlog stores frames and returns them in order; the queue decides when to send, and
reads the response. Both use one lock. The rule: never call the spool with that lock held. When the spool makes room it calls
the queue with its own lock held, so the two threads could block each other.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from csg_otel import clocks
from csg_otel.exporters.delivery.segment import Ref, Segment, SpoolError

if TYPE_CHECKING:
    import threading

    from csg_otel.exporters.delivery.spool import Spool

MAX_REQUEST_BYTES: Final = 3 * 1024 * 1024
"""Bytes of one request, below gRPC's usual limit of 4 MiB."""

MAX_MEMORY_BYTES: Final = 16 * 1024 * 1024
"""Bytes of frames kept in memory beside their copy on disk: a few requests of the largest size."""

_STABLE_S: Final = 60.0
"""Seconds without a failed write after which the disk counts as well again: small frames still fit on a full one."""

_log = logging.getLogger("csg_otel")


class DropCounter(Protocol):
    """Counts dropped items."""

    def count_dropped(self, reason: str, items: int) -> None:
        """Count *items* as dropped for *reason*; called with the queue's lock held."""


@dataclass(slots=True, eq=False)
class Frame:
    """
    An encoded request that waits: its number of items, and its bytes in memory (``body``), on disk (``ref``), or both.

    ``created_at`` is on the monotonic clock; 0 for a frame of a dead process.
    """

    count: int
    created_at: float
    body: bytes | None
    ref: Ref | None = None

    @property
    def is_on_disk(self) -> bool:
        """Whether the next process would find the frame."""
        return self.ref is not None and not self.ref.segment.lost


class Backlog:
    """The frames of one persistent queue."""

    def __init__(
        self,
        lock: threading.RLock,
        destination: str,
        signal: str,
        spool: Spool | None,
        counter: DropCounter,
        *,
        max_items: int,
        max_age_s: float,
    ) -> None:
        """
        Start empty.

        Args:
            lock: The queue's lock.
            destination: Name of the destination, for log lines.
            signal: The queue's signal, part of the spool's file names.
            spool: Keeps frames on disk; None keeps them in memory only.
            counter: Counts the frames that are dropped.
            max_items: Most items in frames that are not on disk; the oldest of these frames are dropped.
            max_age_s: Age in seconds at which a frame on disk is dropped.
        """
        self._lock = lock
        self._destination = destination
        self._signal = signal
        self._spool = spool
        self._counter = counter
        self._max_items = max_items
        self._max_age_s = max_age_s
        self._pending: deque[Frame] = deque()
        self._sending: list[Frame] = []
        self._memory = 0
        self._spool_broken = self._spool_warned = False
        self._spool_failed_at = 0.0

    # -- contents, with the lock held ------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        """Return whether a frame waits to be sent."""
        return bool(self._pending)

    @property
    def oldest(self) -> float:
        """Creation time of the next frame to send, on the monotonic clock; 0 for a frame of a dead process."""
        return self._pending[0].created_at

    def reaches(self, items: int) -> bool:
        """Return whether at least *items* items wait to be sent."""
        for frame in self._pending:  # no sum(): thousands wait after an outage, and a few are usually enough
            items -= frame.count
            if items <= 0:
                return True
        return False

    def items(self, *, on_disk: bool) -> int:
        """Return the number of items that are on disk, or in memory only."""
        return sum(frame.count for frame in self._all() if frame.is_on_disk is on_disk)

    @property
    def keeps_on_disk(self) -> bool:
        """Whether there is a spool, and it has accepted the last frame."""
        return self._spool is not None and not self._spool_broken

    @property
    def safe(self) -> bool:
        """Whether every frame is on disk."""
        return all(frame.is_on_disk for frame in self._all())

    def abandon(self) -> int:
        """Remove the frames that are in memory only; return their number of items."""
        lost = self.items(on_disk=False)
        self._sending = [frame for frame in self._sending if frame.is_on_disk]
        self._pending = deque(frame for frame in self._pending if frame.is_on_disk)
        return lost

    def adopt(self, refs: Sequence[Ref]) -> int:
        """Put the frames of a dead process in front; return the number of items that the spool has removed meanwhile."""
        present = [ref for ref in refs if not ref.segment.gone]
        self._pending.extendleft(Frame(ref.count, 0.0, None, ref) for ref in reversed(present))
        return sum(ref.count for ref in refs if ref.segment.gone)

    def drop_segment(self, segment: Segment) -> int:
        """Remove the frames of *segment*, which the spool removed to make room; return the number of items lost."""
        lost = [frame for frame in self._pending if frame.ref is not None and frame.ref.segment is segment]
        for frame in tuple(self._sending):
            if frame.ref is not None and frame.ref.segment is segment:
                frame.ref = None  # it is being sent, so its items may still be delivered
                if frame.body is None:
                    self._sending.remove(frame)
                    lost.append(frame)
        if lost:
            self._pending = deque(
                frame for frame in self._pending if frame.ref is None or frame.ref.segment is not segment
            )
        for frame in lost:
            self._free_bytes(frame)
        return sum(frame.count for frame in lost)

    def put_back(self, batch: Sequence[Frame]) -> None:
        """Put the frames of *batch* back in front, so that they are sent next."""
        for frame in reversed([frame for frame in batch if frame in self._sending]):
            self._sending.remove(frame)
            self._pending.appendleft(frame)
            self._limit_memory(frame)

    def _all(self) -> tuple[Frame, ...]:
        return (*self._sending, *self._pending)

    # -- in and out, with the lock free ----------------------------------------------------------------------------

    def keep(self, bodies: Sequence[tuple[int, bytes]], mark_kept: Callable[[], None]) -> None:
        """
        Write requests to disk and add them to the backlog.

        *mark_kept* is called with the lock held, in the same critical section, so that no item is counted twice or not at all.
        """
        refs: list[Ref | None] = []
        while len(refs) < len(bodies):
            refs += self._write_to_spool(bodies[len(refs) :])
        now = clocks.monotonic()
        frames = [Frame(count, now, body, ref) for (count, body), ref in zip(bodies, refs, strict=True)]
        with self._lock:
            mark_kept()
            for frame in frames:
                if frame.ref is not None and frame.ref.segment.gone:
                    frame.ref = None  # the spool has removed the file already; the bytes are still in memory
                self._pending.append(frame)
                self._memory += len(frame.body or b"")
                self._limit_memory(frame)
            if any(frame.ref is None for frame in frames):
                self._drop_oldest()

    def verify(self) -> None:
        """Look whether the frames on disk are still there, and write them again if not."""
        if self._spool is not None:
            self._spool.verify()

    def take(self, max_items: int, max_bytes: int = MAX_REQUEST_BYTES) -> tuple[list[Frame], bytes]:
        """
        Return the frames of the next request and their joined bytes; call :meth:`settle` or :meth:`put_back` afterwards.

        Expired and corrupt frames are not returned, but counted as dropped. A frame with more than *max_items* items, or
        *max_bytes* bytes, is sent alone.
        """
        batch: list[Frame] = []
        bodies: list[bytes] = []
        size = count = 0
        while (frame := self._next(max_items - count, first=not batch)) is not None:
            body = self._body(frame)
            if body is None:
                continue
            if batch and size + len(body) > max_bytes:
                with self._lock:
                    self.put_back([frame])
                break
            batch.append(frame)
            bodies.append(body)
            size, count = size + len(body), count + frame.count
        return batch, b"".join(bodies)

    def _next(self, max_items: int, *, first: bool) -> Frame | None:
        with self._lock:
            if not self._pending or (not first and self._pending[0].count > max_items):
                return None
            frame = self._pending.popleft()
            self._sending.append(frame)
            return frame

    def settle(self, batch: Sequence[Frame], count_items: Callable[[int], None]) -> None:
        """
        Remove *batch* from the backlog and from the disk.

        *count_items* is called with the lock held. It gets the number of items that the spool has not counted as dropped.
        """
        with self._lock:
            refs = [frame.ref for frame in batch if frame.ref is not None and frame in self._sending]
        # Mark the frames on disk before they count as delivered. flush() returns when they count, and the program may then
        # exit; the next process would send unmarked frames a second time.
        for ref in refs:
            if self._spool is not None:
                self._spool.done(ref)
        with self._lock:
            present = [frame for frame in batch if frame in self._sending]
            count_items(sum(frame.count for frame in present))
            for frame in present:
                self._sending.remove(frame)
                self._free_bytes(frame)

    def _body(self, frame: Frame) -> bytes | None:
        """Return the bytes of *frame*, which stay in memory while it is being sent; None if it was dropped."""
        with self._lock:
            ref, body = frame.ref, frame.body
        if ref is not None and _age_s(frame, ref) > self._max_age_s:
            self.settle([frame], lambda items: self._counter.count_dropped("expired", items))
            return None
        if body is not None:
            return body
        if ref is not None and self._spool is not None:
            body = self._spool.read(ref)
        with self._lock:
            if frame not in self._sending:  # the spool has removed it and counted its items
                return None
            if body is not None:
                frame.body = body
                self._memory += len(body)
        if body is None:
            self.settle([frame], lambda items: self._counter.count_dropped("corrupt", items))
        return body

    def _write_to_spool(self, bodies: Sequence[tuple[int, bytes]]) -> Sequence[Ref | None]:
        """Write the first of *bodies*, at least one, and return their places; None for each of them if that fails."""
        if self._spool is None:
            return [None] * len(bodies)
        try:
            refs = self._spool.append_all(self._signal, bodies)
        except (OSError, SpoolError) as error:
            if not self._spool_warned:
                _log.warning(
                    "exporter %s: can't keep telemetry on disk (%s); it is kept in memory only",
                    self._destination,
                    error,
                )
            self._spool_broken = self._spool_warned = True
            self._spool_failed_at = clocks.monotonic()
            return [None] * len(bodies)
        self._spool_broken = False
        if self._spool_warned and clocks.monotonic() - self._spool_failed_at > _STABLE_S:
            _log.warning("exporter %s: telemetry is kept on disk again", self._destination)
            self._spool_warned = False
        return refs

    def _limit_memory(self, frame: Frame) -> None:
        """Free the bytes of *frame* if they are also on disk and the memory limit is exceeded."""
        if frame.ref is not None and self._memory > MAX_MEMORY_BYTES:
            self._free_bytes(frame)

    def _free_bytes(self, frame: Frame) -> None:
        if frame.body is not None:
            self._memory -= len(frame.body)
            frame.body = None

    def _drop_oldest(self) -> None:
        """Drop the oldest frames that are in memory only, until at most ``max_items`` items are; a single frame stays."""
        waiting = [frame for frame in self._pending if frame.ref is None]
        items = sum(frame.count for frame in waiting)
        for frame in waiting:
            if items <= self._max_items or len(waiting) == 1:
                return
            items -= frame.count
            self._pending.remove(frame)
            self._free_bytes(frame)
            self._counter.count_dropped("queue_full", frame.count)


def _age_s(frame: Frame, ref: Ref) -> float:
    """Return the age of *frame* in seconds, by the monotonic clock; by the wall clock if another process wrote it."""
    return clocks.monotonic() - frame.created_at if frame.created_at else time.time() - ref.at
