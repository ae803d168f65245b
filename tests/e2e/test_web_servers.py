"""Inside the servers people run: FastAPI and Flask applications, gunicorn with preload, a worker whose loop is blocked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.programs import HUNG_S, eventually, get
from support.servers import free_port

ENVIRONMENT = {"PROMETHEUS_PORT": "0", "PYTHONUNBUFFERED": "1"}

FASTAPI = """
    import fastapi, csg_otel

    csg_otel.instrument(exporters=["prometheus"])
    app = fastapi.FastAPI()
    app.mount("/monitoring", csg_otel.asgi_app())

    @app.get("/orders")
    @csg_otel.observe("list_orders")
    async def orders():
        return []
"""

FLASK = """
    import flask, csg_otel
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    csg_otel.instrument(exporters=["prometheus"])
    app = flask.Flask(__name__)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/monitoring": csg_otel.wsgi_app()})

    @app.get("/orders")
    @csg_otel.observe("list_orders")
    def orders():
        return []
"""


@contextmanager
def serving(source: str, command: list[str], folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run *command* (``PORT`` is replaced) on the module ``shop`` with *source*; yields its URL and process."""
    (folder / "shop.py").write_text(textwrap.dedent(source))
    port = str(free_port())
    words = [sys.executable, *(word.replace("PORT", port) for word in command)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, env={**os.environ, **ENVIRONMENT})
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _answers(f"{url}/orders"))
        yield url, process
    except BaseException:
        print((folder / "log").read_text())
        raise
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return get(url)[0] == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.parametrize(
    ("source", "command"),
    [
        (FASTAPI, ["-m", "uvicorn", "--port", "PORT", "shop:app"]),
        (FLASK, ["-m", "flask", "--app", "shop", "run", "--port", "PORT"]),
        (FLASK, ["-m", "gunicorn", "-b", "127.0.0.1:PORT", "shop:app"]),
    ],
    ids=["fastapi on uvicorn", "flask", "flask on gunicorn"],
)
def test_one_line_mounts_the_endpoints(source: str, command: list[str], tmp_path: Path) -> None:
    """Metrics and probes below a path of the application, beside its own pages."""
    with serving(source, command, tmp_path) as (url, _):
        assert (
            'csg_operation_duration_seconds_count{csg_operation_name="list_orders"}'
            in get(f"{url}/monitoring/metrics")[1]
        )
        eventually(lambda: get(f"{url}/monitoring/readyz")[0] == 200)
        # Not at the same time: the first look at the disks is slow on a busy machine, and readiness doesn't need it.
        eventually(lambda: get(f"{url}/monitoring/healthz")[0] == 200)
        status, text, headers = get(f"{url}/monitoring/healthz?verbose")
        assert (status, "[+]configuration ok" in text) == (200, True)
        assert headers.get("Cache-Control", headers.get("cache-control")) == "no-store"
        assert get(f"{url}/monitoring/livez")[0] == 200
        assert get(f"{url}/monitoring/nothing")[0] == 404
        assert get(f"{url}/orders")[0] == 200


GUNICORN = """
    import contextlib, os, time
    import fastapi, csg_otel

    telemetry = csg_otel.instrument(
        exporters=["prometheus"],
        config={"health_monitoring": {"checks": {
            "loop": {"type": "event_loop", "critical_s": 5, "interval": 0.2, "groups": ["readiness"]}}}},
    )

    @csg_otel.health_check("alive", interval_s=0.2)
    def alive():
        with open(f"alive-{os.getpid()}", "a") as file:
            file.write(".")

    @contextlib.asynccontextmanager
    async def lifespan(app):
        csg_otel.watch_loop()
        with open(f"url-{os.getpid()}", "w") as file:
            file.write(telemetry.url)
        yield

    app = fastapi.FastAPI(lifespan=lifespan)

    @app.get("/orders")
    async def orders():
        return os.getpid()

    @app.get("/block")
    async def block():
        until = time.monotonic() + 25  # gunicorn kills a worker after 30 s
        while not os.path.exists("released") and time.monotonic() < until:
            time.sleep(0.05)
"""


def test_every_worker_of_a_preloaded_gunicorn_watches_itself(tmp_path: Path) -> None:
    """Three workers forked from one: each runs its checks, and one whose loop is blocked says so while it is."""
    command = [
        "-m",
        "gunicorn",
        "--preload",
        "-w",
        "3",
        "-k",
        "uvicorn_worker.UvicornWorker",
        "-b",
        "127.0.0.1:PORT",
        "shop:app",
    ]
    with serving(GUNICORN, command, tmp_path) as (url, master):
        # A file is there before its text is.
        eventually(lambda: len([path for path in tmp_path.glob("url-*") if path.read_text()]) == 3)
        pids = {int(path.name.split("-")[1]): path.read_text() for path in tmp_path.glob("url-*")}
        assert len(set(pids.values())) == 3
        assert master.pid not in pids

        def run_on() -> bool:
            sizes = {
                pid: (tmp_path / f"alive-{pid}").stat().st_size for pid in pids if (tmp_path / f"alive-{pid}").exists()
            }
            time.sleep(1)
            return len(sizes) == 3 and all(
                (tmp_path / f"alive-{pid}").stat().st_size > size for pid, size in sizes.items()
            )

        assert eventually(run_on)
        for probe in pids.values():
            eventually(lambda probe=probe: get(f"{probe}/readyz")[0] == 200)

        blocked = subprocess.Popen([sys.executable, "-c", f"import urllib.request as u; u.urlopen('{url}/block')"])
        try:
            failing = eventually(lambda: [u for u in pids.values() if get(f"{u}/readyz")[0] == 503], every_s=0.1)
            assert isinstance(failing, list)
            assert len(failing) == 1
            assert re.search(r"\[-\]loop CRITICAL: main lag", get(f"{failing[0]}/readyz")[1])
            assert get(f"{failing[0]}/livez")[0] == 200
        finally:
            (tmp_path / "released").touch()
            blocked.wait(HUNG_S)
        eventually(lambda: get(f"{failing[0]}/readyz")[0] == 200)
