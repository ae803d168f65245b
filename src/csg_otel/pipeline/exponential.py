"""
Conversion of exponential histograms to explicit bounds, and to Prometheus' native buckets. Pure.

The number of buckets is halved until they are few enough to read, or as few as Prometheus allows. That reduces the resolution,
and loses no measurement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import ExponentialHistogramDataPoint

MAX_BUCKETS: Final = 40
"""Enough buckets for a quantile within a few percent, and few enough for a scrape with many series."""

_SCHEMAS: Final = (-4, 8)
"""The lowest and the highest schema of Prometheus; a schema is a scale."""

_MAX_GAP: Final = 2
"""Most empty buckets in a row that are written; a new span takes as much room as two counts."""


class NativeBuckets(NamedTuple):
    """The buckets of one side of a native histogram."""

    spans: Sequence[tuple[int, int]]
    """Of each run of buckets: the index of its first bucket (of later runs: the gap before it), and its length."""
    counts: Sequence[int]
    """The counts of all runs."""


class Native(NamedTuple):
    """An exponential histogram as Prometheus has it."""

    schema: int
    positive: NativeBuckets
    negative: NativeBuckets


def native(point: ExponentialHistogramDataPoint) -> Native | None:
    """Return *point* with native buckets; None if its scale is below the lowest schema."""
    lowest, highest = _SCHEMAS
    if point.scale < lowest:
        return None
    halvings = max(point.scale - highest, 0)
    return Native(point.scale - halvings, _native(point.positive, halvings), _native(point.negative, halvings))


def _native(buckets: Any, halvings: int) -> NativeBuckets:
    spans: list[tuple[int, int]] = []
    counts: list[int] = []
    following = 0
    for index, count in sorted(_halved(_indexed(buckets), halvings).items()):
        place = index + 1  # Prometheus numbers a bucket by its upper bound, OpenTelemetry by its lower bound
        gap = place - following
        if spans and gap <= _MAX_GAP:
            counts += [0] * gap
            spans[-1] = (spans[-1][0], spans[-1][1] + gap + 1)
        else:
            spans.append((gap, 1))
        counts.append(count)
        following = place + 1
    return NativeBuckets(spans, counts)


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


def added(first: ExponentialHistogramDataPoint, second: ExponentialHistogramDataPoint) -> dict[str, Any]:
    """Return scale, number of zeros and buckets of both points together, by the names of their fields."""
    scale = min(first.scale, second.scale)
    fields: dict[str, Any] = {"scale": scale, "zero_count": first.zero_count + second.zero_count}
    for side in ("positive", "negative"):
        total = Counter[int]()
        for point in (first, second):
            total.update(_halved(_indexed(getattr(point, side)), point.scale - scale))
        indexes = range(min(total, default=0), max(total, default=-1) + 1)
        counts = [total[index] for index in indexes]
        fields[side] = replace(getattr(first, side), offset=indexes.start, bucket_counts=counts)
    return fields


def _indexed(buckets: Any) -> dict[int, int]:
    counts: Sequence[int] = buckets.bucket_counts
    return {buckets.offset + place: count for place, count in enumerate(counts) if count}


def _halved(buckets: dict[int, int], times: int = 1) -> dict[int, int]:
    merged: dict[int, int] = {}
    for index, count in buckets.items():
        merged[index >> times] = merged.get(index >> times, 0) + count
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
