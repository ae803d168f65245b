"""Outgoing connections under one deadline, against real servers that answer in every way."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from csg_otel import net


@contextmanager
def answering(*pieces: bytes, pause_s: float = 0.0) -> Iterator[str]:
    """Serve one connection: read a request, send *pieces* with pauses between them, close."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except OSError:
                    return
                time.sleep(pause_s)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    finally:
        thread.join(10)
        listener.close()


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"])
def test_a_server_that_closes_is_read_to_the_end(head: bytes) -> None:
    """A response that ends with its connection arrives complete."""
    with answering(head, b"a" * 100_000, b"b") as url:
        answer = net.request("GET", url, timeout_s=30, max_bytes=1_000_000)

    assert (answer.status, len(answer.body), answer.body[-1:]) == (200, 100_001, b"b")


def test_bytes_that_drip_do_not_outlast_the_deadline() -> None:
    """A request ends at its deadline, although each byte comes quickly."""
    with answering(b"HTTP/1.1 200 OK\r\n", *[b"x"] * 1200, pause_s=0.05) as url:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            net.request("GET", url, timeout_s=0.3)

    assert time.monotonic() - began < 30


def test_another_protocol_is_an_error() -> None:
    """A response in another protocol is an OSError, like every other failure of a connection."""
    with (
        answering(b"220 mail.example ESMTP\r\n") as url,
        pytest.raises(net.ProtocolError, match="does not respond with HTTP"),
    ):
        net.request("GET", url, timeout_s=30)


def test_an_address_of_another_kind_is_a_mistake_of_the_caller() -> None:
    """A URL of another scheme is a ValueError that shows no password."""
    with pytest.raises(ValueError, match="ftp://host is not an HTTP URL") as caught:
        net.request("GET", "ftp://me:pa55@host/", timeout_s=1)

    assert "pa55" not in str(caught.value)


@contextmanager
def serving(*connections: list[bytes], tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """Serve connections one after the other, each with one response a request; yield the URL and the requests received."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []

    def serve() -> None:
        for responses in connections:
            stream, _ = listener.accept()
            try:
                accepted = tls.wrap_socket(stream, server_side=True) if tls else stream
            except OSError:  # the client refuses the certificate
                continue
            with accepted:
                for response in responses:
                    requests.append(accepted.recv(65536))
                    accepted.sendall(response)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}/x", requests
    finally:
        thread.join(10)
        listener.close()


def ok(body: bytes, extra: bytes = b"") -> bytes:
    """Return a complete response."""
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (extra, len(body), body)


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
)


@pytest.mark.parametrize(
    ("response", "status", "body"),
    [
        (CHUNKED, 200, b"abc0123456789"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"after"), 200, b"after"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 500\r\nX: a\r\nX: b\r\n continued\r\nContent-Length: 1\r\n\r\n!", 500, b"!"),
        (ok(b"line feeds").replace(b"\r\n", b"\n"), 200, b"line feeds"),
    ],
)
def test_each_framing_of_a_response_is_read(response: bytes, status: int, body: bytes) -> None:
    """Chunks, interim responses, no body, old forms of headers: status and body arrive, and the connection stays usable."""
    with serving([response, ok(b"next")]) as (url, _):
        session = net.Session(url)
        first = session.request("POST", timeout_s=30)
        kept = session.connected
        second = session.request("POST", timeout_s=30)
        session.close()

    assert (first.status, first.body, kept, second.body) == (status, body, True, b"next")


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 20x OK\r\n\r\n",
        b"HTTP/1.1 2\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
        CHUNKED[:-25],
        CHUNKED.replace(b"0A", b"zz"),
        CHUNKED.replace(b"0A", b"-1"),
        b"",
    ],
)
def test_a_malformed_or_cut_response_is_an_error(response: bytes) -> None:
    """A part of a response is never returned as a complete one; the error is a ConnectionError."""
    with serving([response]) as (url, _), pytest.raises(net.ProtocolError):
        net.request("GET", url, timeout_s=30)


@pytest.mark.parametrize("head", [b"Content-Length: 9000000\r\n", b"", b"Transfer-Encoding: chunked\r\n"])
def test_a_long_response_is_read_up_to_the_limit(head: bytes) -> None:
    """A response above the limit is cut there and marked as truncated, with every framing."""
    body = b"x" * 300_000
    body = b"493E0\r\n" + body + b"\r\n0\r\n\r\n" if b"chunked" in head else body
    with answering(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n", body) as url:
        response = net.request("GET", url, timeout_s=30, max_bytes=1000)

    assert response.truncated
    assert 900 < len(response.body) < 1000


def test_a_head_without_an_end_is_an_error() -> None:
    """The limit includes the headers: an endless head is an error."""
    endless = answering(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100_000)
    with endless as url, pytest.raises(net.ProtocolError, match="too long"):
        net.request("GET", url, timeout_s=30)


def test_a_connection_with_unread_bytes_is_not_used_again() -> None:
    """A second response to one request is never returned as the response to the next request."""
    with serving([ok(b"one") + ok(b"two of one")], [ok(b"two")]) as (url, requests):
        session = net.Session(url)
        bodies = [session.request("GET", timeout_s=30).body for _ in range(2)]
        session.close()

    assert (bodies, len(requests)) == ([b"one", b"two"], 2)


def test_a_connection_closed_while_idle_is_opened_again() -> None:
    """After an idle close the request is sent once more on a new connection; a close of a new connection is an error."""
    with serving([ok(b"one")], [ok(b"two")], [b""]) as (url, _):
        session = net.Session(url)
        bodies = [session.request("GET", timeout_s=30).body for _ in range(2)]
        session.close()
        with pytest.raises(ConnectionError):
            session.request("GET", timeout_s=30)

    assert bodies == [b"one", b"two"]


def test_the_request_holds_every_argument() -> None:
    """Method, path, account and headers arrive; a header of the caller replaces the default; spaces are encoded."""
    with serving([ok(b"")], [ok(b"")]) as (url, requests):
        address = url.replace("//", "//me:p%40ss@") + " y?q=ü"
        net.request("PUT", address, timeout_s=30, body=b"data", headers={"host": "shop.example", "X-A": "é"})
        net.request("GET", url, timeout_s=30, headers={"Authorization": "Bearer t"})

    lines = requests[0].split(b"\r\n")
    assert lines[0] == b"PUT /x%20y?q=%C3%BC HTTP/1.1"
    assert requests[0].lower().count(b"host:") == 1
    assert {b"host: shop.example", b"Authorization: Basic bWU6cEBzcw==", b"X-A: \xe9", b"Content-Length: 4"} < set(
        lines
    )
    assert lines[-1] == b"data"
    assert b"Authorization: Bearer t" in requests[1]


@pytest.mark.parametrize(
    "headers", [{"X": "canary\r\nY: z"}, {"X": "canary\0"}, {"X Y": "canary"}, {"": "canary"}, {"X": "canary \u0142"}]
)
def test_a_header_that_would_change_the_request_is_refused(headers: dict[str, str]) -> None:
    """A header with line breaks is refused, and the error does not show its value, which may be a secret."""
    with pytest.raises(ValueError, match="header") as caught:
        net.request("GET", "http://127.0.0.1:1/", timeout_s=1, headers=headers)

    assert "canary" not in str(caught.value)


def test_redirects_are_followed_only_when_allowed() -> None:
    """Redirects are followed when the caller allows them, and another server receives none of the headers."""
    with serving([ok(b"end")]) as (target, at_target):
        away = b"HTTP/1.1 302 Found\r\nLocation: " + target.encode() + b"\r\nContent-Length: 0\r\n\r\n"
        near = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"
        with serving([near], [near], [away], [near]) as (url, requests):
            secret = {"Authorization": "canary"}
            plain = net.request("GET", url, timeout_s=30, headers=secret)
            followed = net.request("GET", url, timeout_s=30, headers=secret, max_redirects=2)
            posted = net.request("POST", url, timeout_s=30, max_redirects=2)

    assert (plain.status, followed.status, followed.body, posted.status) == (307, 200, b"end", 307)
    assert requests[2].startswith(b"GET /y ")
    assert b"canary" in requests[2]
    assert b"canary" not in at_target[0]


@pytest.mark.parametrize(
    "location",
    ["http://localhost:{port}/", "//localhost:{port}/", "https://example.invalid/", "http://2130706433:{port}/"],
)
def test_a_redirect_leads_to_no_other_host(location: str) -> None:
    """The redirect itself is the response, and no other name gets a request: not even one of the same machine."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        there = location.format(port=other.getsockname()[1]).encode()
        away = b"HTTP/1.1 302 Found\r\nLocation: " + there + b"\r\nContent-Length: 0\r\n\r\n"
        with serving([away]) as (url, _):
            assert net.request("GET", url, timeout_s=30, max_redirects=2).status == 302
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_redirect_in_a_circle_ends() -> None:
    """After the allowed number of redirects, the redirect itself is the response."""
    circle = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
    with serving([circle], [circle], [circle]) as (url, requests):
        assert net.request("GET", url, timeout_s=30, max_redirects=2).status == 302

    assert len(requests) == 3


def test_a_dripping_tls_handshake_ends_at_the_deadline() -> None:
    """A server that sends its handshake byte by byte can't hold the client beyond the deadline."""
    record = b"\x16\x03\x03\x40\x00" + b"\x02" * 1200  # for a minute
    with answering(*(bytes([byte]) for byte in record), pause_s=0.05) as url:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            net.request("GET", url.replace("http:", "https:"), timeout_s=0.4)
        took_s = time.monotonic() - began

    assert took_s < 30


def test_https_is_verified_and_shows_the_certificate() -> None:
    """An unknown authority is refused; with a known one the response holds the server's certificate."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    with serving([ok(b"secure")], tls=server) as (url, _):
        response = net.request("GET", url, timeout_s=30, tls=client)
    with serving([ok(b"secure")], tls=server) as (url, _), pytest.raises(ssl.SSLCertVerificationError):
        net.request("GET", url, timeout_s=30)

    assert response.body == b"secure"
    assert "notAfter" in (response.certificate or {})


@pytest.mark.parametrize("which", ["ca_file", "cert_file", "key_file"])
def test_a_fifo_holds_no_certificate(which: str, tmp_path: Path) -> None:
    """OpenSSL waits for a writer of a FIFO for ever; the caller gets an error instead."""
    os.mkfifo(tmp_path / "fifo")
    files: dict[str, Any] = {"cert_file": __file__} if which == "key_file" else {}

    with pytest.raises(OSError, match="it is a FIFO, not a file"):
        net.tls_context(**{**files, which: str(tmp_path / "fifo")})


def test_an_address_can_be_refused_before_it_is_used() -> None:
    """The caller can refuse each address of a name before a connection is opened."""

    def refuse(address: str) -> None:
        raise PermissionError(address)

    with pytest.raises(PermissionError, match=r"127\.0\.0\.1|::1"):
        net.request("GET", "http://localhost:1/", timeout_s=30, check_address=refuse)


def test_a_kind_of_address_that_the_kernel_lacks_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with an IPv6 address works on a kernel without IPv6; a protocol number that no kernel has stands for it here."""
    found = socket.getaddrinfo

    def with_an_unusable_first(*arguments: object, **options: object) -> object:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 9999, "", ("::1", 1, 0, 0)), *found(*arguments, **options)]  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", with_an_unusable_first)
    with serving([ok(b"well")]) as (url, _):
        assert net.request("GET", url, timeout_s=30).body == b"well"


def test_a_lookup_that_ends_by_a_defect_is_not_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without memory, for example: it is a failure at once, and the next request looks the name up again."""
    system, errors = socket.getaddrinfo, [MemoryError()]

    def without_memory(_host: bytes, *rest: object, **options: object) -> object:
        if errors:
            raise errors.pop()
        return system("127.0.0.1", *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", without_memory)
    with serving([ok(b"well")]) as (url, _):
        named = url.replace("127.0.0.1", "short.invalid")
        with pytest.raises(OSError, match="MemoryError"):
            net.request("GET", named, timeout_s=30)
        assert net.request("GET", named, timeout_s=30).body == b"well"


def test_a_late_failure_of_the_name_service_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lookup that failed after its deadline is not used: the next request calls the name service again."""
    release, calls = threading.Event(), []
    system = socket.getaddrinfo

    def slow_then_well(host: bytes, *rest: object, **options: object) -> object:
        calls.append(host)
        if len(calls) > 1:
            return system("127.0.0.1", *rest, **options)  # type: ignore[arg-type]
        release.wait(50)
        raise socket.gaierror(socket.EAI_AGAIN, "no name server")

    monkeypatch.setattr(socket, "getaddrinfo", slow_then_well)
    with serving([ok(b"well")]) as (url, _):
        named = url.replace("127.0.0.1", "late.invalid")
        with pytest.raises(TimeoutError):
            net.request("GET", named, timeout_s=0.2)
        lookup = next(thread for thread in threading.enumerate() if thread.name == "csg-otel-lookup")
        release.set()
        lookup.join(50)
        response = net.request("GET", named, timeout_s=30)

    assert (response.body, calls) == (b"well", [b"late.invalid"] * 2)


def test_text_protocols_are_read_by_lines() -> None:
    """Lines are read whole, a long line in parts, and the rest at the end of the stream."""
    with answering(b"one\nt", b"wo\n", b"long line\nrest", pause_s=0.01) as url:
        address = net.parse(url)
        connection = net.connect(address.host, address.port, time.monotonic() + 30)
        connection.send_all(b"hello")
        lines = [connection.read_line(limit) for limit in (100, 100, 4, 100, 100, 100)]
        connection.close()

    assert lines == [b"one\n", b"two\n", b"long", b" line\n", b"rest", b""]


def test_a_probe_does_not_pay_for_what_it_does_not_use() -> None:
    """Importing net loads neither ssl nor the standard library's HTTP client and its mail parser."""
    code = "import sys, csg_otel.net; print(*{'ssl', 'http', 'email', 'urllib.request'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []
