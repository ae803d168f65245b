"""
The values of all instruments over the last hours, and their exemplars.

Thread-safe. A collection becomes one step of each series. The number of series and of their lines is bounded; what is left out
is counted.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.store.series import Key, Line, SeriesHistory
from csg_otel.metrics.history import FINE_SPAN_S
from csg_otel.points import HistogramPoint, NumberPoint, Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from csg_otel.dashboard.model import ExemplarRow

_MOST_LINES: Final = {True: 120, False: 320}
"""Lines of the host's series, and of all others, so that a host of many cores leaves room. A line takes 7.6 kB in a day."""

MOST_SERIES: Final = 40
"""Series of one instrument; further ones are counted only."""

_ENDED_S: Final = 180.0
"""Seconds without a value after which a series makes room for one that is hidden; programs send every minute or more often."""

_MOST_EXEMPLARS: Final = 20
_MOST_INSTRUMENTS: Final = 500


@dataclass(slots=True)
class Instrument:
    """
    One instrument with its series, of which ``hidden`` are not kept.

    ``total`` is all series together: of a histogram always, of a counter since it has hidden ones.
    """

    name: str
    kind: str
    unit: str
    description: str = ""
    series: dict[Key, SeriesHistory] = field(default_factory=dict)
    total: SeriesHistory | None = None
    exemplars: deque[ExemplarRow] = field(default_factory=lambda: deque(maxlen=_MOST_EXEMPLARS))
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Collection:
    """The points of one collection, with the descriptions of the instruments and the exemplars by instrument."""

    points: list[Point]
    descriptions: dict[str, str] = field(default_factory=dict)
    exemplars: dict[str, list[ExemplarRow]] = field(default_factory=dict)


class Values:
    """The history of all instruments."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start from scratch, as in a forked child."""
        self._lock = threading.RLock()
        self._instruments: dict[str, Instrument] = {}
        self._lines = {True: 0, False: 0}
        self._before: dict[bool, float] = {}
        self._has_hidden = False
        self.oldest_s = math.inf
        self.newest_s = 0.0
        self.version = 0

    @property
    def lock(self) -> threading.RLock:
        """The lock for reading several instruments at one moment."""
        return self._lock

    def add(self, collection: Collection, at_s: float, *, live: bool = False) -> None:
        """Keep *collection*, made at the monotonic time *at_s*; *live* for a step of one second, otherwise of ten."""
        with self._lock:
            since_s = self._before.get(live)
            self._before[live] = at_s
            self._add_totals(self._add(collection, at_s, live, since_s), at_s, live, since_s)

    def add_from(self, collection: Collection, at_s: float, since_s: float | None) -> None:
        """
        Keep *collection* of one of several programs; histograms of several programs have no total.

        Args:
            collection: What the program has sent.
            at_s: When it did, in monotonic seconds.
            since_s: When it had sent the collection before; None if this is the first one.
        """
        self._add(collection, at_s, False, since_s)

    def _add(self, collection: Collection, at_s: float, live: bool, since_s: float | None) -> dict[str, Point]:
        """Keep the points of *collection*, and return the sum of each counter and histogram."""
        with self._lock:
            self._make_room(at_s)
            hidden: dict[str, int] = {}
            totals: dict[str, Point] = {}
            for (_, attributes), point in _by_series(collection.points).items():
                instrument = self._instrument(point, collection.descriptions)
                if instrument is None:
                    continue
                hidden.setdefault(point.name, 0)
                if instrument.kind != "gauge":
                    totals[point.name] = _sum(totals.get(point.name), point)
                series = self._series(instrument, attributes)
                if series is None:
                    hidden[point.name] += 1
                    continue
                self._keep(series, point, at_s, live, since_s)
            for name, count in hidden.items():
                instrument = self._instruments[name]
                instrument.hidden = count
                instrument.exemplars.extend(
                    row for row in collection.exemplars.get(name, ()) if row not in instrument.exemplars
                )
            self._has_hidden = any(hidden.values())
            self.oldest_s = min(self.oldest_s, at_s)
            self.newest_s = max(self.newest_s, at_s)
            self.version += 1
            return totals

    def _add_totals(self, totals: Mapping[str, Point], at_s: float, live: bool, since_s: float | None) -> None:
        for name, point in totals.items():
            instrument = self._instruments[name]
            if instrument.total is None:
                if instrument.kind != "histogram" and not instrument.hidden:
                    continue  # the series themselves are all
                since_s = since_s if instrument.kind == "histogram" else None  # a counter's total does not begin at 0
                instrument.total = SeriesHistory()
            self._keep(instrument.total, point, at_s, live, since_s)

    def _keep(self, series: SeriesHistory, point: Point, at_s: float, live: bool, since_s: float | None) -> None:
        before = len(series.lines)
        series.add(point, at_s, live=live, since_s=since_s)
        self._lines[_is_host(point.name)] += len(series.lines) - before

    def _instrument(self, point: Point, descriptions: Mapping[str, str]) -> Instrument | None:
        instrument = self._instruments.get(point.name)
        if instrument is None:
            if len(self._instruments) >= _MOST_INSTRUMENTS:
                return None
            kind = "histogram" if isinstance(point, HistogramPoint) else point.kind
            instrument = Instrument(point.name, kind, point.unit)
            self._instruments[point.name] = instrument
        instrument.description = descriptions.get(point.name, instrument.description)
        return instrument

    def _series(self, instrument: Instrument, attributes: Key) -> SeriesHistory | None:
        series = instrument.series.get(attributes)
        if series is None:
            if len(instrument.series) >= MOST_SERIES:
                return None
            if self._is_full(instrument.name) and instrument.series:
                return None  # the first series of an instrument is always kept
            series = instrument.series[attributes] = SeriesHistory()
        return series

    def _make_room(self, now_s: float) -> None:
        """Drop the series that have had no value for an hour where there is no room, or for minutes while others are hidden."""
        ended_s = now_s - (_ENDED_S if self._has_hidden else FINE_SPAN_S)
        for name, instrument in self._instruments.items():
            if not self._is_full(name) and len(instrument.series) < MOST_SERIES:
                continue
            for attributes, series in tuple(instrument.series.items()):
                if series.newest_s < ended_s:
                    self._lines[_is_host(name)] -= len(instrument.series.pop(attributes).lines)

    def _is_full(self, name: str) -> bool:
        """Return whether there is no room for another series of the instrument *name*."""
        is_host = _is_host(name)
        return self._lines[is_host] >= _MOST_LINES[is_host]

    def restored_line(
        self, head: tuple[str, str, str, str], attributes: Key | None, field_name: str, ended_s: float
    ) -> Line | None:
        """
        Return the line of a series from a file, which is made if it is not there; None if there is no room.

        Args:
            head: Name, kind, unit and description of the instrument.
            attributes: Those of the series; None for the total of a histogram.
            field_name: The field.
            ended_s: Monotonic time of the newest value.
        """
        with self._lock:
            instrument = self._instruments.setdefault(head[0], Instrument(*head))
            if attributes is None:
                series = instrument.total = instrument.total or SeriesHistory()
            else:
                series = instrument.series.setdefault(attributes, SeriesHistory())
            series.newest_s = max(series.newest_s, ended_s)
            if field_name not in series.lines:
                if self._is_full(head[0]):
                    return None
                self._lines[_is_host(head[0])] += 1
                series.lines[field_name] = Line()
            return series.lines[field_name]

    def instruments(self) -> list[Instrument]:
        """Return all instruments by name; read them under ``lock``."""
        return [self._instruments[name] for name in sorted(self._instruments)]

    def instrument(self, name: str) -> Instrument | None:
        """Return the instrument *name*; None if it has no values."""
        return self._instruments.get(name)

    @property
    def series_count(self) -> int:
        """The number of series that are kept."""
        with self._lock:
            return sum(len(instrument.series) for instrument in self._instruments.values())


def key(attributes: Mapping[str, Any]) -> Key:
    """Return *attributes* as the key of a series."""
    return tuple(sorted((str(name), _text(value)) for name, value in attributes.items()))


def _by_series(points: Iterable[Point]) -> dict[tuple[str, Key], Point]:
    """Return *points* by name and attributes; two scopes may have an instrument of one name, which are one here."""
    merged: dict[tuple[str, Key], Point] = {}
    for point in points:
        series = point.name, key(point.attributes)
        merged[series] = _sum(merged.get(series), point)
    return merged


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_host(name: str) -> bool:
    return name.startswith("system.")


def _sum(total: Point | None, point: Point) -> Point:
    """Return *total* with *point* added, or *point* if it is a gauge; of histograms with different bounds, the larger one."""
    if total is None:
        return point
    if isinstance(total, NumberPoint) and isinstance(point, NumberPoint):
        if point.kind == "gauge":
            return point
        return replace(point, value=total.value + point.value)
    if not isinstance(total, HistogramPoint) or not isinstance(point, HistogramPoint):
        return total
    if total.bounds != point.bounds:
        return point if point.count > total.count else total
    counts = tuple(one + other for one, other in zip(total.counts, point.counts, strict=True))
    return replace(point, count=total.count + point.count, total=total.total + point.total, counts=counts)
