"""The SDK views of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from csg_otel import names

if TYPE_CHECKING:
    from csg_otel.config import Config


def make_views(config: Config) -> tuple[View, ...]:
    """Return the views of *config*: the bucket bounds of the operations' durations, in seconds."""
    bounds = config.performance.response_time_tracking.histogram_buckets
    aggregation = ExplicitBucketHistogramAggregation(tuple(bounds))
    return (View(instrument_name=names.OPERATION_DURATION.name, aggregation=aggregation),) if bounds else ()
