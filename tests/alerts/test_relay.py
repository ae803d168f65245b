"""The relay between real sockets: what it forwards, what it answers, and how it ends."""

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
from support.servers import free_port
from support.told import HttpSink, http_sink


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    """Where notifications are forwarded to."""
    with http_sink() as found:
        yield found


def post(
    relay: Relay, path: str = "/hook", body: bytes = b'{"a": 1}', method: str = "POST", length: int | None = None
) -> int:
    """Send as Alertmanager does, or with another *length* than the body's, and return the status."""
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
def test_it_forwards_with_method_path_headers_and_body(sink: HttpSink, method: str) -> None:
    """As they are configured; only a GET has no body."""
    forward = Forward(method, f"{sink.url}/a/b?c=d%20e", {"X-Team": "ops", "content-type": "text/json"})
    with Relay({"/hook": forward}) as relay:
        assert post(relay) == 200
    (got,) = sink.requests

    assert (got.method, got.path, got.headers["X-Team"]) == (method, "/a/b?c=d%20e", "ops")
    assert [value for name, value in got.headers.items() if name.lower() == "content-type"] == ["text/json"]
    assert got.body == (b"" if method == "GET" else b'{"a": 1}')


@pytest.mark.parametrize(
    ("answered", "told"),
    [(204, 200), (302, 502), (400, 400), (404, 404), (408, 502), (429, 502), (500, 500), (503, 503)],
)
def test_what_is_worth_another_try_is_answered_with_5xx(sink: HttpSink, answered: int, told: int) -> None:
    """Alertmanager repeats nothing else."""
    sink.status = answered
    with Relay({"/hook": Forward("POST", sink.url, {})}) as relay:
        assert post(relay) == told


def test_nobody_there_and_headers_that_are_none_are_502() -> None:
    """A refused connection, and a value that no header can have: the relay itself goes on."""
    gone = Forward("POST", f"http://127.0.0.1:{free_port()}/", {})
    split = Forward("POST", gone.url, {"X-A": "a\r\nX-B: b"})
    with Relay({"/gone": gone, "/split": split}) as relay:
        assert [post(relay, path) for path in ("/gone", "/split", "/gone")] == [502, 502, 502]


def test_a_webhook_that_drips_is_left_at_the_deadline() -> None:
    """The timeout is about the whole request, not about each byte."""
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


def test_it_takes_only_what_it_knows_and_not_too_much(sink: HttpSink) -> None:
    """Unknown paths, bodies without or beyond a length; and says that it runs."""
    with Relay({"/hook": Forward("POST", sink.url, {})}) as relay:
        assert post(relay, "/other") == 404
        assert post(relay, length=4 * 1024 * 1024 + 1) == 413
        assert post(relay, length=-1) == 413
        assert post(relay, "/-/healthy", b"", "GET") == 200
        assert post(relay, "/hook", b"", "GET") == 404
    assert not sink.requests


def test_too_many_at_once_are_refused_and_those_under_way_are_served(sink: HttpSink) -> None:
    """The rest is answered with 503, at once, and comes again."""
    enough = threading.Event()
    sink.before = lambda: enough.wait(20)
    with Relay({"/hook": Forward("POST", sink.url, {})}) as relay, ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(post, relay) for _ in range(50)]
        deadline = time.monotonic() + 20
        while sum(one.done() for one in asked) < 18 and time.monotonic() < deadline:
            time.sleep(0.01)
        refused = [one.result() for one in asked if one.done()]
        enough.set()
        statuses = sorted(one.result(20) for one in asked)

    assert refused == [503] * 18
    assert statuses == [200] * 32 + [503] * 18
    assert len(sink.requests) == 32


def test_what_is_under_way_ends_before_it_does(sink: HttpSink) -> None:
    """A notification that was taken is forwarded, and answered."""
    begun, enough = threading.Event(), threading.Event()
    sink.before = lambda: [begun.set(), enough.wait(20)]  # type: ignore[func-returns-value]
    relay = Relay({"/hook": Forward("POST", sink.url, {})})
    with ThreadPoolExecutor(1) as pool:
        with relay:
            asked = pool.submit(post, relay)
            assert begun.wait(20)
            threading.Timer(0.3, enough.set).start()
        assert asked.result(20) == 200
    with pytest.raises(ConnectionRefusedError):
        post(relay)


def test_headers_do_not_show() -> None:
    """They may hold credentials."""
    assert "canary" not in repr(Forward("POST", "http://x", {"Authorization": "canary"}))
