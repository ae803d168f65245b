"""
Metric points as plain values, for snapshots, history, dashboards and checks. Pure; does not import the SDK.

A point is one series at one moment. Points of counters and histograms are cumulative since the process started.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class NumberPoint:
    """The value of one series, in the instrument's *unit*."""

    name: str
    kind: Literal["counter", "up_down_counter", "gauge"]
    unit: str
    attributes: Mapping[str, Any]
    value: int | float


@dataclass(frozen=True, slots=True)
class HistogramPoint:
    """
    The distribution of one series. *counts* has one item more than *bounds*: the last one is the count above every bound.

    ``total`` is the sum of the measurements, in the instrument's *unit*.
    """

    name: str
    unit: str
    attributes: Mapping[str, Any]
    count: int
    total: float
    bounds: tuple[float, ...]
    counts: tuple[int, ...]


Point = NumberPoint | HistogramPoint

Bucket = tuple[float, float, float]
"""Lower bound, upper bound and number of measurements of a bucket; the last bucket's upper bound is infinite."""


def buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[Bucket]:
    """Return the buckets of a histogram; the first begins at 0, or at its upper bound if that is negative."""
    if not bounds:
        return []
    edges = (min(0.0, bounds[0]), *bounds, math.inf)
    return list(zip(edges, edges[1:], counts, strict=False))


def quantile(distribution: Iterable[Bucket], share: float) -> float | None:
    """
    Estimate the *share* (0 to 1) quantile by linear interpolation within its bucket, like PromQL's ``histogram_quantile``.

    Buckets of several series with equal bounds are added up. None if there is no measurement, or if the quantile is above the
    last finite bound.
    """
    counts: Counter[tuple[float, float]] = Counter()
    for low, high, count in distribution:
        counts[low, high] += count  # type: ignore[assignment] # PromQL's buckets may hold fractions
    rank = share * sum(counts.values())
    reached = 0.0
    for (low, high), count in sorted(counts.items(), key=lambda item: item[0][1]):
        reached += count
        if count and reached >= rank:
            return None if math.isinf(high) else low + (high - low) * (1 - (reached - rank) / count)
    return None
