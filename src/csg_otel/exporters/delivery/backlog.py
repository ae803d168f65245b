"""
What a lane has encoded and not yet settled: frames in memory, on disk, or both, oldest first.

Only keeps and hands out; when to send, and what an answer means, is the lane's. Shares the lane's lock. The rule: the spool is
never called with that lock held, because the spool calls back under its own when it makes room.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from csg_otel.exporters.delivery.spool import Ref, Segment, Spool, SpoolError

if TYPE_CHECKING:
    import threading

MOST_REQUEST_BYTES: Final = 3 * 1024 * 1024
"""Bytes of one request, below gRPC's usual limit of 4 MiB."""

_MOST_MEMORY_BYTES: Final = 16 * 1024 * 1024
"""Bytes of frames kept in memory beside their copy on disk."""

_log = logging.getLogger("csg_otel")

Drop = Callable[[str, int], None]
"""Counts items as dropped for a reason; called with the lane's lock held."""


@dataclass(slots=True, eq=False)
class Frame:
    """An encoded request that waits: its items, when it was made (monotonic), and its bytes in memory, on disk, or both."""

    count: int
    at: float
    body: bytes | None
    ref: Ref | None = None


class Backlog:
    """The frames of one lane."""

    def __init__(
        self,
        lock: threading.RLock,
        destination: str,
        signal: str,
        spool: Spool | None,
        drop: Drop,
        *,
        max_items: int,
        max_age_s: float,
    ) -> None:
        """Keep at most *max_items* items that are only in memory, and none on disk for longer than *max_age_s* seconds."""
        self._lock = lock
        self._destination = destination
        self._signal = signal
        self._spool = spool
        self._drop = drop
        self._max_items = max_items
        self._max_age_s = max_age_s
        self._pending: deque[Frame] = deque()
        self._sending: list[Frame] = []
        self._memory = 0
        self._spool_broken = ""

    # -- what there is, with the lock held -------------------------------------------------------------------------

    def __bool__(self) -> bool:
        """Tell whether anything waits to be sent."""
        return bool(self._pending)

    @property
    def oldest(self) -> float:
        """When the next frame to be sent was made, on the monotonic clock; nought for what a dead process has left."""
        return self._pending[0].at

    def reaches(self, items: int) -> bool:
        """Tell whether at least *items* items wait to be sent."""
        for frame in self._pending:  # thousands after an outage, and the first few mostly tell
            items -= frame.count
            if items <= 0:
                return True
        return False

    def items(self, *, on_disk: bool) -> int:
        """Return how many items are safe on disk, or how many are not."""
        return sum(frame.count for frame in self._all() if (frame.ref is not None) is on_disk)

    @property
    def safe(self) -> bool:
        """Whether everything is on disk at least."""
        return all(frame.ref is not None for frame in self._all())

    def abandon(self) -> int:
        """Forget what is only in memory; returns how many items that were."""
        left = self.items(on_disk=False)
        self._sending = [frame for frame in self._sending if frame.ref is not None]
        self._pending = deque(frame for frame in self._pending if frame.ref is not None)
        return left

    def adopt(self, refs: Sequence[Ref]) -> int:
        """Put what a dead process has left in front; returns how many items had to make room meanwhile."""
        here = [ref for ref in refs if not ref.segment.gone]
        self._pending.extendleft(Frame(ref.count, 0.0, None, ref) for ref in reversed(here))
        return sum(ref.count for ref in refs if ref.segment.gone)

    def lose(self, segment: Segment) -> int:
        """Forget what was in *segment*, which had to make room; returns how many items are lost by that."""
        lost = [frame for frame in self._pending if frame.ref is not None and frame.ref.segment is segment]
        for frame in tuple(self._sending):
            if frame.ref is not None and frame.ref.segment is segment:
                frame.ref = None  # under way, and may still arrive
                if frame.body is None:
                    self._sending.remove(frame)
                    lost.append(frame)
        if lost:
            self._pending = deque(
                frame for frame in self._pending if frame.ref is None or frame.ref.segment is not segment
            )
        for frame in lost:
            self._forget(frame)
        return sum(frame.count for frame in lost)

    def put_back(self, batch: Sequence[Frame]) -> None:
        """Let *batch* wait again, in front."""
        for frame in reversed([frame for frame in batch if frame in self._sending]):
            self._sending.remove(frame)
            self._pending.appendleft(frame)
            self._spare(frame)

    def _all(self) -> tuple[Frame, ...]:
        return (*self._sending, *self._pending)

    # -- in and out, with the lock free ----------------------------------------------------------------------------

    def keep(self, bodies: Sequence[tuple[int, bytes]], kept: Callable[[], None]) -> None:
        """Write requests to disk and let them wait; *kept* is called in the same breath, with the lock held."""
        frames = [Frame(count, time.monotonic(), body, self._spooled(count, body)) for count, body in bodies]
        with self._lock:
            kept()
            for frame in frames:
                if frame.ref is not None and frame.ref.segment.gone:
                    frame.ref = None  # it had to make room before anybody knew of it, but here it still is
                self._pending.append(frame)
                self._memory += len(frame.body or b"")
                self._spare(frame)
            if any(frame.ref is None for frame in frames):
                self._bound()

    def take(self, most_items: int) -> tuple[list[Frame], bytes]:
        """
        Return the frames of the next request and their bytes, joined; :meth:`settle` or :meth:`put_back` them.

        Frames that are expired or not what was written are settled as such on the way.
        """
        batch: list[Frame] = []
        parts: list[bytes] = []
        size = count = 0
        while (frame := self._next(most_items - count, first=not batch)) is not None:
            body = self._body(frame)
            if body is None:
                continue
            if batch and size + len(body) > MOST_REQUEST_BYTES:
                with self._lock:
                    self.put_back([frame])
                break
            batch.append(frame)
            parts.append(body)
            size, count = size + len(body), count + frame.count
        return batch, b"".join(parts)

    def _next(self, most_items: int, *, first: bool) -> Frame | None:
        with self._lock:
            if not self._pending or (not first and self._pending[0].count > most_items):
                return None
            frame = self._pending.popleft()
            self._sending.append(frame)
            return frame

    def settle(self, batch: Sequence[Frame], book: Callable[[int], None]) -> None:
        """Be done with *batch*; *book* is given the number of its items nobody has counted yet, with the lock held."""
        with self._lock:
            refs = [frame.ref for frame in batch if frame.ref is not None and frame in self._sending]
        # Marked before it is booked: who ends the process as soon as its flush is over leaves nothing to be sent again.
        for ref in refs:
            if self._spool is not None:
                self._spool.done(ref)
        with self._lock:
            mine = [frame for frame in batch if frame in self._sending]
            book(sum(frame.count for frame in mine))
            for frame in mine:
                self._sending.remove(frame)
                self._forget(frame)

    def _body(self, frame: Frame) -> bytes | None:
        """Return the bytes of *frame*, which stay in memory while it is under way, or None after it was settled as lost."""
        with self._lock:
            ref, body = frame.ref, frame.body
        if ref is not None and _age_s(frame, ref) > self._max_age_s:
            self.settle([frame], lambda items: self._drop("expired", items))
            return None
        if body is not None:
            return body
        if ref is not None and self._spool is not None:
            body = self._spool.read(ref)
        with self._lock:
            if frame not in self._sending:  # it had to make room, and was counted
                return None
            if body is not None:
                frame.body = body
                self._memory += len(body)
        if body is None:
            self.settle([frame], lambda items: self._drop("corrupt", items))
        return body

    def _spooled(self, count: int, body: bytes) -> Ref | None:
        if self._spool is None:
            return None
        try:
            ref = self._spool.append(self._signal, count, body)
        except (OSError, SpoolError) as error:
            if not self._spool_broken:
                _log.warning("exporter %s: can't keep telemetry on disk (%s); only in memory", self._destination, error)
            self._spool_broken = str(error)
            return None
        if self._spool_broken:
            _log.warning("exporter %s: keeps telemetry on disk again", self._destination)
            self._spool_broken = ""
        return ref

    def _spare(self, frame: Frame) -> None:
        """Leave the bytes of *frame* to the disk if memory holds enough already."""
        if frame.ref is not None and self._memory > _MOST_MEMORY_BYTES:
            self._forget(frame)

    def _forget(self, frame: Frame) -> None:
        if frame.body is not None:
            self._memory -= len(frame.body)
            frame.body = None

    def _bound(self) -> None:
        """Drop the oldest frames that are only in memory until their limit holds."""
        waiting = [frame for frame in self._pending if frame.ref is None]
        items = sum(frame.count for frame in waiting)
        for frame in waiting:
            if items <= self._max_items or len(waiting) == 1:
                return
            items -= frame.count
            self._pending.remove(frame)
            self._forget(frame)
            self._drop("queue_full", frame.count)


def _age_s(frame: Frame, ref: Ref) -> float:
    """Return how old *frame* is, in seconds: by the wall clock only if it is another process's."""
    return time.monotonic() - frame.at if frame.at else time.time() - ref.at
