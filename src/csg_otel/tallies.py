"""
Whole numbers this process keeps by itself and shows to OpenTelemetry when it collects.

Adding one costs a single C call, takes no lock and is exact under threads, in finalizers and across exchanges of the
provider. Not for values that need views or histograms. A forked child starts again at nought.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Final

from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import forks
from csg_otel.markers import reads_snapshot
from csg_otel.names import CARDINALITY_LIMIT, OVERFLOW, Metric

_OVERFLOW: Final = {OVERFLOW: True}


class Tally:
    """A count that only grows; ``one()`` adds one."""

    __slots__ = ("_bulk", "_lock", "_ones", "_reads", "one")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again at nought, with a new lock; a ``one`` taken before no longer counts here."""
        self._lock = threading.RLock()
        self._ones = itertools.count()
        self._reads = 0
        self._bulk = 0
        self.one: Callable[[], int] = self._ones.__next__

    def add(self, amount: int) -> None:
        """Add *amount*, nought or more."""
        with self._lock:
            self._bulk += amount

    @property
    def value(self) -> int:
        """The count now."""
        with self._lock:
            # A counter of itertools can be read only by drawing from it, so what reading drew is taken off again.
            drawn = next(self._ones) - self._reads
            self._reads += 1
            return drawn + self._bulk


class Level:
    """What has begun and not ended: ``up()`` returns what has to be called, once, when it ends."""

    __slots__ = ("_began", "_ended")

    def __init__(self) -> None:
        self._began = Tally()
        self._ended = Tally()

    def up(self) -> Callable[[], int]:
        """Count one that begins; the function returned counts its end and belongs to this process, not to a child."""
        self._began.one()
        return self._ended.one

    def reset(self) -> None:
        """Start again at nought."""
        self._began.reset()
        self._ended.reset()

    @property
    def value(self) -> int:
        """How many are under way now, never negative."""
        ended = self._ended.value  # first, so that one that begins and ends in between can't show as minus one
        return self._began.value - ended


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
        """Yield one observation a series; the callback of the instrument."""
        with self._lock:
            items = list(self._items.items())
        names = self.metric.attributes
        found = [Observation(item.value, dict(zip(names, values))) for values, item in items]  # noqa: B905 - same length
        if self._overflow is not None:
            found.append(Observation(self._overflow.value, _OVERFLOW))
        return found

    def reset_after_fork(self) -> None:
        """Start every series again at nought; for a forked child, where holders of the locks no longer exist."""
        self._lock = threading.RLock()
        for item in (*self._items.values(), *([self._overflow] if self._overflow is not None else [])):
            item.reset()


class TallySeries(Series):
    """Tallies by attribute values."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric, Tally)

    def at(self, *values: str) -> Tally:
        """Return the tally for *values*, in the order of the metric's attributes; it is shown from now on."""
        item = self._item(values)
        assert isinstance(item, Tally)  # noqa: S101 - for the type checker
        return item


class LevelSeries(Series):
    """Levels by attribute values."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric, Level)

    def at(self, *values: str) -> Level:
        """Return the level for *values*, in the order of the metric's attributes; it is shown from now on."""
        item = self._item(values)
        assert isinstance(item, Level)  # noqa: S101 - for the type checker
        return item
