"""The SDK views of a configuration, and the SDK's filter of exemplars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, AlwaysOnExemplarFilter, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from csg_otel import names
from csg_otel.config.sources import sdk_env

if TYPE_CHECKING:
    from collections.abc import Mapping

    from csg_otel.config import Config


def make_views(config: Config) -> tuple[View, ...]:
    """Return the views of *config*: the bucket bounds of the operations' durations, in seconds."""
    bounds = config.performance.response_time_tracking.histogram_buckets
    aggregation = ExplicitBucketHistogramAggregation(tuple(bounds))
    return (View(instrument_name=names.OPERATION_DURATION.name, aggregation=aggregation),) if bounds else ()


def exemplar_filter(environ: Mapping[str, str]) -> Any:
    """Return the filter in ``OTEL_METRICS_EXEMPLAR_FILTER``; the SDK would raise for a value that it does not have."""
    filters: dict[str, Any] = {
        "trace_based": TraceBasedExemplarFilter,
        "always_on": AlwaysOnExemplarFilter,
        "always_off": AlwaysOffExemplarFilter,
    }
    return filters[sdk_env.exemplar_filter(environ)]()
