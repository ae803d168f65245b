"""Programs of the bench that start: imports, ``instrument()`` beside a set-up by hand, and the probe beside bare Python."""

from __future__ import annotations

from bench.case import Case

_API = "from opentelemetry import _logs, metrics, trace; trace.get_tracer, metrics.get_meter"

_OURS = """
import csg_otel
csg_otel.instrument("bench", config={
    "exporters": {"console": {"enabled": "false"}},
    "system_monitoring": {"prometheus": {"enabled": True, "port": 0}},
})
"""

_BY_HAND = """
from opentelemetry import metrics, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import start_http_server

resource = Resource.create({"service.name": "bench"})
trace.set_tracer_provider(TracerProvider(resource=resource))
metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()], resource=resource))
SystemMetricsInstrumentor().instrument()
start_http_server(0, addr="127.0.0.1")
"""

_PROBE = "import sys; from csg_otel.cli import main; main(['healthcheck', '--url', sys.argv[1]])"
"""The command as its script calls it."""

_IN_USE = """
import os
def in_use(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))
"""


def _timed(statements: str) -> str:
    """Return the program that prints the processor time of *statements*, with all threads, without the exit of either side."""
    return f"""
import os, time
begun = time.process_time()
{statements}
print(time.process_time() - begun, flush=True)
os._exit(0)
"""


def _grown(statements: str) -> str:
    """Return the program that prints the bytes by which *statements* make it grow."""
    return f"""{_IN_USE}
bare = in_use("VmRSS:")
{statements}
print(in_use("VmRSS:") - bare, flush=True)
os._exit(0)
"""


def _processes(statements: str) -> str:
    """Return the program that prints the least processor time of five programs of *statements*, from start to end."""
    return f"""
import resource, subprocess, sys

def ended():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

def seconds():
    begun = ended()
    subprocess.run([sys.executable, "-c", {statements!r}, sys.argv[1]], check=True, stdout=subprocess.DEVNULL)
    return ended() - begun

print(min(seconds() for _ in range(5)))
"""


def _peak(statements: str) -> str:
    """Return the program that prints *statements*' output, and on the last line the most bytes it has had."""
    return f"""{_IN_USE}
{statements}
print(in_use("VmHWM:"))
"""


STARTS = (
    Case("import csg_otel / OTel's API", _timed("import csg_otel"), _timed(_API), 0.34),
    Case(
        "csg_otel.observe / OTel's API",
        _timed("import csg_otel; csg_otel.observe"),
        _timed(_API),
        1.0,
        reached=1.2,
    ),
    Case(
        "the names every program uses / OTel's API",
        _timed("import csg_otel; csg_otel.observe; csg_otel.counter"),
        _timed(_API),
        1.2,
    ),
    Case(
        "instrument(), Prometheus / set up by hand",
        _timed(_OURS),
        _timed(_BY_HAND),
        0.6,
        needs_neighbours=True,
        ours_beside=True,
        reached=1.8,
    ),
    Case(
        "memory of instrument() / set up by hand",
        _grown(_OURS),
        _grown(_BY_HAND),
        0.6,
        needs_neighbours=True,
        ours_beside=True,
        unit="B",
        reached=1.1,
    ),
    Case("healthcheck --url / bare Python", _processes(_PROBE), _processes("pass"), 3.0, reached=4.2),
    Case("memory of healthcheck --url / bare Python", _peak(_PROBE), _peak("pass"), 1.5, unit="B"),
)
