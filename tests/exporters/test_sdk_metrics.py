"""`otel.sdk.*`: what stock dashboards read agrees with what destinations received, and is never counted twice."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csg_otel import names, worker_policy
from support.otlp_sink import GrpcSink, HttpSink, attributes
from support.programs import Program, samples
from support.servers import free_port

START = """
import csg_otel, json, os, sys
from opentelemetry import _logs, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

def start(**settings):
    return csg_otel.instrument("shop", health_monitoring__enabled=False, exporters=json.loads(os.environ["EXPORTERS"]),
                               exporters__spool__directory=os.path.abspath("spool"), **settings)

def show(telemetry):
    points = telemetry.metrics_snapshot()["metrics"]
    print(json.dumps([point for point in points if point["name"].startswith("otel.sdk.")]), flush=True)

tracer = trace.get_tracer("t")
"""

WORK = """
telemetry = start()
with tracer.start_as_current_span("root"):
    tracer.start_span("bad").end()
    open_span = tracer.start_span("open")
remote = set_span_in_context(NonRecordingSpan(SpanContext(1, 2, True, TraceFlags(1))))
tracer.start_span("of a caller", remote).end()
for _ in range(2):
    _logs.get_logger("t").emit(body="hello")
telemetry.force_flush(30)
show(telemetry)
open_span.end()
telemetry.shutdown(30)
"""


@pytest.fixture(params=["http/protobuf", "grpc"])
def either_sink(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A real receiver of each kind."""
    made = GrpcSink() if request.param == "grpc" else HttpSink()
    yield made
    made.close()


def environ(sink: Any) -> dict[str, str]:
    protocol = "grpc" if isinstance(sink, GrpcSink) else "http/protobuf"
    return {"EXPORTERS": json.dumps({"otlp": [{"name": "backend", "endpoint": sink.endpoint, "protocol": protocol}]})}


class Shown:
    """The points of a snapshot: values, or counts of histograms, by the attributes that tell them apart."""

    def __init__(self, line: str) -> None:
        self.points = json.loads(line)

    def __call__(self, name: str, *keys: str) -> dict[tuple[str, ...], float]:
        found = {
            tuple(str(point["attributes"].get(key, "")) for key in keys): _number(point)
            for point in self.points
            if point["name"] == f"otel.sdk.{name}"
        }
        assert len(found) == sum(point["name"] == f"otel.sdk.{name}" for point in self.points), "a series twice"
        return found


def _number(point: dict[str, Any]) -> float:
    value = point["value"]
    return float(value["count"] if isinstance(value, dict) else value)


def test_each_metric_agrees_with_what_happened(either_sink: Any, tmp_path: Path) -> None:
    """Spans by parent, records, the processor's and the exporter's counts, and the durations; over HTTP and over gRPC."""
    kind, refusal = ("grpc", "grpc_invalid_argument") if isinstance(either_sink, GrpcSink) else ("http", "http_400")
    either_sink.poison = {"bad"}
    with Program(START + WORK, tmp_path, environ(either_sink)) as program:
        shown = Shown(program.line())
        assert program.wait() == 0, program.stderr

    started = shown("span.started", names.PARENT_ORIGIN, names.SAMPLING_RESULT)
    assert {key: value for key, value in started.items() if value} == {
        ("none", "RECORD_AND_SAMPLE"): 1,
        ("local", "RECORD_AND_SAMPLE"): 2,
        ("remote", "RECORD_AND_SAMPLE"): 1,
    }
    assert shown("span.live", names.SAMPLING_RESULT) == {("RECORD_AND_SAMPLE",): 1, ("RECORD_ONLY",): 0}
    assert sum(shown("log.created").values()) == 2
    processor = "batching_span_processor/backend"
    assert shown("processor.span.processed", names.COMPONENT_NAME, names.ERROR_TYPE) == {(processor, ""): 3}
    assert shown("processor.span.queue.size", names.COMPONENT_NAME) == {(processor,): 0}
    assert shown("processor.span.queue.capacity", names.COMPONENT_NAME) == {(processor,): 2048}
    assert shown("processor.log.processed", names.COMPONENT_TYPE) == {("batching_log_processor",): 2}
    exporter = (names.COMPONENT_TYPE, names.SERVER_ADDRESS, names.SERVER_PORT, names.ERROR_TYPE)
    server = (f"otlp_{kind}_span_exporter", "127.0.0.1", str(either_sink.port))
    assert shown("exporter.span.exported", *exporter) == {(*server, ""): 2, (*server, refusal): 1}
    assert shown("exporter.span.inflight", *exporter) == {(*server, ""): 0}
    assert shown("exporter.log.exported", names.COMPONENT_NAME) == {(f"otlp_{kind}_log_exporter/backend",): 2}
    durations = shown("exporter.operation.duration", names.COMPONENT_TYPE, names.ERROR_TYPE)
    assert durations[f"otlp_{kind}_span_exporter", refusal] == 1
    assert durations[f"otlp_{kind}_log_exporter", ""] == 1
    assert ("periodic_metric_reader/backend",) in shown("metric_reader.collection.duration", names.COMPONENT_NAME)


def test_the_data_points_are_those_that_arrived(either_sink: Any, tmp_path: Path) -> None:
    """The last collection has the number of data points in all requests before it."""
    with Program(START + WORK, tmp_path, environ(either_sink)) as program:
        assert program.wait() == 0, program.stderr
    *before, last = either_sink.received.metrics
    counted = [
        (point.as_int, attributes(point))
        for rm in last.resource_metrics
        for sm in rm.scope_metrics
        for metric in sm.metrics
        if metric.name == names.SDK_POINT_EXPORTED.name
        for point in metric.sum.data_points
    ]

    assert [value for value, _ in counted] == [sum(map(_points, before))]
    assert names.ERROR_TYPE not in counted[0][1]
    assert before


def _points(request: Any) -> int:
    return sum(
        len(getattr(metric, metric.WhichOneof("data")).data_points)
        for rm in request.resource_metrics
        for sm in rm.scope_metrics
        for metric in sm.metrics
    )


def test_an_outage_shows_in_the_queue_and_in_flight(sink: HttpSink, tmp_path: Path) -> None:
    """What waits is in the queue or in the request that is retried; afterwards everything is exported, once."""
    source = """
telemetry = start()
for _ in range(700):
    tracer.start_span("item").end()
while not (shown := [p["value"] for p in telemetry.metrics_snapshot()["metrics"] if p["name"].endswith("span.inflight")])[0]:
    pass
show(telemetry)
sys.stdin.readline()
while telemetry.status()["backend"].queued or telemetry.status()["backend"].spooled:
    telemetry.force_flush(30)  # which returns once all is on disk, if an attempt has failed
show(telemetry)
"""
    sink.status = 503
    with Program(START + source, tmp_path, environ(sink)) as program:
        during = Shown(program.line())
        sink.status = 200
        program.go_on()
        after = Shown(program.line())
        program.go_on()
        assert program.wait() == 0, program.stderr

    (in_flight,), (waiting,) = during("exporter.span.inflight").values(), during("processor.span.queue.size").values()
    assert in_flight + waiting == 700
    assert in_flight > 0
    assert during("processor.span.processed") == {(): in_flight}
    assert during("exporter.span.exported") == {(): 0}
    assert after("processor.span.processed", names.ERROR_TYPE) == {("",): 700}
    assert after("exporter.span.exported", names.ERROR_TYPE) == {("",): 700}
    assert after("exporter.span.inflight") == after("processor.span.queue.size") == {(): 0}
    durations = after("exporter.operation.duration", names.COMPONENT_TYPE, names.ERROR_TYPE)
    assert ("otlp_http_span_exporter", "") in durations
    assert not [key for key in durations if key[1]], "a retry is no result"


def test_they_can_be_switched_off_alone(sink: HttpSink, tmp_path: Path) -> None:
    """Then no destination gets them; the other metrics of telemetry stay, and on again they go on."""
    source = """
off = {"system_monitoring__metrics__sdk_metrics": False}
telemetry = start(**off)
tracer.start_span("item").end()
telemetry.force_flush(30)
show(telemetry)
start()
telemetry.force_flush(30)
show(telemetry)
start(**off)
show(telemetry)
"""
    with Program(START + source, tmp_path, environ(sink)) as program:
        first, second, third = (Shown(program.line()) for _ in range(3))
        assert program.wait() == 0, program.stderr

    assert first.points == third.points == []
    assert second("span.started", names.PARENT_ORIGIN, names.SAMPLING_RESULT)["none", "RECORD_AND_SAMPLE"] == 1
    assert second("processor.span.processed") == {(): 1}
    request = sink.received.metrics[0]
    exported = {m.name for rm in request.resource_metrics for sm in rm.scope_metrics for m in sm.metrics}
    assert names.EXPORTER_ITEMS.name in exported
    assert not exported & names.OF_THE_SDK


def test_the_sdk_counts_nothing_a_second_time(sink: HttpSink, tmp_path: Path) -> None:
    """With the SDK's own variable, its counts are those of the program's own processors; the names never clash."""
    source = """
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
telemetry = start()
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(out=open(os.devnull, "w"))))
for _ in range(3):
    tracer.start_span("item").end()
_logs.get_logger("t").emit(body="hello")
trace.get_tracer_provider().force_flush(30_000)
telemetry.force_flush(30)
telemetry.metrics_snapshot()
show(telemetry)
"""
    variables = {**environ(sink), "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true"}
    with Program(START + source, tmp_path, variables) as program:
        shown = Shown(program.line())
        assert program.wait() == 0, program.stderr

    assert sum(point["value"] for point in shown.points if point["name"] == names.SDK_SPAN_STARTED.name) == 3
    assert sum(point["value"] for point in shown.points if point["name"] == names.SDK_LOG_CREATED.name) == 1
    processors = shown("processor.span.processed", names.COMPONENT_NAME)
    assert processors == {("batching_span_processor/backend",): 3, ("batching_span_processor/0",): 3}
    readers = shown("metric_reader.collection.duration", names.COMPONENT_TYPE)
    assert set(readers) == {("periodic_metric_reader",), ("prometheus_http_text_metric_exporter",)}


def test_workers_are_added_up(sink: HttpSink, tmp_path: Path) -> None:
    """A scrape of several workers has the sum of their spans, open spans and queues; ended workers keep their counters."""
    source = """
import time, urllib.request
telemetry = start(system_monitoring__prometheus__enabled=True, system_monitoring__prometheus__port=int(os.environ["PORT"]))
begun, begin = os.pipe()
ended, end = os.pipe()
if not (pid := os.fork()):
    spans = [tracer.start_span("child") for _ in range(3)]
    os.write(begin, b"x")
    os.read(ended, 1)
    [span.end() for span in spans]
    telemetry.shutdown(30)
    os._exit(0)
span = tracer.start_span("parent")
os.read(begun, 1)
for _ in range(50):  # on a busy machine the other worker may not answer in time
    page = urllib.request.urlopen(telemetry.url + "/metrics").read().decode()
    started = [line for line in page.splitlines() if line.startswith("otel_sdk_span_started_total")]
    if sum(float(line.split()[1]) for line in started) == 4:
        break
    time.sleep(0.2)
print(repr(page), flush=True)
os.write(end, b"x")
os.waitpid(pid, 0)
span.end()
print(repr(urllib.request.urlopen(telemetry.url + "/metrics").read().decode()), flush=True)
"""
    variables = {**environ(sink), "XDG_STATE_HOME": str(tmp_path), "PORT": str(free_port())}
    with Program(START + source, tmp_path, variables) as program:
        lines = [program.line(), program.line()]
        assert all(lines), program.stderr
        during, after = map(ast.literal_eval, lines)
        assert program.wait() == 0, program.stderr

    assert [_total(page, "otel_sdk_span_started_total") for page in (during, after)] == [4, 4]
    assert [_total(page, "otel_sdk_span_live") for page in (during, after)] == [4, 0]
    assert [_total(page, "otel_sdk_processor_span_queue_capacity") for page in (during, after)] == [4096, 2048]
    policies = {worker_policy.of(name, names.METRICS[name].kind) for name in names.OF_THE_SDK}
    assert policies == {"sum"}


def _total(page: str, name: str) -> float:
    return sum(samples(page, name).values())
