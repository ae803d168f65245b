"""Transports: one deadline for everything, and success only where the answer is OTLP's."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import trustme

from csg_otel.exporters.lane import SendError
from csg_otel.exporters.transport import MOST_REPLY_BYTES, GrpcTransport, HttpTransport
from support.otlp_sink import GrpcSink, HttpSink


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    """A real OTLP/HTTP receiver."""
    made = HttpSink()
    yield made
    made.close()


def transport(endpoint: str, **options: object) -> HttpTransport:
    return HttpTransport(f"{endpoint}/v1/traces", {"x-tenant": "a"}, compress=bool(options.get("compress")))


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Start servers that talk to one accepted connection as the test says."""
    listeners: list[socket.socket] = []

    def start(talk: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=_quietly, args=(talk, connection), daemon=True).start()
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        # shutdown() wakes the accept() that close() alone would leave waiting.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _quietly(talk: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection:
        try:
            talk(connection)
        except OSError:
            return


@pytest.mark.parametrize("head", ["HTTP/1.0 200 OK", "HTTP/1.1 200 OK\r\nConnection: close"])
def test_an_answer_that_ends_with_its_connection_is_read(
    raw_server: Callable[[Callable[[socket.socket], None]], str], head: str
) -> None:
    """A collector that closes after each answer is understood: nothing is sent twice."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(f"{head}\r\nContent-Type: application/x-protobuf\r\n\r\n".encode())
        connection.sendall(b"\x0a\x02ab")

    assert transport(raw_server(talk)).send(b"x", 5) == b"\x0a\x02ab"


def refusal(send: Callable[[], object]) -> SendError:
    with pytest.raises(SendError) as caught:
        send()
    return caught.value


def test_headers_and_gzip_arrive(sink: HttpSink) -> None:
    """The configured headers are sent and the body is compressed as it says."""
    wire = transport(sink.endpoint, compress=True)

    wire.send(b"", 2)
    wire.close()

    assert sink.received.headers[0]["x-tenant"] == "a"
    assert sink.received.headers[0]["content-encoding"] == "gzip"


def test_one_connection_serves_many_requests_and_is_renewed(sink: HttpSink) -> None:
    """A connection the server has closed while idle is opened again without an error."""
    wire = transport(sink.endpoint)

    wire.send(b"", 2)
    assert wire._connection is not None
    wire._connection.sock._socket.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
    wire.send(b"", 2)
    wire.close()

    assert len(sink.received.traces) == 2


@pytest.mark.parametrize(("status", "retry"), [(503, True), (429, True), (400, False), (401, True), (500, False)])
def test_refusals_say_whether_to_retry(sink: HttpSink, status: int, retry: bool) -> None:
    """Codes the OTLP specification calls retryable, and those that say nothing about the data."""
    sink.status = status

    error = refusal(lambda: transport(sink.endpoint).send(b"", 2))

    assert (error.reason, error.retry) == (f"http_{status}", retry)


def test_retry_after_is_honoured(sink: HttpSink) -> None:
    """The seconds of a Retry-After header reach the back-off."""
    sink.status, sink.extra_headers = 429, {"Retry-After": "7"}

    assert refusal(lambda: transport(sink.endpoint).send(b"", 2)).retry_after_s == 7


def test_a_login_page_is_no_success(sink: HttpSink) -> None:
    """200 with text/html comes from something that is not a collector."""
    sink.content_type, sink.answer = "text/html", b"<html>log in</html>"

    assert refusal(lambda: transport(sink.endpoint).send(b"", 2)).reason == "not_otlp"


def test_redirects_are_not_followed(sink: HttpSink) -> None:
    """302 is no success, and nothing is sent to where it points."""
    sink.status, sink.extra_headers = 302, {"Location": f"{sink.endpoint}/elsewhere"}

    assert refusal(lambda: transport(sink.endpoint).send(b"", 2)).reason == "not_otlp"
    assert sink.received.traces == []


def test_a_hang_ends_at_the_deadline(sink: HttpSink) -> None:
    """A server that accepts and never answers costs the timeout and not more."""
    sink.hang.set()

    began = time.monotonic()
    error = refusal(lambda: transport(sink.endpoint).send(b"", 0.3))

    assert 0.25 < time.monotonic() - began < 0.8
    assert (error.reason, error.retry) == ("timeout", True)


def test_a_dripping_answer_ends_at_the_deadline(raw_server: Callable[..., str]) -> None:
    """One byte every 50 ms never resets the clock: the deadline is for the whole answer."""

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\n123456789":
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    url = raw_server(drip)

    began = time.monotonic()
    error = refusal(lambda: transport(url).send(b"", 0.4))

    assert time.monotonic() - began < 0.9
    assert error.reason == "timeout"


def test_a_huge_answer_is_not_read(raw_server: Callable[..., str]) -> None:
    """Of an endless answer at most 64 KiB are read, and the connection is given up."""
    sent: list[int] = []

    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 400000000\r\n\r\n"
        )
        while True:
            sent.append(connection.send(b"x" * 65536))

    url = raw_server(flood)
    wire = transport(url)

    answer = wire.send(b"", 2)

    assert len(answer) == MOST_REPLY_BYTES
    assert wire._connection is None
    assert sum(sent) < 20_000_000


def test_nobody_listening_is_worth_a_retry() -> None:
    """A refused connection is an outage, not a verdict on the batch."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    error = refusal(lambda: transport(f"http://127.0.0.1:{port}").send(b"", 1))

    assert (error.reason, error.retry) == ("unreachable", True)


def test_tls_is_verified(raw_server: Callable[..., str]) -> None:
    """A certificate of an unknown authority is refused; with the authority given it is accepted."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)

    def answer(connection: socket.socket) -> None:
        with server.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    url = raw_server(answer).replace("http:", "https:") + "/v1/traces"

    assert refusal(lambda: HttpTransport(url, {}, compress=False).send(b"", 2)).reason == "unreachable"
    trusting = HttpTransport(url, {}, compress=False, tls=client)
    assert trusting.send(b"", 2) == b""
    trusting.close()


def test_grpc_delivers_and_names_its_errors() -> None:
    """A unary call reaches a real server; with nobody listening the error is UNAVAILABLE and retryable."""
    sink = GrpcSink()
    wire = GrpcTransport(f"127.0.0.1:{sink.port}", "traces", {"X-Tenant": "a"}, compress=True, credentials=None)

    wire.send(b"", 5)
    sink.close()
    error = refusal(lambda: wire.send(b"", 2))
    wire.close()

    assert sink.received.headers[0]["x-tenant"] == "a"
    assert error.reason in ("grpc_unavailable", "grpc_deadline_exceeded")
    assert error.retry
