"""
Adding up points of several processes. Pure; points are lists, as they stand in JSON.

A number is ``[value, exemplars]``; a histogram ``[count, sum, bounds, counts, exemplars]``; an exponential one
``[count, sum, scale, zeros, [offset, counts], [offset, counts], exemplars]``, positive before negative. The rule: no
measurement is lost; where two histograms have different buckets, those they have in common remain.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

_MOST_EXEMPLARS: Final = 32

Point = list[Any]
Spread = tuple[int, Sequence[int]]
"""Index of the first bucket of an exponential histogram, and the counts from there on."""


def add(kind: str, one: Point, other: Point) -> Point:
    """Return the sum of two points of an instrument."""
    return _SUMS.get(kind, _numbers)(one, other)


def _numbers(one: Point, other: Point) -> Point:
    return [one[0] + other[0], _exemplars(one, other)]


def _histograms(one: Point, other: Point) -> Point:
    bounds, counts = one[2], [a + b for a, b in zip(one[3], other[3], strict=False)]
    if one[2] != other[2]:
        bounds = sorted(set(one[2]) & set(other[2]))
        counts = [a + b for a, b in zip(_rebucketed(one, bounds), _rebucketed(other, bounds), strict=True)]
    return [one[0] + other[0], one[1] + other[1], bounds, counts, _exemplars(one, other)]


def _rebucketed(point: Point, bounds: Sequence[float]) -> list[int]:
    """Return the counts of a histogram for *bounds*, which are some of its own; so nothing has to be guessed."""
    counts = [0] * (len(bounds) + 1)
    for place, count in enumerate(point[3]):
        within = bisect.bisect_left(bounds, point[2][place]) if place < len(point[2]) else len(bounds)
        counts[within] += count
    return counts


def _exponentials(one: Point, other: Point) -> Point:
    scale = min(one[2], other[2])
    positive, negative = (_spread((one[at], one[2] - scale), (other[at], other[2] - scale)) for at in (4, 5))
    sums = [one[0] + other[0], one[1] + other[1], scale, one[3] + other[3]]
    return [*sums, positive, negative, _exemplars(one, other)]


def _spread(*parts: tuple[Spread, int]) -> list[Any]:
    """Return the sum of buckets, each given with how often its resolution is halved."""
    total: dict[int, int] = {}
    for (offset, counts), halvings in parts:
        for place, count in enumerate(counts):
            if count:
                index = (offset + place) >> halvings
                total[index] = total.get(index, 0) + count
    if not total:
        return [0, []]
    return [min(total), [total.get(index, 0) for index in range(min(total), max(total) + 1)]]


def _exemplars(one: Point, other: Point) -> list[Any]:
    if not (one[-1] or other[-1]):
        return []
    return sorted((*one[-1], *other[-1]), key=lambda exemplar: exemplar[1])[-_MOST_EXEMPLARS:]


_SUMS: Final[Mapping[str, Callable[[Point, Point], Point]]] = {
    "histogram": _histograms,
    "exponential": _exponentials,
}
