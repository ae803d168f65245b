"""
Running totals of the series that are sent as differences (delta temporality), so that all points are cumulative.

The rules: a difference that is sent twice counts once; the number of series is bounded, and the one that was not sent for the
longest time is dropped first; a sum whose numbers are too large starts again.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from csg_otel.multiprocess import merge

_MOST_SERIES: Final = 10_000
"""About 10 MB of histograms."""

_MOST_BUCKETS: Final = 320
"""Buckets of each side of an exponential total: twice the SDKs' limit."""

Point = list[Any]
"""A point as in ``multiprocess.codec``, without start time and exemplars."""


@dataclass(slots=True)
class _Total:
    point: Point
    period: tuple[int, int]


class Totals:
    """The total of each series."""

    def __init__(self, most_series: int = _MOST_SERIES) -> None:
        """Start without series, and keep *most_series* at most."""
        self._most_series = most_series
        self._totals: dict[Hashable, _Total] = {}

    def add(self, series: Hashable, kind: str, point: Sequence[Any], period: tuple[int, int]) -> Point:
        """
        Return the total of a series after the difference *point*.

        Args:
            series: The identity of the series.
            kind: ``number``, ``histogram`` or ``exponential``.
            point: The difference, as in ``multiprocess.codec``, without start time and exemplars.
            period: Start and end of the difference, in nanoseconds; a difference with the same period was sent again.
        """
        key = (series, kind)
        before = self._totals.pop(key, None)
        if before is not None and before.period == period:
            self._totals[key] = before
            return before.point
        total = list(point) if before is None else _sum(kind, before.point, point)
        while len(self._totals) >= self._most_series:
            del self._totals[next(iter(self._totals))]
        self._totals[key] = _Total(total, period)
        return total


def _sum(kind: str, total: Sequence[Any], point: Sequence[Any]) -> Point:
    first, second = _mergeable(total), _mergeable(point)
    if kind == "exponential":
        # The merge fills the gaps between the buckets, so they must not be far apart.
        scale = min(total[2], point[2])
        coarsest = scale - _halvings(total, point, scale)
        first = merge.add(kind, first, [0, 0.0, coarsest, 0, [0, []], [0, []], 0, ""])
        second = merge.add(kind, second, [0, 0.0, coarsest, 0, [0, []], [0, []], 0, ""])
    return merge.add(kind, first, second)[:-2]


def _mergeable(point: Sequence[Any]) -> Point:
    return [*point, 0, ""]


def _halvings(total: Sequence[Any], point: Sequence[Any], scale: int) -> int:
    """Return how often the resolution *scale* must be halved so that both points together have few buckets."""
    times = 0
    for side in (4, 5):
        ends = [
            end >> (each[2] - scale)
            for each in (total, point)
            if each[side][1]
            for end in (each[side][0], each[side][0] + len(each[side][1]) - 1)
        ]
        while ends and (max(ends) >> times) - (min(ends) >> times) >= _MOST_BUCKETS:
            times += 1
    return times
