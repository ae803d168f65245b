"""Conversion of a collection to plain points, so that snapshots, history and dashboards need none of the SDK's classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import Gauge, Histogram, Sum

from csg_otel.pipeline.exponential import explicit
from csg_otel.points import HistogramPoint, NumberPoint, Point

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData


def points(data: MetricsData | None) -> list[Point]:
    """Return every point of *data* (cumulative), in the order of the instruments; an empty list for None."""
    if data is None:
        return []
    metrics = (
        metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
    )
    return [point for metric in metrics for point in _points(metric)]


def _points(metric: Metric) -> Iterator[Point]:
    data, name, unit = metric.data, metric.name, metric.unit or ""
    if isinstance(data, Gauge):
        for point in data.data_points:
            yield NumberPoint(name, "gauge", unit, point.attributes or {}, point.value)
    elif isinstance(data, Sum):
        kind = "counter" if data.is_monotonic else "up_down_counter"
        for point in data.data_points:
            yield NumberPoint(name, kind, unit, point.attributes or {}, point.value)  # type: ignore[arg-type] # one of two literals
    elif isinstance(data, Histogram):
        for histogram in data.data_points:
            yield _histogram(name, unit, histogram, histogram.explicit_bounds, histogram.bucket_counts)
    else:
        for exponential in data.data_points:
            yield _histogram(name, unit, exponential, *explicit(exponential))


def _histogram(name: str, unit: str, point: Any, bounds: Sequence[float], counts: Sequence[int]) -> HistogramPoint:
    return HistogramPoint(name, unit, point.attributes or {}, point.count, point.sum, tuple(bounds), tuple(counts))
