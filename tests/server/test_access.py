"""The settings of ``security`` that limit and log requests: each has its effect, over real sockets."""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import time
import wsgiref.simple_server
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import csg_otel
from csg_otel import faults
from csg_otel.server import Request, Server
from csg_otel.server.hosts import HostCheck
from csg_otel.server.rate_limit import RateLimit
from support.endpoints import ask, exchange
from support.otlp_sink import HttpSink
from support.programs import Program, eventually, get

Serve = Callable[..., Server]

TWO_A_MINUTE = {"rate_limiting": {"enabled": True, "requests_per_minute": 2}}
LOGGED = {"access_logging": {"enabled": True}}


# -- rate limit -----------------------------------------------------------------------------------------------------------


def test_the_third_request_of_two_a_minute_is_refused(serve: Serve) -> None:
    """With 429, the seconds to wait and the name of the setting; without the setting all are answered."""
    limited, free = serve(security=TWO_A_MINUTE), serve()
    statuses = [ask(limited, "/metrics")[0] for _ in range(3)]
    status, headers, body = ask(limited, "/metrics")

    assert statuses == [200, 200, 429]
    assert status == 429
    assert 1 <= int(headers["retry-after"]) <= 60
    assert b"security.rate_limiting.requests_per_minute" in body
    assert [ask(free, "/metrics")[0] for _ in range(4)] == [200] * 4


def test_each_client_has_a_limit_of_its_own(serve: Serve) -> None:
    """A client is its address; a header it can write itself changes nothing."""
    server = serve(security=TWO_A_MINUTE)
    statuses = [ask(server, "/metrics", X_Forwarded_For=f"10.0.0.{number}")[0] for number in range(3)]

    assert statuses == [200, 200, 429]
    assert ask(server, "/metrics", source="127.0.0.2")[0] == 200


def test_a_limit_never_makes_an_orchestrator_restart_the_program(serve: Serve) -> None:
    """Probes are answered whatever their number, and use up nothing of the limit."""
    server = serve(security=TWO_A_MINUTE)
    probes = {ask(server, path)[0] for _ in range(3) for path in ("/livez", "/readyz", "/healthz/disk")}

    assert probes == {503}  # the check of this server has failed; 429 is not among them
    assert ask(server, "/metrics")[0] == 200


class Clock:
    """A clock that is set by the test."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_the_wait_that_a_refusal_names_is_true() -> None:
    """A second before it the client is still refused, at its end one request passes; refused ones cost nothing."""
    clock = Clock()
    limit, request = RateLimit(2, clock=clock), Request("GET", "/metrics", client="192.0.2.1")
    limit.refusal(request)
    clock.now += 20.5
    limit.refusal(request)
    refused = limit.refusal(request)
    assert refused is not None
    wait_s = int(refused.headers["Retry-After"])

    assert wait_s == 40  # 39.5 s, in whole seconds
    clock.now += wait_s - 1
    assert limit.refusal(request) is not None
    clock.now += 1
    assert limit.refusal(request) is None
    assert limit.refusal(request) is not None


def test_a_scraper_at_the_limit_is_always_served() -> None:
    """Every 30 s with two a minute: no window ever holds three."""
    clock = Clock()
    limit = RateLimit(2, clock=clock)

    for _ in range(50):
        assert limit.refusal(Request("GET", "/metrics", client="192.0.2.1")) is None
        clock.now += 30


def test_remembered_clients_are_bounded() -> None:
    """Beyond 10,000 the one silent for longest is forgotten; a minute later all are."""
    clock = Clock()
    limit = RateLimit(1, clock=clock)
    for number in range(10_500):
        limit.refusal(Request("GET", "/metrics", client=f"10.0.{number // 250}.{number % 250}"))

    assert len(limit._times_by_client) == 10_000
    assert limit.refusal(Request("GET", "/metrics", client="10.0.41.249")) is not None
    clock.now += 61
    for number in range(10_500):
        limit.refusal(Request("GET", "/metrics", client=f"2001:db8::{number:x}"))
    assert len(limit._times_by_client) == 1  # addresses of one IPv6 network are one client


@pytest.mark.parametrize("same", [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::ffff"), ("", "")])
def test_one_client_under_two_addresses(same: tuple[str, str]) -> None:
    """An IPv4 address in IPv6 form and a neighbour in the same /64 are the same client; peers without address are one."""
    limit = RateLimit(1)

    assert limit.refusal(Request("GET", "/metrics", client=same[0])) is None
    assert limit.refusal(Request("GET", "/metrics", client=same[1])) is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_counts_from_scratch() -> None:
    """The parent's counts are not the child's, and a lock that a thread of the parent held does not block the child."""
    limit, request = RateLimit(1), Request("GET", "/metrics", client="192.0.2.1")
    limit.refusal(request)
    with limit._lock:
        pid = os.fork()
        if pid == 0:
            signal.alarm(50)  # ends a child that waits for the lock
            os._exit(0 if limit.refusal(request) is None else 1)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0


# -- allowed hosts ----------------------------------------------------------------------------------------------------------


def test_a_foreign_host_is_refused(serve: Serve) -> None:
    """With 421 and the setting to change, for probes too; without the setting every host is answered."""
    server = serve(security={"allowed_hosts": ["good.example"]})
    status, _, body = ask(server, "/metrics", Host="evil.example\\x")

    assert status == 421
    assert b"'evil.example\\\\x'" in body
    assert b"security.allowed_hosts" in body
    assert ask(server, "/livez", Host="evil.example")[0] == 421
    assert ask(server, "/metrics", Host="good.example")[0] == 200
    assert ask(serve(), "/metrics", Host="evil.example")[0] == 200
    assert ask(serve(security={"allowed_hosts": ["*"]}), "/metrics", Host="evil.example")[0] == 200


def test_a_target_may_name_the_server(serve: Serve) -> None:
    """Some proxies and clients write all of the address; then its host counts, whatever the header says."""
    server = serve(security={"allowed_hosts": ["good.example"]})

    assert ask(server, "http://good.example:80/metrics?name[]=up", Host="evil.example")[0] == 200
    assert ask(server, "HTTP://evil.example/metrics", Host="good.example")[0] == 421
    assert ask(server, "http://good.example/nowhere", Host="good.example")[0] == 404
    assert ask(serve(), "https://any.example/metrics")[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "good.example",
        "GOOD.example:8081",
        "good.example.",
        "good.example.:8081",
        "a.b.example.org",
        "bound.example",
        "localhost:8081",
        "app.localhost",
        "127.0.0.1:8081",
        "10.1.2.3",
        "[::1]:8081",
        "[2001:db8::1]",
        "::1",
        "",
    ],
)
def test_hosts_that_pass(host: str) -> None:
    """Names of the list in every spelling, loopback, addresses, and requests without the header."""
    check = HostCheck(["good.example:443", "*.Example.org", "bound.example"])

    assert check.refusal(Request("GET", "/metrics", headers={"host": host})) is None
    assert check.refusal(Request("GET", "/metrics")) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "notgood.example",
        "good.example.evil",
        "example.org",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "good.example:evil",
        "user@good.example",
        "good.example, evil.example",
        "[evil.example]",
        ":8081",
        ".",
        "1.2.3",
    ],
)
def test_hosts_that_do_not_pass(host: str) -> None:
    """Names that only look like an allowed one."""
    refusal = HostCheck(["good.example", "*.example.org"]).refusal(Request("GET", "/", headers={"host": host}))

    assert refusal is not None
    assert refusal.status == 421


def test_an_international_name_passes_as_browsers_send_it() -> None:
    """Browsers send ``xn--...`` for a name that people write with its own letters."""
    check = HostCheck(["bücher.example", "*.bücher.example"])

    for host in ("xn--bcher-kva.example", "shop.xn--bcher-kva.example:8081"):
        assert check.refusal(Request("GET", "/metrics", headers={"host": host})) is None


def test_a_foreign_host_uses_up_no_limit(serve: Serve) -> None:
    """The host is checked first, then the limit, then the token."""
    auth = {"api_auth": {"enabled": True, "tokens": ["${TOKEN}"]}}
    server = serve(security={**TWO_A_MINUTE, **auth, "allowed_hosts": ["good.example"]}, token="right")
    foreign = [ask(server, "/metrics", Host="evil.example")[0] for _ in range(3)]

    assert foreign == [421] * 3
    assert [ask(server, "/metrics")[0] for _ in range(3)] == [401, 401, 429]


# -- access log -------------------------------------------------------------------------------------------------------------


class Lines(logging.Handler):
    """The lines of the access log; its handler waits at a gate, and raises each of ``errors`` once."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.errors: list[BaseException] = []
        self.open = threading.Event()
        self.open.set()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.open.wait(30)
        if self.errors:
            raise self.errors.pop()
        self.lines.append(f"{record.levelname} {record.getMessage()}")

    def wait_for(self, count: int) -> list[str]:
        """Return the lines as soon as there are *count*."""
        deadline = time.monotonic() + 50
        while len(self.lines) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.lines


@pytest.fixture
def lines() -> Iterator[Lines]:
    """A handler of the program on the access log."""
    handler, logger = Lines(), logging.getLogger("csg_otel.access")
    logger.addHandler(handler)
    yield handler
    handler.open.set()
    logger.removeHandler(handler)


def test_one_line_for_each_request(serve: Serve, lines: Lines) -> None:
    """Client, method, path without its query, status, size and duration; refused and unknown ones as well."""
    server = serve(security={**LOGGED, **TWO_A_MINUTE, "allowed_hosts": ["good.example"]})
    size = len(ask(server, "/metrics?token=secret")[2])
    ask(server, "/metrics", "HEAD")
    ask(server, "/metrics")
    ask(server, "/nowhere", Host="evil.example")
    ask(server, "/livez", "PROPFIND")
    expected = [
        rf"INFO 127.0.0.1 GET /metrics 200 {size} bytes \d+\.\d ms",
        r"INFO 127.0.0.1 HEAD /metrics 200 0 bytes \d+\.\d ms",
        r"INFO 127.0.0.1 GET /metrics 429 \d+ bytes \d+\.\d ms",
        r"INFO 127.0.0.1 GET /nowhere 421 \d+ bytes \d+\.\d ms",
        r"INFO 127.0.0.1 PROPFIND /livez 405 \d+ bytes \d+\.\d ms",
    ]

    assert len(lines.wait_for(5)) == 5
    for pattern, line in zip(expected, lines.lines, strict=True):
        assert re.fullmatch(pattern, line), line


def test_what_the_server_refuses_before_the_settings_has_no_line(serve: Serve, lines: Lines) -> None:
    """Heads and bodies that are too large, and what is no request, as docs/endpoints.md says; the next request has one."""
    server = serve(security=LOGGED)
    large = b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n"
    body = b"GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n"
    statuses = [exchange(server, sent)[9:12] for sent in (large, body, b"no request\r\n\r\n")]
    ask(server, "/metrics")

    assert statuses == [b"431", b"413", b"400"]
    assert [line.split()[3] for line in lines.wait_for(1)] == ["/metrics"]


def test_a_path_cannot_forge_a_line(serve: Serve, lines: Lines) -> None:
    """Blanks, line ends, escapes and all beyond ASCII are shown percent-encoded, and a long path is cut."""
    server = serve(security=LOGGED)
    ask(server, "/a%20200%0AINFO%1b%5b31m%C3%A9?x=1")
    ask(server, "/" + "y" * 5000)

    assert lines.wait_for(2)[0].startswith("INFO 127.0.0.1 GET /a%20200%0AINFO%1B%5B31m%C3%A9 404 ")
    assert len(lines.lines[1]) < 400


def test_no_line_unless_wanted(serve: Serve, lines: Lines) -> None:
    """Neither by default nor with ``log_requests`` off."""
    for server in (serve(), serve(security={"access_logging": {"enabled": True, "log_requests": False}})):
        assert ask(server, "/metrics")[0] == 200
    ask(serve(security=LOGGED), "/livez")

    assert [line.split()[3] for line in lines.wait_for(1)] == ["/livez"]


def test_a_handler_that_hangs_keeps_no_request_waiting(serve: Serve, lines: Lines) -> None:
    """Probes are answered meanwhile; the lines follow, and those beyond 1,000 are counted in one line."""
    server = serve(security=LOGGED)
    lines.open.clear()
    statuses = {ask(server, "/livez")[0] for _ in range(60)}
    for _ in range(1000):
        server._service.respond(Request("GET", "/livez"), lambda _response: None)
    lines.open.set()

    assert statuses == {503}
    assert len(lines.wait_for(1002)) == 1002  # one was at the handler, 1,000 waited
    assert lines.lines[1] == "WARNING 59 requests are not logged: the handlers of the log were too slow"


def test_a_record_factory_of_the_program_keeps_no_request_waiting(serve: Serve, lines: Lines) -> None:
    """It is code of the program: it runs on the thread that writes the log."""
    server, factory, threads = serve(security=LOGGED), logging.getLogRecordFactory(), list[str]()

    def record(*args: Any, **fields: Any) -> logging.LogRecord:
        threads.append(threading.current_thread().name)
        lines.open.wait(30)
        return factory(*args, **fields)

    lines.open.clear()
    logging.setLogRecordFactory(record)
    try:
        statuses = {ask(server, "/livez")[0] for _ in range(3)}
        lines.open.set()

        assert statuses == {503}
        assert len(lines.wait_for(3)) == 3
        assert set(threads) == {"csg-otel-access-log"}
    finally:
        lines.open.set()
        logging.setLogRecordFactory(factory)


def test_without_a_free_thread_no_line_is_lost(serve: Serve, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit of threads the lines wait for the next request after it."""
    monkeypatch.setattr(faults, "strict", False)
    server = serve(security=LOGGED)
    threading.stack_size(1 << 45)  # more than any machine has: the system starts no thread
    try:
        server._service.respond(Request("GET", "/first"), lambda _response: None)
    finally:
        threading.stack_size(0)
    server._service.respond(Request("GET", "/second"), lambda _response: None)

    assert [line.split()[3] for line in lines.wait_for(2)] == ["/first", "/second"]


def test_a_handler_that_raises_costs_only_its_line(serve: Serve, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even SystemExit from a handler does not end the thread that writes the log."""
    monkeypatch.setattr(faults, "strict", False)
    server = serve(security=LOGGED)
    lines.errors.append(SystemExit(1))
    for path in ("/first", "/second"):
        ask(server, path)

    assert [line.split()[3] for line in lines.wait_for(1)] == ["/second"]


def test_a_program_that_configures_no_log_sees_the_lines(tmp_path: Path) -> None:
    """They are on stderr without any configuration of ``logging``, and never among the records that are exported."""
    sink = HttpSink()
    source = f"""
import csg_otel, logging
telemetry = csg_otel.instrument(
    exporters=["prometheus", "otlp+{sink.endpoint}"],
    logging__level="warning",
    health_monitoring__enabled=False,
    security__access_logging__enabled=True,
)
print(telemetry.url, flush=True)
input()
logging.getLogger("shop").warning("of the program")
telemetry.shutdown()
"""
    with Program(source, tmp_path) as program:
        url = program.line()
        get(f"{url}/metrics?token=secret")
        eventually(lambda: " GET /metrics 200 " in program.stderr)
        program.go_on()
        assert program.wait() == 0
        stderr = program.stderr
    sink.close()

    assert stderr.count(" GET /metrics 200 ") == 1
    assert "secret" not in stderr
    assert [record.body.string_value for record in sink.received.records] == ["of the program"]


# -- mounted ----------------------------------------------------------------------------------------------------------------


def test_mounted_endpoints_obey_the_same_settings(lines: Lines) -> None:
    """Under a WSGI server of the program: its host, its client's address, its lines."""
    settings = {
        "security": {**TWO_A_MINUTE, **LOGGED, "allowed_hosts": ["good.example"]},
        "system_monitoring": {"prometheus": {"port": 0}},
        "health_monitoring": {"enabled": False},
    }
    with (
        csg_otel.instrument(exporters=["prometheus"], config=settings),
        wsgiref.simple_server.make_server("127.0.0.1", 0, csg_otel.wsgi_app()) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        statuses = [get(f"{url}/metrics", {"Host": host})[0] for host in ("evil.example", *["good.example"] * 3)]
        server.shutdown()

    assert statuses == [421, 200, 200, 429]
    assert [line.split()[4] for line in lines.wait_for(4)] == ["421", "200", "200", "429"]
