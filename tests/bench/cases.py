"""What is measured: lines of the performance table; each side is a program that prints its seconds per operation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """Two programs that print seconds for the same work, and the ratio ours / theirs to reach."""

    name: str
    ours: str
    theirs: str
    target: float


# The processor time of the calling thread, with pauses in which the exporters empty their queues: a full queue drops spans on
# one side and writes them to the disk on the other. Best of several, because whatever disturbs a round only ever adds to it.
_TIMED = """
import time, timeit
work()
rounds = []
for _ in range(15):
    time.sleep(0.1)
    rounds.append(timeit.timeit(work, number=200, timer=time.thread_time) / 200)
print(min(rounds))
"""

_BY_HAND = """
import sys, time
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

tracing = TracerProvider()
tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(sys.argv[1] + "/v1/traces")))
trace.set_tracer_provider(tracing)
reader = PeriodicExportingMetricReader(OTLPMetricExporter(sys.argv[1] + "/v1/metrics"))
metrics.set_meter_provider(MeterProvider([reader]))
tracer = trace.get_tracer("bench")
duration = metrics.get_meter("bench").create_histogram("operation.duration", "s")
calls = metrics.get_meter("bench").create_counter("operation.calls")

def work():
    begun = time.perf_counter()
    attributes = {"operation.name": "work"}
    with tracer.start_as_current_span("work", attributes={"a": "x", "b": 1, "c": True}):
        pass
    calls.add(1, attributes)
    duration.record(time.perf_counter() - begun, attributes)
"""

_OBSERVED = """
import csg_otel

@csg_otel.observe("work", {"a": "x", "b": 1, "c": True})
def work():
    pass
"""

_INSTRUMENTED = """
import sys
import csg_otel
csg_otel.instrument(config={
    "exporters": {
        "console": {"enabled": "false"},
        "otlp": [{"name": "sink", "endpoint": sys.argv[1], "protocol": "http/protobuf"}],
    },
    "system_monitoring": {"enabled": False, "prometheus": {"enabled": False}},
    "health_monitoring": {"enabled": False},
})
"""

_PAIR = """
requests, durations = csg_otel.counter("bench.requests"), csg_otel.histogram("bench.duration", unit="s")
attributes = {"route": "/orders"}

def work():
    requests.add(1, attributes)
    durations.record(0.02, attributes)
"""

_BOUND_PAIR = """
requests = csg_otel.counter("bench.requests").bind({"route": "/orders"})
durations = csg_otel.histogram("bench.duration", unit="s").bind({"route": "/orders"})

def work():
    requests.add(1)
    durations.record(0.02)
"""

_BLOCK = """
def work():
    with csg_otel.observe("work", {"a": "x", "b": 1, "c": True}):
        pass
"""

_FAILING = """
import contextlib

@csg_otel.observe("work", {"a": "x", "b": 1, "c": True})
def fails():
    raise ValueError("no")

def work():
    with contextlib.suppress(ValueError):
        fails()
"""

_IMPORT = """
import time
begun = time.perf_counter()
{statement}
print(time.perf_counter() - begun)
"""

CASES = (
    Case(
        "import, with the names every program uses",
        _IMPORT.format(statement="import csg_otel; csg_otel.observe; csg_otel.counter"),
        _IMPORT.format(
            statement="from opentelemetry import _logs, metrics, trace; trace.get_tracer, metrics.get_meter"
        ),
        1.2,
    ),
    Case("call before instrument() / SDK by hand", _OBSERVED + _TIMED, _BY_HAND + _TIMED, 0.005),
    Case("recorded call / SDK by hand", _INSTRUMENTED + _OBSERVED + _TIMED, _BY_HAND + _TIMED, 0.06),
    Case("recorded block / SDK by hand", _INSTRUMENTED + _BLOCK + _TIMED, _BY_HAND + _TIMED, 0.06),
    Case("failing call / SDK by hand", _INSTRUMENTED + _FAILING + _TIMED, _BY_HAND + _TIMED, 0.10),
    Case("counter.add + histogram.record / SDK by hand", _INSTRUMENTED + _PAIR + _TIMED, _BY_HAND + _TIMED, 0.03),
    Case("the pair, bound / SDK by hand", _INSTRUMENTED + _BOUND_PAIR + _TIMED, _BY_HAND + _TIMED, 0.01),
)
