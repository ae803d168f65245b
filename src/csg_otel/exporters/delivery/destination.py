"""
A named place telemetry goes to: its lanes, its reader and ticker, its state and its books.

A destination says once when it stops delivering and once when it delivers again; between the two it only counts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from csg_otel import forks
from csg_otel.exporters.delivery.persistent_queue import DurableLane
from csg_otel.exporters.delivery.queue import Lane, Send, SendError
from csg_otel.exporters.delivery.spool import Segment, Spool, SpoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from csg_otel.pipeline.readers import PushReader, Ticker

State = Literal["ok", "degraded", "down"]

_log = logging.getLogger("csg_otel")

_ADOPT_EVERY_S = 30.0

_REASONS = ("queue_full", "encoding", "rejected", "spool_full", "expired", "corrupt", "shutdown")
"""Reasons of a drop that are shown from the start, at nought: an alert on their increase would miss a first one otherwise."""
_DEGRADED_S = 60.0


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """
    What became of everything given to one destination.

    ``state``: ``ok``; ``degraded`` while some signals are refused, and for a minute after an item was dropped; ``down``
    while nothing gets through. Items are spans, log records and metric collections, ``emitted`` by this process or
    ``adopted`` from a dead one: ``emitted + adopted == delivered + queued + spooled + dropped``, always; ``dropped`` counts
    by reason. ``failing_s`` is for how long something has not got through, in seconds. ``spooled`` items are safe on disk:
    the next process delivers them if this one does not.
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


class Destination:
    """Lanes by signal behind one name."""

    def __init__(self, name: str, where: str) -> None:
        """*where* is the address for people, as it appears in log lines."""
        self.name = name
        self._where = where
        self.lanes: dict[str, Lane] = {}
        self.puts: dict[str, Callable[[Any], None]] = {}
        """Where ended spans (``traces``) and log records (``logs``) go in."""
        self.reader: PushReader | None = None
        self.ticker: Ticker | None = None
        self._lock = threading.Lock()
        self._failing: set[str] = set()
        self._since = 0.0
        self._recovered = 0.0
        self._last_error = ""
        self._refusals: set[str] = set()
        self.spool: Spool | None = None
        self._over = threading.Event()

    def keep_on_disk(self, root: Path, max_bytes: int) -> None:
        """Let lanes made from now on keep what can't be delivered below *root*, and adopt what dead processes have left."""
        self.spool = Spool(root, f"{self.name}\n{self._where}", max_bytes=max_bytes, on_drop=self._on_drop)

    def _on_drop(self, segment: Segment) -> None:
        lane = self.lanes.get(segment.signal)
        if isinstance(lane, DurableLane):
            lane.lost(segment)

    def start(self) -> None:
        """Begin to collect metrics, and look for what dead processes have left."""
        if self.ticker is not None:
            self.ticker.start()
        if self.spool is not None:
            self._over = threading.Event()
            threading.Thread(target=self._adopt, name=f"csg-otel-{self.name}-adopt", daemon=True).start()

    def _adopt(self) -> None:
        over, spool = self._over, self.spool
        for mine in self.lanes.values():
            if isinstance(mine, DurableLane):
                mine.prepare()
        while spool is not None and not over.is_set():
            try:
                for signal, refs in spool.adopt().items():
                    lane = self.lanes.get(signal)
                    if isinstance(lane, DurableLane):
                        lane.adopt(refs)
            except (OSError, SpoolError) as error:
                _log.debug("exporter %s: nothing adopted: %s", self.name, error)
            over.wait(_ADOPT_EVERY_S)

    def end(self) -> None:
        """Let go of the spool, after the lanes have ended."""
        self._over.set()
        if self.spool is not None:
            self.spool.close()

    def add_lane(self, signal: str, send: Send, **options: Any) -> Lane:
        """Make the lane of *signal*; *options* are those of :class:`Lane`."""
        lane = Lane(self.name, signal, send, on_outcome=self._on_outcome, **options)
        self.lanes[signal] = lane
        return lane

    def add_durable_lane(self, signal: str, sender: Any, **options: Any) -> DurableLane:
        """Make the lane of *signal* with the :class:`~csg_otel.exporters.otlp.Sender` *sender*."""
        lane = DurableLane(
            self.name,
            signal,
            sender,
            sender,
            on_outcome=self._on_outcome,
            spool=self.spool,
            reset=sender.reset_after_fork,
            close=sender.close,
            **options,
        )
        self.lanes[signal] = lane
        return lane

    def _on_outcome(self, signal: str, error: SendError | None) -> None:
        said = "" if error is None else _printable(str(error))
        with self._lock:
            was_failing = bool(self._failing)
            if error is None:
                self._failing.discard(signal)
            else:
                self._last_error = said
                # One that began in the outage that is over says nothing of now: its next attempt will.
                if error.retry and error.began >= self._recovered:
                    self._failing.add(signal)
            failing = bool(self._failing)
            if was_failing and not failing:
                self._recovered = time.monotonic()
            if failing and not was_failing:
                self._since = time.monotonic()
            refused = error is not None and not error.retry and error.reason not in self._refusals
            if refused and error is not None:
                self._refusals.add(error.reason)
        if failing and not was_failing:
            _log.warning("exporter %s: cannot deliver to %s (%s); will keep trying", self.name, self._where, said)
        elif was_failing and not failing:
            _log.warning("exporter %s: delivering again after %.0f s", self.name, time.monotonic() - self._since)
        if refused:
            _log.warning("exporter %s: %s refused items for good (%s); they are dropped", self.name, self._where, said)

    def status(self) -> DestinationStatus:
        """Return state and books over all signals."""
        books = [lane.status() for lane in self.lanes.values()]
        dropped: Counter[str] = Counter()
        for book in books:
            dropped.update(book.dropped)
        with self._lock:
            failing, last_error = len(self._failing), self._last_error
            failing_s = time.monotonic() - self._since if failing else 0.0
        delivered = sum(book.delivered for book in books)
        state: State = "ok"
        if failing:
            state = "down" if failing == sum(1 for book in books if book.emitted) else "degraded"
        elif any(lane.dropped_within(_DEGRADED_S) for lane in self.lanes.values()):
            state = "degraded"
        queued = sum(book.queued for book in books)
        spooled = sum(book.spooled for book in books)
        emitted, adopted = (sum(getattr(book, kind) for book in books) for kind in ("emitted", "adopted"))
        return DestinationStatus(
            state, queued, spooled, delivered, dict(dropped), last_error, failing_s, emitted, adopted
        )

    def say_what_was_lost(self) -> None:
        """Say in one line, after its lanes have ended, how many items the end came too soon for."""
        status = self.status()
        if status.spooled:
            _log.warning(
                "exporter %s: %d items not delivered to %s are kept on disk for the next start",
                self.name,
                status.spooled,
                self._where,
            )
        lost = status.dropped.get("shutdown", 0)
        if lost:
            because = f" (last error: {self._last_error})" if self._last_error else ""
            _log.warning(
                "exporter %s: %d items not delivered to %s before the end%s", self.name, lost, self._where, because
            )

    def reset_after_fork(self) -> None:
        """Begin anew in a child."""
        self._lock = threading.Lock()
        if self.spool is not None:
            self.spool.reset_after_fork()
            forks.afterwards(self.start)
        for lane in self.lanes.values():
            lane.reset_after_fork()
        if self.ticker is not None:
            self.ticker.reset_after_fork()


def _printable(text: str) -> str:
    """Return *text*, which a collector may have written, as one short line without control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text[:500]).split())


def items_by_outcome(destinations: Sequence[Destination]) -> Counter[tuple[str, str, str, str]]:
    """Return the books as counts by (destination, signal, result, reason), the attributes of ``csg.exporter.items``."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for destination in destinations:
        for signal, lane in destination.lanes.items():
            book = lane.status()
            for result in ("emitted", "adopted", "delivered"):
                counts[destination.name, signal, result, ""] += getattr(book, result)
            if book.waited:
                counts[destination.name, signal, "spooled", ""] += book.waited
            for reason, count in {**dict.fromkeys(_REASONS, 0), **book.dropped}.items():
                counts[destination.name, signal, "dropped", reason] += count
    return counts
