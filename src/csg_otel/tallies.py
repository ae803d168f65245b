"""
Fast counts: this process keeps them itself, and passes them to OpenTelemetry at each collection.

An increment is a single C call without a lock, and so is the append of an amount that is added. They are exact with several
threads, in finalizers, and when the provider is replaced. Values that need views or histograms cannot be tallies. A forked
child starts at 0, and so do the business metrics when the process gets its meter provider: as with OpenTelemetry's instruments,
what was counted before is not exported.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import forks
from csg_otel.markers import reads_snapshot
from csg_otel.names import BUSINESS, CARDINALITY_LIMIT, OVERFLOW, Metric

_OVERFLOW = {OVERFLOW: True}

_MOST_AMOUNTS = 256
"""Amounts that a tally keeps one by one: an append takes a fifth of the time of a lock."""

_present: weakref.WeakSet[TallySeries] = weakref.WeakSet()


class Tally:
    """A count that only grows; ``increment()`` adds 1."""

    __slots__ = ("_amounts", "_bulk", "_increments", "_is_summing", "_lock", "_reads", "increment")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start at 0 with a new lock; an ``increment`` function that a caller got before the reset has no effect any more."""
        self._lock = threading.RLock()
        self._increments = itertools.count()
        self._reads = 0
        self._bulk = 0
        self._amounts: list[int] = []
        self._is_summing = False
        self.increment: Callable[[], int] = self._increments.__next__

    def add(self, amount: int) -> None:
        """Add *amount*, 0 or more."""
        self._amounts.append(amount)
        if len(self._amounts) >= _MOST_AMOUNTS:
            with self._lock:
                self._sum_up()

    def _sum_up(self) -> None:
        """Sum up the amounts; the caller holds the lock. In a signal handler that interrupts this, does nothing."""
        if self._is_summing:
            return
        self._is_summing = True
        try:
            count = len(self._amounts)
            total = self._bulk + sum(self._amounts[:count])
            self._bulk = total
            del self._amounts[:count]  # no signal handler runs between these two, because nothing is called
        finally:
            self._is_summing = False

    @property
    def value(self) -> int:
        """The count now."""
        with self._lock:
            # A counter of itertools can only be read by advancing it, so the number of reads is subtracted.
            increments = next(self._increments) - self._reads
            self._reads += 1
            return increments + self._bulk + sum(self._amounts)


class Level:
    """
    The number of operations in progress: begun and not yet ended.

    An operation increments ``began``, and gets the ``increment`` of ``ended`` then: a forked child has others, so that it does
    not count the end of an operation of its parent.
    """

    __slots__ = ("began", "ended")

    def __init__(self) -> None:
        self.began = Tally()
        self.ended = Tally()

    def reset(self) -> None:
        """Start at 0."""
        self.began.reset()
        self.ended.reset()

    @property
    def value(self) -> int:
        """The number of operations in progress now, never negative."""
        ended = self.ended.value  # read first: an operation that begins and ends between the reads must not give -1
        return self.began.value - ended


class Series:
    """The tallies or levels of one instrument by attribute values; bounded by the cardinality limit."""

    def __init__(self, metric: Metric, kind: type[Tally] | type[Level]) -> None:
        self.metric = metric
        self._kind = kind
        self._lock = threading.RLock()
        self._items: dict[tuple[str, ...], Tally | Level] = {}
        self._overflow: Tally | Level | None = None
        forks.follow(self.reset_after_fork)

    def _item(self, values: tuple[str, ...]) -> Tally | Level:
        item = self._items.get(values)
        if item is not None:
            return item
        with self._lock:
            if values in self._items:
                return self._items[values]
            if len(self._items) < CARDINALITY_LIMIT - 1:
                return self._items.setdefault(values, self._kind())
            self._overflow = self._overflow or self._kind()
            return self._overflow

    @reads_snapshot
    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Return one observation for each series; this is the callback of the instrument."""
        with self._lock:
            items = list(self._items.items())
        names = self.metric.attributes
        observations = [Observation(item.value, dict(zip(names, values))) for values, item in items]  # noqa: B905 - same length
        if self._overflow is not None:
            observations.append(Observation(self._overflow.value, _OVERFLOW))
        return observations

    def reset_after_fork(self) -> None:
        """Start every series at 0 in a forked child, with new locks: their holders in the parent do not exist here."""
        self._lock = threading.RLock()
        self.start_at_zero()

    def start_at_zero(self) -> None:
        """Forget what was counted."""
        for item in (*self._items.values(), *([self._overflow] if self._overflow is not None else [])):
            item.reset()


class TallySeries(Series):
    """Tallies by attribute values."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric, Tally)
        _present.add(self)

    def at(self, *values: str) -> Tally:
        """Return the tally for *values*, in the order of the metric's attributes; its series exists from now on."""
        item = self._item(values)
        assert isinstance(item, Tally)  # noqa: S101 - for the type checker
        return item


class LevelSeries(Series):
    """Levels by attribute values."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric, Level)

    def at(self, *values: str) -> Level:
        """Return the level for *values*, in the order of the metric's attributes; its series exists from now on."""
        item = self._item(values)
        assert isinstance(item, Level)  # noqa: S101 - for the type checker
        return item


def start_business_at_zero() -> None:
    """Forget what the business metrics have counted."""
    for series in tuple(_present):
        if series.metric.name in BUSINESS:
            series.start_at_zero()
