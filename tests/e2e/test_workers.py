"""Worker processes behind one port: the scrape has the sum over living and finished ones, exactly."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.programs import eventually, get, samples
from support.servers import free_port

SYNC = """
    import os, flask, csg_otel

    csg_otel.instrument("shop", exporters=["prometheus"])
    made = csg_otel.counter("orders.made")
    csg_otel.gauge("workers.up", workers="sum").set(1)
    csg_otel.gauge("worker.pid").set(os.getpid())
    app = flask.Flask(__name__)

    @app.get("/up")
    def up():
        return str(os.getpid())

    @app.get("/orders")
    @csg_otel.observe("order")
    def orders():
        made.add(1)
        csg_otel.gauge("worker.pid").set(os.getpid())
        return str(os.getpid())
"""

ASYNC = """
    import os, fastapi, csg_otel

    csg_otel.instrument("shop", exporters=["prometheus"])
    made = csg_otel.counter("orders.made")
    app = fastapi.FastAPI()

    @app.get("/up")
    async def up():
        return os.getpid()

    @app.get("/orders")
    @csg_otel.observe("order")
    async def orders():
        made.add(1)
        csg_otel.gauge("worker.pid").set(os.getpid())
        return os.getpid()
"""

UVICORN_WORKER = ("-k", "uvicorn_worker.UvicornWorker")


class Shop:
    """A running server: where it takes orders, where it is scraped, its process, who took how many orders."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, metrics_port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.metrics = f"http://127.0.0.1:{metrics_port}"
        self.workers: set[int] = set()
        self.taken: Counter[int] = Counter()

    def is_up(self) -> bool:
        """Meet one of the workers, if one is there; takes no order, because one that comes too early may be counted late."""
        try:
            self.workers.add(int(get(f"{self.url}/up")[1]))
        except (urllib.error.URLError, OSError):
            return False
        return True

    def order(self, times: int = 1) -> None:
        """Place orders, one after the other; one that meets a worker on its way out is not counted, nor asked again."""
        for _ in range(times):
            self.taken[int(get(f"{self.url}/orders", within_s=60)[1])] += 1

    def text(self) -> str:
        """Return a scrape; empty while nobody serves."""
        try:
            return get(f"{self.metrics}/metrics")[1]
        except (urllib.error.URLError, OSError):
            return ""

    def shown(self) -> tuple[float, float]:
        """Return the orders of a scrape, as a counter and as a histogram; nothing while nobody serves."""
        text = self.text()
        counted = samples(text, "orders_made_total").get("", 0)
        return counted, samples(text, "csg_operation_duration_seconds_count").get('csg_operation_name="order"', 0)

    def shows_all(self) -> bool:
        """Tell whether a scrape has exactly what was ordered; it never has more."""
        placed = self.taken.total()
        shown = self.shown()
        assert max(shown) <= placed
        return shown == (placed, placed)


@contextmanager
def shop(folder: Path, source: str, *command: str, workers: int = 4, metrics_port: int = 0) -> Iterator[Shop]:
    """Run the module ``shop`` under *command* and wait until all its workers take orders."""
    (folder / "shop.py").write_text(textwrap.dedent(source))
    port, metrics_port = free_port(), metrics_port or free_port()
    words = [sys.executable, "-m", *(word.replace("PORT", str(port)) for word in command)]
    variables = {**os.environ, "PROMETHEUS_PORT": str(metrics_port), "PYTHONUNBUFFERED": "1"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            words,
            cwd=folder,
            stdout=log,
            stderr=log,
            env=variables,
            start_new_session=True,  # as a shell or a supervisor would
        )
    running = Shop(process, port, metrics_port)

    try:
        eventually(lambda: running.is_up() and len(running.workers) >= workers, 60, 0.01)
        yield running
    except BaseException:
        print((folder / "log").read_text())
        raise
    finally:
        process.terminate()
        process.wait(30)


def gunicorn(*options: str, workers: int = 4) -> list[str]:
    return ["gunicorn", "-w", str(workers), "-b", "127.0.0.1:PORT", *options, "shop:app"]


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
@pytest.mark.parametrize(("source", "kind"), [(SYNC, ()), (ASYNC, UVICORN_WORKER)], ids=["sync", "uvicorn"])
def test_a_scrape_of_gunicorn_has_all_its_workers_did(
    source: str, kind: tuple[str, ...], preload: tuple[str, ...], tmp_path: Path
) -> None:
    """200 requests to four workers, then one of them is killed, then all are replaced: nothing is lost, or shown twice."""
    with shop(tmp_path, source, *gunicorn(*kind, *preload)) as running:
        running.order(200)
        eventually(running.shows_all)
        assert {int(value) for value in samples(running.text(), "worker_pid").values()} >= running.taken.keys()

        os.kill(next(iter(running.taken)), signal.SIGKILL)
        eventually(running.shows_all)
        running.order(50)
        # Shown before they end, because a preloaded uvicorn worker dies of the signal itself: see docs/processes.md.
        eventually(running.shows_all)
        before, running.workers = set(running.workers), set()
        running.process.send_signal(signal.SIGHUP)

        def replaced() -> bool:
            return running.is_up() and len(running.workers - before) >= 4 and not _alive(before)

        eventually(replaced)
        running.order(50)
        eventually(running.shows_all)


def _alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def test_workers_that_retire_by_themselves_are_not_forgotten(tmp_path: Path) -> None:
    """``max_requests`` recycles a worker every ten requests; whoever serves the port is among those that go."""
    with shop(tmp_path, SYNC, *gunicorn("--max-requests", "10", workers=2), workers=2) as running:
        while running.taken.total() < 100:
            try:
                running.order()
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)

        eventually(running.shows_all)
        assert len(running.taken) > 5
        eventually(lambda: samples(running.text(), "workers_up") == {"": 2})


def test_the_workers_of_uvicorn_are_found_without_a_fork(tmp_path: Path) -> None:
    """They are spawned, each a program of its own."""
    command = ["uvicorn", "--workers", "3", "--port", "PORT", "shop:app"]
    with shop(tmp_path, ASYNC, *command, workers=3) as running:
        running.order(60)

        eventually(running.shows_all)
        assert "can't listen" not in (tmp_path / "log").read_text()


def test_a_hung_worker_costs_a_scrape_nothing_but_its_latest_numbers(tmp_path: Path) -> None:
    """What it has published stands; the scrape goes on after the moment a sound one needs to hear."""
    with shop(tmp_path, SYNC, *gunicorn("--timeout", "0", "--preload")) as running:
        running.order(50)
        eventually(running.shows_all)
        usual = min(_timed(running.text) for _ in range(5))
        hung = next(iter(running.taken))
        os.kill(hung, signal.SIGSTOP)
        try:
            assert running.shows_all()
            slowed = min(_timed(running.text) for _ in range(5))
        finally:
            os.kill(hung, signal.SIGCONT)

        assert slowed < usual + 0.08


def _timed(call: object) -> float:
    began = time.monotonic()
    call()  # type: ignore[operator]
    return time.monotonic() - began


def test_another_worker_takes_over_the_port(tmp_path: Path) -> None:
    """The one that serves is killed, three times over; the sum stays what it was."""
    with shop(tmp_path, SYNC, *gunicorn()) as running:
        running.order(40)
        for _ in range(3):
            eventually(running.shows_all)
            (owner,) = _listening(running)
            os.kill(owner, signal.SIGKILL)
        eventually(running.shows_all)

    assert "can't listen" not in (tmp_path / "log").read_text()


def _listening(running: Shop) -> list[int]:
    """Return which worker has the listening socket of the metrics' port open."""
    port, master = int(running.metrics.rpartition(":")[2]), running.process.pid
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return [int(pid) for pid in workers if inodes & _links(int(pid))]


def _links(pid: int) -> set[str]:
    try:
        return {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return set()


def test_a_new_start_begins_at_nought(tmp_path: Path) -> None:
    """At the same address, and leaves nothing of the one before behind."""
    port = free_port()
    for _ in range(2):
        with shop(tmp_path, SYNC, *gunicorn(workers=2), workers=2, metrics_port=port) as running:
            running.order(10)
            eventually(running.shows_all)

    (root,) = Path(os.environ["XDG_STATE_HOME"]).glob("csg-otel/workers")
    assert len(list(root.iterdir())) == 1


def test_a_stranger_on_the_port_is_said_once(tmp_path: Path) -> None:
    """By one of the workers, not by each, and not again and again."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        shop(tmp_path, SYNC, *gunicorn(), metrics_port=taken.getsockname()[1]),
    ):
        eventually(lambda: "can't listen" in (tmp_path / "log").read_text())
        time.sleep(1.5)  # two more looks at the port

    assert (tmp_path / "log").read_text().count("can't listen") == 1


CHECKED = """
    @csg_otel.health_check("stock", interval_s=0.2)
    def stock():
        pass
"""


@pytest.mark.parametrize(
    ("source", "command"),
    [
        (SYNC, ["gunicorn", "-w", "2", "-b", "127.0.0.1:PORT", "shop:app"]),
        (ASYNC, ["uvicorn", "--workers", "2", "--port", "PORT", "shop:app"]),
    ],
    ids=["forked", "spawned"],
)
def test_run_gives_way_to_the_programs_own_instrument(source: str, command: list[str], tmp_path: Path) -> None:
    """The master, which only ``csg-otel run`` instruments, takes the program's name, and leaves the port to a worker."""
    run = ["csg_otel", "run", "--", sys.executable, "-m", *command]
    with shop(tmp_path, source + CHECKED, *run, workers=2) as running:
        running.order(40)
        eventually(running.shows_all)

        (labels,) = samples(running.text(), "target_info")
        assert 'service_name="shop"' in labels
        eventually(lambda: "stock" in get(f"{running.metrics}/healthz?verbose")[1])
        assert running.shows_all()

    assert "can't listen" not in (tmp_path / "log").read_text()


MOUNTED = SYNC.replace(
    "app = flask.Flask(__name__)",
    """app = flask.Flask(__name__)
    from werkzeug.middleware.dispatcher import DispatcherMiddleware
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/monitoring": csg_otel.wsgi_app()})""",
)


def test_mounted_endpoints_answer_for_all_workers(tmp_path: Path) -> None:
    """Whichever of them is asked, and under whatever instance id it has itself."""
    with shop(tmp_path, MOUNTED, *gunicorn(workers=3), workers=3) as running:
        running.order(60)
        running.metrics = f"{running.url}/monitoring"
        eventually(running.shows_all)
        instances = {_instance(running.text()) for _ in range(20)}

    assert len(instances) == 1


def _instance(text: str) -> str:
    (labels,) = samples(text, "target_info")
    found = re.search('service_instance_id="(.*?)"', labels)
    assert found is not None
    return found[1]
