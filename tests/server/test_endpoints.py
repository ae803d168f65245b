"""The HTTP endpoints: what is served, to whom, and that nothing can keep the server from answering."""

from __future__ import annotations

import gzip
import http.client
import json
import logging
import re
import selectors
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import MetricsData

from csg_otel.exporters import prometheus
from csg_otel.server import Request, Server, scrapes
from csg_otel.server.messages import Done
from support.endpoints import WITHIN_S, ask, connect, is_closed
from support.programs import Program, eventually, get

Serve = Callable[..., Server]


def test_a_start_that_fails_is_tried_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure on the server's thread, such as an import's by chance, leaves no port that listens and never answers."""
    failures = [SystemError("AST constructor recursion depth mismatch")]
    selector = selectors.PollSelector

    def fail_once() -> selectors.BaseSelector:
        if failures:
            raise failures.pop()
        return selector()

    monkeypatch.setattr(selectors, "PollSelector", fail_once)
    address = serve().url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=WITHIN_S)
    connection.request("GET", "/metrics")

    assert connection.getresponse().status == 200
    assert not failures
    connection.close()


def test_metrics_are_served_whatever_the_health(serve: Serve) -> None:
    """As text, compressed if wanted, in OpenMetrics if asked for, never cached."""
    server = serve()
    status, headers, body = ask(server, "/metrics")
    _, zipped, packed = ask(server, "/metrics", Accept_Encoding="gzip")
    _, open_headers, open_body = ask(server, "/metrics", Accept="application/openmetrics-text")

    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b"hits_total" in body
    assert headers["cache-control"] == "no-store"
    assert (zipped["content-encoding"], gzip.decompress(packed)) == ("gzip", body)
    assert open_headers["content-type"].startswith("application/openmetrics-text")
    assert open_body.endswith(b"# EOF\n")


def test_the_format_is_the_clients_and_the_names_are_the_settings(serve: Serve) -> None:
    """The header says what the page is; a client that does not allow UTF-8 gets plain names."""
    plain, utf8 = serve(), serve(system_monitoring={"prometheus": {"names": "utf8"}})
    protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    for accept in ("text/plain;version=1.0.0", "application/openmetrics-text;version=2.0.0"):
        status, headers, body = ask(utf8, "/metrics", Accept=f"{accept};escaping=allow-utf-8")
        assert (status, headers["content-type"].replace(" ", "")) == (
            200,
            f"{accept};charset=utf-8;escaping=allow-utf-8",
        )
        assert b'"hits.by.day_total"' in body
        assert b"\nhits_by_day_total" in ask(utf8, "/metrics", Accept=accept)[2]
        assert b"\nhits_by_day_total" in ask(plain, "/metrics", Accept=f"{accept};escaping=allow-utf-8")[2]
    _, headers, body = ask(plain, "/metrics", Accept=protobuf)
    assert headers["content-type"].replace(" ", "") == protobuf
    assert b"hits_by_day_total" in body


def test_each_format_is_rendered_once_for_all_its_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait for a collection, and whether they want it compressed or not."""
    rendered: list[prometheus.Format] = []
    render = prometheus.Pages.render

    def count(pages: prometheus.Pages, data: MetricsData | None, form: prometheus.Format) -> bytes:
        rendered.append(form)
        return render(pages, data, form)

    monkeypatch.setattr(prometheus.Pages, "render", count)
    formats = {
        prometheus.negotiate(accept) for accept in ("", "application/openmetrics-text", "text/plain;version=1.0.0")
    }
    forms = [scrapes.Form(form, packed) for form in formats for packed in (True, False)]
    pages = scrapes._render(prometheus.Pages(), None, forms)

    assert sorted(rendered) == sorted(formats)
    for form in formats:
        assert gzip.decompress(pages[scrapes.Form(form, True)]) == pages[scrapes.Form(form, False)]


def test_the_probes_answer(serve: Serve) -> None:
    """Each with its code, a check by its name, and nothing else is there."""
    server = serve()

    assert [ask(server, path)[0] for path in ("/livez", "/readyz", "/startupz", "/healthz", "/healthz/disk")] == [
        503
    ] * 5
    assert ask(server, "/readyz?exclude=disk")[0] == 503  # a group without checks is unknown
    assert ask(server, "/healthz/none")[0] == 404
    assert ask(server, "/nothing")[0] == 404
    for path in ("/nothing", "/livez/disk"):
        assert ask(server, path)[::2] == (
            404,
            b"not found; the endpoints are /metrics /livez /readyz /startupz /healthz\n",
        )
    assert b"[-]disk CRITICAL: full" in ask(server, "/readyz?verbose")[2]


def test_only_get_and_head_are_allowed(serve: Serve) -> None:
    """A head has no body."""
    server = serve()

    assert [ask(server, "/metrics", method)[0] for method in ("HEAD", "POST", "PUT", "DELETE")] == [200, 405, 405, 405]
    assert ask(server, "/metrics", "HEAD")[2] == b""


def test_a_token_guards_the_metrics_and_the_details(serve: Serve) -> None:
    """Probes answer without one, because kubelets have none, and then tell no details."""
    server = serve(security={"api_auth": {"enabled": True, "tokens": ["${TOKEN}"]}}, token="right")
    right = {"Authorization": "Bearer right", "Accept": "application/json"}
    status, headers, _ = ask(server, "/metrics")

    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert ask(server, "/metrics", Authorization="Bearer wrong")[0] == 401
    assert ask(server, "/metrics", Authorization="Bearer right\xe9")[0] == 401
    assert ask(server, "/metrics", **right)[0] == 200
    assert b"/secret" not in ask(server, "/healthz", Accept="application/json")[2]
    assert json.loads(ask(server, "/healthz", **right)[2])["checks"]["disk"][0]["details"] == {"mount": "/secret"}


def test_basic_authentication(serve: Serve) -> None:
    """For Prometheus' ``basic_auth``."""
    auth = {"enabled": True, "method": "basic", "tokens": ["${TOKEN}"]}
    server = serve(security={"api_auth": auth}, token="user:password")

    assert ask(server, "/metrics")[1]["www-authenticate"] == 'Basic realm="csg_otel", charset="UTF-8"'
    assert ask(server, "/metrics", Authorization="Basic " + b64encode(b"user:password").decode())[0] == 200
    assert ask(server, "/metrics", Authorization="Basic " + b64encode(b"user:other").decode())[0] == 401


def test_a_port_in_use_is_a_warning(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The program goes on, and the reason can be read."""
    with socket.create_server(("127.0.0.1", 0)) as taken, caplog.at_level(logging.WARNING, "csg_otel"):
        server = serve(port=taken.getsockname()[1])

    assert server.url == ""
    assert "in use" in server.problem
    assert "port 0 takes a free port" in caplog.text


def test_it_answers_many_at_once_and_stops_at_once(serve: Serve) -> None:
    """Fifty scrapes in parallel; a connection kept open does not hold up the end."""
    server = serve()
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(ask(server, "/metrics")[0])) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    idle = connect(server)
    began = time.monotonic()
    server.stop(60.0)
    idle.close()

    assert found == [200] * 50
    assert time.monotonic() - began < 30  # a busy machine's; a server that waits for the idle client takes 60 s


def test_connections_that_come_while_the_server_stops_are_closed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their clients read the end of the connection at once, and no socket is left to the garbage collector."""
    server = serve()
    blocked, release = threading.Event(), threading.Event()

    def block(request: Request, done: Done) -> None:
        blocked.set()
        release.wait(60)

    eventually(lambda: server._loop is not None)
    assert server._loop is not None
    monkeypatch.setattr(server._service, "respond", block)
    with connect(server) as first:
        first.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        assert blocked.wait(50)
        with connect(server) as second:
            stopping = threading.Thread(target=server.stop, args=(60.0,))
            stopping.start()
            release.set()
            stopping.join()

            assert [is_closed(first), is_closed(second)] == [True, True]


def test_the_metrics_are_at_the_configured_path(serve: Serve) -> None:
    """`path` moves the metrics, and nothing is at the old place; with `enabled: false` there are probes only."""
    server = serve(system_monitoring={"prometheus": {"path": "/shop/metrics"}})

    assert (ask(server, "/shop/metrics")[0], ask(server, "/metrics")[0]) == (200, 404)
    probes = serve(system_monitoring={"prometheus": {"enabled": False}})
    assert (ask(probes, "/metrics")[0], ask(probes, "/livez")[0]) == (404, 503)


@pytest.mark.parametrize(("show_details", "shown"), [("never", False), ("authorized", False), ("always", True)])
def test_the_settings_decide_who_sees_details(serve: Serve, show_details: str, shown: bool) -> None:
    """Without a token, a caller sees details with `show_details: always` only."""
    server = serve(health_monitoring={"show_details": show_details})

    assert (b"/secret" in ask(server, "/healthz", Accept="application/json")[2]) is shown


def test_a_forked_child_keeps_no_connection_of_its_parent(tmp_path: Path) -> None:
    """The parent alone decides when a client reads the end; the child serves on a port of its own."""
    source = """
    import csg_otel, os, sys, time
    telemetry = csg_otel.instrument("parent", exporters=["prometheus"], health_monitoring__enabled=False)
    print(telemetry.url, flush=True)
    sys.stdin.readline()
    child = os.fork()
    if child == 0:
        print(telemetry.url, flush=True)
        time.sleep(60)
        os._exit(0)
    sys.stdin.readline()
    telemetry.shutdown()
    sys.stdin.readline()
    os.kill(child, 9)
    os.waitpid(child, 0)
    """

    with Program(source, tmp_path) as program:
        url = program.line()
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), WITHIN_S) as client:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
            program.go_on()
            child = program.line()
            assert get(f"{child}/livez")[0] == get(f"{url}/livez")[0] == 200
            program.go_on()

            assert is_closed(client)
            assert get(f"{child}/livez")[0] == 200
        program.go_on()
        assert program.wait() == 0


def test_the_server_writes_nothing_into_the_log_of_the_program(tmp_path: Path) -> None:
    """Not even at DEBUG, from its start to its end; and the loggers of a web server of the program stay as they are."""
    source = """
    import csg_otel, logging, socket, sys, urllib.request
    logging.basicConfig(level=logging.DEBUG, format="%(name)s %(message)s")
    access = logging.getLogger("uvicorn.access")
    access.addHandler(logging.NullHandler())
    before = dict(vars(access)), list(access.handlers)
    telemetry = csg_otel.instrument("job", exporters=["prometheus"], health_monitoring__enabled=False)
    host, port = telemetry.url.removeprefix("http://").split(":")
    for path in ("/livez", "/metrics"):
        urllib.request.urlopen(telemetry.url + path).read()
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"no HTTP\\r\\n\\r\\n")
        client.recv(1000)
    telemetry.shutdown()
    print((dict(vars(access)), list(access.handlers)) == before, flush=True)
    """
    with Program(source, tmp_path) as program:
        assert program.line() == "True"
        assert program.wait() == 0
        lines = [line for line in program.stderr.splitlines() if not line.startswith("csg_otel")]

    assert lines == []


def test_the_root_is_an_index(serve: Serve) -> None:
    """A page with relative links for a browser, short text for a terminal; HTML in a service's name is text."""
    server = serve(service={"name": "<b>shop</b>"})
    status, headers, text = ask(server, "/")
    page_status, page_headers, page = ask(server, "/", Accept="text/html,application/xhtml+xml,*/*;q=0.8")

    assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8")
    lines = text.decode().splitlines()
    assert lines[0] == "Telemetry of <b>shop</b>"
    assert [line.split()[0] for line in lines[1:]] == ["/metrics", "/livez", "/readyz", "/startupz", "/healthz"]
    assert (page_status, page_headers["content-type"]) == (200, "text/html; charset=utf-8")
    links = re.findall(r'<a href="([^"]*)">', page.decode())
    assert links == ["metrics", "livez", "readyz", "startupz", "healthz"]
    assert all(ask(server, f"/{link}")[0] in (200, 503) for link in links)
    assert b"&lt;b&gt;shop" in page
    assert b"<b>" not in page


def test_the_index_lists_what_is_served(serve: Serve) -> None:
    """Another path for metrics, or none; the metrics may be at the root itself."""
    assert b"/telemetry " in ask(serve(system_monitoring={"prometheus": {"path": "/telemetry"}}), "/")[2]
    off = serve(system_monitoring={"prometheus": {"enabled": False}})
    assert b"/metrics" not in ask(off, "/")[2]
    assert ask(off, "/metrics")[0] == 404
    root = serve(system_monitoring={"prometheus": {"path": "/"}})
    assert b"# TYPE" in ask(root, "/")[2]


@pytest.mark.parametrize("path", ["/", "/metrics", "/livez", "/healthz?verbose", "/nothing"])
def test_every_response_has_the_headers_of_the_server(serve: Serve, path: str) -> None:
    """Browsers guess no type, and nothing is kept or shared with other origins; also where the request is none."""
    server = serve()
    for request in (f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "no request\r\n\r\n"):
        with connect(server) as client, client.makefile("rb") as answer:
            client.sendall(request.encode())
            head = answer.read().partition(b"\r\n\r\n")[0].lower()
        assert b"x-content-type-options: nosniff" in head
        assert b"cache-control: no-store" in head
        assert b"access-control" not in head
