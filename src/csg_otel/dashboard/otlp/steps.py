"""
The values between two exports of metrics. Pure.

Programs export every minute, and the history has steps of ten seconds. Without the steps in between, a chart would have one
dot a minute. A counter is taken to have grown evenly, and a gauge to have kept its value.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Final

from csg_otel.points import HistogramPoint, NumberPoint, Point

LONGEST_S: Final = 90.0
"""Longest time between two exports that counts as an interval: SDKs export every minute; a longer time is a gap."""

Points = Mapping[Hashable, Point]
"""The points of one export by their series."""


def key(point: Point) -> Hashable:
    """Return the identity of the series of *point*."""
    return point.name, type(point), tuple(sorted((name, str(value)) for name, value in point.attributes.items()))


def between(
    before: Points, after: Points, since_s: float, until_s: float, step_s: float
) -> Iterator[tuple[float, list[Point]]]:
    """
    Yield the points of the steps between two exports, each with its time.

    Args:
        before: The points of the earlier export.
        after: The points of the later export.
        since_s: The time of the earlier one, in seconds.
        until_s: The time of the later one.
        step_s: The time between two steps.
    """
    if until_s - since_s > LONGEST_S:
        return
    pairs = [(point, after[series]) for series, point in before.items() if series in after]
    at_s = since_s + step_s
    while at_s < until_s - step_s / 2:
        share = (at_s - since_s) / (until_s - since_s)
        yield at_s, [_between(first, second, share) for first, second in pairs]
        at_s += step_s


def _between(first: Point, second: Point, share: float) -> Point:
    """Return the point after *share* (0 to 1) of the time between two points of one series."""
    if isinstance(first, HistogramPoint) and isinstance(second, HistogramPoint):
        if first.bounds != second.bounds or first.count > second.count:
            return first
        counts = tuple(
            earlier + round(share * (later - earlier))
            for earlier, later in zip(first.counts, second.counts, strict=True)
        )
        total = first.total + share * (second.total - first.total)
        return HistogramPoint(first.name, first.unit, first.attributes, sum(counts), total, first.bounds, counts)
    if isinstance(first, NumberPoint) and isinstance(second, NumberPoint) and first.kind == "counter":
        grown = max(0, second.value - first.value)
        return NumberPoint(first.name, first.kind, first.unit, first.attributes, first.value + share * grown)
    return first
