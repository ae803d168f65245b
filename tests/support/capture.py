"""The real SDK behind the product's own global providers, with everything kept in memory; for tests in one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from csg_otel import faults
from csg_otel.pipeline import callbacks
from csg_otel.pipeline.global_providers import global_providers
from csg_otel.pipeline.installed import InstalledLoggerProvider, InstalledMeterProvider, InstalledTracerProvider


class Captured:
    """What was emitted since the capture began."""

    def __init__(
        self, spans: InMemorySpanExporter, reader: InMemoryMetricReader, logs: InMemoryLogRecordExporter
    ) -> None:
        self._spans = spans
        self._reader = reader
        self._logs = logs

    @property
    def spans(self) -> list[ReadableSpan]:
        """Ended spans in the order they ended."""
        return list(self._spans.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        """Return the one span called *name*."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    @property
    def logs(self) -> list[Any]:
        """Log records in the order they were emitted."""
        return [data.log_record for data in self._logs.get_finished_logs()]

    def points(self, name: str) -> list[Any]:
        """Collect, and return the data points of the metric *name*."""
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def values(self, name: str, key: str) -> dict[Any, Any]:
        """Collect, and return the values (histograms: counts) of *name* by the value of attribute *key*."""
        return {
            (point.attributes or {}).get(key): getattr(point, "value", None) if hasattr(point, "value") else point.count
            for point in self.points(name)
        }


@contextmanager
def capture() -> Iterator[Captured]:
    """Add processors and a reader to the global providers for the time of the block; faults inside telemetry raise."""
    spans, reader, logs = InMemorySpanExporter(), InMemoryMetricReader(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    shared = global_providers()
    assert isinstance(shared.tracers, InstalledTracerProvider)
    assert isinstance(shared.loggers, InstalledLoggerProvider)
    assert isinstance(shared.meters, InstalledMeterProvider)
    faults.strict = True
    budget_s = callbacks.COLLECTION_BUDGET_S
    callbacks.COLLECTION_BUDGET_S = 5.0  # a busy machine may need more than 30 ms
    try:
        shared.tracers.add_span_processor(SimpleSpanProcessor(spans))
        shared.loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
        shared.meters.add_metric_reader(reader)
        yield Captured(spans, reader, logs)
    finally:
        faults.strict = False
        callbacks.COLLECTION_BUDGET_S = budget_s
        for provider in (shared.tracers, shared.loggers, shared.meters):
            provider.shutdown()
