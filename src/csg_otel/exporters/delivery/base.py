"""
The base of both queues: intake, delivery accounting, and one attempt to send.

Each destination has a queue per signal with its own worker, batch, timeout and back-off, so a slow or dead destination never
affects another. The rules: ``enqueue`` never blocks, and every item is delivered, dropped with a reason, or still waiting. An
item counts from the moment at which the queue takes it in (``intake``), and a reader of the counts takes all in before.
"""

from __future__ import annotations

import random
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from csg_otel import clocks, faults, waits
from csg_otel.exporters.delivery.intake import Intake
from csg_otel.exporters.delivery.sender import Partial, Sender, SendError
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from csg_otel.exporters.delivery.component import Component

_BACKOFF_FIRST_S: Final = 0.25
_BACKOFF_MAX_S: Final = 5.0
"""Upper bound of the back-off: half of the 10 s in which everything must be delivered after a recovery."""

_MIN_TIMEOUT_S: Final = 0.05
"""Lower bound of an attempt's timeout near the deadline, because sockets refuse a timeout of 0."""


class DeliveryObserver(Protocol):
    """Receives the result of each attempt to send."""

    def attempt_ended(self, signal: str, error: SendError | None) -> None:
        """Record the result of an attempt for *signal*; *error* is None after a success."""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """
    The counts of one queue.

    ``emitted + adopted == delivered + dropped + queued + spooled``. ``emitted`` items came from this process, ``adopted``
    items came from dead processes. ``dropped`` counts by reason. ``queued`` items are in memory, ``spooled`` items are on
    disk. ``waited`` is the number of items that have waited on disk so far.
    """

    emitted: int
    delivered: int
    dropped: dict[str, int]
    queued: int
    spooled: int = 0
    adopted: int = 0
    waited: int = 0


@dataclass(slots=True)
class Counts:
    """
    The totals of one queue, without what waits in it: see :class:`QueueStatus`.

    ``passed`` is the number of items in all requests so far; those that went back into the queue at its end count again.
    ``in_request`` is the number in the request that is being sent: spans, log records or data points. ``points`` counts data
    points by the reason of their refusal, empty if they were accepted. ``dropped_at`` is on the monotonic clock.
    """

    emitted: int = 0
    adopted: int = 0
    delivered: int = 0
    waited: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_at: float | None = None
    passed: int = 0
    in_request: int = 0
    points: Counter[str] = field(default_factory=Counter)


class DeliveryQueue(ABC):
    """A bounded queue of one signal, its worker threads and its counts."""

    def __init__(
        self,
        destination: str,
        signal: str,
        sender: Sender[Any],
        observer: DeliveryObserver,
        *,
        max_items: int = 2048,
        batch_size: int = 512,
        delay_s: float = 1.0,
        timeout_s: float = 10.0,
        component: Component | None = None,
    ) -> None:
        """
        Prepare the queue; its threads start with the first item.

        Args:
            destination: Name of the destination, for thread names and log lines.
            signal: ``traces``, ``metrics``, ``logs``, ``alerts`` or ``console``.
            sender: Sends the batches; called on the worker threads only.
            observer: Receives the result of each attempt.
            max_items: Most items in the queue. Default 2,048.
            batch_size: Most items in one request. Default 512.
            delay_s: Most seconds that an item waits for more items of its batch. Default 1.
            timeout_s: Seconds one attempt may take. Default 10.
            component: The exporter in ``otel.sdk.*``; None (default) if it is none that the semantic conventions describe.
        """
        self.destination = destination
        self.signal = signal
        self._sender = sender
        self._observer = observer
        self.component = component
        self.max_items = max_items
        self._batch_size = batch_size
        self._delay_s = delay_s
        self._timeout_s = timeout_s
        self.pending: list[Any] = []
        """The items that were not taken in yet; the threads that emit append to it, the holder of the lock removes."""
        own = Intake((self,), batch_size)
        self._intakes = [own]
        self.enqueue = own.enqueue
        """Queue an item; never blocks, and never raises. A full queue makes room as its class says."""
        self._reset()

    def _reset(self) -> None:
        # Re-entrant, because a signal handler of the program may emit while its thread is inside enqueue().
        self._lock = threading.RLock()
        self._wake = waits.Wakeup()
        self._settlements = waits.Changes()
        self._items: list[Any] = []
        self.pending.clear()
        self._watch()  # the first item starts the threads
        self._counts = Counts()
        self._in_flight = 0
        self._deadline: float | None = None
        self._newest: dict[str, object] = {}  # by name suffix, the mark of the thread that was started last
        self._working: set[str] = set()
        self._started = False
        self._finished = waits.Latch()

    # -- called by the program -------------------------------------------------------------------------------------

    @property
    def batch_size(self) -> int:
        """Most items in one request."""
        return self._batch_size

    def join_intake(self, intake: Intake) -> None:
        """Take in the items of *intake*, too; call it before the first of them."""
        self._intakes.append(intake)

    def attend(self) -> None:
        """
        Take in what the threads of the program have appended, make room for it, and wake the worker; on such a thread.

        A signal handler of the program may raise after each call in here, or emit: no call is between two changes that belong
        together, and what was read before a call is compared again.
        """
        with self._lock:
            self._take_in()
            work = self._make_room()
            wakes = len(self._items) >= self._batch_size or (self._is_asleep and bool(self._working))
            if not self._started and self._deadline is None:
                self._start_threads()
                if not self._started:
                    self._watch()  # the next item tries again
        if wakes:
            self._wake.set()
        for finish in work:
            finish()

    def _take_in(self) -> None:
        """Count and keep the appended items; those of a closed queue are dropped. Called with the lock held."""
        counts, pending, dropped = self._counts, self.pending, self._counts.dropped
        if self._deadline is not None and pending:
            counts.dropped_at = clocks.monotonic()
            dropped.setdefault("shutdown", 0)
        emitted = counts.emitted + len(pending)
        is_ready = self._deadline is None or "shutdown" in dropped  # else the next look drops them
        if is_ready and emitted > counts.emitted:  # no call from here on: see attend()
            items = emitted - counts.emitted
            if self._deadline is None:
                self._items += pending[:items]
            else:
                dropped["shutdown"] += items
            del pending[:items]
            counts.emitted = emitted
        self._limit()

    def _limit(self) -> None:
        """Drop and count the oldest items that are too many; called with the lock held."""
        if len(self._items) <= self.max_items:
            return
        counts, dropped = self._counts, self._counts.dropped
        counts.dropped_at = clocks.monotonic()
        self._notify()
        drops = dropped.setdefault("queue_full", 0)
        surplus = len(self._items) - self.max_items
        if surplus > 0 and dropped["queue_full"] == drops:  # no call from here on: see attend()
            dropped["queue_full"] = drops + surplus
            del self._items[:surplus]

    def _make_room(self) -> Sequence[Callable[[], None]]:
        """Return what the calling thread has to do, with the lock free, so that the queue keeps its limit; with it held."""
        return ()

    def _watch(self) -> None:
        """Have the next item attended to."""
        self._is_asleep = True
        for intake in self._intakes:
            intake.watch()

    @abstractmethod
    def status(self) -> QueueStatus:
        """Return the queue's counts."""

    def counts(self) -> Counts:
        """Return a copy of the totals; this takes the same short time however much waits."""
        with self._lock:
            self._take_in()
            counts = self._counts
            return replace(counts, dropped=Counter(counts.dropped), points=Counter(counts.points))

    @abstractmethod
    def flush(self, deadline: float) -> bool:
        """Wait until all items queued so far are settled, at most until monotonic *deadline*; True if none was dropped."""

    @abstractmethod
    def join(self) -> QueueStatus:
        """Wait for a closed queue's worker until its deadline; drop items that are neither sent nor kept, as ``shutdown``."""

    def nudge(self) -> None:
        """Wake the worker, so that it sends now instead of at the end of its delay."""
        self._wake.set()

    def close(self, deadline: float) -> None:
        """Accept no more items, and send the rest until monotonic *deadline*. Does not wait; :meth:`join` does."""
        with self._lock:
            self._take_in()
            self._start_late()
            if self._deadline is None:
                self._deadline = deadline
            self._wake.set()
            if not self._started:
                self._finished.set()

    def reset_after_fork(self) -> None:
        """Start empty in a forked child: the parent sends its own items, and its threads do not exist here."""
        deadline = self._deadline
        self._reset()
        self._deadline = deadline
        self._sender.reset_after_fork()

    # -- delivery accounting ---------------------------------------------------------------------------------------

    def count_dropped(self, reason: str, items: int) -> None:
        """Count *items* as dropped; call it with the queue's lock held."""
        if items:
            self._counts.dropped_at = clocks.monotonic()
            self._notify()
            self._counts.dropped[reason] += items  # last: see attend()

    def dropped_within(self, seconds: float) -> bool:
        """Return whether an item was dropped in the last *seconds*."""
        at = self._counts.dropped_at
        return at is not None and clocks.monotonic() - at < seconds

    def _dropped(self) -> int:
        return sum(self._counts.dropped.values())

    def _settled(self) -> int:
        return self._counts.delivered + self._dropped()

    def _notify(self) -> None:
        """Let the threads that wait look at the counts."""
        self._settlements.notify()

    # -- on the worker threads -------------------------------------------------------------------------------------

    @abstractmethod
    def _start_threads(self) -> None:
        """Start the worker threads; called with the lock held."""

    def _attempt(self, batch: Any, *, final: bool = True) -> tuple[Partial | None, SendError | None]:
        """
        Send *batch* once, within the timeout and before the queue's deadline, and report the result to the observer.

        A refusal that is not *final* is not reported, because the queue sends the batch again in smaller pieces.
        """
        timeout_s = self._timeout_s
        if self._deadline is not None:
            timeout_s = max(_MIN_TIMEOUT_S, min(timeout_s, self._deadline - clocks.monotonic()))
        error: SendError | None = None
        partial: Partial | None = None
        began = clocks.monotonic()
        try:
            partial = self._sender.send_batch(batch, timeout_s)
        except SendError as caught:
            error = caught
        except BaseException as caught:  # noqa: BLE001 - a defect of a sender costs its batch, never the worker
            error = SendError("defect", faults.description(caught), retry=False)
        if error is not None:
            error.began = began
        if error is None or error.retry or final:
            self._observer.attempt_ended(self.signal, error)
        return partial, error

    def _start_late(self) -> None:
        """Start the threads if items wait and an exception has interrupted the start; called with the lock held."""
        if self._items and not self._started:
            self._start_threads()

    def _run_threads(self, *workers: tuple[str, Callable[[], None]]) -> None:
        """
        Start one daemon thread per (name suffix, function), unless it runs; called with the lock held.

        A time limit may interrupt the start of a thread. If it does not work then, the next item or flush starts another one.
        """
        for suffix, work in workers:
            if suffix in self._working:
                continue
            name = f"csg-otel-{self.destination}-{self.signal}{suffix}"
            mark = self._newest[suffix] = object()
            thread = OwnThread(target=self._run_worker, args=(suffix, mark, work), name=name)
            try:
                thread.start()
            except RuntimeError:
                # Either the system has no more threads, and the next item tries again; or the interpreter is shutting down,
                # and shutdown() counts the rest as dropped.
                return
        self._started = True

    def _run_worker(self, suffix: str, mark: object, work: Callable[[], None]) -> None:
        with self._lock:
            if self._newest.get(suffix) is not mark:
                return  # another thread has taken its place
            self._working.add(suffix)
        work()


def backoff_s(attempt: int) -> float:
    """Return the seconds to wait after the failed attempt number *attempt*, counted from 1."""
    return min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * float(2 ** min(attempt, 16))) * random.uniform(0.5, 1)
