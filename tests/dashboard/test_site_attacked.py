"""The web dashboard under attack: bytes that are no request of a browser, pages of other sites, and its cookie with TLS."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from csg_otel.dashboard.http.headers import CSP
from support.authority import Authority
from support.dashboard_source import SetSource
from support.endpoints import connect, exchange, port_of
from support.web_client import ServedWeb

Serve = Callable[..., ServedWeb]

HEAD = b"Host: localhost\r\nConnection: close\r\n"


def status_and_headers(answer: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of a response."""
    lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    pairs = [line.partition(": ") for line in lines[1:]]
    return int(lines[0].split()[1]), {name.lower(): value for name, _, value in pairs}


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"\x00\xff\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HEAD + b"X: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n", 431),
        (b"POST /api/v1/import HTTP/1.1\r\n" + HEAD + b"Content-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 70000\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\n" + HEAD + b"\r\n", 401),
        (b"CONNECT evil.example:443 HTTP/1.1\r\n" + HEAD + b"\r\n", 401),
    ],
)
def test_requests_that_no_browser_sends_get_the_same_headers(web: ServedWeb, request_bytes: bytes, status: int) -> None:
    """The policy, nosniff and no-store: also where the request never reaches the dashboard."""
    answer = b""
    with connect(web.server) as client:
        with suppress(OSError):
            client.sendall(request_bytes)
        with suppress(ConnectionResetError):  # the rest of a request that is too long was in flight
            while piece := client.recv(65536):
                answer += piece
    if not answer:
        assert status in (413, 431)
        return
    answered, headers = status_and_headers(answer)

    assert answered == status
    assert headers["content-security-policy"] == CSP
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("/api/v1/status", "evil.example", 421),
        ("http://evil.example/api/v1/status", "localhost", 421),
        ("http://localhost@evil.example/api/v1/status", "localhost", 421),
        ("HTTPS://evil.example:8080/api/v1/status", "127.0.0.1", 421),
        ("http://localhost/api/v1/status", "localhost", 200),
        ("//evil.example/api/v1/status", "localhost", 404),
    ],
)
def test_a_target_names_no_other_server(web: ServedWeb, target: str, host: str, status: int) -> None:
    """DNS rebinding by the header or by the target, with a valid cookie."""
    web.log_in()
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", f"Cookie: {web.headers['Cookie']}", "Connection: close", "", ""]

    assert status_and_headers(exchange(web.server, "\r\n".join(lines).encode()))[0] == status


@pytest.mark.parametrize(
    "path",
    [
        "..%2f..%2fapi.py",
        "..%252fapi.py",
        "%2e%2e%2fhttp%2faccess.py",
        "/",
        "//",
        "%00",
        "page.js%00.css",
        "%ff",
        "..%5capi.py",
    ],
)
def test_bytes_of_a_path_lead_nowhere(web: ServedWeb, path: str) -> None:
    """As they are sent, without a client that shortens them."""
    web.log_in()
    head = f"GET /static/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {web.headers['Cookie']}\r\n\r\n"

    assert status_and_headers(exchange(web.server, head.encode()))[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
)
def test_an_action_of_another_site_is_refused(
    web: ServedWeb, source: SetSource, headers: dict[str, str], status: int
) -> None:
    """Even with the session's token, and from another port of the same machine, to which the cookie belongs, too."""
    web.log_in()
    headers = {**headers, "X-CSRF-Token": web.get("session").json["csrf"], "Content-Type": "application/json"}

    assert web.ask("/api/v1/services/restart", "POST", b"{}", headers).status == status
    assert bool(source.posts) == (status == 200)


def test_the_cookie_is_for_tls_only_where_there_is_tls(serve_web: Serve, tmp_path: Path) -> None:
    """And the link is an https one."""
    authority = Authority(tmp_path)
    web = serve_web(security=authority.settings())
    link = web.dashboard.login_url(web.server.url)
    assert link.startswith("https://127.0.0.1:")
    client = http.client.HTTPSConnection("127.0.0.1", port_of(web.server), timeout=20, context=authority.client())
    client.request("GET", link.removeprefix(web.server.url))
    cookie = client.getresponse().headers["Set-Cookie"]
    client.close()

    assert cookie.split("; ")[1:] == ["Path=/", "Max-Age=604800", "HttpOnly", "SameSite=Strict", "Secure"]


def test_a_name_that_looks_like_loopback_needs_a_token(serve_web: Serve) -> None:
    """It may be the name of any machine."""
    assert serve_web("127.0.0.1.example.org").server.problem.endswith("127.0.0.1")
    assert "without a token" in serve_web("127.evil").server.problem
