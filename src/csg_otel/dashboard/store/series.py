"""
The history of every instrument: steps of 1 s while someone watches, of 10 s for an hour, and of 1 min for a day.

A counter is kept as its rate per second, a histogram as its rate, mean and quantiles in each step. The rule: the memory depends
on the number of lines alone, and that is bounded. Not thread-safe: ``values`` calls it under its lock.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Final

from csg_otel.metrics.history import COARSE_SPAN_S, COARSE_STEP_S, FINE_SPAN_S, FINE_STEP_S, Ring
from csg_otel.points import HistogramPoint, NumberPoint, Point, buckets, quantile

if TYPE_CHECKING:
    from collections.abc import Iterable

LIVE_STEP_S: Final = 1.0
LIVE_SPAN_S: Final = 90.0
QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_LEAST_S: Final = 10.0
_MOST_S: Final = 60.0
"""Bounds of the seconds between two values of a series: programs collect every ten seconds, and send every minute."""

Key = tuple[tuple[str, str], ...]
"""The attributes of a series, sorted."""


class Line:
    """The values of one field of one series; all times are monotonic seconds."""

    __slots__ = ("_first_s", "_live", "_minute", "coarse", "fine", "latest")

    def __init__(self) -> None:
        self.fine = Ring(FINE_STEP_S, int(FINE_SPAN_S / FINE_STEP_S), "f")
        self.coarse: Ring | None = None
        self._live: Ring | None = None
        self._first_s = math.inf
        self.latest: float | None = None
        """The newest value with all its digits; a ring has seven."""
        self._minute: tuple[int, int, float] = (-1, 0, 0.0)
        """The present minute, and the number and the sum of its values."""

    def put(self, at_s: float, value: float) -> None:
        """Keep *value* for the step of 10 s, and in the mean of its minute once the line is nearly an hour old."""
        self.fine.put(at_s, value)
        if self.coarse is None:
            self._first_s = min(self._first_s, at_s)
            if at_s - self._first_s < FINE_SPAN_S - COARSE_STEP_S:
                return
            for moment_s, mean in self.coarse_items():
                self.put_coarse(moment_s, mean)
        minute, count, total = self._minute
        if minute != int(at_s // COARSE_STEP_S):
            minute, count, total = int(at_s // COARSE_STEP_S), 0, 0.0
        self._minute = minute, count + 1, total + value
        self.put_coarse(at_s, (total + value) / (count + 1))

    def put_coarse(self, at_s: float, value: float) -> None:
        """Keep *value* for the minute of *at_s*."""
        if self.coarse is None:
            self.coarse = Ring(COARSE_STEP_S, int(COARSE_SPAN_S / COARSE_STEP_S), "f")
        self.coarse.put(at_s, value)

    def coarse_items(self) -> list[tuple[float, float]]:
        """Return the values by minutes, the oldest first; of a young line the means of its fine ones."""
        if self.coarse is not None:
            return self.coarse.items()
        minutes = groupby(self.fine.items(), lambda item: item[0] // COARSE_STEP_S)
        groups = [(minute, [value for _, value in group]) for minute, group in minutes]
        return [(minute * COARSE_STEP_S, sum(values) / len(values)) for minute, values in groups]

    def put_live(self, at_s: float, value: float) -> None:
        """Keep *value* for the step of one second."""
        if self._live is None:
            self._live = Ring(LIVE_STEP_S, int(LIVE_SPAN_S / LIVE_STEP_S), "f")
        self._live.put(at_s, value)

    def between(self, step_s: float, first: int, last: int) -> list[float | None]:
        """Return the values of the steps of *step_s* (one of the three) from number *first* to before *last*; None for gaps."""
        ring = {FINE_STEP_S: self.fine, COARSE_STEP_S: self.coarse, LIVE_STEP_S: self._live}[step_s]
        if ring is not None:
            return ring.between(first, last)
        items = self.coarse_items() if step_s == COARSE_STEP_S else []
        by_step = {int(at_s // step_s): value for at_s, value in items}
        return [by_step.get(step) for step in range(first, last)]

    def items(self, since_s: float, *, live: bool = True) -> list[tuple[float, float]]:
        """Return the values from *since_s* on, the oldest first: coarse, then fine, and with *live* then those of a second."""
        fine = self.fine.items(since_s)
        first_fine = fine[0][0] if fine else math.inf
        last_fine = fine[-1][0] + FINE_STEP_S if fine else -math.inf
        coarse = self.coarse.items(since_s) if self.coarse is not None and since_s < first_fine else []
        newest = self._live.items(max(since_s, last_fine)) if live and self._live is not None else []
        return [*(item for item in coarse if item[0] + COARSE_STEP_S <= first_fine), *fine, *newest]

    def seconds(self, since_s: float) -> list[tuple[float, float]]:
        """Return the value of each second from *since_s* on: a live one, or that of the ten seconds it is in."""
        live = dict(self._live.items(since_s)) if self._live is not None else {}
        first_live = next(iter(live), math.inf)
        spread = (
            (at_s + second, value)
            for at_s, value in self.fine.items(since_s - FINE_STEP_S)
            for second in range(int(FINE_STEP_S))
            if at_s + second < first_live
        )
        return [*spread, *live.items()]


class SeriesHistory:
    """One series: its lines by field (``value``, or ``rate``, ``mean`` and quantiles), and its latest points."""

    __slots__ = ("_before", "_every_s", "lines", "newest_s")

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self._before: dict[bool, tuple[float, Point]] = {}
        """Time and point of the latest step, by whether it is a live one."""
        self.newest_s = 0.0
        self._every_s = _MOST_S

    def has_ended(self, now_s: float) -> bool:
        """Return whether the series was missing when it was due, twice."""
        return now_s - self.newest_s > 2.5 * self._every_s

    def add(self, point: Point, at_s: float, *, live: bool, since_s: float | None) -> None:
        """
        Keep *point*, which was collected at *at_s*.

        Args:
            point: A cumulative point.
            at_s: Time of the collection, monotonic.
            live: Whether it is a step of 1 s; otherwise it is one of 10 s.
            since_s: Time of the collection before, in which a series that is new now was 0; None if there was none.
        """
        self._every_s = min(max(at_s - self.newest_s, _LEAST_S), _MOST_S) if self.newest_s else _MOST_S
        self.newest_s = at_s
        if isinstance(point, NumberPoint) and point.kind != "counter":
            self._put("value", at_s, point.value, live=live)
            return
        before = self._before.get(live) or (None if since_s is None else (since_s, _zero(point)))
        self._before[live] = (at_s, point)
        if before is None or at_s <= before[0]:
            return
        for field, value in _steps(before[1], point, at_s - before[0]):
            self._put(field, at_s, value, live=live)

    def _put(self, field: str, at_s: float, value: float, *, live: bool) -> None:
        line = self.lines.get(field)
        if line is None:
            line = self.lines[field] = Line()
        if math.isfinite(value):
            (line.put_live if live else line.put)(at_s, value)
            # The rate and the quantiles of one second say little, but more than nothing.
            if field == "value" or not live or line.fine.newest_s < 0:
                line.latest = value


def _zero(point: Point) -> Point:
    if isinstance(point, HistogramPoint):
        return HistogramPoint(point.name, point.unit, {}, 0, 0.0, point.bounds, (0,) * len(point.counts))
    return NumberPoint(point.name, point.kind, point.unit, {}, 0)


def _steps(before: Point, now: Point, seconds: float) -> Iterable[tuple[str, float]]:
    """Return the fields of the step between two points of a counter or histogram; a reset starts at 0."""
    if isinstance(now, NumberPoint):
        previous = before.value if isinstance(before, NumberPoint) and before.value <= now.value else 0
        return [("rate", (now.value - previous) / seconds)]
    if not isinstance(before, HistogramPoint) or before.count > now.count or before.bounds != now.bounds:
        before = _zero(now)
    assert isinstance(before, HistogramPoint)  # noqa: S101 - by the line above
    count = now.count - before.count
    if not count:
        return [("rate", 0.0)]
    counts = [new - old for new, old in zip(now.counts, before.counts, strict=True)]
    highest = now.bounds[-1] if now.bounds else math.nan
    fields = [("rate", count / seconds), ("mean", (now.total - before.total) / count)]
    for field, share in QUANTILES.items():
        estimate = quantile(buckets(now.bounds, counts), share)
        fields.append((field, highest if estimate is None else estimate))
    return fields
