"""Requests to the endpoints leave no spans, whatever instruments the program's servers; the program's own requests do."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from support import neighbours
from support.otlp_sink import HttpSink
from support.programs import Program, eventually, get

pytestmark = pytest.mark.real("neighbours")

START = """
import sys, threading
from wsgiref.simple_server import make_server
import csg_otel

def instrument():
    return csg_otel.instrument(
        "shop", exporters=["otlp+{sink}", "prometheus"], health_monitoring__enabled=False, exporters__queue__delay=0.1
    )

def serve_asgi(app):
    import time, uvicorn
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return server.servers[0].sockets[0].getsockname()[1]

def serve_wsgi(app):
    server = make_server("127.0.0.1", 0, app)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port
"""

END = """
print(port, telemetry.url, flush=True)
sys.stdin.readline()
telemetry.force_flush(5)
"""

FASTAPI = """
import fastapi
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
telemetry = instrument()
app = fastapi.FastAPI()
app.mount("/monitoring", csg_otel.asgi_app())

@app.get("/orders")
async def orders():
    return "orders"

FastAPIInstrumentor.instrument_app(app)
port = serve_asgi(app)
"""

STARLETTE = """
from opentelemetry.instrumentation.starlette import StarletteInstrumentor
StarletteInstrumentor().instrument()
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
telemetry = instrument()
orders = Route("/orders", lambda request: PlainTextResponse("orders"))
port = serve_asgi(Starlette(routes=[Mount("/monitoring", csg_otel.asgi_app()), orders]))
"""

WSGI = """
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from werkzeug.middleware.dispatcher import DispatcherMiddleware
telemetry = instrument()

def orders(environ, start_response):
    start_response("200 OK", [])
    return [b"orders"]

port = serve_wsgi(OpenTelemetryMiddleware(DispatcherMiddleware(orders, {{"/monitoring": csg_otel.wsgi_app()}})))
"""

FLASK = """
from opentelemetry.instrumentation.flask import FlaskInstrumentor
FlaskInstrumentor().instrument()
import flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
telemetry = instrument()
app = flask.Flask("shop")
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {{"/monitoring": csg_otel.wsgi_app()}})

@app.get("/orders")
def orders():
    return "orders"

port = serve_wsgi(app)
"""


def start(source: str, sink: HttpSink, folder: Path, *before: str) -> Program:
    """Run *source* in the environment of neighbours, by the command *before* if there is one."""
    (folder / "shop.py").write_text(textwrap.dedent(source).format(sink=sink.endpoint))
    return Program([*before, neighbours.python(), "shop.py"], folder, neighbours.VARIABLES)


def finish(program: Program) -> None:
    """Let *program* deliver its telemetry and end."""
    assert program.process.stdin is not None
    program.process.stdin.write("\n")
    program.process.stdin.flush()
    assert program.wait() == 0, program.stderr


def server_spans(sink: HttpSink) -> list[Any]:
    """Return the spans of instrumented servers: requests, and the messages sent for them."""
    scopes = (
        scope for trace in sink.received.traces for resource in trace.resource_spans for scope in resource.scope_spans
    )
    return [span for scope in scopes if "instrumentation" in scope.scope.name for span in scope.spans]


@pytest.mark.parametrize("source", [FASTAPI, STARLETTE, WSGI, FLASK], ids=["fastapi", "starlette", "wsgi", "flask"])
def test_mounted_endpoints_leave_no_spans(source: str, sink: HttpSink, tmp_path: Path) -> None:
    """Only the program's own page does; nor do the endpoints on the SDK's own port."""
    with start(START + source + END, sink, tmp_path) as program:
        port, url = program.line().split()
        server = f"http://127.0.0.1:{port}"
        paths = ("metrics", "livez", "readyz", "nothing")
        statuses = {get(f"{place}/{path}")[0] for place in (f"{server}/monitoring", url) for path in paths[:2]}
        for path in paths:
            get(f"{server}/monitoring/{path}")
        assert get(f"{server}/orders")[0] == 200
        finish(program)

    assert statuses == {200}
    names = [span.name for span in server_spans(sink)]
    assert any(name.startswith("GET") for name in names), names
    assert [name for name in names if "monitoring" in name or "livez" in name] == []
    assert len([span for span in server_spans(sink) if span.kind == span.SPAN_KIND_SERVER]) == 1


def test_opentelemetry_instrument_sees_no_request_to_the_own_port(sink: HttpSink, tmp_path: Path) -> None:
    """All stock instrumentations are on: no span and no metric of a server."""
    source = START + "telemetry = instrument(); port = 0" + END
    before = (neighbours.command("opentelemetry-instrument"), "--traces_exporter", "none", "--logs_exporter", "none")
    with start(source, sink, tmp_path, *before, "--metrics_exporter", "none") as program:
        _, url = program.line().split()
        eventually(lambda: get(f"{url}/livez")[0] == 200)
        text = [get(f"{url}/metrics")[1] for _ in range(3)][-1]
        finish(program)

    assert "csg_" in text
    assert "http_server" not in text
    assert server_spans(sink) == []


GRPC = """
import asyncio, grpc
from concurrent import futures
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.instrumentation.grpc import GrpcAioInstrumentorServer, GrpcInstrumentorServer
GrpcInstrumentorServer().instrument()
GrpcAioInstrumentorServer().instrument()
telemetry = instrument()
echo = grpc.unary_unary_rpc_method_handler(lambda request, context: request)

def ask(port):
    with grpc.insecure_channel(f"127.0.0.1:{{port}}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="readiness")
        answers = [health.Check(request, timeout=10), health.List(health_pb2.HealthListRequest(), timeout=10)]
        watch = health.Watch(request, timeout=10)
        answers.append(next(watch))
        watch.cancel()
        channel.unary_unary("/shop.Orders/Take")(b"", timeout=10)
        return len(answers)

def run():
    server = grpc.server(futures.ThreadPoolExecutor(4))
    csg_otel.add_grpc_health(server)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Orders", {{"Take": echo}})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    count = ask(port)
    server.stop(0).wait()
    return count

async def take(request, context):
    return request

async def run_aio():
    server = grpc.aio.server(migration_thread_pool=futures.ThreadPoolExecutor(4))
    csg_otel.add_grpc_health(server)
    handlers = {{"Take": grpc.unary_unary_rpc_method_handler(take)}}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Orders", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    count = await asyncio.to_thread(ask, port)
    await server.stop(0)
    return count

port = KIND
"""


@pytest.mark.parametrize("kind", ["run()", "asyncio.run(run_aio())"], ids=["sync", "aio"])
def test_the_grpc_health_service_leaves_no_spans(kind: str, sink: HttpSink, tmp_path: Path) -> None:
    """It answers as without the instrumentation; the program's own method is traced."""
    with start(START + GRPC.replace("KIND", kind) + END, sink, tmp_path) as program:
        line = program.line()
        finish(program)

    assert line.split()[0] == "3", (line, program.stderr)
    names = {span.name for span in server_spans(sink)}
    assert names == {"/shop.Orders/Take"}
