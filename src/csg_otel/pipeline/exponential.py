"""
Conversion of exponential histograms to histograms with explicit bounds. Pure.

The number of buckets is halved until they are few enough to read. That reduces the resolution, and loses no measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import ExponentialHistogramDataPoint

MAX_BUCKETS: Final = 40
"""Enough buckets for a quantile within a few percent, and few enough for a scrape with many series."""


def explicit(point: ExponentialHistogramDataPoint, max_buckets: int = MAX_BUCKETS) -> tuple[list[float], list[int]]:
    """Return about *max_buckets* upper bounds at most, and the counts; the last count is the one above every bound."""
    scale = point.scale
    positive, negative = _indexed(point.positive), _indexed(point.negative)
    while len(positive) + len(negative) > max_buckets:
        positive, negative, scale = _halved(positive), _halved(negative), scale - 1
    bounds: list[float] = []
    counts: list[int] = []
    for index in sorted(negative, reverse=True):
        bounds.append(-_power(scale, index))
        counts.append(negative[index])
    if point.zero_count or negative:
        bounds.append(0.0)
        counts.append(point.zero_count)
    elif positive:
        # Without this empty bucket, the first bucket would begin at minus infinity.
        bounds.append(_power(scale, min(positive)))
        counts.append(0)
    for index in sorted(positive):
        bounds.append(_power(scale, index + 1))
        counts.append(positive[index])
    return _without_equal_bounds(bounds, counts)


def _indexed(buckets: Any) -> dict[int, int]:
    counts: Sequence[int] = buckets.bucket_counts
    return {buckets.offset + place: count for place, count in enumerate(counts) if count}


def _halved(buckets: dict[int, int]) -> dict[int, int]:
    merged: dict[int, int] = {}
    for index, count in buckets.items():
        merged[index >> 1] = merged.get(index >> 1, 0) + count
    return merged


def _power(scale: int, index: int) -> float:
    """Return the lower bound of bucket *index*: 2 to the power of index / 2**scale, within the range of a float."""
    exponent = index * 2.0**-scale
    return float(2.0 ** min(max(exponent, -1074.0), 1023.999))


def _without_equal_bounds(bounds: list[float], counts: list[int]) -> tuple[list[float], list[int]]:
    """Return bounds and counts with buckets of equal bounds merged, and a count of 0 above every bound."""
    distinct: list[float] = []
    merged: list[int] = []
    for bound, count in zip(bounds, counts, strict=True):
        if distinct and bound <= distinct[-1]:
            merged[-1] += count
        else:
            distinct.append(bound)
            merged.append(count)
    return distinct, [*merged, 0]
