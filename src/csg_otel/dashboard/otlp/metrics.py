"""Metrics of OTLP as cumulative points, and points as OTLP's JSON."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.dashboard.otlp import values
from csg_otel.dashboard.otlp.ids import SPAN_BYTES, TRACE_BYTES, hexadecimal
from csg_otel.dashboard.otlp.totals import Totals
from csg_otel.dashboard.store.convert import attributes, seconds, text
from csg_otel.dashboard.store.values import Collection
from csg_otel.pipeline.exponential import explicit
from csg_otel.points import HistogramPoint, NumberPoint, Point

if TYPE_CHECKING:
    from csg_otel.dashboard.model import ExemplarRow
    from csg_otel.dashboard.otlp.resources import Program

_DELTA: Final = 1
_CUMULATIVE: Final = 2
_NO_VALUE: Final = 1
"""The flag of a point that stands for the end of its series."""

_SCALES: Final = range(-10, 21)
"""Scales that the specification allows SDKs to use."""

_MOST_EXEMPLARS: Final = 20

_MOST_BUCKETS: Final = 2000
"""Buckets of a point: more than any SDK makes, and few enough to add up."""


@dataclass(slots=True)
class Decoded:
    """
    The valid points of a message, and the number of those that are not valid.

    ``time_ns`` is the newest of their times in nanoseconds, ``start_ns`` the oldest of the times at which they were 0; 0 if the
    program sends none.
    """

    collection: Collection
    time_ns: int = 0
    start_ns: int = 0
    rejected: int = 0


class Decoder:
    """The decoder of metrics; it keeps the totals of series that are sent as differences. Thread-safe."""

    def __init__(self) -> None:
        """Start without series."""
        self._totals = Totals()
        self._lock = threading.Lock()  # for the totals; no code of a program runs under it

    def decode(self, resource_metrics: Any, program: Program) -> Decoded:
        """Return what the message *resource_metrics* of *program* has."""
        decoded = Decoded(Collection([], {}, {}))
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                kind = metric.WhichOneof("data")
                if kind is not None and metric.name:
                    self._add(decoded, metric, kind, (program.service, program.instance))
        return decoded

    def _add(self, decoded: Decoded, metric: Any, kind: str, program: Hashable) -> None:
        name, collection = text(metric.name), decoded.collection
        if metric.description:
            collection.descriptions[name] = text(metric.description)
        for point in getattr(metric, kind).data_points:
            if point.flags & _NO_VALUE:
                continue
            points = list(self._points(metric, kind, point, program))
            if not points:
                decoded.rejected += 1
                continue
            collection.points.extend(points)
            decoded.time_ns = max(decoded.time_ns, point.time_unix_nano)
            start_ns = point.start_time_unix_nano
            decoded.start_ns = (
                min(start_ns, decoded.start_ns) if start_ns and decoded.start_ns else start_ns or decoded.start_ns
            )
            if kind != "summary" and point.exemplars:
                rows = [
                    row for each in point.exemplars[-_MOST_EXEMPLARS:] if (row := _exemplar(each, points[0].attributes))
                ]
                collection.exemplars.setdefault(name, []).extend(rows)

    def _points(self, metric: Any, kind: str, point: Any, program: Hashable) -> Iterator[Point]:
        """Yield the points of the data point *point*; none if it is not valid."""
        name, unit, labels = text(metric.name), text(metric.unit), _labels(point)
        period = (point.start_time_unix_nano, point.time_unix_nano)

        def total(kind: str, difference: Sequence[Any]) -> Sequence[Any]:
            if getattr(getattr(metric, metric.WhichOneof("data")), "aggregation_temporality", 0) != _DELTA:
                return difference
            series = (program, name, unit, json.dumps(labels, sort_keys=True))
            with self._lock:
                return self._totals.add(series, kind, difference, period)

        if kind == "summary":
            yield from _summary(name, unit, labels, point)
        elif kind == "histogram":
            if (histogram := _histogram(point)) is not None:
                count, summed, bounds, counts = total(kind, histogram)
                yield HistogramPoint(name, unit, labels, count, summed, tuple(bounds), tuple(counts))
        elif kind == "exponential_histogram":
            if (exponential := _exponential(point)) is not None:
                yield _explicit(name, unit, labels, total("exponential", exponential))
        elif (value := _number(point)) is not None:
            if kind == "sum":
                value = total("number", [value])[0]
            yield NumberPoint(name, _number_kind(metric, kind), unit, labels, value)


def _number_kind(metric: Any, kind: str) -> Literal["counter", "up_down_counter", "gauge"]:
    if kind == "gauge":
        return "gauge"
    return "counter" if metric.sum.is_monotonic else "up_down_counter"


def _labels(point: Any) -> dict[str, Any]:
    """Return the attributes of *point*; lists are tuples, as in the SDK's points."""
    kept = attributes(values.mapping(point.attributes))
    return {key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()}


def _exemplar(exemplar: Any, labels: Mapping[str, Any]) -> ExemplarRow | None:
    """Return *exemplar* of a point with *labels* as a row; None if it has no trace."""
    value, trace_id = _number(exemplar), hexadecimal(exemplar.trace_id, TRACE_BYTES)
    if value is None or not trace_id:
        return None
    return {
        "time": seconds(exemplar.time_unix_nano),
        "value": value,
        "trace_id": trace_id,
        "span_id": hexadecimal(exemplar.span_id, SPAN_BYTES),
        "attributes": attributes({**labels, **values.mapping(exemplar.filtered_attributes)}),
    }


def _number(point: Any) -> int | float | None:
    kind = point.WhichOneof("value")
    value: int | float | None = getattr(point, kind) if kind is not None else None
    return value if value is not None and math.isfinite(value) else None


def _histogram(point: Any) -> list[Any] | None:
    """Return count, sum, bounds and counts; None if they do not fit together."""
    bounds, counts = list(point.explicit_bounds), list(point.bucket_counts)
    if not bounds and not counts:
        counts = [point.count]
    is_valid = (
        len(counts) == len(bounds) + 1 <= _MOST_BUCKETS
        and sum(counts) == point.count
        and math.isfinite(point.sum)
        and all(map(math.isfinite, bounds))
        and all(lower < upper for lower, upper in pairwise(bounds))
    )
    return [point.count, point.sum, bounds, counts] if is_valid else None


def _exponential(point: Any) -> list[Any] | None:
    """Return count, sum, scale, number of zeros, positive and negative buckets; None if they do not fit together."""
    sides = [[side.offset, list(side.bucket_counts)] for side in (point.positive, point.negative)]
    is_valid = (
        point.scale in _SCALES
        and all(len(counts) <= _MOST_BUCKETS for _, counts in sides)
        and sum(sum(counts) for _, counts in sides) + point.zero_count == point.count
        and math.isfinite(point.sum)
    )
    return [point.count, point.sum, point.scale, point.zero_count, *sides] if is_valid else None


def _explicit(name: str, unit: str, labels: dict[str, Any], point: Sequence[Any]) -> HistogramPoint:
    count, total, scale, zeros, positive, negative = point
    sides = [SimpleNamespace(offset=offset, bucket_counts=counts) for offset, counts in (positive, negative)]
    exponential: Any = SimpleNamespace(scale=scale, zero_count=zeros, positive=sides[0], negative=sides[1])
    bounds, counts = explicit(exponential)
    return HistogramPoint(name, unit, labels, count, total, tuple(bounds), tuple(counts))


def _summary(name: str, unit: str, labels: dict[str, Any], point: Any) -> Iterator[Point]:
    """Yield the series that Prometheus has of a summary: its quantiles, sum and count."""
    for quantile in islice(point.quantile_values, _MOST_BUCKETS):
        if math.isfinite(quantile.value):
            yield NumberPoint(name, "gauge", unit, {**labels, "quantile": str(quantile.quantile)}, quantile.value)
    if math.isfinite(point.sum):
        yield NumberPoint(f"{name}.sum", "counter", unit, labels, point.sum)
    yield NumberPoint(f"{name}.count", "counter", "", labels, point.count)


def metric_json(points: Sequence[Point], time_ns: str) -> dict[str, Any]:
    """Return *points* of one instrument as one metric of OTLP's JSON, at a time in nanoseconds as text."""
    first = points[0]
    head = {"name": first.name, "unit": first.unit}
    if isinstance(first, HistogramPoint):
        histograms = [_histogram_json(point, time_ns) for point in points if isinstance(point, HistogramPoint)]
        return {**head, "histogram": {"aggregationTemporality": _CUMULATIVE, "dataPoints": histograms}}
    numbers = [_number_json(point, time_ns) for point in points if isinstance(point, NumberPoint)]
    if first.kind == "gauge":
        return {**head, "gauge": {"dataPoints": numbers}}
    total = {"aggregationTemporality": _CUMULATIVE, "isMonotonic": first.kind == "counter", "dataPoints": numbers}
    return {**head, "sum": total}


def _number_json(point: NumberPoint, time_ns: str) -> dict[str, Any]:
    value = {"asInt": str(point.value)} if isinstance(point.value, int) else {"asDouble": point.value}
    return {**_point_json(point.attributes, time_ns), **value}


def _histogram_json(point: HistogramPoint, time_ns: str) -> dict[str, Any]:
    return {
        **_point_json(point.attributes, time_ns),
        "count": str(point.count),
        "sum": point.total,
        "explicitBounds": list(point.bounds),
        "bucketCounts": [str(count) for count in point.counts],
    }


def _point_json(labels: Mapping[str, Any], time_ns: str) -> dict[str, Any]:
    return {"attributes": values.key_values(labels), "timeUnixNano": time_ns}
