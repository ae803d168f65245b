"""
A destination: a named receiver of telemetry with its queues, its reader and ticker, its state and its counts.

A destination logs once when it stops delivering and once when it delivers again; in between it only counts.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from csg_otel import clocks, forks, waits
from csg_otel.exporters.delivery.base import DeliveryQueue
from csg_otel.exporters.delivery.intake import Intake
from csg_otel.exporters.delivery.persistent_queue import PersistentQueue
from csg_otel.exporters.delivery.queue import MemoryQueue
from csg_otel.exporters.delivery.segment import Segment, SpoolError
from csg_otel.exporters.delivery.spool import Spool
from csg_otel.exporters.delivery.windowed_queue import WindowedQueue
from csg_otel.lines import one_line
from csg_otel.pipeline.global_providers import problems
from csg_otel.privacy import active
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from csg_otel.exporters.delivery.sender import ItemSender, RequestSender, SendError
    from csg_otel.pipeline.readers import PushReader, Ticker
    from csg_otel.pipeline.sink import Sink

State = Literal["ok", "degraded", "down"]

_log = logging.getLogger("csg_otel")

_ADOPT_EVERY_S = 30.0
"""Seconds between two searches for spools of dead processes: their items wait at most half a minute."""

_DEGRADED_S = 60.0
"""Seconds a destination stays ``degraded`` after a drop: longer than a usual scrape or export interval."""

_QUIET_S = 60.0
"""Seconds after the line about an outage before another one is logged: some servers fail every other time."""

_MAX_ERROR_CHARS = 500
"""Characters of an error in ``status()`` and in log lines; a collector may send a whole page as its error."""


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """
    State and delivery accounting of one destination.

    ``state`` is ``down`` while every signal fails; ``degraded`` while some signals fail, for a minute after an item was
    dropped, and while a provider of the program keeps a signal from coming here; otherwise ``ok``. Items are spans, log
    records, metric collections and alerts. ``emitted`` items came from this process, ``adopted`` items from dead processes.
    Always: ``emitted + adopted == delivered + queued + spooled + dropped``.
    ``dropped`` counts by reason. ``failing_s`` is the length of the current outage in seconds. ``spooled`` items are on disk:
    the next process delivers them if this process does not. ``address`` is where they go, without a password. ``last_success``
    and ``last_failure`` are the times (Unix seconds) of the last attempt that was accepted, and that failed; None without one.
    """

    state: State = "ok"
    queued: int = 0
    spooled: int = 0
    delivered: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    last_error: str = ""
    failing_s: float = 0.0
    emitted: int = 0
    adopted: int = 0
    address: str = ""
    last_success: float | None = None
    last_failure: float | None = None


class Destination:
    """A destination: one name and address, with a queue for each signal."""

    def __init__(self, name: str, address: str) -> None:
        """
        Prepare a destination without queues.

        Args:
            name: Its name in ``status()``, log lines and the attribute ``csg.destination``.
            address: Its address as log lines show it; without a password.
        """
        self.name = name
        self._address = address
        self.queues: dict[str, DeliveryQueue] = {}
        self.sinks: dict[str, Sink] = {}
        """Intake of ended spans (``traces``), log records (``logs``) and alerts of the program (``alerts``)."""
        self.reader: PushReader | None = None
        self.ticker: Ticker | None = None
        self.spool: Spool | None = None
        self._lock = threading.Lock()
        self._failing: set[str] = set()
        self._failing_since = 0.0
        self._recovered_at = 0.0
        self._logged_at = float("-inf")
        self._logged = False
        """Whether the begin of this outage has been logged."""
        self._last_error = ""
        self._last_success: float | None = None
        self._last_failure: float | None = None
        self._refusals: set[str] = set()
        self._ended = waits.Latch()

    # -- setting up ------------------------------------------------------------------------------------------------

    def keep_on_disk(self, root: Path, max_bytes: int, *, identity: str = "", about: str = "") -> None:
        """
        Create a spool below *root* for the persistent queues that are added afterwards.

        Args:
            root: Folder of all spools of this user.
            max_bytes: Most bytes on disk.
            identity: What the next process must share to deliver what this one leaves. Default: name and address.
            about: See :class:`Spool`.
        """
        identity = identity or f"{self.name}\n{self._address}"
        self.spool = Spool(root, identity, self, max_bytes=max_bytes, about=about)

    def add_memory_queue(self, signal: str, sender: ItemSender, **options: Any) -> MemoryQueue:
        """Add the queue of *signal*; *options* are those of :class:`MemoryQueue`."""
        queue = self.queues[signal] = MemoryQueue(self.name, signal, sender, self, **options)
        return queue

    def add_persistent_queue(self, signal: str, sender: RequestSender, **options: Any) -> PersistentQueue:
        """Add the queue of *signal*; *options* are those of :class:`PersistentQueue`."""
        queue = self.queues[signal] = PersistentQueue(self.name, signal, sender, self, spool=self.spool, **options)
        return queue

    def add_windowed_queue(self, signal: str, sender: RequestSender, **options: Any) -> WindowedQueue:
        """Add the queue of *signal*; *options* are those of :class:`WindowedQueue`."""
        queue = WindowedQueue(self.name, signal, sender, self, spool=self.spool, **options)
        self.queues[signal] = queue
        return queue

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start collecting metrics, and adopt the spools of dead processes."""
        if self.ticker is not None:
            self.ticker.start()
        if self.spool is not None:
            self._ended = waits.Latch()
            OwnThread(target=self._adopt_regularly, name=f"csg-otel-{self.name}-adopt").start()

    def _adopt_regularly(self) -> None:
        ended = self._ended
        for queue in self.queues.values():
            if isinstance(queue, PersistentQueue):
                queue.prepare()
        while not ended.is_set():
            self.adopt()
            ended.wait(_ADOPT_EVERY_S)

    def adopt(self, deadline: float = math.inf) -> None:
        """
        Adopt the spools of dead processes now, until monotonic *deadline*.

        Also before the end, because a process that lives shorter than a moment has no other opportunity.
        """
        if self.spool is None:
            return
        try:
            for signal, refs in self.spool.adopt(deadline).items():
                queue = self.queues.get(signal)
                if isinstance(queue, PersistentQueue):
                    queue.adopt(refs)
        except (OSError, SpoolError) as error:
            _log.debug("exporter %s: cannot adopt the spools of dead processes (%s)", self.name, error)

    def segment_dropped(self, segment: Segment) -> None:
        """Count the items of *segment*, which the spool removed to make room."""
        queue = self.queues.get(segment.signal)
        if isinstance(queue, PersistentQueue):
            queue.segment_dropped(segment)

    def end(self) -> None:
        """Close the spool, after the queues have ended."""
        self._ended.set()
        if self.spool is not None:
            self.spool.close()

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child."""
        self._lock = threading.Lock()
        if self.spool is not None:
            self.spool.reset_after_fork()
            forks.afterwards(self.start)
        for queue in self.queues.values():
            queue.reset_after_fork()
        if self.ticker is not None:
            self.ticker.reset_after_fork()

    # -- results ---------------------------------------------------------------------------------------------------

    def attempt_ended(self, signal: str, error: SendError | None) -> None:
        """Update the state; log the begin and the end of an outage, once a minute, and the first refusal for each reason."""
        message, now_s = "" if error is None else _printable(str(error)), clocks.monotonic()
        wall_s = time.time()
        with self._lock:
            was_failing = bool(self._failing)
            if error is None:
                self._last_success = wall_s
                self._failing.discard(signal)
            else:
                self._last_error, self._last_failure = message, wall_s
                # Ignore failures of attempts that began before the last recovery.
                if error.retry and error.began >= self._recovered_at:
                    self._failing.add(signal)
            failing = bool(self._failing)
            if was_failing and not failing:
                self._recovered_at = now_s
            if failing and not was_failing:
                self._failing_since = now_s
            begins = failing and not self._logged and now_s - self._logged_at >= _QUIET_S
            ends = not failing and self._logged
            if begins:
                self._logged_at = now_s
            self._logged = (self._logged or begins) and not ends
            refused = error is not None and not error.retry and error.reason not in self._refusals
            if refused and error is not None:
                self._refusals.add(error.reason)
        if begins:
            _log.warning("exporter %s: cannot deliver to %s (%s); will keep trying", self.name, self._address, message)
        elif ends:
            outage_s = now_s - self._failing_since
            _log.warning("exporter %s: delivering again after %.0f s", self.name, outage_s)
        if refused:
            _log.warning(
                "exporter %s: %s refused items for good (%s); they are dropped", self.name, self._address, message
            )

    def status(self) -> DestinationStatus:
        """Return the state, and the counts of all signals together."""
        counts = [queue.status() for queue in self.queues.values()]
        dropped: Counter[str] = Counter()
        for queue_counts in counts:
            dropped.update(queue_counts.dropped)
        with self._lock:
            failing, last_error = len(self._failing), self._last_error
            last_success, last_failure = self._last_success, self._last_failure
            failing_s = clocks.monotonic() - self._failing_since if failing else 0.0
        missing = [problem for signal, problem in problems().items() if signal in self.queues]
        state: State = "ok"
        if failing:
            state = "down" if failing == sum(1 for queue_counts in counts if queue_counts.emitted) else "degraded"
        elif missing or any(queue.dropped_within(_DEGRADED_S) for queue in self.queues.values()):
            state = "degraded"
        return DestinationStatus(
            state=state,
            queued=sum(queue_counts.queued for queue_counts in counts),
            spooled=sum(queue_counts.spooled for queue_counts in counts),
            delivered=sum(queue_counts.delivered for queue_counts in counts),
            dropped=dict(dropped),
            last_error=last_error or "; ".join(missing),
            failing_s=failing_s,
            emitted=sum(queue_counts.emitted for queue_counts in counts),
            adopted=sum(queue_counts.adopted for queue_counts in counts),
            address=self._address,
            last_success=last_success,
            last_failure=last_failure,
        )

    def log_undelivered(self) -> None:
        """Log how many items stay on disk and how many are lost; call it after the queues have ended."""
        status = self.status()
        if status.spooled:
            _log.warning(
                "exporter %s: %d items not delivered to %s are kept on disk for the next start",
                self.name,
                status.spooled,
                self._address,
            )
        lost = status.dropped.get("shutdown", 0)
        if lost:
            because = f" (last error: {self._last_error})" if self._last_error else ""
            _log.warning(
                "exporter %s: %d items are lost: not delivered to %s before the shutdown's deadline%s",
                self.name,
                lost,
                self._address,
                because,
            )


def sinks_of(destinations: Iterable[Destination], signal: str) -> list[Sink]:
    """Return the sinks of *destinations* for *signal*."""
    return [destination.sinks[signal] for destination in destinations if signal in destination.sinks]


def intakes(sinks: Sequence[Sink]) -> tuple[Sink, ...]:
    """Return sinks that accept for all *sinks*, with one intake for those that are queues; call it once for each of them."""
    queues = [sink for sink in sinks if isinstance(sink, DeliveryQueue)]
    if not queues:
        return tuple(sinks)
    intake = Intake(queues, min(queue.batch_size for queue in queues))
    for queue in queues:
        queue.join_intake(intake)
    return (intake, *(sink for sink in sinks if sink not in queues))


def _printable(text: str) -> str:
    """Return *text*, which may come from a collector, as one short line without control characters and secrets."""
    return " ".join(one_line(active.scrubber().text(text)[:_MAX_ERROR_CHARS]).split())
