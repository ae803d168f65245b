"""Conversion of the SDK's collections for the store: points, descriptions, and exemplars that belong to a trace. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opentelemetry.trace import format_span_id, format_trace_id

from csg_otel.dashboard.store.convert import attributes
from csg_otel.dashboard.store.kept import LatestPoints
from csg_otel.dashboard.store.values import Collection
from csg_otel.pipeline.points import points

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData

    from csg_otel.dashboard.model import ExemplarRow


def collection(data: MetricsData | None, now: float) -> Collection:
    """Return *data* for the store; an exemplar without a time has *now* (Unix seconds)."""
    if data is None:
        return Collection([])
    metrics = [
        metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
    ]
    exemplars = {metric.name: rows for metric in metrics if (rows := _exemplars(metric, now))}
    return Collection(points(data), {metric.name: metric.description or "" for metric in metrics}, exemplars)


def latest_points(data: MetricsData, time: float) -> list[LatestPoints]:
    """Return the points of *data*, collected at the Unix time *time*, with the resource of each program in it."""
    return [
        LatestPoints(attributes(resource.resource.attributes), points(replace(data, resource_metrics=[resource])), time)
        for resource in data.resource_metrics
    ]


def _exemplars(metric: Metric, now: float) -> list[ExemplarRow]:
    rows: list[ExemplarRow] = []
    for point in metric.data.data_points:
        for exemplar in getattr(point, "exemplars", None) or ():
            if not exemplar.trace_id:
                continue
            own = {**(point.attributes or {}), **(exemplar.filtered_attributes or {})}
            rows.append(
                {
                    "time": exemplar.time_unix_nano / 1e9 if exemplar.time_unix_nano else now,
                    "value": exemplar.value,
                    "trace_id": format_trace_id(exemplar.trace_id),
                    "span_id": format_span_id(exemplar.span_id or 0),
                    "attributes": attributes(own),
                }
            )
    return rows
