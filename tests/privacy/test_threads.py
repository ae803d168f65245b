"""Scrubbing costs the program's threads nothing: spans and metrics are scrubbed on threads of the telemetry."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.otlp_sink import HttpSink
from support.programs import Program

_SOURCE = """
import json, os, sys, threading, urllib.request
import csg_otel
from csg_otel.privacy import Scrubber, active

class Recording(Scrubber):
    threads = set()
    def text(self, value):
        self.threads.add(threading.current_thread().name)
        return super().text(value)
    def value(self, key, value):
        self.threads.add(threading.current_thread().name)
        return super().value(key, value)
    def mapping(self, values):
        self.threads.add(threading.current_thread().name)
        return super().mapping(values)

telemetry = csg_otel.instrument("shop", config={
    "exporters": {"otlp": [{"endpoint": sys.argv[1], "protocol": "http/protobuf"}], "console": {"enabled": True}},
    "system_monitoring": {"prometheus": {"port": 0}}, "dashboard": {"enabled": True, "port": 0},
    "health_monitoring": {"enabled": False},
})
counter = csg_otel.counter("orders", description="Orders.", attributes=["customer"])

@csg_otel.observe("pay", {"customer": "ann@example.org"})
def pay():
    counter.add(1, {"customer": "ann@example.org"})

def work():
    for _ in range(200):
        pay()

before = telemetry.force_flush(20)
Recording.threads.clear()
active.install(Recording())
worker = threading.Thread(target=work, name="program-worker")
worker.start()
work()
worker.join()
page = urllib.request.urlopen(telemetry.url + "/metrics").read().decode()
telemetry.force_flush(20)
active.install(Scrubber())
print(json.dumps([sorted(Recording.threads), "ann@example.org" in page]))
telemetry.shutdown()
"""

_LIFE = """
import json, os, sys, warnings
warnings.simplefilter("error")
import csg_otel
from opentelemetry import trace
from csg_otel.pipeline import redactions

def start(**scrubbing):
    return csg_otel.instrument("shop", config={
        "exporters": {"otlp": [{"endpoint": sys.argv[1], "protocol": "http/protobuf"}], "console": {"enabled": False}},
        "system_monitoring": {"enabled": False, "prometheus": {"enabled": False}}, "health_monitoring": {"enabled": False},
        "scrubbing": scrubbing,
    })

def emit(stage):
    trace.get_tracer("shop").start_span(stage, attributes={"recipe": stage + " pie", "mail": "ann@example.org"}).end()

telemetry = start()
emit("first")
telemetry.force_flush(20)
first = redactions.counts()
telemetry = start(extra_keys=["recipe"], personal_data=False)
emit("second")
telemetry.force_flush(20)
second = redactions.counts()
if (child := os.fork()) == 0:
    begun = redactions.counts()
    emit("child")
    flushed = telemetry.force_flush(20)
    os._exit(0 if flushed and begun == {} and redactions.counts() == {"extra-key": 1} else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
emit("last")
report = telemetry.shutdown()
print(json.dumps([first, second, status]))
"""


def test_no_thread_of_the_program_scrubs_spans_and_metrics(tmp_path: Path) -> None:
    """Every call of the scrubber is on a thread of the telemetry, for OTLP, console, scrape and dashboard."""
    sink = HttpSink()
    with Program([sys.executable, "-c", _SOURCE, sink.endpoint], tmp_path) as program:
        line = program.line_with(r"^\[\[.*").string
        assert program.wait() == 0, program.stderr
    sink.close()
    threads, leaked = json.loads(line)

    assert threads
    assert [name for name in threads if not name.startswith("csg-otel-")] == []
    assert not leaked


@pytest.mark.filterwarnings("default")
def test_scrubbing_through_the_life_of_a_program(tmp_path: Path) -> None:
    """Other settings count from then on, a forked child scrubs and counts from 0, the last items are scrubbed, too."""
    sink = HttpSink()
    with Program([sys.executable, "-c", _LIFE, sink.endpoint], tmp_path) as program:
        line = program.line_with(r"^\[\{.*").string
        assert program.wait() == 0, program.stderr
    sink.close()
    first, second, child = json.loads(line)
    shown = {span.name: {item.key: item.value.string_value for item in span.attributes} for span in sink.received.spans}

    assert child == 0
    assert first == {"email": 1}
    assert second == {"email": 1, "extra-key": 1}
    assert shown["first"] == {"recipe": "first pie", "mail": "[redacted:email]"}
    for name in ("second", "child", "last"):
        assert shown[name] == {"recipe": "[redacted:extra-key]", "mail": "ann@example.org"}
