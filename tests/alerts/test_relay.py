"""The relay between real sockets: its forwarding, its answers, its end, and what strangers get from it."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest

from csg_otel.server import loop
from csg_otel.server.relay import Relay
from csg_otel.server.tokens import Tokens
from support.notification_sinks import HttpSink, http_sink
from support.servers import free_port
from support.webhooks import webhook


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    """The webhook that notifications are forwarded to."""
    with http_sink() as running:
        yield running


def post(
    relay: Relay, path: str = "/hook", body: bytes = b'{"a": 1}', method: str = "POST", length: int | None = None
) -> int:
    """Send a notification, or one with a wrong *length*, and return the status."""
    connection = http.client.HTTPConnection(urlsplit(relay.url).netloc, timeout=20)
    try:
        connection.request(
            method,
            path,
            body,
            {"Content-Type": "application/json", "Content-Length": str(len(body) if length is None else length)},
        )
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_the_relay_forwards_method_path_headers_and_body(sink: HttpSink, method: str) -> None:
    """The webhook gets the configured method and headers, and the body except with GET."""
    forward = webhook(method, f"{sink.url}/a/b?c=d%20e", {"X-Team": "ops", "content-type": "text/json"})
    with Relay({"/hook": forward}) as relay:
        assert post(relay) == 200
    (got,) = sink.requests

    assert (got.method, got.path, got.headers["X-Team"]) == (method, "/a/b?c=d%20e", "ops")
    assert [value for name, value in got.headers.items() if name.lower() == "content-type"] == ["text/json"]
    assert got.body == (b"" if method == "GET" else b'{"a": 1}')


@pytest.mark.parametrize(
    ("answered", "passed_on"),
    [(204, 200), (302, 502), (400, 400), (404, 404), (408, 502), (429, 502), (500, 500), (503, 503)],
)
def test_a_failure_that_may_pass_is_answered_with_5xx(sink: HttpSink, answered: int, passed_on: int) -> None:
    """Alertmanager tries again only after a 5xx."""
    sink.status = answered
    with Relay({"/hook": webhook("POST", sink.url, {})}) as relay:
        assert post(relay) == passed_on


def test_a_refused_connection_and_an_invalid_header_are_502() -> None:
    """After a refused connection and an invalid header value the relay still works."""
    gone = webhook("POST", f"http://127.0.0.1:{free_port()}/", {})
    split = webhook("POST", f"http://127.0.0.1:{free_port()}/", {"X-A": "a\r\nX-B: b"})
    with Relay({"/gone": gone, "/split": split}) as relay:
        assert [post(relay, path) for path in ("/gone", "/split", "/gone")] == [502, 502, 502]


def test_a_webhook_that_drips_is_left_at_the_deadline() -> None:
    """The timeout covers the whole request, not each byte."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with server.accept()[0] as caller:
                try:
                    while True:
                        caller.sendall(b"H")
                        time.sleep(0.05)
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        with Relay({"/hook": webhook("POST", f"http://127.0.0.1:{server.getsockname()[1]}", {}, 0.5)}) as relay:
            began = time.monotonic()
            assert post(relay) == 502
            assert time.monotonic() - began < 5
        thread.join(10)
        assert not thread.is_alive()


def test_the_relay_refuses_unknown_paths_and_large_bodies(sink: HttpSink) -> None:
    """Unknown paths and bodies without or above a length are refused, and the health path answers."""
    with Relay({"/hook": webhook("POST", sink.url, {})}) as relay:
        assert post(relay, "/other") == 404
        assert post(relay, length=4 * 1024 * 1024 + 1) == 413
        assert post(relay, length=-1) == 400
        assert post(relay, "/-/healthy", b"", "GET") == 200
        assert post(relay, "/hook", b"", "GET") == 404
    assert not sink.requests


def test_requests_above_the_limit_are_refused(sink: HttpSink) -> None:
    """Requests above the limit get 503 at once, and the others are served."""
    enough = threading.Event()
    sink.before = lambda: enough.wait(20)
    with Relay({"/hook": webhook("POST", sink.url, {})}) as relay, ThreadPoolExecutor(50) as pool:
        posts = [pool.submit(post, relay) for _ in range(50)]
        deadline = time.monotonic() + 20
        while sum(one.done() for one in posts) < 18 and time.monotonic() < deadline:
            time.sleep(0.01)
        refused = [one.result() for one in posts if one.done()]
        enough.set()
        statuses = sorted(one.result(20) for one in posts)

    assert refused == [503] * 18
    assert statuses == [200] * 32 + [503] * 18
    assert len(sink.requests) == 32


def test_current_requests_are_finished_before_the_end(sink: HttpSink) -> None:
    """A notification that was accepted is forwarded and answered before the relay ends."""
    begun, enough = threading.Event(), threading.Event()
    sink.before = lambda: [begun.set(), enough.wait(20)]  # type: ignore[func-returns-value]
    relay = Relay({"/hook": webhook("POST", sink.url, {})})
    with ThreadPoolExecutor(1) as pool:
        with relay:
            posts = pool.submit(post, relay)
            assert begun.wait(20)
            threading.Timer(0.3, enough.set).start()
        assert posts.result(20) == 200
    with pytest.raises(ConnectionRefusedError):
        post(relay)


# -- strangers --------------------------------------------------------------------------------------------------------------

JSON = "Content-Type: application/json"
CREDENTIALS = {"Authorization": "Bearer s3cret-of-the-webhook"}


def connect(relay: Relay) -> socket.socket:
    """Return a connection to *relay*."""
    return socket.create_connection(("127.0.0.1", urlsplit(relay.url).port or 0), 20)


def exchange(relay: Relay, *headers: str, target: str = "POST /hook", body: bytes = b"{}") -> int:
    """Send one request with exactly these *headers* besides those of its body, and return the status."""
    named = [] if any(header.startswith("Host:") for header in headers) else ["Host: 127.0.0.1"]
    lines = [f"{target} HTTP/1.1", *named, f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    with connect(relay) as client:
        client.sendall("\r\n".join(lines).encode("latin-1") + body)
        return int(client.makefile("rb").readline().split()[1])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 415),
        (["Content-Type: text/plain"], 415),
        (["Content-Type: text/plain; application/json"], 415),
        (["Content-Type: application/x-www-form-urlencoded"], 415),
        (["Content-Type: multipart/form-data; boundary=a"], 415),
        ([JSON, "Origin: http://evil.example"], 403),
        ([JSON, "Origin: null"], 403),
        ([JSON, "Sec-Fetch-Site: cross-site"], 403),
        ([JSON, "Sec-Fetch-Site: same-origin"], 403),
        ([JSON, "Sec-Fetch-Mode: no-cors"], 403),
        ([JSON, "Host: evil.example"], 421),
        ([JSON, "Host: 127.0.0.1.evil.example:9095"], 421),
        ([JSON, "Transfer-Encoding: chunked"], 400),
    ],
)
def test_what_a_web_page_can_send_is_not_forwarded(sink: HttpSink, headers: list[str], status: int) -> None:
    """The webhook's secret goes with notifications of programs only: neither a form, nor a script, nor another host's name."""
    with Relay({"/hook": webhook("POST", sink.url, CREDENTIALS)}) as relay:
        assert exchange(relay, *headers) == status
        assert not sink.requests
        assert exchange(relay, "content-type: Application/JSON; charset=utf-8", "Host: localhost:9095") == 200
    assert [request.headers["Authorization"] for request in sink.requests] == list(CREDENTIALS.values())


@pytest.mark.parametrize("target", ["POST /hook/../hook", "POST //hook", "POST /hook/", "POST /%2fhook", "POST /HOOK"])
def test_a_path_is_compared_as_a_whole(sink: HttpSink, target: str) -> None:
    """No other spelling of it reaches a webhook."""
    with Relay({"/hook": webhook("POST", sink.url, CREDENTIALS)}) as relay:
        assert exchange(relay, JSON, target=target) == 404
        assert exchange(relay, JSON, target=target.replace("POST", "OPTIONS")) == 405
    assert not sink.requests


def test_slow_clients_take_the_place_of_no_notification(sink: HttpSink) -> None:
    """While 60 clients send the heads or bodies of their requests a byte at a time, a notification is forwarded at once."""
    heads = (
        b"POST /hook HTTP/1.1\r\nX-Slow: ",
        f"POST /hook HTTP/1.1\r\nHost: a\r\n{JSON}\r\nContent-Length: 99\r\n\r\n",
    )
    with Relay({"/hook": webhook("POST", sink.url, {})}) as relay, ExitStack() as stack:
        slow = [stack.enter_context(connect(relay)) for _ in range(60)]
        for number, client in enumerate(slow):
            head = heads[number % 2]
            client.sendall(head if isinstance(head, bytes) else head.encode())
        began, threads = time.monotonic(), threading.active_count()
        for _ in range(20):
            for client in slow:
                client.send(b"a")
            assert post(relay) == 200
        assert threading.active_count() <= threads + 1
    assert time.monotonic() - began < 10  # the heads have that long
    assert len(sink.requests) == 20


def test_unfinished_notifications_are_bounded(sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that never finish a large body make the relay keep a bounded number of bytes, and others are served."""
    monkeypatch.setattr(loop, "_RECEIVED_BYTES", 4 * 1024 * 1024)
    head = f"POST /hook HTTP/1.1\r\nHost: a\r\n{JSON}\r\nContent-Length: {4 * 1024 * 1024}\r\n\r\n".encode()
    with Relay({"/hook": webhook("POST", sink.url, {})}) as relay, ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(connect(relay))
            with suppress(OSError):
                client.sendall(head + b"a" * 3_000_000)
        served = relay._server._loop
        assert served is not None
        assert post(relay) == 200
        assert sum(each.received_bytes for each in tuple(served._connections)) <= 4 * 1024 * 1024


def test_a_token_is_needed_where_one_is_set(sink: HttpSink) -> None:
    """The answer without one is the same for every path and every wrong token."""
    with Relay({"/hook": webhook("POST", sink.url, {})}, tokens=Tokens(["right"])) as relay:
        for target in ("POST /hook", "POST /other"):
            assert exchange(relay, JSON, target=target) == 401
            assert exchange(relay, JSON, "Authorization: Bearer wrong", target=target) == 401
        assert exchange(relay, target="GET /-/healthy") == 200
        assert exchange(relay, JSON, "Authorization: bearer right") == 200
    assert len(sink.requests) == 1


def test_a_relay_that_other_machines_reach_does_not_start_without_a_token(sink: HttpSink) -> None:
    """With one it starts, and every name of its machine leads to it, unless names are listed."""
    forward = {"/hook": webhook("POST", sink.url, {})}
    with pytest.raises(OSError, match="without a token"), Relay(forward, "0.0.0.0"):
        pass
    for allowed, status in (((), 200), (("relay.example",), 421)):
        with Relay(forward, "0.0.0.0", tokens=Tokens(["right"]), allowed_hosts=allowed) as relay:
            headers = (JSON, "Authorization: Bearer right")
            assert exchange(relay, *headers, "Host: other.example:9095") == status
            assert exchange(relay, *headers, "Host: relay.example:9095") == 200


def test_headers_are_not_printed() -> None:
    """The representation of a webhook has no headers, because they may hold credentials."""
    assert "canary" not in repr(webhook("POST", "http://x", {"Authorization": "canary"}))


@pytest.mark.parametrize("host", ["169.254.169.254", "[64:ff9b::a9fe:a9fe]", "2852039166"])
def test_the_relay_forwards_nothing_to_addresses_that_serve_credentials(host: str) -> None:
    """A webhook's URL that resolves to a cloud's metadata service is not called, and its answer reaches no client."""
    with pytest.raises(PermissionError, match="metadata"):
        webhook("POST", f"http://{host}/", {}).send(b"{}")
