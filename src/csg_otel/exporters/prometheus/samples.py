"""The parts of a point that the formats show alike: buckets, exemplars, numbers and times."""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from opentelemetry.trace import format_span_id, format_trace_id

from csg_otel.pipeline.exponential import explicit


def buckets(point: Any) -> tuple[Sequence[float], Sequence[int]]:
    """Return the upper bounds of a histogram's buckets, the last one infinite, and the number of values up to each."""
    if hasattr(point, "scale"):
        bounds, counts = explicit(point)
    else:
        bounds, counts = point.explicit_bounds, point.bucket_counts
    if not counts:
        return (math.inf,), (point.count,)
    below = tuple(accumulate(counts))
    if bounds and bounds[-1] == math.inf:  # nothing is above it
        return tuple(bounds), below[: len(bounds) - 1] + below[-1:]
    return (*bounds, math.inf), below


def traced(exemplars: Sequence[Any] | None) -> list[Any]:
    """Return the exemplars that lead to a trace."""
    return [exemplar for exemplar in exemplars or () if exemplar.trace_id and exemplar.span_id]


def by_bucket(exemplars: Sequence[Any] | None, bounds: Sequence[float]) -> dict[int, Any]:
    """Return the latest exemplar of each bucket, by the bucket's place in *bounds*; the last bound is infinite."""
    latest: dict[int, Any] = {}
    for exemplar in traced(exemplars):
        place = min(bisect_left(bounds, exemplar.value), len(bounds) - 1)
        if place not in latest or latest[place].time_unix_nano < exemplar.time_unix_nano:
            latest[place] = exemplar
    return latest


def trace_labels(exemplar: Any) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the labels of an exemplar: the ids of its trace and span."""
    return (("trace_id", format_trace_id(exemplar.trace_id)), ("span_id", format_span_id(exemplar.span_id)))


def number(value: Any) -> str:
    """Return *value* as text."""
    if value.__class__ is not float:
        if isinstance(value, int):
            return str(int(value))
        value = float(value)
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


@functools.lru_cache(maxsize=1024)
def bound_texts(bounds: tuple[float, ...]) -> tuple[str, ...]:
    """Return *bounds* as text; always with a decimal point, so that the label is the same in every format."""
    return tuple(number(float(bound)) for bound in bounds)


def seconds(time_unix_nano: int) -> str:
    """Return a time as text in seconds since the epoch, exactly."""
    digits = f"{time_unix_nano:010d}"
    return f"{digits[:-9]}.{digits[-9:]}"
