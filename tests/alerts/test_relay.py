"""The relay between real sockets: its forwarding, its answers, and its end."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from csg_otel.alerts.alertmanager.relay import Forward, Relay
from support.notification_sinks import HttpSink, http_sink
from support.servers import free_port


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    """The webhook that notifications are forwarded to."""
    with http_sink() as webhook:
        yield webhook


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
    forward = Forward(method, f"{sink.url}/a/b?c=d%20e", {"X-Team": "ops", "content-type": "text/json"})
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
    with Relay({"/hook": Forward("POST", sink.url, {})}) as relay:
        assert post(relay) == passed_on


def test_a_refused_connection_and_an_invalid_header_are_502() -> None:
    """After a refused connection and an invalid header value the relay still works."""
    gone = Forward("POST", f"http://127.0.0.1:{free_port()}/", {})
    split = Forward("POST", gone.url, {"X-A": "a\r\nX-B: b"})
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
        with Relay({"/hook": Forward("POST", f"http://127.0.0.1:{server.getsockname()[1]}", {}, 0.5)}) as relay:
            began = time.monotonic()
            assert post(relay) == 502
            assert time.monotonic() - began < 5
        thread.join(10)
        assert not thread.is_alive()


def test_the_relay_refuses_unknown_paths_and_large_bodies(sink: HttpSink) -> None:
    """Unknown paths and bodies without or above a length are refused, and the health path answers."""
    with Relay({"/hook": Forward("POST", sink.url, {})}) as relay:
        assert post(relay, "/other") == 404
        assert post(relay, length=4 * 1024 * 1024 + 1) == 413
        assert post(relay, length=-1) == 413
        assert post(relay, "/-/healthy", b"", "GET") == 200
        assert post(relay, "/hook", b"", "GET") == 404
    assert not sink.requests


def test_requests_above_the_limit_are_refused(sink: HttpSink) -> None:
    """Requests above the limit get 503 at once, and the others are served."""
    enough = threading.Event()
    sink.before = lambda: enough.wait(20)
    with Relay({"/hook": Forward("POST", sink.url, {})}) as relay, ThreadPoolExecutor(50) as pool:
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
    relay = Relay({"/hook": Forward("POST", sink.url, {})})
    with ThreadPoolExecutor(1) as pool:
        with relay:
            posts = pool.submit(post, relay)
            assert begun.wait(20)
            threading.Timer(0.3, enough.set).start()
        assert posts.result(20) == 200
    with pytest.raises(ConnectionRefusedError):
        post(relay)


def test_headers_are_not_printed() -> None:
    """The representation of a webhook has no headers, because they may hold credentials."""
    assert "canary" not in repr(Forward("POST", "http://x", {"Authorization": "canary"}))
