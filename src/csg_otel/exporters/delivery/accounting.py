"""
Delivery accounting: the number of items by destination and result, as metrics and as the report of a shutdown.

Only counts; the queues deliver. The rule: destinations that are no longer configured keep their counts.
"""

from __future__ import annotations

import functools
import weakref
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import names, scope
from csg_otel.exporters.delivery.sdk_metrics import SdkMetrics
from csg_otel.markers import reads_snapshot

if TYPE_CHECKING:
    from csg_otel.exporters.delivery.destination import Destination

_REASONS = ("queue_full", "encoding", "rejected", "spool_full", "expired", "corrupt", "shutdown")
"""Drop reasons that are exported from the start with the value 0, so that an alert on their increase sees the first drop."""

Items = Counter[tuple[str, str, str, str]]
"""
Counts by (destination, signal, result, reason), the attributes of ``csg.exporter.items``.

Two more results are in ``otel.sdk.*`` only: ``passed``, the items in requests, and ``points``, the data points by refusal.
"""

_OF_ITEMS = ("emitted", "adopted", "delivered", "spooled", "dropped")
"""The results that ``csg.exporter.items`` has."""


@dataclass(frozen=True, slots=True)
class ShutdownReport:
    """
    The result of a shutdown: item counts over the life of the telemetry, and its duration in seconds.

    ``dropped`` counts by reason. ``spooled`` items are on disk for the next start.
    """

    delivered: int = 0
    spooled: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    took_s: float = 0.0


class Accounting:
    """The counts of the destinations in use and of the retired destinations."""

    def __init__(self) -> None:
        """Publish ``csg.exporter.items``, ``csg.spool.size`` and ``otel.sdk.*`` until :meth:`close`."""
        self._destinations: tuple[Destination, ...] = ()
        # The counts of retired destinations, and the destinations being drained: one tuple, because a scrape may read
        # at any moment and must count each item once.
        self._past: tuple[Items, tuple[Destination, ...]] = (Counter(), ())
        self._spooled = 0
        self._closed = False
        _instruments().show(self)

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """The destinations in use."""
        return self._destinations

    @property
    def counted(self) -> tuple[Destination, ...]:
        """The destinations that are being drained, and those in use."""
        draining = self._past[1]
        return (*draining, *(destination for destination in self._destinations if destination not in draining))

    def replace(self, destinations: tuple[Destination, ...]) -> tuple[Destination, ...]:
        """Use *destinations*; return the previous ones, which are counted on while they are drained."""
        previous = self._destinations
        self._past = (self._past[0], previous)
        self._destinations = destinations
        return previous

    def retire(self) -> None:
        """Keep the counts of the destinations that :meth:`replace` returned; their queues have ended."""
        retired, drained = self._past
        counts = Counter(retired)
        counts.update(items_by_result(drained))
        self._spooled = sum(destination.status().spooled for destination in drained)
        self._past = (counts, ())

    def items(self) -> Items:
        """Return the counts since the start, retired destinations included."""
        items = items_by_result(self.counted)
        items.update(self._past[0])  # not +, which leaves out counts of 0
        return items

    def spool_sizes(self) -> dict[str, int]:
        """Return the bytes on disk by destination; destinations without a spool are left out."""
        return {
            destination.name: destination.spool.size
            for destination in self._destinations
            if destination.spool is not None
        }

    def close(self, took_s: float) -> ShutdownReport:
        """Stop publishing, and return the report of a shutdown that took *took_s* seconds."""
        self._closed = True
        delivered, dropped = 0, Counter[str]()
        for (_, _, result, reason), count in self._past[0].items():
            delivered += count if result == "delivered" else 0
            if result == "dropped" and count:
                dropped[reason] += count
        return ShutdownReport(delivered, self._spooled, dict(dropped), took_s)

    @property
    def closed(self) -> bool:
        """Whether the shutdown has ended and nothing is published any more."""
        return self._closed

    def reset_after_fork(self) -> None:
        """Forget the parent's counts."""
        self._past = (Counter(), ())


class _Instruments:
    """The instruments of the accounting, created once per process; they read the accounting that began last."""

    def __init__(self) -> None:
        self._accounting: weakref.ref[Accounting] | None = None
        scope.create(names.EXPORTER_ITEMS, [self.observe_items])
        scope.create(names.SPOOL_SIZE, [self.observe_spools])
        SdkMetrics(self._shown)

    def show(self, accounting: Accounting) -> None:
        """Show *accounting* from now on."""
        self._accounting = weakref.ref(accounting)

    def _shown(self) -> Accounting | None:
        accounting = None if self._accounting is None else self._accounting()
        return None if accounting is None or accounting.closed else accounting

    @reads_snapshot
    def observe_items(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Yield ``csg.exporter.items``."""
        items = {} if (accounting := self._shown()) is None else accounting.items()
        for (destination, signal, result, reason), count in items.items():
            if result not in _OF_ITEMS:
                continue
            attributes = {names.DESTINATION: destination, names.SIGNAL: signal, names.RESULT: result}
            yield Observation(count, {**attributes, names.REASON: reason} if reason else attributes)

    @reads_snapshot
    def observe_spools(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Yield ``csg.spool.size``."""
        sizes = {} if (accounting := self._shown()) is None else accounting.spool_sizes()
        for destination, size in sizes.items():
            yield Observation(size, {names.DESTINATION: destination})


@functools.lru_cache(maxsize=1)
def _instruments() -> _Instruments:
    # Once, because the meter provider of the program keeps the first callback of an instrument only.
    return _Instruments()


def items_by_result(destinations: Sequence[Destination]) -> Items:
    """Return the counts of *destinations*, separately for each signal, result and reason."""
    items: Items = Counter()
    for destination in destinations:
        for signal, queue in destination.queues.items():
            counts = queue.counts()
            for result in ("emitted", "adopted", "delivered", "passed"):
                items[destination.name, signal, result, ""] += getattr(counts, result)
            if counts.waited:
                items[destination.name, signal, "spooled", ""] += counts.waited
            for reason, count in {**dict.fromkeys(_REASONS, 0), **counts.dropped}.items():
                items[destination.name, signal, "dropped", reason] += count
            for reason, count in counts.points.items():
                items[destination.name, signal, "points", reason] += count
    return items
