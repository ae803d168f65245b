"""HTTP/2 with real gRPC servers and with servers that speak frames: windows, settings, idle connections, goodbyes."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from csg_otel.exporters.otlp.grpc_transport import GrpcTransport
from csg_otel.net import hpack
from csg_otel.net.http2 import Http2Session, NotProcessedError
from support import hostile
from support.hostile import HostileServer, Peer, frame, headers
from support.otlp_sink import GrpcSink
from support.programs import eventually

OK = ((":status", "200"), ("content-type", "application/grpc"))


def request(size: int) -> bytes:
    """Return a request with one span, whose attribute has *size* bytes."""
    message = trace_service_pb2.ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add(name="x")
    span.attributes.add(key="text").value.bytes_value = os.urandom(size)
    return bytes(message.SerializeToString())


@pytest.fixture
def sink() -> Iterator[GrpcSink]:
    """A real OTLP/gRPC receiver."""
    receiver = GrpcSink()
    yield receiver
    receiver.close()


def transport(port: int, *, compress: bool = False) -> GrpcTransport:
    return GrpcTransport(f"http://127.0.0.1:{port}", "traces", {}, compress=compress)


@pytest.mark.parametrize("compress", [False, True])
def test_requests_of_every_size_arrive(sink: GrpcSink, compress: bool) -> None:
    """Smaller and larger than a frame and than the windows, on one connection; the server's table of headers is in use."""
    wire = transport(sink.port, compress=compress)
    sizes = [0, 1, 16_384, 65_535, 65_536, 3_900_000, *[100] * 30]
    for size in sizes:
        wire.send(request(size), 20)
    wire.close()

    spans = sink.received.spans
    assert [len(span.attributes[0].value.bytes_value) for span in spans] == sizes


class Server:
    """A server that speaks frames as the test says, on every connection."""

    def __init__(self, act: hostile.Act) -> None:
        self.connections = 0

        def counted(peer: Peer) -> None:
            self.connections += 1
            act(peer)

        self._server = HostileServer(counted, 1)
        self._server.hostile = True
        self.port = self._server.port

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()


def answer(stream: int, body: bytes = b"") -> bytes:
    """Return a whole response on *stream*."""
    message = struct.pack(">BI", 0, len(body)) + body
    end = headers(("grpc-status", "0"), stream=stream, end=True)
    return headers(*OK, stream=stream) + frame(hostile.DATA, message, stream=stream) + end


def test_a_connection_serves_many_requests() -> None:
    """Interim responses, padding, priorities, split headers and frames of other streams are understood."""

    def act(peer: Peer) -> None:
        peer.send(frame(hostile.SETTINGS))
        while True:
            stream = peer.stream()
            block = b"".join(hostile.field(*item) for item in OK)
            peer.send(
                headers((":status", "103"), stream=stream),
                frame(hostile.HEADERS, b"\3" + bytes(5) + block[:10] + bytes(3), flags=0x28, stream=stream),
                frame(hostile.CONTINUATION, block[10:20], stream=stream),
                frame(hostile.CONTINUATION, block[20:], flags=4, stream=stream),
                frame(hostile.DATA, b"\2" + struct.pack(">BI", 0, 3) + b"a" + bytes(2), flags=8, stream=stream),
                frame(hostile.PING, b"12345678"),
                frame(0xBE, b"unknown", stream=7),
                frame(hostile.DATA, b"bc", stream=stream),
                headers(("grpc-status", "0"), stream=stream, end=True),
            )

    with Server(act) as server:
        wire = transport(server.port)
        responses = [wire.send(b"", 10) for _ in range(3)]
        wire.close()

    assert (responses, server.connections) == ([b"abc"] * 3, 1)


def test_a_small_window_is_respected() -> None:
    """The body waits for the server's permission, and also where the setting changes meanwhile."""
    sent: list[int] = []

    def act(peer: Peer) -> None:
        peer.send(frame(hostile.SETTINGS, struct.pack(">HIHI", 4, 10, 5, 20_000)))
        for allowed in (100_000, 2_000_000):
            peer.closed.wait(0.1)
            sent.append(allowed)
            peer.send(frame(hostile.SETTINGS, struct.pack(">HI", 4, allowed)))
            peer.send(frame(hostile.WINDOW_UPDATE, struct.pack(">I", allowed)))
        stream = peer.stream()
        peer.send(answer(stream))
        peer.hold()

    with Server(act) as server:
        wire = transport(server.port)
        wire.send(bytes(1_000_000), 20)
        wire.close()

    assert sent == [100_000, 2_000_000]


def test_an_idle_connection_is_looked_after() -> None:
    """Pings that came meanwhile are answered with the next request; a goodbye makes it use a new connection."""

    def act(peer: Peer) -> None:
        peer.send(frame(hostile.SETTINGS), answer(peer.stream()), frame(hostile.PING, bytes(8)) * 3)
        peer.send(answer(peer.stream()), hostile.go_away(2**31 - 1), hostile.go_away(3))
        peer.hold()

    with Server(act) as server:
        wire = transport(server.port)
        for connections in (1, 1, 2, 2):
            wire.send(b"", 10)
            assert server.connections == connections
            eventually(lambda: wire._session._channel is None or wire._session._channel._connection.poll())
        wire.close()


@pytest.mark.parametrize("goodbye", [b"", hostile.go_away(1)], ids=["closed", "GOAWAY"])
def test_a_connection_that_ends_after_each_response_costs_no_request(goodbye: bytes) -> None:
    """A server may end a connection while it is idle: the next request is sent on a new one."""

    def act(peer: Peer) -> None:
        peer.send(frame(hostile.SETTINGS), answer(peer.stream(), b"ab"), goodbye)

    with Server(act) as server:
        wire = transport(server.port)
        assert [wire.send(b"", 10) for _ in range(5)] == [b"ab"] * 5
        wire.close()

    assert server.connections == 5


def test_a_request_that_is_refused_on_a_new_connection_is_an_error() -> None:
    """The request is tried again once only if the connection was in use before: the queue has the back-off."""

    def act(peer: Peer) -> None:
        peer.send(frame(hostile.SETTINGS), hostile.go_away())
        peer.hold()

    with Server(act) as server:
        session = Http2Session(f"http://127.0.0.1:{server.port}")
        with pytest.raises(NotProcessedError):
            session.post("/", [], b"", 10)
        assert server.connections == 1


EXAMPLES = [  # RFC 7541, C.4 and C.6: one decoder each
    (
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
    ),
    (
        "828684be5886a8eb10649cbf",
        [
            *((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")),
            ("cache-control", "no-cache"),
        ],
    ),
    (
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        [
            *((":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com")),
            ("custom-key", "custom-value"),
        ],
    ),
]


def test_the_examples_of_the_specification_are_decoded() -> None:
    """Huffman codes, the static and the dynamic table."""
    decoder = hpack.Decoder()

    for block, expected in EXAMPLES:
        assert decoder.decode(bytes.fromhex(block)) == expected


latin = st.text(st.characters(codec="latin-1"), max_size=400)


@given(st.lists(st.tuples(latin, latin), max_size=20))
def test_what_is_encoded_is_decoded(block: list[tuple[str, str]]) -> None:
    """Names and values of every length."""
    assert hpack.Decoder().decode(hpack.encode(block)) == block


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_noise_is_an_error_or_a_header(blocks: list[bytes]) -> None:
    """No other exception, and no header from nowhere."""
    decoder = hpack.Decoder()
    for block in blocks:
        try:
            decoder.decode(block)
        except hpack.HeadersError:
            return
