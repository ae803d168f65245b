"""
A program that runs generated steps on this package or on the official SDK, and exports them by OTLP: for comparisons.

``python twin_program.py SIDE PROTOCOL ENDPOINT STEPS``: SIDE is ``ours`` or ``official``, PROTOCOL ``http/protobuf`` or
``grpc``, STEPS a JSON file with a list of steps. Both sides use nothing but OpenTelemetry's API between set-up and end,
besides a processor that a step adds.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

BOUNDS = (1.0, 5.0, 10.0)


def _official(protocol: str, endpoint: str) -> tuple[Callable[[], None], Callable[[], None]]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    spans: Any
    points: Any
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        spans = OTLPSpanExporter(endpoint=endpoint, insecure=True)
        points = OTLPMetricExporter(endpoint=endpoint, insecure=True)
    else:
        from opentelemetry.exporter.otlp.proto.http import metric_exporter, trace_exporter

        spans = trace_exporter.OTLPSpanExporter(f"{endpoint}/v1/traces")
        points = metric_exporter.OTLPMetricExporter(f"{endpoint}/v1/metrics")
    resource = Resource.create({"service.name": "twin"})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(spans))
    trace.set_tracer_provider(tracers)
    meters = MeterProvider([PeriodicExportingMetricReader(points, export_interval_millis=3_600_000)], resource=resource)
    metrics.set_meter_provider(meters)

    def end() -> None:
        tracers.shutdown()
        meters.shutdown()

    return (lambda: None), end


def _ours(protocol: str, endpoint: str) -> tuple[Callable[[], None], Callable[[], None]]:
    import csg_otel

    def instrument(timeout_s: int) -> Any:
        destination = {
            "name": "sink",
            "endpoint": endpoint,
            "protocol": protocol,
            "timeout": timeout_s,
            "temporality": os.environ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"],
            "histograms": os.environ["OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"],
        }
        return csg_otel.instrument(
            "twin",
            config={
                "exporters": {"console": {"enabled": "false"}, "otlp": [destination]},
                "system_monitoring": {"enabled": False, "prometheus": {"enabled": False}},
                "health_monitoring": {"enabled": False},
            },
        )

    telemetry = instrument(10)

    def again() -> None:
        nonlocal telemetry
        telemetry = instrument(9)  # the destination is replaced, and sums go on

    def end() -> None:
        telemetry.shutdown()

    return again, end


class Sees(SpanProcessor):
    """A processor of the program: each span says what it has seen of those that have ended."""

    def __init__(self) -> None:
        """See nothing yet."""
        self.seen: list[int] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Set attributes on *span*."""
        above = trace.get_current_span(parent_context).get_span_context().is_valid
        span.set_attributes({"seen": self.seen[-4:], "above": above})

    def on_end(self, span: ReadableSpan) -> None:
        """Count what *span* has."""
        self.seen.append(len(span.attributes or {}) + 100 * len(span.events) + 10_000 * span.status.status_code.value)


class Runner:
    """Runs steps on the global providers."""

    def __init__(self, again: Callable[[], None], end: Callable[[], None]) -> None:
        """Use *again* to set up once more with other settings, and *end* at the end, also of a child."""
        self.again, self.end = again, end
        self.tracer = trace.get_tracer("twin", "1")
        meter = metrics.get_meter("twin", "1")
        self.add = meter.create_counter("twin.counter", "1", "counts").add
        self.change = meter.create_up_down_counter("twin.level").add
        self.record = meter.create_histogram("twin.sizes", "1", explicit_bucket_boundaries_advisory=BOUNDS).record
        self.keep = meter.create_gauge("twin.state").set
        self.of_child = meter.create_counter("twin.child").add

    def run(self, steps: list[Any], depth: int = 0) -> None:
        """Run *steps*; the first item of each is its name."""
        for step, *arguments in steps:
            if step == "span":
                name, kind, attributes, inner = arguments
                with self.tracer.start_as_current_span(name, kind=SpanKind[kind], attributes=attributes):
                    self.run(inner, depth + 1)
            elif step == "raise":
                try:
                    with self.tracer.start_as_current_span("raises"):
                        raise ValueError(arguments[0])
                except ValueError:
                    pass
            elif step == "again":
                self.again()
            elif step == "processor":
                provider: Any = trace.get_tracer_provider()
                provider.add_span_processor(Sees())
            elif step == "fork":
                self._fork(arguments[0])
            else:
                self._apply(step, arguments)

    def _apply(self, step: str, arguments: list[Any]) -> None:
        span = trace.get_current_span()
        if step == "set":
            span.set_attribute(*arguments)
        elif step == "event":
            span.add_event(*arguments)
        elif step == "status":
            span.set_status(Status(StatusCode[arguments[0]], arguments[1] if arguments[0] == "ERROR" else None))
        else:
            {"add": self.add, "change": self.change, "record": self.record, "keep": self.keep}[step](*arguments)

    def _fork(self, steps: list[Any]) -> None:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            return
        self.of_child(1)
        self.run([step for step in steps if step[0] in {"span", "raise"}])
        self.end()
        os._exit(0)


def main() -> None:
    """Run the steps of the file, set up as the arguments say."""
    side, protocol, endpoint, steps = sys.argv[1:]
    runner = Runner(*{"ours": _ours, "official": _official}[side](protocol, endpoint))
    runner.run(json.loads(Path(steps).read_text(encoding="utf-8")))
    runner.end()


if __name__ == "__main__":
    main()
