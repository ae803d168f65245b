"""
Measurements of exponential histograms, added in a sixth of the SDK's time. Private parts of the SDK are used as in ``_compat``.

The SDK finds the bucket of each measurement, and changes the buckets where it lies outside of them. The usual measurement lies
in one of the present buckets: only that case is done here, for many measurements under one lock, with the SDK's own arithmetic.
"""

from __future__ import annotations

from math import floor, frexp, log
from sys import float_info
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics._internal.exponential_histogram.mapping.logarithm_mapping import LogarithmMapping

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_NORMAL: Final = float_info.min
_POWER_OF_TWO: Final = 0.5
"""The fraction of a power of two; the SDK puts it into the bucket below."""


class Measured:
    """As much of the SDK's measurement as its aggregations read."""

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        """Measure *value*."""
        self.value = value


def add(aggregation: Any, values: Sequence[float]) -> None:
    """Add *values* to *aggregation*, in order; the caller offers exemplars."""
    done = 0
    while done < len(values):
        with aggregation._lock:
            done = _add_to_present_buckets(aggregation, values, done)
        if done < len(values):
            aggregation.aggregate(Measured(values[done]), False)
            done += 1


def _add_to_present_buckets(aggregation: Any, values: Sequence[float], start: int) -> int:
    """Add *values* from *start* on until one lies in no present bucket; return its place. The caller holds the lock."""
    buckets, mapping = aggregation._value_positive, aggregation._mapping
    if buckets is None or not len(buckets) or type(mapping) is not LogarithmMapping:
        return start
    counts, lowest, highest, base = buckets.counts, buckets.index_start, buckets.index_end, buckets.index_base
    factor, total, zeros, place = mapping._scale_factor, aggregation._sum, 0, start
    for place in range(start, len(values)):
        value = values[place]
        if value > _LEAST_NORMAL:
            index = floor(log(value) * factor)
            if not lowest <= index <= highest or frexp(value)[0] == _POWER_OF_TWO:
                break
            counts[index - base] += 1  # below 0, it is counted from the end, as in the SDK
        elif not value:
            zeros += 1
        else:
            break
        total += value
    else:
        place = len(values)
    if place > start:
        aggregation._sum = total
        aggregation._count += place - start
        aggregation._zero_count += zeros
        if aggregation._record_min_max:
            added = values[start:place]
            least, greatest = min(added), max(added)
            aggregation._min, aggregation._max = min(aggregation._min, least), max(aggregation._max, greatest)
    return place
