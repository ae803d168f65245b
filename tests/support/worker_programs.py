"""Programs with several processes: each does work in its workers, is scraped, and is ended; what became of its telemetry."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import textwrap
import time
import urllib.error
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from support import neighbours
from support.otlp_sink import HttpSink
from support.programs import eventually, get, samples
from support.servers import free_port

INSTRUMENTED = """
    import os, time, csg_otel

    telemetry = csg_otel.instrument("shop", exporters=[os.environ["SINK"], "prometheus"])
    made = csg_otel.counter("orders.made")

    @csg_otel.observe("order")
    def order():
        made.add(1)
        time.sleep(0.01)  # so that another worker takes the next request
        return str(os.getpid()).encode()
"""

WSGI = """
    def app(environ, start_response):
        body = order() if environ["PATH_INFO"] == "/orders" else str(os.getpid()).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
"""

ASGI = """
    import anyio

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                kind = (await receive())["type"]
                await send({"type": f"{kind}.complete"})
                if kind == "lifespan.shutdown":
                    AT_THE_END
                    return
        orders = scope["path"] == "/orders"
        body = await anyio.to_thread.run_sync(order) if orders else str(os.getpid()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})
"""

ASGI_ENDING = ASGI.replace("AT_THE_END", "telemetry.shutdown()")
ASGI = ASGI.replace("AT_THE_END", "pass")

JOBS = """
    import multiprocessing, signal, sys

    def job(_):
        return order()

    if __name__ == "__main__":
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            pool.map(job, range(20), chunksize=1)
            pool.close()
            pool.join()
        print("done", flush=True)
        while True:
            signal.pause()
"""

CELERY = """
    import celery

    app = celery.Celery("shop", broker="filesystem://")
    app.conf.update(
        broker_transport_options={"data_folder_in": "q", "data_folder_out": "q", "control_folder": "c"},
        worker_hijack_root_logger=False,
        task_ignore_result=True,
    )
    app.task(name="order")(order)

    if __name__ == "__main__":
        for _ in range(20):
            app.send_task("order")
"""

_WITHIN_S = 60.0
"""Bound of every wait; a busy machine needs much longer than a quiet one."""

_COMPLAINT = re.compile(r"WARNING|ERROR|CRITICAL|Traceback|already in use|can't listen")
_OF_OTHERS = re.compile(
    r"\*\*\* WARNING|!!!|No hostname was supplied|\[ERROR\] Worker \(pid:\d+\) was sent SIG"
    r"|opentelemetry\.instrumentation|callbacks? of "
)
"""Lines about root, the broker, and the end that was asked for; and of slow or old instrumentations in the environment."""

_COLLECTED_LATE = re.compile(
    r"^Exception ignored in: <function _removeHandlerRef.*\n(?:Traceback.*\n|  .*\n|\w+Error.*\n)+", re.MULTILINE
)
"""Of logging under gevent, for handlers that instrumentations leave to the end of the interpreter; without csg_otel, too."""


@dataclass(frozen=True)
class Kind:
    """
    A kind of program.

    ``command`` starts it: its first word is a command of the environment, ``python`` for the interpreter; ``PORT`` is replaced.
    """

    name: str
    source: str
    command: str
    signal: int = signal.SIGTERM
    prepare: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_requests(self) -> bool:
        """Whether work comes by HTTP; otherwise there are twenty jobs."""
        return "PORT" in self.command


@dataclass(frozen=True)
class Result:
    """What became of a program's telemetry: work done, its count in a scrape, its spans, seconds to the end, complaints."""

    done: int
    workers: int
    counted: frozenset[float]
    spans: int
    ended_s: float
    complaints: tuple[str, ...]
    log: str


def measure(kind: Kind, folder: Path, *, wrapped: bool = False) -> Result:
    """Run a program of *kind* in *folder*; where *wrapped*, by ``csg-otel run``."""
    (folder / "shop.py").write_text(textwrap.dedent(INSTRUMENTED) + textwrap.dedent(kind.source))
    for name in ("q", "c", "state"):
        (folder / name).mkdir()
    sink, port, metrics_port = HttpSink(), free_port(), free_port()
    variables = {
        **os.environ,
        **neighbours.VARIABLES,
        **kind.options,
        "SINK": sink.endpoint.replace("http", "otlp+http"),
        "PROMETHEUS_PORT": str(metrics_port),
        "PYTHONUNBUFFERED": "1",
        "XDG_STATE_HOME": str(folder / "state"),
    }
    if kind.prepare:
        _run(_words(kind.prepare, port), folder, {**variables, "OTEL_SDK_DISABLED": "true"})
    wrapper = [neighbours.python(), "-m", "csg_otel", "run", "--"] if wrapped else []
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*wrapper, *_words(kind.command, port)],
            cwd=folder,
            env=variables,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    metrics = f"http://127.0.0.1:{metrics_port}/metrics"
    try:
        pids = _place_orders(f"http://127.0.0.1:{port}") if kind.takes_requests else ["0"] * 20
        with suppress(AssertionError):  # the result says so
            eventually(lambda: _counted(metrics) >= len(pids), _WITHIN_S / 3)
        counted = frozenset(_counted(metrics) for _ in range(4))
        began = time.monotonic()
        process.send_signal(kind.signal)
        ended_s = _wait_for_group(process, began)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        sink.close()
    text = (folder / "log").read_text(errors="replace")
    spans = [span.name for span in sink.received.spans].count("order")
    lines = [
        line
        for line in _COLLECTED_LATE.sub("", text).splitlines()
        if _COMPLAINT.search(line) and not _OF_OTHERS.search(line)
    ]
    return Result(len(pids), len(set(pids)), counted, spans, ended_s, tuple(lines), text)


def _words(command: str, port: int) -> list[str]:
    first, *rest = (word.replace("PORT", str(port)) for word in command.split())
    return [neighbours.python() if first == "python" else neighbours.command(first), *rest]


def _run(words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
    subprocess.run(words, cwd=folder, env=variables, check=True, capture_output=True, timeout=_WITHIN_S)


def _place_orders(url: str) -> list[str]:
    """Place twenty orders, or more until two workers have taken some; return the process id of each order's worker."""
    eventually(lambda: _answer(url), _WITHIN_S)
    pids: list[str] = []
    with ThreadPoolExecutor(4) as clients:
        while len(pids) < 20 or (len(set(pids)) < 2 and len(pids) < 400):
            pids += clients.map(lambda _: get(f"{url}/orders", within_s=_WITHIN_S)[1], range(20))
    return pids


def _answer(url: str) -> str:
    try:
        return get(url, within_s=2)[1]
    except (urllib.error.URLError, OSError):
        return ""


def _counted(url: str) -> float:
    """Return the orders in a scrape; -1 while nothing serves it."""
    text = _answer(url)
    return sum(samples(text, "orders_made_total").values()) if text else -1


def _wait_for_group(process: subprocess.Popen[bytes], began: float) -> float:
    """Return the seconds until the process and all of its process group have ended; infinity where they don't."""
    while time.monotonic() - began < _WITHIN_S / 2:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return time.monotonic() - began
        time.sleep(0.02)
    return float("inf")
