"""Bytes that no client library sends, to both servers: each request gets an answer that is no fault, and so does the next."""

from __future__ import annotations

import itertools
import logging
import random
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import csg_otel

TOKEN = "t" * 40

PATHS = (
    *(
        "/",
        "//",
        "/./",
        "/../",
        "/healthz",
        "/readyz/",
        "/healthz/%00",
        "/healthz/%E9%FF",
        "/healthz/a/b",
        "/healthz/%2e%2e",
    ),
    *(
        "/metrics",
        "/metrics/",
        "/METRICS",
        "/%6detrics",
        "/metrics%00",
        "/metrics;a=b",
        "/metrics%3Fname=x",
        "*",
        "x",
        "",
    ),
    *(
        "/api/v1/status",
        "/api/v1/",
        "/api/v1",
        "/api//v1/status",
        "/api/v1/status/",
        "/api/v1/%73tatus",
        "/api/v1/status%00",
    ),
    *(
        "/api/v1/traces",
        "/api/v1/traces/",
        "/api/v1/traces/%FF",
        "/api/v1/traces/" + "f" * 32,
        "/api/v1/traces/" + "f" * 5000,
    ),
    *(
        "/api/v1/logs",
        "/api/v1/metrics/series",
        "/api/v1/system",
        "/api/v1/changed",
        "/api/v1/export",
        "/api/v1/metrics",
    ),
    *(
        "/api/v1/events%00",
        "/api/v1/../../etc/passwd",
        "/static/..%2f..%2fetc/passwd",
        "/static/%00",
        "/static/%ED%A0%80",
    ),
    *(
        "/login",
        "/api/v1/session",
        "/api/v1/schema.json",
        "/%",
        "/%G1",
        "/%u0041",
        "/\xff\xfe",
        "/\xc3\xa9",
        "/a#b",
        "/\\",
    ),
    *(
        "http://localhost/metrics",
        "http://[::1/metrics",
        "http:///api/v1/status",
        "https://localhost:99999999/",
        "ftp://x/",
    ),
)
NAMES = (
    *("limit", "before", "text", "name", "service", "min_ms", "max_ms", "error", "running", "attr", "level", "logger"),
    *(
        "range",
        "end",
        "points",
        "by",
        "from",
        "to",
        "signals",
        "token",
        "verbose",
        "exclude",
        "",
        "%00",
        "%FF",
        "[]",
        "name[]",
    ),
)
VALUES = (
    *(
        "",
        "0",
        "-1",
        "1",
        "1.5",
        "1e999",
        "-1e999",
        "nan",
        "inf",
        "-Infinity",
        "0x10",
        "1_0",
        "9" * 400,
        "9" * 4000,
        "-" * 50,
    ),
    *(
        "%D9%A1",
        "%EF%BC%91",
        "%C2%B2",
        "1%00",
        "%00",
        "%FF%FE",
        "%ED%A0%80",
        "%",
        "%zz",
        "+1",
        "%2B1",
        "%201",
        "1e-400",
        "5e-324",
    ),
    *(
        "true",
        "TRUE",
        "null",
        "order",
        "orders",
        "kind",
        "kind=book",
        "=",
        "=x",
        "csg.health.bypass",
        "a" * 9000,
        "%F0%9F%98%80",
    ),
    *(
        "\xff",
        "\xc3\xa9",
        "(a+)+$" * 20,
        "%5B" * 500,
        "../../etc/passwd",
        "%0d%0aX:%20y",
        "traces",
        "traces,logs,,",
        "fatal",
    ),
)
METHODS = (*("GET",) * 8, "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "get", "QUERY", "X" * 50, "CONNECT")
HEADERS = (
    *(
        "Accept: */*;q=nan",
        "Accept: text/html;q=1e999,\xff",
        "Accept: application/openmetrics-text;version=9" * 40,
        "Accept:",
    ),
    *(
        "Accept-Encoding: gzip;q=-1",
        "Accept-Encoding: gzip;q=1e999",
        "Cookie: csg_otel_1=\xff.\xff.\xff",
        "Cookie: ;;==;",
    ),
    *(
        "Content-Length: 0",
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: \xb2",
        "Content-Length: " + "9" * 30,
    ),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Expect: 100-continue", "Expect: x", "Upgrade: h2c"),
    *(
        "Host: [",
        "Host: \xff",
        "Host: a b",
        "Origin: http://[",
        "Range: bytes=9-1",
        "If-None-Match: \xff",
        "X-CSRF-Token: \xff",
    ),
    *(
        "Authorization: Bearer",
        "Authorization: Basic \xff",
        "Authorization: Basic " + "A" * 5000,
        "X" * 3000 + ": y",
        "A\x00: b",
        ": x",
    ),
)
BODIES = (
    "",
    "{}",
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "fffffffffffffffff\r\n",
    "-1\r\n\r\n",
    "\x00" * 100,
    "[" * 2000,
)


def requests(count: int, seed: int) -> Iterator[bytes]:
    """Yield *count* requests; the first ones have each value of each parameter, the others are put together at random."""
    choose = random.Random(seed)
    pairs = itertools.product(NAMES, VALUES)
    for _ in range(count):
        name, value = next(pairs, None) or (choose.choice(NAMES), choose.choice(VALUES))
        query = "&".join([f"{name}={value}", *_more(choose)])
        lines = [
            f"{choose.choice(METHODS)} {choose.choice(PATHS)}{choose.choice(('?', '?', '?', '??', '#', ''))}{query} HTTP/1.1"
        ]
        lines += [] if choose.random() < 0.05 else ["Host: localhost"]
        lines += [f"Authorization: Bearer {TOKEN}"] if choose.random() < 0.8 else []
        lines += choose.sample(HEADERS, choose.choice((0, 0, 0, 1, 2)))
        yield ("\r\n".join([*lines, "", ""]) + choose.choice(BODIES)).encode("latin-1")


def _more(choose: random.Random) -> list[str]:
    """Return further parameters: none, one of another name, the same one many times, or more than anyone reads."""
    count = choose.choice((0, 0, 0, 1, 2, 150, 1000))
    name = choose.choice(NAMES)
    return [f"{name}={choose.choice(VALUES)[:10]}" for _ in range(count)]


def status_of(port: int, request: bytes) -> int:
    """Send *request* and return the status of the response; 0 if the server closes the connection without one."""
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        try:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        except OSError:  # the server has refused it before all of it was sent
            pass
        data = b""
        try:
            while len(data) < 12 and (piece := client.recv(4096)):
                data += piece
        except ConnectionResetError:  # the rest of the request was not read
            pass
    assert not data or data.startswith(b"HTTP/1.1 "), data
    return int(data[9:12]) if data else 0


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The ports of the endpoints and of the dashboard of a program that needs a token."""
    folder = tmp_path_factory.mktemp("raw")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.chdir(Path(folder))
        telemetry = stack.enter_context(
            csg_otel.instrument(
                "shop",
                exporters=["prometheus"],
                health_monitoring__enabled=False,  # a probe that fails answers 503, as it should
                dashboard__enabled=True,
                dashboard__port=0,
                system_monitoring__prometheus__port=0,
                security={"api_auth": {"enabled": True, "tokens": [TOKEN]}},
            )
        )
        csg_otel.counter("orders", attributes=("kind",)).add(1, {"kind": "book"})
        urls = {"endpoints": telemetry.url, "dashboard": telemetry.dashboard_url}
        yield {name: urlsplit(url).port or 0 for name, url in urls.items()}


@pytest.mark.parametrize("server", ["endpoints", "dashboard"])
@pytest.mark.parametrize("count", [500, pytest.param(30_000, marks=pytest.mark.slow)], ids=["short", "long"])
def test_no_bytes_of_a_request_are_a_fault(
    server: str, count: int, ports: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    """Odd paths, escapes, numbers, repeated and endless parameters, headers and bodies: no 5xx, no hang, no line in the log."""
    caplog.set_level(logging.WARNING)
    statuses = Counter[int]()
    for request in requests(count, seed=14):
        statuses[status := status_of(ports[server], request)] += 1
        # RFC 9112, 6.1: 501 for a transfer coding that the server does not have.
        assert status < 500 or (status == 501 and b"Transfer-Encoding: gzip" in request), request[:2000]

    print(f"{count} requests: {dict(sorted(statuses.items()))}")
    assert {200, 400, 404, 405} <= set(statuses)
    assert statuses[0] < count / 10
    assert (
        status_of(
            ports[server], f"GET / HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nHost: x.localhost\r\n\r\n".encode()
        )
        == 200
    )
    assert caplog.text == ""
