"""
One bounded queue in front of one sender: the unit of fan-out.

Every destination has a lane per signal, each with its own worker, batch, timeout and back-off, so that a slow or dead one is
invisible to the others. The rule to keep: ``emitted == delivered + dropped + pending``, exactly, and ``put`` never blocks.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from csg_otel.pipeline import _compat

_BACKOFF_FIRST_S = 0.25
_BACKOFF_MOST_S = 5.0
"""Half of the time in which everything has to be delivered once a destination is back."""


class SendError(Exception):
    """A batch was not accepted. ``reason`` is a short word for the metric, the message is for people."""

    def __init__(self, reason: str, message: str, *, retry: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry = retry
        self.retry_after_s = retry_after_s
        self.began = 0.0
        """When the attempt began, on the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Partial:
    """What an accepted batch left out: how many items the destination rejected, and why."""

    rejected: int = 0
    message: str = ""


Send = Callable[[Sequence[Any], float], "Partial | None"]
"""Sends a batch within the given seconds. Raises SendError; returns what was rejected, if anything."""


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """
    The books of one lane: items put in, acknowledged, dropped by reason, still here, safe on disk, taken over from dead
    processes; and how many had to wait on disk so far.

    ``emitted + adopted == delivered + dropped + queued + spooled``.
    """

    emitted: int
    delivered: int
    dropped: dict[str, int]
    queued: int
    spooled: int = 0
    adopted: int = 0
    waited: int = 0


@dataclass(slots=True)
class _Books:
    emitted: int = 0
    delivered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_at: float | None = None


class Lane:
    """A bounded queue, its worker thread and its books."""

    def __init__(
        self,
        destination: str,
        signal: str,
        send: Send,
        *,
        on_outcome: Callable[[str, SendError | None], None],
        max_items: int = 2048,
        batch_size: int = 512,
        delay_s: float = 1.0,
        timeout_s: float = 10.0,
        idle: Callable[[], None] | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """
        Make a lane; its thread starts with the first item.

        *on_outcome* is told the signal and the error (or None) of each attempt. *idle*, if given, is called on the worker
        whenever *delay_s* seconds pass without anything to send, *on_close* when everything was sent and the lane ends.
        """
        self.destination = destination
        self.signal = signal
        self._send = send
        self._on_outcome = on_outcome
        self._max_items = max_items
        self._batch_size = batch_size
        self._delay_s = delay_s
        self._timeout_s = timeout_s
        self._idle = idle
        self._on_close = on_close
        self._reset()

    def _reset(self) -> None:
        # Re-entrant, because a signal handler of the program may emit while its thread is inside put().
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._wake = threading.Event()
        self._queue: deque[Any] = deque()
        self._books = _Books()
        self._in_flight = 0
        self._deadline: float | None = None
        self._thread: threading.Thread | None = None
        self._finished = threading.Event()

    # -- the program's side --------------------------------------------------------------------------------------------

    _wakes_at_first = False
    """Whether the worker is woken by the first item, and not only by a full batch."""

    def put(self, item: Any) -> None:
        """Queue *item*; never blocks. With a full queue the oldest item is dropped and counted."""
        with self._lock:
            books = self._books
            books.emitted += 1
            if self._deadline is not None:
                self._drop("shutdown", 1)
                return
            if len(self._queue) >= self._max_items:
                self._queue.popleft()
                self._drop("queue_full", 1)
            self._queue.append(item)
            wakes = len(self._queue) >= self._batch_size or (self._wakes_at_first and len(self._queue) == 1)
            if self._thread is None:
                self._start()
        if wakes and not self._wake.is_set():
            self._wake.set()

    def _start(self) -> None:
        self._thread = threading.Thread(
            target=self._work, name=f"csg-otel-{self.destination}-{self.signal}", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:
            # The interpreter is going down and starts no more threads; shutdown() counts what is left as dropped.
            self._finished.set()

    def status(self) -> LaneStatus:
        """Return the lane's books."""
        with self._lock:
            books = self._books
            queued = len(self._queue) + self._in_flight
            return LaneStatus(books.emitted, books.delivered, dict(books.dropped), queued)

    def dropped_within(self, seconds: float) -> bool:
        """Tell whether anything was dropped in the last *seconds*."""
        at = self._books.dropped_at
        return at is not None and time.monotonic() - at < seconds

    def _drop(self, reason: str, items: int) -> None:
        """Count *items* as dropped; with the lock held."""
        if items:
            self._books.dropped[reason] += items
            self._books.dropped_at = time.monotonic()
            self._changed.notify_all()

    def nudge(self) -> None:
        """Let the worker send now instead of at the end of its delay."""
        self._wake.set()

    def flush(self, deadline: float) -> bool:
        """Wait until all items put so far are settled, at most until monotonic *deadline*; True if none was dropped."""
        with self._changed:
            target, dropped = self._books.emitted, sum(self._books.dropped.values())
            self._wake.set()
            while self._settled() < target:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    return False
            return sum(self._books.dropped.values()) == dropped

    def close(self, deadline: float) -> None:
        """Take no more items and send what is queued until monotonic *deadline*; returns at once, see :meth:`join`."""
        with self._lock:
            if self._deadline is None:
                self._deadline = deadline
            self._wake.set()
            if self._thread is None:
                self._finished.set()

    def join(self) -> LaneStatus:
        """Wait for a closed lane's worker until its deadline; what it could not send is dropped as ``shutdown``."""
        self._finished.wait(max(0.0, (self._deadline or 0.0) - time.monotonic()))
        with self._lock:
            left = len(self._queue) + self._in_flight
            if left:
                self._drop("shutdown", left)
                self._queue.clear()
                self._in_flight = 0
        return self.status()

    def reset_after_fork(self) -> None:
        """Begin anew in a child: the parent's items are the parent's to send, and its thread is not here."""
        closed = self._deadline
        self._reset()
        self._deadline = closed

    # -- the worker's side ---------------------------------------------------------------------------------------------

    def _settled(self) -> int:
        return self._books.delivered + sum(self._books.dropped.values())

    def _work(self) -> None:
        _compat.suppress_instrumentation()
        while True:
            self._wake.wait(self._delay_s)
            self._wake.clear()
            sent = False
            while batch := self._take():
                sent = True
                self._deliver(batch)
            if self._deadline is not None and (not self._queue or time.monotonic() >= self._deadline):
                if self._on_close is not None:
                    self._on_close()
                self._finished.set()
                return
            if not sent and self._idle is not None:
                self._idle()

    def _take(self) -> list[Any]:
        with self._lock:
            if self._deadline is not None and time.monotonic() >= self._deadline:
                return []
            count = min(self._batch_size, len(self._queue))
            batch = [self._queue.popleft() for _ in range(count)]
            self._in_flight = count
            return batch

    def _deliver(self, batch: list[Any]) -> None:
        attempt = 0
        while True:
            error, partial = self._attempt(batch)
            if error is None or not error.retry:
                self._settle(len(batch), partial, error)
                return
            attempt += 1
            if not self._pause(error.retry_after_s or self._backoff(attempt)):
                self._settle(len(batch), None, SendError("shutdown", str(error), retry=False))
                return

    @staticmethod
    def _backoff(attempt: int) -> float:
        """Return the seconds to wait after the attempt number *attempt*."""
        return min(_BACKOFF_MOST_S, _BACKOFF_FIRST_S * float(2 ** min(attempt, 16))) * random.uniform(0.5, 1)

    def _attempt(self, batch: list[Any]) -> tuple[SendError | None, Partial | None]:
        partial, error = self._tried(lambda timeout_s: self._send(batch, timeout_s))
        return error, partial

    def _tried(
        self, send: Callable[[float], Partial | None], *, final: bool = True
    ) -> tuple[Partial | None, SendError | None]:
        """
        Try *send* once, within the timeout and what is left of the lane's life, and tell the outcome.

        A refusal that is not *final*, because parts of it will be tried, is not told.
        """
        timeout_s = self._timeout_s
        if self._deadline is not None:
            timeout_s = max(0.05, min(timeout_s, self._deadline - time.monotonic()))
        error: SendError | None = None
        partial: Partial | None = None
        began = time.monotonic()
        try:
            partial = send(timeout_s)
        except SendError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 - a sender's defect costs its batch, never the worker
            error = SendError("defect", f"{type(caught).__name__}: {caught}", retry=False)
        if error is not None:
            error.began = began
        if error is None or error.retry or final:
            self._on_outcome(self.signal, error)
        return partial, error

    def _settle(self, count: int, partial: Partial | None, error: SendError | None) -> None:
        with self._changed:
            if self._in_flight:
                rejected = min(count, partial.rejected) if partial else 0
                if error is not None:
                    self._drop(error.reason, count)
                else:
                    self._books.delivered += count - rejected
                    self._drop("rejected", rejected)
                self._in_flight = 0
            self._changed.notify_all()

    def _pause(self, seconds: float) -> bool:
        """Wait before the next attempt; False once the lane's deadline has passed."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            if self._deadline is not None:
                if now >= self._deadline:
                    return False
                until = min(until, now + 0.2, self._deadline)
            self._wake.wait(min(until - now, 0.1) if self._deadline is None else max(0.0, until - now))
            self._wake.clear()
        return self._deadline is None or time.monotonic() < self._deadline
