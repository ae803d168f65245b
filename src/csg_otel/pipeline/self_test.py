"""
The self-test of the fast path: whether its spans and its merged measurements are those of the SDK.

It runs once in a process, in a few milliseconds. A release of the SDK whose private parts have changed fails it; then
everything goes through the public API, as with ``performance.fast_path: false``.

The rule: what uses these private parts is imported here first, inside the test, and elsewhere only where the test has passed.
So a part that is missing fails the test, and no import of this package.
"""

from __future__ import annotations

import functools
import json
import logging
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import LogRecord
from opentelemetry.context import Context
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from csg_otel import interruptions
from csg_otel.attributes import Shared, Sound
from csg_otel.pipeline import _compat
from csg_otel.pipeline.accumulating.merger import Merger
from csg_otel.pipeline.processors import LogProcessors, SpanProcessors
from csg_otel.pipeline.sdk_counts import SpanCounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

_log = logging.getLogger("csg_otel")

_DELTA: Final[dict[type, AggregationTemporality]] = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)
_TIMES: Final = ("time_unix_nano", "start_time_unix_nano")


@functools.lru_cache(maxsize=1)
def problem() -> str:
    """Return the reason why the fast path does not work with this SDK, empty if it does; a reason is logged once."""
    reason = _difference("measurements", lambda: _points(merged=True), lambda: _points(merged=False))
    reason = reason or _difference("spans", lambda: _spans(fast=True), lambda: _spans(fast=False))
    reason = reason or _difference("records", lambda: _records(fast=True), lambda: _records(fast=False))
    if reason:
        _log.warning(
            "the fast path does not work with this OpenTelemetry SDK, so telemetry takes longer; all of it arrives; see "
            "csg-otel doctor (%s)",
            reason,
        )
    return reason


def _difference(what: str, ours: Callable[[], Any], official: Callable[[], Any]) -> str:
    try:
        if (result := ours()) == (expected := official()):
            return ""
    except Exception as error:  # noqa: BLE001 - a private part of the SDK is missing, or of another form
        interruptions.let_through()
        return f"{type(error).__name__}: {error}"
    return f"{what} are {result}, not {expected}"


class _Meters(MeterProvider):
    def _handle_fork(self) -> None:
        """Do nothing: the SDK's own handler detects a resource in each child."""


class _Tracers(TracerProvider):
    def _handle_fork(self) -> None:
        """Do nothing, for the same reason."""


_providers: Final[list[object]] = []
"""
The providers of the test. They are kept, because the SDK's weak references to them call Python code when they go: in a garbage
collection, what a signal handler of the program raises there would be lost.
"""


class _Keep(SpanProcessor):
    watcher = None

    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)

    def pass_on(self, span: ReadableSpan, *, sampled: bool) -> None:
        if sampled:
            self.ended.append(span)


def _spans(*, fast: bool) -> list[Any]:
    """Return some spans as JSON, without their ids, made by the fast way or by the SDK's own."""
    keep, other = _Keep(), _Keep()
    provider = _Tracers(
        resource=Resource.get_empty(),
        shutdown_on_exit=False,
        active_span_processor=SpanProcessors(keep),
        meter_provider=NoOpMeterProvider(),
    )
    _providers.append(provider)
    tracer: Any = _compat.count_spans(provider.get_tracer("csg_otel", "1"), SpanCounts())
    if fast:
        from csg_otel.pipeline import _compat_tracers

        tracer = _compat_tracers.make_fast(tracer)
        shared = Shared({"a": 1}, "parent", SpanKind.INTERNAL)
        parent = tracer.span_site(shared, tracer.start_span)(Context(), shared, 1)
    else:
        parent = tracer.start_span("parent", Context(), attributes={"a": 1}, start_time=1)
    child = tracer.start_span("child", set_span_in_context(parent, Context()), start_time=2)
    for span in (child, parent):
        span.set_attribute("b", "x")
        span.add_event("event", {"c": True}, timestamp=3)
        span.add_link(_SPAN_CONTEXT)
        span.end(4)
    provider.add_span_processor(other)
    tracer.start_span("beside another processor", Context(), attributes={"a": 1}, start_time=5).end(6)
    ended = (*keep.ended, *other.ended, *_of_adopted(fast=fast))
    shown = [json.loads(span.to_json(indent=None)) for span in ended]
    for fields in shown:
        fields["parent_id"] = fields["parent_id"] == shown[1]["context"]["span_id"]
    return [{**fields, "context": sorted(fields["context"])} for fields in shown]


class _KeepRecords(LogRecordProcessor):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self.pass_on(log_record)

    def pass_on(self, record: Any) -> None:
        self.records.append(record)

    def shutdown(self) -> None:
        """Do nothing."""

    def force_flush(self, timeout_millis: int = 0) -> bool:  # noqa: ARG002 - the SDK's signature
        """Do nothing."""
        return True


class _Loggers(LoggerProvider):
    def _handle_fork(self) -> None:
        """Do nothing, for the same reason."""


def _records(*, fast: bool) -> list[Any]:
    """Return a record, passed on or emitted by the SDK, as JSON."""
    keep = _KeepRecords()
    provider = _Loggers(
        resource=Resource.get_empty(),
        shutdown_on_exit=False,
        multi_log_record_processor=LogProcessors(keep),
        meter_provider=NoOpMeterProvider(),
    )
    _providers.append(provider)
    logger: Any = provider.get_logger("csg_otel", "1")
    if fast:
        from csg_otel.pipeline import _compat_loggers

        _compat_loggers.make_fast(logger)
    logger.emit(LogRecord(timestamp=1, observed_timestamp=2, context=_SAMPLED, body="x", attributes=Sound({"a": None})))
    return [
        (
            *(record.log_record.body, record.log_record.timestamp, record.log_record.span_id),
            *(
                dict(record.log_record.attributes),
                record.instrumentation_scope,
                record.resource,
                record.dropped_attributes,
            ),
        )
        for record in keep.records
    ]


def _of_adopted(*, fast: bool) -> list[ReadableSpan]:
    """Return a span of a provider of the program."""
    other = _Keep()
    provider = _Tracers(resource=Resource.get_empty(), shutdown_on_exit=False, meter_provider=NoOpMeterProvider())
    _providers.append(provider)
    provider.add_span_processor(other)
    tracer: Any = provider.get_tracer("csg_otel", "1")
    if fast:
        from csg_otel.pipeline import _compat_adopted

        _compat_adopted.make_fast(tracer)
    span = tracer.start_span("adopted", Context(), attributes={"a": 1}, start_time=1)
    span.set_attribute("b", "x")
    span.end(2)
    return other.ended


def _points(*, merged: bool) -> list[Any]:
    """Return the points of two readers after some measurements, merged or one by one."""
    views = (
        View(instrument_name="counter", attribute_keys={"kept"}),
        View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation()),
    )
    provider = _Meters(resource=Resource.get_empty(), views=views, shutdown_on_exit=False)
    _providers.append(provider)
    merger = Merger(provider)
    merger.switch(on=merged)
    readers = InMemoryMetricReader(), InMemoryMetricReader(preferred_temporality=_DELTA)
    for reader in readers:
        provider.add_metric_reader(reader)
        merger.quicken(reader)
    meter = provider.get_meter("csg_otel")
    histogram, exponential = meter.create_histogram("histogram"), meter.create_histogram("exponential")
    counter, gauge = meter.create_counter("counter"), meter.create_gauge("gauge")
    records: list[Callable[..., Any]] = [counter.add, histogram.record, exponential.record, gauge.set]
    if merged:
        accumulators = (
            merger.accumulator("counter", counter, counter.add),
            merger.accumulator("histogram", histogram, histogram.record),
            merger.accumulator("histogram", exponential, exponential.record),
            merger.accumulator("gauge", gauge, gauge.set),
        )
        records = [
            lambda value, attributes, context, of=of: of.series(attributes).put(value, context) for of in accumulators
        ]
    points: list[Any] = []
    for value in (3, 700.5):
        for attributes in ({"kept": True, "left out": "x"}, {"kept": 1}):
            # A bucket of the exponential histogram is used again; one series of it and of the gauge is enough.
            for record in (*records, records[2]) if attributes["kept"] is True else records[:2]:
                record(value, attributes, _SAMPLED if attributes["kept"] is True else Context())
        points += [_shown(reader.get_metrics_data()) for reader in readers]
    return points


_SPAN_CONTEXT: Final = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
_SAMPLED: Final = set_span_in_context(NonRecordingSpan(_SPAN_CONTEXT), Context())


def _shown(data: Any) -> list[Any]:
    """Return all points of *data* without their times."""
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    return [
        (
            metric.name,
            {name: value for name, value in vars(point).items() if name not in (*_TIMES, "exemplars")},
            [(exemplar.value, exemplar.span_id, exemplar.filtered_attributes) for exemplar in point.exemplars],
        )
        for metric in metrics
        for point in metric.data.data_points
    ]
