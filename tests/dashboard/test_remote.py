"""Another process's dashboard as a source: access by the token file, documents, and errors that say what to do."""

from __future__ import annotations

import logging
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import csg_otel
from csg_otel.cli import main
from csg_otel.dashboard import model, remote, token_file
from csg_otel.dashboard.api import Api
from csg_otel.dashboard.model.actions import RESULTS
from csg_otel.dashboard.remote import HttpSource
from csg_otel.dashboard.schema import DOCUMENTS
from csg_otel.dashboard.source import NotFoundError, Parameters, SourceError
from dashboard.test_schema import problems
from support import dashboard_documents as documents
from support.dashboard_source import SetSource
from support.json_server import json_server
from support.programs import Program, eventually
from support.servers import free_port
from support.web_client import ServedWeb

Serve = Callable[..., ServedWeb]


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's state folder, which the test's dashboard uses too."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "csg-otel" / "dashboard"


def _traces(**more: Any) -> Any:
    return {"time": 1.0, "traces": [], "total": 0, "kept": 0, "next": None, "took_ms": 0.1, **more}


@pytest.fixture
def prepared(web: ServedWeb, state: Path, source: SetSource) -> ServedWeb:
    """A dashboard whose token file is written."""
    source.documents.update({"status": documents.status(), "traces": _traces()})
    eventually((state / f"{web.port}.token").exists)
    return web


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_user_s_dashboard_is_opened_by_its_token_file(prepared: ServedWeb, source: SetSource, host: str) -> None:
    """Documents, actions, and a new link for the browser; every parameter arrives as it is."""
    parameters: Parameters = {"text": "a b&c=d", "attr": ["k=v", "ü=1"]}
    remote_source = HttpSource(f"http://{host}:{prepared.port}/login?token=used")

    assert remote_source.address == f"http://{host}:{prepared.port}"
    assert remote_source.get("status") == documents.status()
    assert remote_source.get("traces", parameters) == _traces()
    assert source.requests[-1] == ("traces", parameters)
    assert remote_source.post("services/restart", {}) == {"restarted": True}
    link = remote_source.post("login-links", {})["url"]
    assert prepared.ask(link.removeprefix(prepared.url)).status == 303


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", {"127.0.0.1": "127.0.0.1", "127.0.0.2": "", "::1": "", "localhost": "127.0.0.1"}),
        ("::1", {"::1": "::1", "127.0.0.1": "", "localhost": "::1"}),
        ("0.0.0.0", {"127.0.0.1": "127.0.0.1", "127.0.0.2": "127.0.0.2", "::1": "", "localhost": "127.0.0.1"}),
        ("::", {"127.0.0.2": "127.0.0.2", "::1": "::1", "localhost": "::1"}),
        ("localhost", {"localhost": "localhost", "127.0.0.1": ""}),
        ("", {"127.0.0.1": "", "localhost": ""}),
    ],
)
def test_where_another_user_may_listen_is_not_the_dashboard(host: str, reached: dict[str, str]) -> None:
    """A token is for the address that its dashboard listens on; a name leads there and nowhere else."""
    content = token_file.Content("t0ken", host)
    assert {name: content.address_for(name) for name in reached} == reached


def test_another_server_on_the_same_port_gets_no_token(prepared: ServedWeb, state: Path) -> None:
    """Another user may listen on every other loopback address of the port."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.2", prepared.port)) as listener:

        def answer() -> None:
            client, _ = listener.accept()
            with client:
                requests.append(client.recv(65536))
                client.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(SourceError, match="refuses access"):
            HttpSource(f"http://127.0.0.2:{prepared.port}").get("status")
        thread.join()

    assert requests[0].startswith(b"GET /api/v1/status ")
    assert token_file.read(state, prepared.port).token.encode() not in requests[0]
    assert b"uthorization" not in requests[0]


def test_a_restarted_program_is_opened_again(prepared: ServedWeb, serve_web: Serve, state: Path) -> None:
    """It has another token, which is read for each request."""
    remote_source = HttpSource(prepared.url)
    assert remote_source.get("status")
    prepared.server.stop(30.0)
    prepared.dashboard.close()
    with pytest.raises(SourceError, match="nothing answers at"):
        remote_source.get("status")
    serve_web(port=prepared.port)
    eventually((state / f"{prepared.port}.token").exists)

    assert remote_source.get("status") == documents.status()


def test_a_token_or_a_password_is_sent(serve_web: Serve, source: SetSource) -> None:
    """As headers, or in the address, of which nothing secret is shown."""
    source.documents["status"] = documents.status()
    web = serve_web(security={"api_auth": {"enabled": True, "method": "basic", "tokens": ["ops:pa55"]}})
    header = "Basic " + b64encode(b"ops:pa55").decode()

    assert HttpSource(web.url, {"Authorization": header}).get("status")
    in_address = HttpSource(web.url.replace("//", "//ops:pa55@"))
    assert in_address.get("status")
    assert "pa55" not in in_address.address


def test_documents_may_be_large_and_exports_are_text(prepared: ServedWeb, source: SetSource) -> None:
    """Larger than the usual limit of a response."""
    source.documents["traces"] = _traces(later="x" * 5_000_000)
    source.documents["export"] = '{"resourceSpans": []}\n'

    assert HttpSource(prepared.url).get("traces") == source.documents["traces"]
    assert HttpSource(prepared.url).get("export", {"signals": "traces"}) == source.documents["export"]


def test_errors_of_the_api_are_those_of_a_source(prepared: ServedWeb) -> None:
    """With its words."""
    with pytest.raises(NotFoundError, match="there is no document 'traces/00'"):
        HttpSource(prepared.url).get("traces/00")
    with pytest.raises(SourceError, match="there is no parameter 'wrong'"):
        HttpSource(prepared.url).get("traces", {"wrong": "1"})


def test_without_access_the_error_says_how_to_get_it(prepared: ServedWeb, state: Path) -> None:
    """Whether the file is missing or the token is wrong."""
    for authorization in ({"Authorization": "Bearer wrong"}, {}):
        with pytest.raises(SourceError, match=r"refuses access: .*--token-file"):
            HttpSource(prepared.url, authorization).get("status")
        (state / f"{prepared.port}.token").unlink(missing_ok=True)


def test_where_nothing_answers_the_error_says_what_to_start() -> None:
    """And for text that is no address."""
    with pytest.raises(
        SourceError, match=r"nothing answers at .* \(Connection refused\): start the program with dashboard"
    ):
        HttpSource(f"http://127.0.0.1:{free_port()}").get("status")
    with pytest.raises(SourceError, match="not the address of a dashboard"):
        HttpSource("localhost")


def test_the_endpoints_of_a_program_without_a_dashboard_have_health_and_metrics(tmp_path: Path) -> None:
    """As documents that match their schema; a rate needs two of them, and everything else says what to set."""
    program_source = """
import sys
import csg_otel
from csg_otel import CheckResult, HealthStatus

@csg_otel.health_check("stock", category="business", interval_s=1)
def stock():
    return CheckResult(HealthStatus.CRITICAL, "empty", {"left": 0})

telemetry = csg_otel.instrument("shop", exporters=["prometheus"])
orders = csg_otel.counter("orders", attributes=("kind",))
csg_otel.histogram("sizes").record(4)
orders.add(1, {"kind": "book"})
print(telemetry.url, flush=True)
for line in sys.stdin:
    orders.add(60, {"kind": "book"})
    print("added", flush=True)
"""
    with Program(program_source, tmp_path) as program:
        endpoints = HttpSource(program.line())
        eventually(
            lambda: ("stock", "critical") in [(row["name"], row["status"]) for row in endpoints.get("health")["checks"]]
        )
        health, status, before = (endpoints.get(path) for path in ("health", "status", "metrics"))
        chart = endpoints.get("metrics/series", {"name": "orders_total"})
        program.go_on()
        assert program.line() == "added"
        after = endpoints.get("metrics", {"text": "orders"})
        with pytest.raises(SourceError, match=r"set dashboard\.enabled: true"):
            endpoints.get("traces")
        with pytest.raises(NotFoundError, match="no metric 'nothing'"):
            endpoints.get("metrics/series", {"name": "nothing"})

    typed = (model.HealthPage, health), (model.Status, status), (model.MetricsPage, before), (model.Chart, chart)
    assert [problems(kind, document) for kind, document in typed] == [[]] * 4
    (stock,) = [row for row in health["checks"] if row["name"] == "stock"]
    assert (stock["name"], stock["status"], stock["message"], stock["category"]) == (
        "stock",
        "critical",
        "empty",
        "business",
    )
    assert status["overall"] == "critical"
    assert status["features"] == ["health", "performance"]
    rows = {row["name"]: row for row in before["metrics"]}
    assert (rows["orders_total"]["kind"], rows["orders_total"]["latest"]) == ("counter", None)
    assert rows["orders_total"]["attributes"]["kind"] == ["book"]
    assert (rows["sizes"]["kind"], rows["sizes"]["latest"]) == ("histogram", 4)
    assert [line["values"] for line in chart["series"]] == [[1]]
    (row,) = after["metrics"]
    assert row["latest"] > 0


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """Return a function that starts a server which sends some bytes to every client, and returns its address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def start(answer: bytes) -> str:
            def serve() -> None:
                client, _ = listener.accept()
                with client:
                    client.recv(65536)
                    client.sendall(answer)
                    client.recv(1) if not answer else None

            threading.Thread(target=serve, daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "is no dashboard of csg_otel: .* 200 '<html>'"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n\x1b[2J", r"no dashboard .* 404 '\\x1b\[2J'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"[" * 70000, "no dashboard"),
        (b"SSH-2.0-OpenSSH\r\n", "nothing answers at"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", r"no dashboard of csg_otel, .* another form .* --url"),
    ],
    ids=["a page", "an escape", "nested", "another protocol", "other JSON"],
)
def test_another_server_is_no_dashboard(answering: Callable[[bytes], str], body: bytes, message: str) -> None:
    """And what it sends reaches no terminal unescaped."""
    with pytest.raises(SourceError, match=message):
        HttpSource(answering(body)).get("status")


@pytest.mark.parametrize(
    "content",
    [[], {}, 123, "text", True, {"traces": None, "logs": 5, "checks": {}, "url": ["\x1b[2J"]}],
    ids=str,
)
def test_json_of_another_server_is_no_document(content: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither as a document nor as the result of an action: every command says so in one line, and exits as for others."""
    commands = [
        *(["query", name] for name in ("traces", "logs", "metrics", "health", "changed")),
        *(["dashboard", "--mode", mode] for mode in ("status", "report", "health")),
        ["dashboard", "--web"],
    ]
    with json_server(lambda *_: (200, content)) as url:
        other = HttpSource(url)
        for path in (*DOCUMENTS, "traces/00"):
            with pytest.raises(SourceError, match="is no dashboard of csg_otel"):
                other.get(path)
        for path in RESULTS:
            with pytest.raises(SourceError, match="is no dashboard of csg_otel"):
                other.post(path, {"lines": ""})
        for command in commands:
            assert main([*command, "--url", url]) == 1
            printed = "".join(capsys.readouterr())
            assert "is no dashboard of csg_otel" in printed
            assert "\x1b" not in printed


def test_every_document_of_a_program_is_one(api: Api, prepared: ServedWeb, source: SetSource) -> None:
    """Read from its dashboard, it is what the program's own process has."""
    with csg_otel.observe("pay"):
        logging.getLogger("shop").warning("paid")
    eventually(lambda: api.get("traces")["traces"] and api.get("logs")["logs"] and api.get("metrics")["metrics"])
    (trace,) = api.get("traces", {"name": "pay"})["traces"]
    name = api.get("metrics")["metrics"][0]["name"]
    paths = {path: {"name": name} if path == "metrics/series" else {} for path in DOCUMENTS}
    paths[f"traces/{trace['trace_id']}"] = paths.pop("traces/{trace_id}")

    for path, parameters in paths.items():
        source.documents[path] = api.get(path, parameters)
        assert HttpSource(prepared.url).get(path) == source.documents[path]


def test_parameters_that_are_too_long_are_an_error_that_says_so(prepared: ServedWeb) -> None:
    """The server is a dashboard all the same."""
    with pytest.raises(SourceError, match=r"parameters of 'traces' are too long"):
        HttpSource(prepared.url).get("traces", {"text": "x" * 200_000})


def test_a_server_that_hangs_has_a_deadline(answering: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so."""
    monkeypatch.setattr(remote, "_TIMEOUT_S", 0.2)
    with pytest.raises(SourceError, match=r"did not answer within 0.2 s"):
        HttpSource(answering(b"")).get("status")
