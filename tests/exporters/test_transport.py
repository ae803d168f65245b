"""Transports: one deadline for everything, and success only where the answer is OTLP's."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from google.rpc import error_details_pb2, status_pb2

from csg_otel.config import load
from csg_otel.config.sections.exporters import OtlpExporter
from csg_otel.errors import ConfigError
from csg_otel.exporters.delivery.http_errors import retry_after_s
from csg_otel.exporters.delivery.sender import SendError
from csg_otel.exporters.otlp.grpc_transport import GrpcTransport
from csg_otel.exporters.otlp.http_transport import MAX_RESPONSE_BYTES, HttpTransport
from csg_otel.exporters.otlp.sender import OtlpSender
from support.otlp_sink import GrpcSink, HttpSink
from support.servers import free_port


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


@pytest.mark.parametrize(
    ("head", "retry", "retry_after_s"),
    [("413 Payload Too Large", False, None), ("503 Service Unavailable\r\nRetry-After: 60", True, 60.0)],
)
def test_a_refusal_before_the_whole_request_is_read(
    raw_server: Callable[[Callable[[socket.socket], None]], str], head: str, retry: bool, retry_after_s: float | None
) -> None:
    """A server that answers and closes while the body is on its way, as proxies do, is heard: its status counts."""

    def talk(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".encode())

    sender = transport(raw_server(talk))
    for _ in range(2):
        with pytest.raises(SendError) as caught:
            sender.send(bytes(8_000_000), 20.0)

        assert caught.value.reason == f"http_{head[:3]}"
        assert (caught.value.retry, caught.value.retry_after_s) == (retry, retry_after_s)


@pytest.mark.parametrize("head", ["HTTP/1.0 200 OK", "HTTP/1.1 200 OK\r\nConnection: close"])
def test_an_answer_that_ends_with_its_connection_is_read(
    raw_server: Callable[[Callable[[socket.socket], None]], str], head: str
) -> None:
    """A collector that closes after each answer is understood: nothing is sent twice."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(f"{head}\r\nContent-Type: application/x-protobuf\r\n\r\n".encode())
        connection.sendall(b"\x0a\x02ab")

    assert transport(raw_server(talk)).send(b"", 30) == b"\x0a\x02ab"


def refusal(send: Callable[[], object]) -> SendError:
    with pytest.raises(SendError) as caught:
        send()
    return caught.value


def test_headers_and_gzip_arrive(sink: HttpSink) -> None:
    """The configured headers are sent and the body is compressed as it says."""
    wire = transport(sink.endpoint, compress=True)

    wire.send(b"", 30)
    wire.close()

    assert sink.received.headers[0]["x-tenant"] == "a"
    assert sink.received.headers[0]["content-encoding"] == "gzip"


AGENT = r"csg-otel/\d+\.\d+\.\d+ \(python 3\.\d+\.\d+\) OTel-OTLP-Exporter-Python/\d+\.\d+\.\d+"


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_the_user_agent_names_this_package_and_the_exporter(protocol: Any) -> None:
    """As the OTLP exporter specification writes it, with a product before it; a header of the settings replaces it."""
    receiver: Any = GrpcSink() if protocol == "grpc" else HttpSink()
    for headers in ({}, {"User-Agent": "mine/1"}):
        sender = OtlpSender(OtlpExporter(endpoint=receiver.endpoint, protocol=protocol, headers=headers), "traces")
        sender.send_batch(b"", 10)
        sender.close()
    receiver.close()

    agents = [headers["user-agent"] for headers in receiver.received.headers]
    assert re.match(AGENT, agents[0])
    assert agents[1].startswith("mine/1")


@pytest.mark.parametrize(
    "form", ["unix:{path}", "unix://{path}", "dns:///127.0.0.1:{port}", "dns://8.8.8.8/127.0.0.1:{port}"]
)
def test_a_target_of_grpcs_naming_is_an_endpoint(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenTelemetry's specification allows every form of gRPC's client; the variable is read, and no proxy is used for it."""
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:1")
    receiver = GrpcSink(path=tmp_path / "s" if form.startswith("unix") else None)
    endpoint = form.format(path=tmp_path / "s", port=receiver.port)
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    loaded = load({}, environ=variables)
    sender = OtlpSender(loaded.config.exporters.otlp[0], "traces")
    sender.send_batch(b"", 10)
    sender.close()
    receiver.close()

    assert loaded.warnings == ()
    assert len(receiver.received.traces) == 1
    with pytest.raises(SendError, match="UNAVAILABLE"):
        sender.send_batch(b"", 10)


def test_a_socket_is_no_endpoint_of_http() -> None:
    """It is refused in words: the name `unix` would not resolve."""
    with pytest.raises(ConfigError, match="must be http://host:port"):
        load(
            {"exporters": {"otlp": [{"name": "c", "endpoint": "unix:/run/c", "protocol": "http/protobuf"}]}}, environ={}
        )


def test_a_header_is_sent_once_however_it_is_written(
    raw_server: Callable[[Callable[[socket.socket], None]], str],
) -> None:
    """The settings replace the User-Agent, and not what describes the body."""
    heads: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heads.append(connection.recv(65536).partition(b"\r\n\r\n")[0].lower())
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    headers = {"user-agent": "mine/1", "content-type": "text/plain", "CONTENT-ENCODING": "br"}
    settings = OtlpExporter(endpoint=raw_server(talk), protocol="http/protobuf", headers=headers, compression="gzip")
    sender = OtlpSender(settings, "traces")
    sender.send_batch(b"", 10)
    sender.close()
    lines = heads[0].split(b"\r\n")

    assert sorted(line for line in lines if line.startswith((b"user-agent", b"content-type", b"content-encoding"))) == [
        b"content-encoding: gzip",
        b"content-type: application/x-protobuf",
        b"user-agent: mine/1",
    ]


def test_one_connection_serves_many_requests_and_is_renewed(sink: HttpSink) -> None:
    """A connection the server has closed while idle is opened again without an error."""
    wire = transport(sink.endpoint)

    wire.send(b"", 30)
    kept = wire._session._connection
    assert kept is not None
    kept._stream.shutdown(socket.SHUT_RDWR)
    wire.send(b"", 30)
    wire.close()

    assert len(sink.received.traces) == 2


RETRIED = (401, 403, 404, 407, 408, 429, 502, 503, 504)
REFUSED = (400, 405, 409, 411, 413, 415, 422, 500, 501)


@pytest.mark.parametrize(
    ("status", "retry"), [*((code, True) for code in RETRIED), *((code, False) for code in REFUSED)]
)
def test_refusals_say_whether_to_retry(sink: HttpSink, status: int, retry: bool) -> None:
    """Retried are the codes of the OTLP specification, and those that do not refuse the data: a token can be corrected."""
    sink.status = status

    error = refusal(lambda: transport(sink.endpoint).send(b"", 30))

    assert (error.reason, error.retry) == (f"http_{status}", retry)


def test_retry_after_is_honoured(sink: HttpSink) -> None:
    """The seconds of a Retry-After header reach the back-off."""
    sink.status, sink.extra_headers = 429, {"Retry-After": "7"}

    assert refusal(lambda: transport(sink.endpoint).send(b"", 30)).retry_after_s == 7


def test_a_login_page_is_no_success(sink: HttpSink) -> None:
    """200 with text/html comes from something that is not a collector."""
    sink.content_type, sink.answer = "text/html", b"<html>log in</html>"

    assert refusal(lambda: transport(sink.endpoint).send(b"", 30)).reason == "not_otlp"


def test_redirects_are_not_followed(sink: HttpSink) -> None:
    """302 is no success, and nothing is sent to where it points."""
    sink.status, sink.extra_headers = 302, {"Location": f"{sink.endpoint}/elsewhere"}

    assert refusal(lambda: transport(sink.endpoint).send(b"", 30)).reason == "not_otlp"
    assert sink.received.traces == []


def test_a_hang_ends_at_the_deadline(sink: HttpSink) -> None:
    """A server that accepts and never answers costs the timeout and not more."""
    sink.hang.set()

    began = time.monotonic()
    error = refusal(lambda: transport(sink.endpoint).send(b"", 0.3))

    assert 0.25 < time.monotonic() - began < 20  # the server would hang for 60 s
    assert (error.reason, error.retry) == ("timeout", True)


def test_a_dripping_answer_ends_at_the_deadline(raw_server: Callable[..., str]) -> None:
    """One byte every 50 ms never resets the clock: the deadline is for the whole answer."""

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 999\r\n\r\n"
        with suppress(OSError):  # the client has left
            for byte in head + bytes(999):
                connection.sendall(bytes([byte]))
                time.sleep(0.05)

    url = raw_server(drip)

    began = time.monotonic()
    error = refusal(lambda: transport(url).send(b"", 0.4))

    assert time.monotonic() - began < 20  # the whole answer would take 50 s
    assert error.reason == "timeout"


def test_the_last_answer_of_a_connection_is_read(raw_server: Callable[..., str]) -> None:
    """A server that closes after each answer, as HTTP allows, is a good one; its body arrives whole."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/x-protobuf\r\n"
        connection.sendall(head + b"Content-Length: 9\r\n\r\n")
        connection.sendall(b"123456789")

    wire = transport(raw_server(answer))

    assert [wire.send(b"", 30), wire.send(b"", 30)] == [b"123456789"] * 2


@pytest.mark.parametrize("kept", [20, 60, -6])
def test_a_cut_answer_is_none(raw_server: Callable[..., str], kept: int) -> None:
    """In the head or in the body: less than was announced is worth another attempt, and no success."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\n123456789"

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(whole[:kept])

    error = refusal(lambda: transport(raw_server(answer)).send(b"", 30))

    assert (error.reason, error.retry) == ("unreachable", True)


def test_a_name_service_that_hangs_costs_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is asked once, however often it is tried."""
    asked: list[object] = []
    release = threading.Event()

    def hang(*question: object, **_: object) -> list[object]:
        asked.append(question)
        release.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    wire = transport("http://collector.invalid")

    began = time.monotonic()
    errors = [refusal(lambda: wire.send(b"", 0.2)) for _ in range(2)]
    took_s = time.monotonic() - began
    release.set()

    assert [error.reason for error in errors] == ["timeout"] * 2
    assert (len(asked), took_s < 20) == (1, True)


@pytest.mark.parametrize(
    ("asked", "date", "seconds"),
    [
        ("7", "", 7.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", "", 0.0),
        ("999999999999", "", 3600.0),
        ("soon", "", None),
        ("-3", "", None),
    ],
)
def test_retry_after_in_all_its_forms(asked: str, date: str, seconds: float | None) -> None:
    """Seconds, or a moment on the server's own clock; an hour at most."""
    assert retry_after_s({"retry-after": asked, "date": date}) == seconds


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

    answer = wire.send(b"", 30)

    assert MAX_RESPONSE_BYTES - 1024 < len(answer) < MAX_RESPONSE_BYTES
    assert not wire._session.connected
    assert sum(sent) < 20_000_000


def test_a_missing_server_is_worth_a_retry() -> None:
    """A refused connection is an outage, not a verdict on the batch."""
    error = refusal(lambda: transport(f"http://127.0.0.1:{free_port()}").send(b"", 30))

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

    assert refusal(lambda: HttpTransport(url, {}, compress=False).send(b"", 30)).reason == "unreachable"
    trusting = HttpTransport(url, {}, compress=False, tls=client)
    assert trusting.send(b"", 30) == b""
    trusting.close()


def test_grpc_delivers_and_names_its_errors() -> None:
    """A unary call reaches a real server; without a server the error is UNAVAILABLE and retryable."""
    sink = GrpcSink()
    wire = GrpcTransport(sink.endpoint, "traces", {"X-Tenant": "a"}, compress=True)

    wire.send(b"", 30)
    sink.close()
    error = refusal(lambda: wire.send(b"", 2))
    wire.close()

    assert sink.received.headers[0]["x-tenant"] == "a"
    assert error.reason in ("grpc_unavailable", "grpc_deadline_exceeded")
    assert error.retry


@pytest.fixture
def grpc_sink() -> Iterator[GrpcSink]:
    """A real OTLP/gRPC receiver."""
    made = GrpcSink()
    yield made
    made.close()


def grpc_transport(sink: GrpcSink) -> GrpcTransport:
    return GrpcTransport(sink.endpoint, "traces", {}, compress=False)


@pytest.mark.parametrize(
    ("code", "retry"),
    [
        (grpc.StatusCode.UNAVAILABLE, True),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, True),
        (grpc.StatusCode.PERMISSION_DENIED, True),
        (grpc.StatusCode.UNAUTHENTICATED, True),
        (grpc.StatusCode.UNIMPLEMENTED, True),
        (grpc.StatusCode.NOT_FOUND, True),
        (grpc.StatusCode.INVALID_ARGUMENT, False),
        (grpc.StatusCode.INTERNAL, False),
    ],
)
def test_grpc_refusals_say_whether_to_retry(grpc_sink: GrpcSink, code: grpc.StatusCode, retry: bool) -> None:
    """As for HTTP: retried are the codes of the OTLP specification, and those that do not refuse the data."""
    grpc_sink.code = code
    wire = grpc_transport(grpc_sink)

    error = refusal(lambda: wire.send(b"", 30))
    wire.close()

    assert (error.reason, error.retry) == (f"grpc_{code.name.lower()}", retry)


def test_grpc_retry_info_is_honoured(grpc_sink: GrpcSink) -> None:
    """The seconds a RetryInfo asks for reach the back-off; without one there are none."""
    info = error_details_pb2.RetryInfo()
    info.retry_delay.FromMilliseconds(2500)
    status = status_pb2.Status(code=8)
    status.details.add().Pack(info)
    grpc_sink.code = grpc.StatusCode.RESOURCE_EXHAUSTED
    wire = grpc_transport(grpc_sink)
    plain = refusal(lambda: wire.send(b"", 30))
    grpc_sink.trailers = (("grpc-status-details-bin", status.SerializeToString()),)

    error = refusal(lambda: wire.send(b"", 30))
    wire.close()

    assert (plain.retry, plain.retry_after_s) == (True, None)
    assert (error.retry, error.retry_after_s) == (True, 2.5)


def test_a_long_grpc_answer_is_not_read(grpc_sink: GrpcSink) -> None:
    """Only an accepted request has an answer, so one that is too long to be read is no reason to send it again."""
    grpc_sink.partial = {"error_message": "x" * 2 * MAX_RESPONSE_BYTES}
    wire = grpc_transport(grpc_sink)

    assert wire.send(b"", 30) == b""
    wire.close()
    assert len(grpc_sink.received.traces) == 1


def test_a_compressed_grpc_answer_stays_compressed(grpc_sink: GrpcSink) -> None:
    """What would become 50 MB is not unpacked."""
    grpc_sink.partial = {"error_message": "x" * 50_000_000}
    grpc_sink.compression = grpc.Compression.Gzip
    wire = grpc_transport(grpc_sink)

    assert len(wire.send(b"", 30)) <= MAX_RESPONSE_BYTES
    wire.close()
