"""
Percentiles of the durations of observed operations, from ``csg.operation.duration``.

Pure. The rule: a percentile above the last bucket bound is shown as that bound, as in PromQL; the true value may be larger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from csg_otel import names
from csg_otel.points import Bucket, HistogramPoint, Point, buckets, quantile

PERCENTILES: Final = (50.0, 95.0, 99.0)
"""The percentiles, in percent, if the settings name none."""


def response_times(points: Iterable[Point], percentiles: Sequence[float] = PERCENTILES) -> dict[str, Any]:
    """
    Return ``overall``, for all operations together, and ``operations``, by name.

    Each has ``count``, the runs since the process started, and a key such as ``p95`` for each of *percentiles* (0 to 100),
    in seconds: interpolated within a bucket, None without any run.
    """
    by_name: defaultdict[str, list[Bucket]] = defaultdict(list)
    for point in points:
        if isinstance(point, HistogramPoint) and point.name == names.OPERATION_DURATION.name:
            name = str(point.attributes.get(names.OPERATION_NAME, ""))
            by_name[name].extend(buckets(point.bounds, point.counts))
    overall = [bucket for durations in by_name.values() for bucket in durations]
    return {
        "overall": _row(overall, percentiles),
        "operations": {name: _row(durations, percentiles) for name, durations in sorted(by_name.items())},
    }


def _row(durations: Sequence[Bucket], percentiles: Sequence[float]) -> dict[str, Any]:
    count = sum(count for _, _, count in durations)
    return {"count": count, **{f"p{percentile:g}": _value(durations, percentile / 100) for percentile in percentiles}}


def _value(durations: Sequence[Bucket], share: float) -> float | None:
    value = quantile(durations, share)
    return max((low for low, _, count in durations if count), default=None) if value is None else value
