"""
A lane that loses nothing: items are encoded once, kept on disk while they can't be delivered, and sent again as they are.

Two threads a lane. One gathers: every tenth of a second it encodes what was put in and writes it to the spool, so a process
that is killed loses no more than that. The other sends, and may wait for a collector as long as it likes. Encoded requests of
one signal can be joined byte by byte (that is how protobuf merges messages), so several frames make one. The rule to keep:
``emitted + adopted == delivered + dropped + queued + spooled``, exactly.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from csg_otel.exporters.delivery.backlog import Backlog, Frame
from csg_otel.exporters.delivery.queue import Lane, LaneStatus, Partial, SendError
from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    from csg_otel.exporters.delivery.spool import Ref, Segment, Spool

_TICK_S: Final = 0.08
_DYING_S: Final = 1.0
"""Seconds without progress after which a process that ends leaves what is safe on disk to the next one."""


class Codec(Protocol):
    """What a lane must know of its signal's encoding."""

    def encode(self, items: Sequence[Any]) -> bytes:
        """Return *items* as one request. Raises whatever an item that can't be encoded makes it raise."""

    def split(self, body: bytes) -> list[bytes]:
        """Return *body* as requests of one item each; as it is if it can't be told apart."""


SendBytes = Callable[[bytes, float], "Partial | None"]
"""Sends a request within the given seconds. Raises SendError."""


class DurableLane(Lane):
    """A lane with a codec in front of its sender and, if there is one, a spool behind it."""

    def __init__(
        self,
        destination: str,
        signal: str,
        send: SendBytes,
        codec: Codec,
        *,
        on_outcome: Callable[[str, SendError | None], None],
        spool: Spool | None = None,
        max_age_s: float = 7 * 86_400.0,
        reset: Callable[[], None] = lambda: None,
        close: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> None:
        """
        As :class:`Lane`; *reset* is called in a forked child, for the connection, and *close* when the sender has ended.

        Frames older than *max_age_s* are dropped.
        """
        self._send_bytes = send
        self._codec = codec
        self._spool = spool
        self._max_age_s = max_age_s
        self._reset_sender = reset
        self._close_sender = close
        super().__init__(destination, signal, lambda _batch, _timeout: None, on_outcome=on_outcome, **options)

    def _reset(self) -> None:
        super()._reset()
        self._due = threading.Condition(self._lock)
        self._backlog = Backlog(
            self._lock,
            self.destination,
            self.signal,
            self._spool,
            self._drop,
            max_items=self._max_items,
            max_age_s=self._max_age_s,
        )
        self._gathered = threading.Event()
        self._adopted = 0
        self._waited = 0
        self._failing = False
        self._hurry = False
        self._progress = 0.0

    # -- the program's side ----------------------------------------------------------------------------------------

    def adopt(self, refs: Sequence[Ref]) -> None:
        """Deliver what a dead process has left, before anything newer."""
        with self._due:
            if self._deadline is not None:  # the next process's, then
                return
            self._adopted += sum(ref.count for ref in refs)
            self._drop("spool_full", self._backlog.adopt(refs))
            if refs and self._thread is None:
                self._start()
            self._due.notify_all()

    def prepare(self) -> None:
        """Load what encoding needs, which takes longer than the first items of a killed process may wait for the disk."""
        with suppress(Exception):  # the first item will tell
            self._codec.encode(())

    def lost(self, segment: Segment) -> None:
        """Count what had to make room in the spool."""
        with self._lock:
            self._drop("spool_full", self._backlog.lose(segment))

    def _drop(self, reason: str, items: int) -> None:
        super()._drop(reason, items)
        self._due.notify_all()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._gather, name=self._name("gather"), daemon=True)
        sender = threading.Thread(target=self._work, name=self._name("send"), daemon=True)
        try:
            self._thread.start()
            sender.start()
        except RuntimeError:  # the interpreter is going down and starts no more threads
            self._finished.set()

    def _name(self, part: str) -> str:
        return f"csg-otel-{self.destination}-{self.signal}-{part}"

    def status(self) -> LaneStatus:
        """Return the lane's books."""
        with self._lock:
            spooled = self._backlog.items(on_disk=True)
            queued = len(self._queue) + self._in_flight + self._backlog.items(on_disk=False)
            books = self._books
            return LaneStatus(
                books.emitted, books.delivered, dict(books.dropped), queued, spooled, self._adopted, self._waited
            )

    def nudge(self) -> None:
        """Let everything be sent now instead of at the end of the delay."""
        self._wake.set()
        with self._due:
            self._hurry = True
            self._due.notify_all()

    def flush(self, deadline: float) -> bool:
        """
        Wait until all items put so far are settled, at most until monotonic *deadline*; True if none was dropped.

        With a destination that does not answer, items that are safe on disk count as settled.
        """
        with self._due:
            target, dropped = self._books.emitted + self._adopted, sum(self._books.dropped.values())
            self._hurry = True  # once: a destination that fails all the same is not asked any faster
            while self._settled() < target:
                self._hurry = self._hurry or not self._failing  # what is gathered only now has to hurry, too
                self._wake.set()
                self._due.notify_all()
                late = time.monotonic() >= deadline
                if self._all_safe() and (late or self._failing):
                    break
                if late:
                    return False
                self._due.wait(min(0.05, max(0.0, deadline - time.monotonic())))
            return sum(self._books.dropped.values()) == dropped

    def _all_safe(self) -> bool:
        """Tell whether everything put in is on disk at least."""
        with self._lock:
            return not self._queue and not self._in_flight and self._backlog.safe

    def close(self, deadline: float) -> None:
        """Take no more items and send what there is until monotonic *deadline*; returns at once, see :meth:`join`."""
        with self._due:
            if self._deadline is None:
                self._deadline = deadline
            self._progress = time.monotonic()
            self._wake.set()
            self._due.notify_all()
            if self._thread is None:
                self._finished.set()
                self._gathered.set()

    def join(self) -> LaneStatus:
        """
        Wait for a closed lane's sender until its deadline; what is neither sent nor on disk is dropped as ``shutdown``.

        A destination that takes nothing for a second is not waited for any longer if everything is safe on disk.
        """
        deadline = self._deadline or 0.0
        self._gathered.wait(max(0.0, deadline - time.monotonic()))
        while (now := time.monotonic()) < deadline and not self._finished.wait(min(0.05, deadline - now)):
            if now - self._progress > _DYING_S and self._all_safe():
                break
        with self._due:
            self._deadline = time.monotonic()
            self._drop("shutdown", len(self._queue) + self._in_flight + self._backlog.abandon())
            self._queue.clear()
            self._in_flight = 0
            self._due.notify_all()
        return self.status()

    def reset_after_fork(self) -> None:
        """Begin anew in a child: items, files and connections are the parent's."""
        super().reset_after_fork()
        self._reset_sender()

    _wakes_at_first = True

    # -- gathering -------------------------------------------------------------------------------------------------

    def _gather(self) -> None:
        _compat.suppress_instrumentation()
        while True:
            self._wake.wait()  # asleep while a program emits nothing
            self._wake.clear()
            if self._deadline is None and not self._hurry and len(self._queue) < self._batch_size:
                self._wake.wait(_TICK_S)
                self._wake.clear()
            closing = self._deadline is not None
            while items := self._take_raw():
                self._backlog.keep(self._encoded(items), self._taken_over)
            if closing:
                self._gathered.set()
                with self._due:
                    self._due.notify_all()
                return

    def _take_raw(self) -> list[Any]:
        with self._lock:
            count = min(self._batch_size, len(self._queue))
            self._in_flight = count
            return [self._queue.popleft() for _ in range(count)]

    def _taken_over(self) -> None:
        self._in_flight = 0
        self._due.notify_all()

    def _encoded(self, items: Sequence[Any]) -> list[tuple[int, bytes]]:
        """Return *items* as requests; one that can't be encoded is dropped alone."""
        try:
            return [(len(items), self._codec.encode(items))]
        except Exception as error:  # noqa: BLE001 - whatever a program has put into an attribute
            if len(items) > 1:
                middle = len(items) // 2
                return self._encoded(items[:middle]) + self._encoded(items[middle:])
            with self._lock:
                self._drop("encoding", len(items))
                self._in_flight -= len(items)
            self._on_outcome(self.signal, SendError("encoding", f"{type(error).__name__}: {error}", retry=False))
            return []

    # -- sending ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        _compat.suppress_instrumentation()
        while self._await_work():
            batch, body = self._backlog.take(self._batch_size)
            if batch:
                self._deliver_frames(batch, body)
            else:
                self._hurry = False
        self._finished.set()
        self._close_sender()

    def _await_work(self) -> bool:
        """Wait until there is something to send; False when the lane is over."""
        with self._due:
            while True:
                now = time.monotonic()
                if self._deadline is not None:
                    if self._backlog or self._gathered.is_set():
                        return bool(self._backlog) and now < self._deadline
                    if now >= self._deadline:
                        return False
                    self._due.wait(0.02)
                    continue
                if self._backlog and (self._hurry or self._is_due(now)):
                    return True
                self._hurry = False
                self._due.wait(max(0.001, self._backlog.oldest + self._delay_s - now) if self._backlog else 60.0)

    def _is_due(self, now: float) -> bool:
        return now - self._backlog.oldest >= self._delay_s or self._backlog.reaches(self._batch_size)

    def _deliver_frames(self, batch: list[Frame], body: bytes) -> None:
        """Send until it is settled: delivered, refused for good, or left for another time because the lane ends."""
        attempt = 0
        while True:
            partial, error = self._attempt_bytes(body, final=False)
            if error is None:
                self._settle_frames(batch, {"rejected": partial.rejected if partial else 0})
                return
            if not error.retry:
                self._bisect(batch, body, error)
                return
            with self._due:
                self._hurry = False
                if not attempt:
                    self._waited += sum(frame.count for frame in batch if frame.ref is not None)
                self._due.notify_all()  # who flushes may want to know that it fails
            attempt += 1
            if not self._wait_after(error, attempt):
                with self._lock:
                    self._backlog.put_back(batch)
                return

    def _attempt_bytes(self, body: bytes, *, final: bool) -> tuple[Partial | None, SendError | None]:
        partial, error = self._tried(lambda timeout_s: self._send_bytes(body, timeout_s), final=final)
        self._failing = error is not None and error.retry
        if partial is not None and partial.rejected:
            message = f"{partial.rejected} items rejected: {partial.message}"
            self._on_outcome(self.signal, SendError("rejected", message, retry=False))
        return partial, error

    def _bisect(self, batch: list[Frame], body: bytes, error: SendError) -> None:
        """Send a refused request in ever smaller parts, so that only the items that are refused alone are dropped."""
        items = self._codec.split(body)
        dropped: Counter[str] = Counter()
        attempt = 0
        waiting = [items[: len(items) // 2], items[len(items) // 2 :]] if len(items) > 1 else []
        if not waiting:
            dropped[error.reason] += sum(frame.count for frame in batch)
            self._on_outcome(self.signal, error)
        while waiting:
            part = waiting.pop(0)
            partial, refused = self._attempt_bytes(b"".join(part), final=len(part) == 1)
            if refused is None:
                attempt = 0
                dropped["rejected"] += partial.rejected if partial else 0
            elif refused.retry:
                waiting.insert(0, part)
                attempt += 1
                if not self._wait_after(refused, attempt):  # the lane ends: better a part of it twice than never
                    with self._lock:
                        self._backlog.put_back(batch)
                    return
            elif len(part) > 1:
                waiting[:0] = [part[: len(part) // 2], part[len(part) // 2 :]]
            else:
                dropped[refused.reason] += 1
        self._settle_frames(batch, dropped)

    def _settle_frames(self, batch: Sequence[Frame], dropped: Mapping[str, int]) -> None:
        """Settle the items of *batch*: as *dropped* says by reason, and the others as delivered."""

        def book(items: int) -> None:
            left = items
            for reason, count in dropped.items():
                counted = min(count, left)
                left -= counted
                self._drop(reason, counted)
            self._books.delivered += left
            self._progress = time.monotonic()
            self._due.notify_all()

        self._backlog.settle(batch, book)

    def _wait_after(self, error: SendError, attempt: int) -> bool:
        """
        Wait before the next attempt; False once the lane's deadline has passed.

        As long as *error* asks for, however much anybody hurries, else until the back-off is over or somebody flushes.
        """
        asked = bool(error.retry_after_s)
        until = time.monotonic() + (error.retry_after_s or self._backoff(attempt))
        with self._due:
            while (now := time.monotonic()) < until and (asked or not self._hurry):
                if self._deadline is not None:
                    if now >= self._deadline:
                        return False
                    until = min(until, self._deadline) if asked else min(until, now + 0.2, self._deadline)
                self._due.wait(max(0.0, min(until, now + 1.0) - now))
            return self._deadline is None or time.monotonic() < self._deadline
