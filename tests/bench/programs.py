"""The parts of the programs that are measured: set-ups, the work of a round, and the clocks around it."""

from __future__ import annotations


# The processor time of the calling thread, with pauses in which the exporters empty their queues: a full queue drops spans on
# one side and writes them to the disk on the other. Best of several, because whatever disturbs a round only ever adds to it.
def timed(calls: int = 1) -> str:
    """Return the clock around ``work()``, which makes so many *calls*, about 200 calls a round."""
    return f"""
import time, timeit
work()
rounds = []
for _ in range(15):
    time.sleep(0.1)
    rounds.append(timeit.timeit(work, number={200 // calls}, timer=time.thread_time) / 200)
print(min(rounds))
"""


TIMED = timed()

# As in a service with two hundred requests a second: other work has taken the processor's caches since the last call.
COLD = """
import statistics, time
work()
rounds = []
for _ in range(400):
    time.sleep(0.005)
    before = time.thread_time_ns()
    work()
    rounds.append(time.thread_time_ns() - before)
print(statistics.median(rounds) / 1e9)
"""


BY_HAND = """
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

OBSERVED = """
import csg_otel

@csg_otel.observe("work", {"a": "x", "b": 1, "c": True})
def work():
    pass
"""


def instrumented(*, destinations: int = 1, more: str = "") -> str:
    """Return a program that calls ``instrument()`` with *destinations* of OTLP and nothing else, and *more* settings."""
    return f"""
import sys
import csg_otel
telemetry = csg_otel.instrument(config={{
    "exporters": {{
        "console": {{"enabled": "false"}},
        "otlp": [
            {{"name": f"sink {{number}}", "endpoint": sys.argv[1], "protocol": "http/protobuf"}}
            for number in range({destinations})
        ],
    }},
    "system_monitoring": {{"enabled": False, "prometheus": {{"enabled": False}}}},
    "health_monitoring": {{"enabled": False}},
    {more}
}})
"""


INSTRUMENTED = instrumented()

PAIR = """
requests, durations = csg_otel.counter("bench.requests"), csg_otel.histogram("bench.duration", unit="s")
attributes = {"route": "/orders"}

def work():
    requests.add(1, attributes)
    durations.record(0.02, attributes)
"""

BOUND_PAIR = """
requests = csg_otel.counter("bench.requests").bind({"route": "/orders"})
durations = csg_otel.histogram("bench.duration", unit="s").bind({"route": "/orders"})

def work():
    requests.add(1)
    durations.record(0.02)
"""

BLOCK = """
def work():
    with csg_otel.observe("work", {"a": "x", "b": 1, "c": True}):
        pass
"""

FAILING = """
import contextlib

@csg_otel.observe("work", {"a": "x", "b": 1, "c": True})
def fails():
    raise ValueError("no")

def work():
    with contextlib.suppress(ValueError):
        fails()
"""

LOGFIRE = """
import logfire
logfire.configure(send_to_logfire=False, console=False)

def work():
    with logfire.span("work", a="x", b=1, c=True):
        pass
"""

DDTRACE = """
import os, sys
os.environ["DD_TRACE_AGENT_URL"] = sys.argv[1]
from ddtrace.trace import tracer

def work():
    with tracer.trace("work") as span:
        span.set_tag("a", "x")
        span.set_tag("b", 1)
        span.set_tag("c", True)
"""

PROMETHEUS_CLIENT = """
import prometheus_client
requests = prometheus_client.Counter("requests", "Requests.", ["route"]).labels("/orders")
durations = prometheus_client.Histogram("duration", "Durations.", ["route"]).labels("/orders")

def work():
    requests.inc()
    durations.observe(0.02)
"""

# The processor time of the whole program for a span that is exported, at 5,000 a second.
EXPORTED = """
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

FLUSH_OURS = """
def flush():
    telemetry.force_flush(30)
"""

FLUSH_BY_HAND = """
def flush():
    tracing.force_flush()
    metrics.get_meter_provider().force_flush()
"""

SERIES = """
def fill(meter):
    for number in range(5):
        counter = meter.create_counter(f"shop.requests.{number}", "{request}", "Requests.")
        for item in range(1900):
            counter.add(1, {"http.route": f"/items/{item}", "http.request.method": "GET"})
"""

# The processor time of one scrape over HTTP with gzip, of the client and the server; the first one prepares.
SCRAPED = """
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

SCRAPE_OURS = """
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

SCRAPE_OFFICIAL = """
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server
provider = MeterProvider([PrometheusMetricReader()])
server, _ = start_http_server(0, addr="127.0.0.1")
port = server.server_port
fill(provider.get_meter("bench"))
"""
