"""What is measured: lines of the performance table; each side is a program that prints its seconds per operation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """
    Two programs that print seconds for the same work, and the ratio ours / theirs to reach.

    Theirs runs in the environment of the neighbours if it needs the telemetry of another vendor.
    """

    name: str
    ours: str
    theirs: str
    target: float
    needs_neighbours: bool = False


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
telemetry = csg_otel.instrument(config={
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

_LOGFIRE = """
import logfire
logfire.configure(send_to_logfire=False, console=False)

def work():
    with logfire.span("work", a="x", b=1, c=True):
        pass
"""

_DDTRACE = """
import os, sys
os.environ["DD_TRACE_AGENT_URL"] = sys.argv[1]
from ddtrace.trace import tracer

def work():
    with tracer.trace("work") as span:
        span.set_tag("a", "x")
        span.set_tag("b", 1)
        span.set_tag("c", True)
"""

_PROMETHEUS_CLIENT = """
import prometheus_client
requests = prometheus_client.Counter("requests", "Requests.", ["route"]).labels("/orders")
durations = prometheus_client.Histogram("duration", "Durations.", ["route"]).labels("/orders")

def work():
    requests.inc()
    durations.observe(0.02)
"""

# The processor time of the whole program for a span that is exported, at 5,000 a second.
_EXPORTED = """
import time
work()
begun = time.process_time()
for _ in range(60):
    for _ in range(250):
        work()
    time.sleep(0.05)
flush()
print((time.process_time() - begun) / 15_000)
"""

_FLUSH_OURS = """
def flush():
    telemetry.force_flush(30)
"""

_FLUSH_BY_HAND = """
def flush():
    tracing.force_flush()
    metrics.get_meter_provider().force_flush()
"""

_SERIES = """
def fill(meter):
    for number in range(5):
        counter = meter.create_counter(f"shop.requests.{number}", "{request}", "Requests.")
        for item in range(1900):
            counter.add(1, {"http.route": f"/items/{item}", "http.request.method": "GET"})
"""

# The processor time of one scrape over HTTP with gzip, of the client and the server; the first one prepares.
_SCRAPED = """
import http.client, os, statistics, time

def scrape():
    begun = time.process_time()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip", "Accept": "text/plain;version=0.0.4"})
    connection.getresponse().read()
    connection.close()
    return time.process_time() - begun

scrape()
print(statistics.median(scrape() for _ in range(7)), flush=True)
os._exit(0)
"""

_SCRAPE_OURS = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    port = server.getsockname()[1]
import csg_otel
from opentelemetry import metrics
csg_otel.instrument(config={
    "exporters": {"console": {"enabled": "false"}},
    "system_monitoring": {"enabled": False, "prometheus": {"enabled": True, "port": port}},
    "health_monitoring": {"enabled": False},
})
fill(metrics.get_meter("bench"))
"""

_SCRAPE_OFFICIAL = """
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server
provider = MeterProvider([PrometheusMetricReader()])
server, _ = start_http_server(0, addr="127.0.0.1")
port = server.server_port
fill(provider.get_meter("bench"))
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
    Case(
        "the pair, bound / prometheus_client", _INSTRUMENTED + _BOUND_PAIR + _TIMED, _PROMETHEUS_CLIENT + _TIMED, 0.33
    ),
    Case("recorded call / logfire", _INSTRUMENTED + _OBSERVED + _TIMED, _LOGFIRE + _TIMED, 0.05, True),
    Case("recorded call / ddtrace", _INSTRUMENTED + _OBSERVED + _TIMED, _DDTRACE + _TIMED, 0.13, True),
    Case(
        "CPU of an exported call / SDK by hand",
        _INSTRUMENTED + _OBSERVED + _FLUSH_OURS + _EXPORTED,
        _BY_HAND + _FLUSH_BY_HAND + _EXPORTED,
        0.35,
    ),
    Case(
        "scrape of 9,500 counters / official exporter",
        _SERIES + _SCRAPE_OURS + _SCRAPED,
        _SERIES + _SCRAPE_OFFICIAL + _SCRAPED,
        0.10,
    ),
)
