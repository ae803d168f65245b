"""gevent: threads are greenlets, and a signal handler runs in the hub, where nothing may block."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from support import neighbours
from support.otlp_sink import HttpSink
from support.programs import eventually, get
from support.servers import free_port

pytestmark = pytest.mark.real("neighbours")

APP = """
import csg_otel, time
csg_otel.instrument("web", exporters=["otlp+http://127.0.0.1:{sink}"], exporters__queue__delay=30.0)

def application(environ, start_response):
    with csg_otel.observe("request"):
        if environ["PATH_INFO"] == "/slow":
            open("begun", "w").close()
            time.sleep(2)
    start_response("200 OK", [("Content-Length", "4")])
    return [b"done"]
"""

PLAIN = """
from gevent import monkey; monkey.patch_all()
import csg_otel, signal, time
csg_otel.instrument("plain", exporters=["otlp+http://127.0.0.1:{sink}"], exporters__queue__delay=30.0)
with csg_otel.observe("request"):
    pass
open("begun", "w").close()
time.sleep(600)
"""


def start(words: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Run *words* in the environment of neighbours; its output goes to ``log``."""
    with (folder / "log").open("wb") as log:
        variables = {**os.environ, **neighbours.VARIABLES, "PROMETHEUS_PORT": "0"}
        return subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, env=variables)


@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["", "preload"])
def test_gunicorn_answers_the_request_that_is_under_way(preload: list[str], sink: HttpSink, tmp_path: Path) -> None:
    """SIGTERM during a request: it is answered, gunicorn ends with status 0, and the spans are delivered."""
    (tmp_path / "app.py").write_text(APP.format(sink=sink.port))
    port = free_port()
    words = [
        *preload,
        "-k",
        "gevent",
        "-w",
        "1",
        "-b",
        f"127.0.0.1:{port}",
        "--graceful-timeout",
        "20",
        "app:application",
    ]
    server = start([neighbours.python(), "-m", "gunicorn", *words], tmp_path)
    answers: list[tuple[int, str]] = []
    try:
        eventually(lambda: _answers(f"http://127.0.0.1:{port}/"))
        asking = threading.Thread(target=lambda: answers.append(get(f"http://127.0.0.1:{port}/slow", within_s=30)[:2]))
        asking.start()
        eventually((tmp_path / "begun").exists)
        server.send_signal(signal.SIGTERM)
        status = server.wait(40)
        asking.join(40)
    finally:
        server.kill()
        server.wait()

    assert (status, answers) == (0, [(200, "done")]), (tmp_path / "log").read_text()
    assert [span.name for span in sink.received.spans].count("request") >= 2


def test_a_program_of_greenlets_ends_by_the_signal(sink: HttpSink, tmp_path: Path) -> None:
    """Without a handler of its own it ends by the signal, and delivers."""
    program = start([neighbours.python(), "-c", PLAIN.format(sink=sink.port)], tmp_path)
    try:
        eventually((tmp_path / "begun").exists)
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == -signal.SIGTERM, (tmp_path / "log").read_text()
    finally:
        program.kill()
        program.wait()
    assert [span.name for span in sink.received.spans].count("request") == 1


def _answers(url: str) -> bool:
    try:
        return get(url)[0] == 200
    except OSError:
        return False
