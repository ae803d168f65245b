"""
How far the values of one series moved: a robust comparison of a window with the time before it.

A movement counts by four shares of 0 to 1: how clearly the values of the window differ from those of the baseline (Cliff's
delta, by ranks, so that outliers do not matter), how much further they moved than the baseline's own parts did (novelty, so
that noise, drift and regular peaks do not matter), the size in doublings, and the weight of such a series.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

FEWEST: Final = 4
"""Fewest values in the window and in the baseline; fewer say nothing."""

_SURE: Final = 3.2
"""Fewest standard deviations of the rank sum: less happens by chance among hundreds of series."""

_FEWEST_PARTS: Final = 6
_MOST_POINTS: Final = 12
"""Most levels that a trend is computed from; the number of slopes grows with the square."""

_LEAST_DOUBLINGS: Final = 0.3
"""Smallest change that is shown: 23 %."""

_LATEST: Final = (1, 2, 3, 5)
"""The change may have begun within the window: its whole, second half, last third and last fifth are compared."""


_Typical = Callable[[Sequence[float]], float]


@dataclass(frozen=True, slots=True)
class Movement:
    """A change from *before* to *after* (typical values); *strength* is 0 to 1."""

    before: float
    after: float
    strength: float


def compare(
    baseline: Sequence[float], window: Sequence[float], floor: float, *, counted: bool = False, share: bool = False
) -> Movement | None:
    """
    Return the movement of *window* against *baseline*, both in the order of time; None if there is none to show.

    Args:
        baseline: the values before.
        window: the values of the window.
        floor: the smallest difference that matters, in the unit of the values; above 0.
        counted: whether the typical value is the mean: rates of rare events are mostly 0. Default: the median.
        share: whether the values are shares, so that 0.01 to 0.02 and 0.99 to 0.98 count the same. Default False.
    """
    if len(window) < FEWEST or len(baseline) < FEWEST:
        return None
    typical = _mean if counted else _median
    ranked = sorted(baseline)
    usual = typical(ranked)
    low, high = ranked[len(ranked) // 10], ranked[-1 - len(ranked) // 10]
    best: Movement | None = None
    for divisor in _LATEST:
        part = window[-max(len(window) // divisor, FEWEST) :]
        after = typical(part)
        if (not counted and low <= after <= high) or abs(after - usual) < floor:
            continue
        strength = _distinct(ranked, part) * _size(usual, after, floor, share=share)
        if strength > (best.strength if best else 0.0):
            strength *= _novelty(baseline, len(part), typical, after, usual)
        if strength > (best.strength if best else 0.0):
            best = Movement(usual, after, strength)
    return best


def _distinct(ranked: Sequence[float], part: Sequence[float]) -> float:
    """Return the absolute value of Cliff's delta of *part* against the sorted values *ranked*; 0 if it may be chance."""
    above = sum(bisect_left(ranked, value) for value in part)
    below = sum(len(ranked) - bisect_right(ranked, value) for value in part)
    pairs = len(ranked) * len(part)
    delta = abs(above - below) / pairs
    deviations = delta * math.sqrt(3 * pairs / (len(ranked) + len(part) + 1))
    return delta if deviations >= _SURE else 0.0


def _novelty(baseline: Sequence[float], length: int, typical: _Typical, after: float, usual: float) -> float:
    """
    Return 0 if *after* is no further from *usual* (and from the trend) than parts of the baseline from each other, up to 1.

    Args:
        baseline: the values before, in the order of time.
        length: the number of values in the window.
        typical: returns the typical value of a part.
        after: the typical value of the window.
        usual: the typical value of the baseline.
    """
    count = len(baseline)
    length = max(2, min(length, count // _FEWEST_PARTS))
    starts = range(count % length, count - length + 1, length)
    levels = [typical(baseline[start : start + length]) for start in starts]
    # A change that began shortly before the window moves the last parts, so the last moves are no measure.
    past = _without_one_incident(levels[: -len(levels) // _FEWEST_PARTS], usual, (after - usual) / 2)
    moves = [abs(later - earlier) for earlier, later in pairwise(past)]
    largest, beyond = max(moves, default=0.0), after - _extrapolated(levels)
    if (after - usual) * beyond <= 0:
        return 0.0
    shift = min(abs(after - usual), abs(beyond))
    return max(0.0, (shift - largest) / (shift + largest))


def _without_one_incident(levels: list[float], usual: float, far: float) -> list[float]:
    """
    Return *levels* without the stretch that is further than *far* (signed) from *usual*, if there is one only and it is over.

    What happened once before is still news; what happens again and again is not.
    """
    away = [(level - usual) / far >= 1 for level in levels]
    begins = [place for place, (before, now) in enumerate(pairwise(away), 1) if now and not before]
    if len(begins) != 1 or away[0] or away[-1]:
        return levels
    return [level for level, is_away in zip(levels, away, strict=True) if not is_away]


def _extrapolated(levels: Sequence[float]) -> float:
    """Return the next level by the median of all slopes (Theil-Sen), which a few odd levels do not bend."""
    last = len(levels) - 1
    points = [
        (place, levels[place])
        for place in range(last % -(-(last + 1) // _MOST_POINTS), last + 1, -(-(last + 1) // _MOST_POINTS))
    ]
    if len(points) < 3:
        return levels[-1]
    slopes = [
        (later - earlier) / (to - at)
        for number, (at, earlier) in enumerate(points)
        for to, later in points[number + 1 :]
    ]
    slope = _median(slopes)
    return _median([level + slope * (last + 1 - place) for place, level in points])


def _size(before: float, after: float, floor: float, *, share: bool) -> float:
    """Return the size of a change by its doublings: 0 for less than a quarter, 1/2 for twice, 4/5 for 16 times."""
    doublings = _doublings(before, after, floor)
    if share:
        doublings = max(doublings, _doublings(max(0.0, 1 - before), max(0.0, 1 - after), floor))
    return doublings / (1 + doublings) if doublings >= _LEAST_DOUBLINGS else 0.0


def _doublings(before: float, after: float, floor: float) -> float:
    if before < 0 or after < 0:  # a ratio of such values has no meaning: their distance by their size has
        return 2 * abs(after - before) / (floor + max(abs(before), abs(after)))
    return abs(math.log2((after + floor) / (before + floor)))


def _median(values: Sequence[float]) -> float:
    ranked = sorted(values)
    middle = len(ranked) // 2
    return ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
