"""What a reader collected, as plain points: snapshots, history and dashboards read these and not the SDK's classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import Gauge, Histogram, Sum

from csg_otel.pipeline.exponential import explicit
from csg_otel.points import HistogramPoint, NumberPoint, Point

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData


def points(data: MetricsData | None) -> list[Point]:
    """Return every point of *data* (cumulative), in the order of the instruments; none for None."""
    if data is None:
        return []
    metrics = (
        metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
    )
    return [point for metric in metrics for point in _points(metric)]


def _points(metric: Metric) -> Iterator[Point]:
    found, name, unit = metric.data, metric.name, metric.unit or ""
    if isinstance(found, Gauge):
        for point in found.data_points:
            yield NumberPoint(name, "gauge", unit, point.attributes or {}, point.value)
    elif isinstance(found, Sum):
        kind = "counter" if found.is_monotonic else "up_down_counter"
        for point in found.data_points:
            yield NumberPoint(name, kind, unit, point.attributes or {}, point.value)  # type: ignore[arg-type] # one of two literals
    elif isinstance(found, Histogram):
        for one in found.data_points:
            bounds, counts = tuple(one.explicit_bounds), tuple(one.bucket_counts)
            yield HistogramPoint(name, unit, one.attributes or {}, one.count, one.sum, bounds, counts)
    else:
        for spread in found.data_points:
            above, below = explicit(spread)
            yield HistogramPoint(
                name, unit, spread.attributes or {}, spread.count, spread.sum, tuple(above), tuple(below)
            )
