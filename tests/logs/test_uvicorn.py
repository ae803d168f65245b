"""A program under uvicorn, which logs by its own loggers; csg_otel's endpoints use uvicorn, too, and take nothing from it."""

from __future__ import annotations

import sys
from pathlib import Path

from support.otlp_sink import HttpSink, attributes
from support.programs import Program, eventually, get
from support.servers import free_port

APP = """
import csg_otel
telemetry = csg_otel.instrument("web", exporters=["prometheus", "otlp+{endpoint}"])
async def app(scope, receive, send):
    if scope["path"] == "/endpoints":
        body = telemetry.url.encode()
    elif scope["path"] == "/ok":
        body = b"ok"
    else:
        raise RuntimeError("failure of " + scope["path"])
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}})
    await send({{"type": "http.response.body", "body": body}})
"""


def test_access_lines_and_failures_are_the_program_s(tmp_path: Path) -> None:
    """Every request has its line, every failure its traceback and its record; the endpoints' requests have none."""
    sink, port = HttpSink(), free_port()
    (tmp_path / "app.py").write_text(APP.format(endpoint=sink.endpoint))
    paths = ("/one", "/two", "/two")
    with Program(
        [sys.executable, "-m", "uvicorn", "app:app", "--lifespan", "off", "--port", str(port)], tmp_path
    ) as web:
        eventually(lambda: "Uvicorn running" in web.stderr, 55)
        url = get(f"http://127.0.0.1:{port}/endpoints")[1]
        for path in ("/ok", *paths):
            get(f"http://127.0.0.1:{port}{path}")
        get(f"{url}/metrics")
        web.terminate()
        web.wait()
        stdout = web.process.stdout.read() if web.process.stdout else ""
        stderr = web.stderr
    sink.close()
    failures = [x for x in sink.received.records if x.body.string_value.startswith("Exception in ASGI application")]

    assert [path for path in (*paths, "/ok", "/metrics") if f"GET {path} " in stdout] == [*paths, "/ok"]
    assert stdout.count("GET ") == 5
    assert [stderr.count(f"RuntimeError: failure of {path}") for path in ("/one", "/two")] == [1, 2]
    messages = [attributes(record)["exception.message"] for record in failures]
    assert messages == [f"failure of {path}" for path in paths]
    assert stderr.count("Started server process") == 1  # uvicorn of the program, not that of the endpoints
