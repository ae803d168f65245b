"""
Counts of spans, log records and collections: ``otel.sdk.span.*``, ``otel.sdk.log.*`` and ``otel.sdk.metric_reader.*``.

The SDK records the same ones if a variable asks for it, with a lock and a dictionary at each span. Our own providers and
readers use these instead, so that nothing is counted twice. An adopted provider does not change: it counts for itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.semconv._incubating.attributes.otel_attributes import (
    OtelComponentTypeValues,
    OtelSpanParentOriginValues,
    OtelSpanSamplingResultValues,
)

from csg_otel import metric_groups, names, scope
from csg_otel.tallies import LevelSeries, TallySeries

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

PERIODIC: Final = OtelComponentTypeValues.PERIODIC_METRIC_READER.value
"""The type of the readers that push metrics to a destination."""

ON_DEMAND: Final = OtelComponentTypeValues.PROMETHEUS_HTTP_TEXT_METRIC_EXPORTER.value
"""The type of the reader behind the metrics endpoint, which serves the console and snapshots, too."""

_ORIGINS: Final = tuple(
    origin.value
    for origin in (OtelSpanParentOriginValues.NONE, OtelSpanParentOriginValues.LOCAL, OtelSpanParentOriginValues.REMOTE)
)
"""The origins of a parent: none, and then by ``is_remote``."""


def _publish(series: TallySeries | LevelSeries) -> None:
    scope.create(series.metric, [metric_groups.switchable(series.metric, series.observe)])


class SpanCounts:
    """Counts the spans of the tracers of one provider; the SDK's tracers call :meth:`start_span`."""

    def __init__(self) -> None:
        started, live = TallySeries(names.SDK_SPAN_STARTED), LevelSeries(names.SDK_SPAN_LIVE)
        sampled, recorded, dropped = (
            result.value
            for result in (
                OtelSpanSamplingResultValues.RECORD_AND_SAMPLE,
                OtelSpanSamplingResultValues.RECORD_ONLY,
                OtelSpanSamplingResultValues.DROP,
            )
        )
        self.sampled, self.recorded, self.dropped = (
            tuple(started.at(origin, result) for origin in _ORIGINS) for result in (sampled, recorded, dropped)
        )
        """The counts of started spans without a parent, with a local and with a remote one."""
        self.live_sampled, self.live_recorded = live.at(sampled), live.at(recorded)
        self._series = started, live

    def publish(self) -> None:
        """Publish the counts as metrics."""
        for series in self._series:
            _publish(series)

    def start_span(self, parent: SpanContext | None, decision: Decision) -> Callable[[], Any] | None:
        """Count a span; return the function that counts its end, None if it is not recorded."""
        origin = 0 if parent is None else 2 if parent.is_remote else 1
        if decision is Decision.DROP:
            self.dropped[origin].increment()
            return None
        is_sampled = decision is Decision.RECORD_AND_SAMPLE
        started, live = (self.sampled, self.live_sampled) if is_sampled else (self.recorded, self.live_recorded)
        started[origin].increment()
        live.began.increment()
        return live.ended.increment


class LogCounts:
    """Counts the records of the loggers of one provider; the SDK's loggers call :meth:`emit_log`."""

    def __init__(self) -> None:
        """Publish the count."""
        created = TallySeries(names.SDK_LOG_CREATED)
        self._created = created.at()
        _publish(created)

    def emit_log(self) -> None:
        """Count a record."""
        self._created.increment()


@functools.lru_cache(maxsize=1)
def span_counts() -> SpanCounts:
    """Return the counts of this process: the provider of a program keeps the first callback of an instrument only."""
    counts = SpanCounts()
    counts.publish()
    return counts


@functools.lru_cache(maxsize=1)
def log_counts() -> LogCounts:
    """Return the counts of this process, for the same reason."""
    return LogCounts()


def collection_recorder(kind: str, name: str) -> Callable[[float], None]:
    """Return a function that records the seconds of a collection by the reader *name* of the type *kind*."""
    attributes = {names.COMPONENT_TYPE: kind, names.COMPONENT_NAME: f"{kind}/{name}"}

    def record(seconds: float) -> None:
        if metric_groups.is_on(names.SDK_COLLECTION_DURATION.name):
            _collection_duration().record(seconds, attributes)

    return record


@functools.lru_cache(maxsize=1)
def _collection_duration() -> Any:
    return scope.create(names.SDK_COLLECTION_DURATION)
