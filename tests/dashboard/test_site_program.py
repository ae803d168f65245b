"""The web dashboard of a real program: its link, page, documents by their schema, events, actions, and its restart."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from csg_otel.dashboard import openapi, schema
from csg_otel.dashboard.api import Api
from csg_otel.dashboard.remote import HttpSource
from csg_otel.dashboard.source import SourceError
from dashboard.test_schema import problems
from support.programs import Program, eventually, get
from support.servers import free_port
from support.web_client import Event, Web

SOURCE = """
import logging, sys
import csg_otel
from csg_otel import CheckResult, HealthStatus

@csg_otel.health_check("stock", interval_s=1)
def stock():
    return CheckResult(HealthStatus.WARNING, "low", {"left": 3})

telemetry = csg_otel.instrument("shop", exporters=["prometheus"], dashboard__enabled=True, dashboard__port=PORT)
log = logging.getLogger("shop.orders")
orders = csg_otel.counter("orders", attributes=("kind",))
sizes = csg_otel.histogram("sizes", unit="By")

def order(number):
    with csg_otel.observe("order", {"number": number}) as operation:
        orders.add(1, {"kind": "book"})
        sizes.record(number)
        log.warning("order %s", number)

for number in range(4):
    order(number)
print(telemetry.dashboard_url, flush=True)
for line in sys.stdin:
    order(99)
"""


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A state folder of the test, for the program and for the source."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@contextmanager
def shop(tmp_path: Path, port: int = 0) -> Iterator[tuple[Program, Web]]:
    """Run the program, and open the link that it prints."""
    with Program(SOURCE.replace("PORT", str(port)), tmp_path) as program:
        link = program.line()
        web = Web(link.partition("/login")[0])
        answer = web.open(link)
        assert answer.status == 303, program.stderr
        yield program, web


def test_the_page_of_a_program_is_whole(tmp_path: Path) -> None:
    """The link opens it; every file that it names is served, and none of them without the cookie."""
    with shop(tmp_path) as (_, web):
        texts = [web.ask(name).body.decode() for name in ("/", "/static/page.js")]
        names = {"/", *(name for text in texts for name in re.findall(r'"(/static/[^"]+)"', text))}
        assert len(names) == 5
        assert {web.ask(name).status for name in names} == {200}
        assert {get(f"{web.url}{name}")[0] for name in names} == {401}


def _states(health: Any) -> dict[str, str]:
    return {row["name"]: row["status"] for row in health["checks"]}


def test_every_document_of_a_program_matches_its_schema(tmp_path: Path) -> None:
    """As the API serves them: nothing is missing, nothing is there that the schema does not know."""
    with shop(tmp_path) as (_, web):
        source = HttpSource(web.url)
        eventually(lambda: {"stock": "warning"}.items() <= _states(source.get("health")).items())
        eventually(lambda: {"orders", "sizes"} <= {row["name"] for row in source.get("metrics")["metrics"]})
        traces: Any = eventually(lambda: source.get("traces", {"name": "order"})["traces"])
        paths = {path: path for path in schema.DOCUMENTS}
        paths["traces/{trace_id}"] = f"traces/{traces[0]['trace_id']}"
        parameters: dict[str, dict[str, str]] = {"metrics/series": {"name": "sizes"}}
        documents = {path: source.get(paths[path], parameters.get(path)) for path in paths}

    assert {path: found for path, kind in schema.DOCUMENTS.items() if (found := problems(kind, documents[path]))} == {}
    assert documents["status"]["service"]["name"] == "shop"
    assert documents["traces/{trace_id}"]["spans"][0]["name"] == "order"
    assert documents["logs"]["logs"]


def test_the_openapi_document_lists_the_parameters_of_the_api(api: Api) -> None:
    """Each that it lists, and no other one."""
    offered = {}
    for path in openapi.PARAMETERS.keys() & schema.DOCUMENTS.keys():
        with pytest.raises(SourceError) as refusal:
            api.get(path, {"nothing": "1"})
        offered[path] = set(str(refusal.value).partition("there are ")[2].split(", "))

    assert offered == {path: set(openapi.PARAMETERS[path]) for path in offered}


def test_what_happens_is_an_event_at_once(tmp_path: Path) -> None:
    """A span and its log record come to a page that is there."""
    with shop(tmp_path) as (program, web), web.events("?topics=traces,logs,status") as stream:
        hello, status = islice(stream, 2)
        assert (hello.name, status.name) == ("hello", "status")
        assert problems(schema.DOCUMENTS["status"], status.data) == []
        program.go_on()
        names, bodies = set[str](), set[str]()
        while "order" not in names or "order 99" not in bodies:  # the first ones may be those from before
            event = next(stream)
            names.update(row["name"] for row in event.data.get("traces", ()) if not row["running"])
            bodies.update(row["body"] for row in event.data.get("logs", ()))


def test_a_restarted_program_knows_the_page_and_has_another_session(tmp_path: Path) -> None:
    """The cookie is valid on, and the events say that the process is another one."""
    port = free_port()
    with shop(tmp_path, port) as (_, web), web.events() as stream:
        first: Event = next(stream)
    with shop(tmp_path, port):
        assert web.get("status").status == 200
        with web.events() as stream:
            second = next(stream)

    assert first.data["session"] != second.data["session"]


def test_the_services_are_restarted_from_the_page(tmp_path: Path) -> None:
    """The page goes on meanwhile."""
    with shop(tmp_path) as (program, web):
        answer = web.post("services/restart", {}, X_CSRF_Token=web.get("session").json["csrf"])

        assert (answer.status, answer.json) == (200, {"restarted": True})
        assert program.process.poll() is None


def test_an_export_of_one_program_is_imported_by_another(tmp_path: Path) -> None:
    """By HTTP, as the page does it; what another program did is in its lists then."""
    with shop(tmp_path) as (_, web):
        source = HttpSource(web.url)
        eventually(lambda: source.get("traces", {"name": "order"})["total"] == 4)
        lines = source.get("export", {"signals": "traces,logs"})
    with shop(tmp_path) as (_, web):
        source = HttpSource(web.url)
        counts = source.post("import", {"lines": lines})
        eventually(lambda: source.get("traces", {"name": "order"})["total"] == 8)

    assert counts["spans"] >= 4
    assert counts["logs"] >= 4


def _probe_times(probe: str) -> list[float]:
    """Return the seconds that each of 30 probes took, in order."""
    times = []
    for _ in range(30):
        began = time.monotonic()
        assert get(probe)[0] in (200, 503)
        times.append(time.monotonic() - began)
    return sorted(times)


def test_probes_are_quick_while_the_dashboard_is_attacked(tmp_path: Path) -> None:
    """Idle, half-open and unread streams at the page's port; the probes have another port and another thread."""
    with shop(tmp_path) as (_, web), ExitStack() as clients:
        probe = f"{web.get('status').json['metrics_url'].rpartition('/')[0]}/livez"
        quiet = _probe_times(probe)
        stream = f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nCookie: {web.headers['Cookie']}\r\n\r\n".encode()
        for number in range(200):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", int(web.url.rpartition(":")[2])), 10))
            client.sendall(stream if number % 2 else stream[:40])
        attacked = _probe_times(probe)

        assert attacked[15] < max(0.5, 20 * quiet[15]), (quiet, attacked)
        assert web.get("status").status == 200
