"""Instrumentations in the program: nothing of ours is traced or measured by them, and nothing is there twice."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import neighbours
from support.otlp_sink import GrpcSink, HttpSink

pytestmark = pytest.mark.real("neighbours")

PROGRAM = """
import asyncio, contextlib, json, logging, os, threading, time, urllib.error, urllib.request
import csg_otel, flask, httpx, requests
from fastapi import FastAPI
from opentelemetry.instrumentation.utils import suppress_instrumentation

checked = []
@csg_otel.health_check("asks", interval_s=0.1)
def asks():
    requests.get("http://127.0.0.1:{web}/check", timeout=10)
    checked.append(1)

def start(**settings):
    return csg_otel.instrument(
        exporters=["otlp+http://127.0.0.1:{http}", "otlp://127.0.0.1:{grpc}", "prometheus"], auto={auto},
        exporters__metric_interval=0.3, system_monitoring__prometheus__port=0,
        system_monitoring__collection_interval=0.5, **settings)

start()
telemetry = start(exporters__queue__delay=0.2)
web = flask.Flask("web")
web.add_url_rule("/flask", view_func=lambda: "done")
api = FastAPI()
@api.get("/fastapi")
def answer(): return "done"

requests.post("http://127.0.0.1:{web}/requests")
httpx.post("http://127.0.0.1:{web}/httpx")
with contextlib.suppress(urllib.error.HTTPError):
    urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:{web}/urllib", b"", method="POST")).read()
web.test_client().get("/flask")
async def receive(): return {{"type": "http.request", "body": b""}}
async def send(message): pass
call = {{"type": "http", "http_version": "1.1", "method": "GET", "path": "/fastapi", "raw_path": b"/fastapi", "headers": [],
         "query_string": b"", "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 9)}}
asyncio.run(api(call, receive, send))
logging.getLogger("app").warning("hello")

deadline = time.monotonic() + 30
while len(checked) < 3 and time.monotonic() < deadline: time.sleep(0.05)
def scrape():
    with suppress_instrumentation():
        request = urllib.request.Request(telemetry.url + "/metrics", headers={{"Accept": "application/openmetrics-text"}})
        return urllib.request.urlopen(request).read().decode()
while "system_cpu_time" not in scrape() and time.monotonic() < deadline: time.sleep(0.2)
text = scrape()
flushed = telemetry.force_flush(20)
telemetry.shutdown()
print(json.dumps([len(checked) > 2, flushed, text]))
"""


@pytest.fixture
def sinks() -> Iterator[tuple[HttpSink, GrpcSink, HttpSink]]:
    """Two OTLP receivers, and the server that the program requests."""
    http, grpc, web = HttpSink(), GrpcSink(), HttpSink()
    web.status = 404
    yield http, grpc, web
    for sink in (http, grpc, web):
        sink.close()


def run(source: str, cwd: Path, command: list[str], **variables: str) -> tuple[Any, str]:
    """Run *source* in the environment of neighbours; return the JSON it printed last, and its log."""
    (cwd / "program.py").write_text(source)
    done = subprocess.run(
        [*command, "program.py"],
        cwd=cwd,
        env={**os.environ, **neighbours.VARIABLES, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def attribute(item: Any, *keys: str) -> str:
    """Return the first of the attributes *keys* that *item*, a span or a data point, has."""
    return next((pair.value.string_value for key in keys for pair in item.attributes if pair.key == key), "")


@pytest.mark.parametrize("by", ["auto", "opentelemetry-instrument", "both"])
def test_contrib_instrumentations(by: str, sinks: tuple[HttpSink, GrpcSink, HttpSink], tmp_path: Path) -> None:
    """One span for each request of the program; none, and no duration, for our exports, checks and endpoints."""
    http, grpc, web = sinks
    names = {"web": web.port, "http": http.port, "grpc": grpc.port, "auto": by != "opentelemetry-instrument"}
    none = [f"--{signal}_exporter=none" for signal in ("traces", "metrics", "logs")]
    prefix = [] if by == "auto" else [neighbours.command("opentelemetry-instrument"), *none]
    (checked, flushed, text), log = run(PROGRAM.format(**names), tmp_path, [*prefix, neighbours.python()])

    assert (checked, flushed) == (True, True), log
    assert "already instrumented" not in log
    for received in (http.received, grpc.received):
        spans = Counter(
            attribute(span, "url.full", "http.url", "http.target", "url.path").rpartition("/")[2] or span.name
            for span in received.spans
            if not span.name.startswith("health_check")
        )
        asked = {"requests", "httpx", "urllib", "flask", "fastapi"}
        assert {name: spans[name] for name in asked} == dict.fromkeys(asked, 1)
        assert not [name for name in spans if "Export" in name or "check" in name or "collector" in name]
        assert [record.body.string_value for record in received.records].count("hello") == 1
        methods = {
            attribute(point, "http.request.method", "http.method")
            for name in ("http.client.duration", "http.client.request.duration")
            for point in received.points(name)
        }
        assert methods == {"POST"}
    scopes = Counter(
        line.partition("{")[0]
        for line in {
            line.partition("{")[0] + "{" + label
            for line in text.splitlines()
            if line.startswith(("system_", "process_", "cpython_"))
            for label in line.split(",")
            if "otel_scope_name" in label
        }
    )
    assert scopes
    assert {name: count for name, count in scopes.items() if count > 1} == {}


AGENT = """
import http.server, json, os, threading
bodies = []
class Agent(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_PUT(self):
        if self.headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
        bodies.append(body)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{{}}")
    do_POST = do_GET = do_PUT
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Agent)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["DD_TRACE_AGENT_URL"] = f"http://127.0.0.1:{{server.server_port}}"

def vendor():
    import ddtrace.auto
if {first}: vendor()
import csg_otel, requests
telemetry = csg_otel.instrument(
    exporters=["otlp+http://127.0.0.1:{http}", "otlp://127.0.0.1:{grpc}"], exporters__metric_interval=0.3,
    health_monitoring__enabled=False)
if not {first}: vendor()
with csg_otel.observe("work"): pass
requests.get("http://127.0.0.1:{web}/program")
flushed = telemetry.force_flush(20)
telemetry.shutdown()
from ddtrace.trace import tracer
tracer.shutdown()
sent = b"".join(bodies)
print(json.dumps([flushed, sent.count(b"/program") > 0, b"Export" in sent, b"/v1/" in sent, b"opentelemetry.proto" in sent]))
"""


@pytest.mark.parametrize("first", [True, False], ids=["ddtrace-first", "csg-otel-first"])
def test_ddtrace_does_not_trace_our_exports(
    first: bool, sinks: tuple[HttpSink, GrpcSink, HttpSink], tmp_path: Path
) -> None:
    """It wraps gRPC's functions, and does not know OpenTelemetry's mark of a context that is not traced."""
    http, grpc, web = sinks
    shown, log = run(
        AGENT.format(http=http.port, grpc=grpc.port, web=web.port, first=first),
        tmp_path,
        [neighbours.python()],
        DD_TRACE_OTEL_ENABLED="false",
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_REMOTE_CONFIGURATION_ENABLED="false",
        DD_UNLOAD_MODULES_FROM_SITECUSTOMIZE="false",
    )

    assert shown == [True, True, False, False, False], log
    for received in (http.received, grpc.received):
        assert [span.name for span in received.spans] == ["work"]
