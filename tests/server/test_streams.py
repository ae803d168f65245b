"""Responses without an end, and requests with a body; hostile clients of both hurt no other client."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from csg_otel.server import Purpose, Request, Response, Server, connection
from csg_otel.server.messages import Done
from csg_otel.server.streams import Stream
from support.endpoints import WITHIN_S, ask, connect, is_closed
from support.programs import eventually

STREAM = b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"


class Echo:
    """A service: ``/stream`` is a stream, every other path returns the body of its request."""

    def __init__(self, *, protected: bool = False, limit: int = 32 * 1024 * 1024) -> None:
        self.protected = protected
        self.limit = limit
        self.streams: list[Stream] = []

    def prepare(self, url: str) -> None:
        """Prepare nothing."""

    def body_limit(self, request: Request) -> int:
        """Allow a large body below ``/large``, none at ``/none``."""
        return {"/large": self.limit, "/none": 0}.get(request.path, 1000)

    def too_large(self, request: Request) -> Response:
        """Refuse it."""
        return Response(413, b"too large")

    def respond(self, request: Request, done: Done) -> None:
        """Respond at once."""
        if request.path == "/stream":
            stream = Stream()
            self.streams.append(stream)
            done(Response(200, b"", {"Content-Type": "text/event-stream"}, stream))
        else:
            done(Response(200, b"%d %s" % (len(request.body), request.body[:20])))

    def send(self, piece: bytes) -> None:
        """Send *piece* to every client that is connected."""
        for stream in self.streams:
            if not stream.closed:
                stream.send(piece)

    @property
    def open(self) -> int:
        """The number of clients that are connected."""
        return sum(not stream.closed for stream in self.streams)


@pytest.fixture
def echo() -> Echo:
    """The service that the server of the test serves."""
    return Echo()


@pytest.fixture
def server(echo: Echo) -> Iterator[Server]:
    """A server of the service on a free port."""
    server = Server("127.0.0.1", 0, echo)
    server.start()
    yield server
    server.stop(2.0)


def _read_until(client: socket.socket, text: bytes) -> bytes:
    """Return what *client* receives until it contains *text*."""
    received = b""
    while text not in received:
        piece = client.recv(65536)
        assert piece, received[-200:]
        received += piece
    return received


def _small(server: Server) -> socket.socket:
    """Return a connection with a small buffer."""
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(WITHIN_S)
    client.connect((host, int(port)))
    return client


def test_every_client_gets_the_pieces(server: Server, echo: Echo) -> None:
    """Those that are sent before the response has begun, too; in chunks, by one connection that is closed at the end."""
    with connect(server) as first, connect(server) as second:
        for client in (first, second):
            client.sendall(STREAM)
        eventually(lambda: echo.open == 2)
        for piece in (b"data: 1\n\n", b"data: 2\n\n"):
            echo.send(piece)

        for client in (first, second):
            answer = _read_until(client, b"data: 2\n\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"Transfer-Encoding: chunked" in answer
            assert b"Content-Length" not in answer
            assert b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n" in answer
    eventually(lambda: not echo.open)


@pytest.mark.parametrize("left", ["closed", "reset", "sends"])
def test_a_client_that_leaves_is_noticed_at_once(server: Server, echo: Echo, left: str) -> None:
    """Without a piece being sent; a client that sends something else during a stream is disconnected."""
    client = connect(server)
    client.sendall(STREAM)
    _read_until(client, b"\r\n\r\n")
    if left == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    if left == "sends":
        client.sendall(STREAM)
        assert is_closed(client)
    client.close()

    eventually(lambda: not echo.open)


def test_a_client_that_reads_nothing_is_disconnected_and_others_go_on(server: Server, echo: Echo) -> None:
    """As soon as more than a megabyte waits for it; a reader misses nothing of what is sent meanwhile."""
    with _small(server) as slow, connect(server) as reader:
        slow.sendall(STREAM)
        eventually(lambda: echo.open == 1)
        reader.sendall(STREAM)
        eventually(lambda: echo.open == 2)
        received: list[bytes] = []

        def read() -> None:
            received.append(_read_until(reader, b"the end"))

        thread = threading.Thread(target=read)
        thread.start()
        count = 0
        while echo.open == 2:
            assert count < 1000
            echo.send(b"%05d" % count + b"x" * 20_000)
            count += 1
            reading = echo.streams[1]
            eventually(lambda: reading._sent_bytes == reading._taken_bytes, every_s=0.001)  # noqa: B023 - called here
        echo.send(b"the end")
        thread.join()

        assert [stream.closed for stream in echo.streams] == [True, False]
        assert received[0].count(b"x" * 20_000) == count
        with suppress(ConnectionResetError):
            while slow.recv(65536):
                pass


def test_a_client_that_stops_reading_has_a_deadline(
    server: Server, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one with little waiting; a client that has read everything may be silent for as long as the stream."""
    monkeypatch.setattr(connection, "_STALLED_S", 0.3)
    with _small(server) as slow, connect(server) as silent:
        slow.sendall(STREAM)
        eventually(lambda: echo.open == 1)
        while not echo.streams[0].closed and echo.streams[0]._sent_bytes == echo.streams[0]._taken_bytes:
            echo.streams[0].send(b"x" * 100_000)
            time.sleep(0.01)
        silent.sendall(STREAM)
        eventually(lambda: len(echo.streams) == 2 and echo.streams[0].closed)
        time.sleep(0.5)

        assert echo.open == 1
        echo.send(b"late")
        assert b"late" in _read_until(silent, b"late")


def test_idle_streams_take_no_place_of_other_clients(server: Server, echo: Echo) -> None:
    """Of 200 those beyond the limit are refused; kept connections and new ones are served as if there were none."""
    kept = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=WITHIN_S)
    kept.request("GET", "/")
    assert kept.getresponse().read() == b"0 "
    with ExitStack() as clients:
        answers = []
        for _ in range(200):
            client = clients.enter_context(connect(server))
            client.sendall(STREAM)
            answers.append(client.recv(12))
        assert answers == [b"HTTP/1.1 200"] * 64 + [b"HTTP/1.1 503"] * 136
        assert echo.open == 64

        others = [clients.enter_context(connect(server)) for _ in range(100)]
        for client in others:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
        kept.request("GET", "/")
        assert kept.getresponse().read() == b"0 "
        assert echo.open == 64
    kept.close()


def test_a_server_that_stops_closes_its_streams(server: Server, echo: Echo) -> None:
    """The client reads the end, and the sender of the pieces finds the stream closed."""
    with connect(server) as client:
        client.sendall(STREAM)
        _read_until(client, b"\r\n\r\n")
        server.stop(30.0)

        assert is_closed(client)
        assert not echo.open


# -- bodies -----------------------------------------------------------------------------------------------------------------


def test_a_body_reaches_the_service_that_uses_it(server: Server) -> None:
    """One request after the other on one connection, in one piece, in chunks, or of 32 MiB."""
    client = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=WITHIN_S)
    large = b"a" * (32 * 1024 * 1024)
    answers = []
    for path, body, chunked in (
        ("/", b"hello", False),
        ("/", b"", False),
        ("/large", large, False),
        ("/", iter([b"hel", b"lo"]), True),
        ("/none", b"hello", False),
    ):
        client.request("POST", path, body=body, encode_chunked=chunked)
        answers.append(client.getresponse().read())
    client.close()

    assert answers == [b"5 hello", b"0 ", b"33554432 " + b"a" * 20, b"5 hello", b"0 "]


@pytest.mark.parametrize(("path", "size"), [("/", 1001), ("/large", 2001), ("/none", 70_000)])
def test_a_body_beyond_the_limit_is_refused(server: Server, echo: Echo, path: str, size: int) -> None:
    """With 413, whoever set the limit."""
    echo.limit = 2000
    with connect(server) as client:
        with suppress(OSError):
            client.sendall(b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (path.encode(), size))
            client.sendall(b"a" * size)
        with suppress(ConnectionResetError):  # the rest of the body was in flight
            assert client.recv(100).startswith(b"HTTP/1.1 413 ")

    assert ask(server, "/")[0] == 200


def test_a_client_that_waits_with_its_body_is_told_to_go_on(server: Server) -> None:
    """As curl does with large bodies; where the body is not used, the response comes at once."""
    head = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with connect(server) as client:
        client.sendall(head % b"/")
        assert client.recv(100) == b"HTTP/1.1 100 \r\n\r\n"
        client.sendall(b"hello")
        assert b"5 hello" in _read_until(client, b"hello")
    with connect(server) as client:
        client.sendall(head % b"/none")
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")


# -- purpose ----------------------------------------------------------------------------------------------------------------

PRIVATE = Purpose("no pages here", "pages", "pages", is_private=True)


def test_a_private_server_does_not_start_where_everybody_can_reach_it(caplog: pytest.LogCaptureFixture) -> None:
    """Without a token it listens to nothing, and one line has what to set; with a token it starts."""
    caplog.set_level(logging.WARNING, "csg_otel")
    servers = [Server("0.0.0.0", 0, Echo(protected=protected), purpose=PRIVATE) for protected in (False, True)]
    try:
        assert [server.start() for server in (servers[0], *servers)] == [False, False, True]
    finally:
        for server in servers:
            server.stop(2.0)

    sentence = "0.0.0.0:0 can be reached from other machines without a token; set security.api_auth, or pages.host to 127.0.0.1"
    assert servers[0].problem == sentence
    assert caplog.messages == [f"no pages here: {sentence}"]


def test_a_port_in_use_names_the_setting_of_the_server(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Its own section, not that of the endpoints."""
    caplog.set_level(logging.WARNING, "csg_otel")
    port = int(server.url.rsplit(":", 1)[1])

    assert not Server("127.0.0.1", port, Echo(), purpose=PRIVATE).start()
    warning = (
        f"no pages here: can't listen on 127.0.0.1:{port}: Address already in use; the program goes on. Set pages.port"
    )
    assert caplog.messages == [f"{warning} to another one (port 0 takes a free port)"]
