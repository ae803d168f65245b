"""
Hostile collectors: servers on loopback that answer an exporter in every wrong way, until they are told to be well.

``HTTP`` and ``GRPC`` are the behaviours by name: functions of a connection. A server that is well passes everything on to a
real receiver.
"""

from __future__ import annotations

import gzip
import os
import queue
import re
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import BufferedReader
from typing import Final

Act = Callable[["Peer"], None]


class HostileServer:
    """Listens on a loopback port: acts on each connection, and passes on to *target* once ``hostile`` is False."""

    def __init__(self, act: Act, target: int) -> None:
        self._act = act
        self._target = target
        self._hostile = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._connections = self._requests = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def attempts(self) -> int:
        """The number of requests, or of connections where there are more, that the server has been hostile to."""
        return max(self._connections, self._requests)

    @property
    def hostile(self) -> bool:
        """Whether the server misbehaves; a change drops all connections."""
        return self._hostile

    @hostile.setter
    def hostile(self, hostile: bool) -> None:
        self._hostile = hostile
        self._drop_all()

    def close(self) -> None:
        """Stop listening and drop all connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the accept() that close() alone leaves waiting
        self._listener.close()
        self._drop_all()

    def _drop_all(self) -> None:
        with self._lock:
            connections, self._open = tuple(self._open), set()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _count(self) -> None:
        self._requests += 1

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with self._lock:
                    self._open.add(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self._hostile:
                self._connections += 1
                reads = self._act not in (ignore, close, reset)
                self._act(Peer(client, self._count, reads=reads))
                if reads:  # while a thread reads, close() alone would not end the connection
                    client.shutdown(socket.SHUT_RDWR)
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                with self._lock:
                    self._open.add(server)
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server)
                back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class Peer:
    """A connection with an exporter, whose requests are read meanwhile on a thread."""

    def __init__(self, connection: socket.socket, count: Callable[[], None], *, reads: bool) -> None:
        """Use *connection*; call *count* for each request; without *reads*, nothing is ever read from it."""
        self._connection = connection
        self._count = count
        self._streams: queue.Queue[int] = queue.Queue()
        self.closed = threading.Event()
        if reads:
            threading.Thread(target=self._read, daemon=True).start()

    def stream(self) -> int:
        """Wait for a whole request; return the number of its HTTP/2 stream, or 1. Raises ConnectionError at the end."""
        if number := self._streams.get():
            return number
        raise ConnectionError("the exporter has closed")

    def send(self, *pieces: bytes) -> None:
        """Send *pieces*."""
        self._connection.sendall(b"".join(pieces))

    def flood(self, piece: bytes) -> None:
        """Send *piece* until the other side closes; many times in one call, so that the server costs little."""
        many = piece * max(1, 16384 // len(piece))
        while True:
            self._connection.sendall(many)

    def drip(self, data: bytes) -> None:
        """Send a byte every 50 ms."""
        for byte in data:
            self.send(bytes((byte,)))
            self.closed.wait(0.05)

    def hold(self) -> None:
        """Keep the connection open until the other side closes it, or for half a minute."""
        self.closed.wait(30)

    def half_close(self) -> None:
        """Send the end of the connection, and go on reading."""
        self._connection.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Make the next close a reset."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _read(self) -> None:
        with suppress(OSError), self._connection.makefile("rb") as stream:
            if stream.peek(4)[:4] == b"PRI ":
                self._read_frames(stream)
            else:
                self._read_requests(stream)
        self.closed.set()
        self._streams.put(0)

    def _read_frames(self, stream: BufferedReader) -> None:
        stream.read(24)
        while len(head := stream.read(9)) == 9:
            stream.read(int.from_bytes(head[:3], "big"))
            if head[3] in (0, 1) and head[4] & 1:  # the end of a request, in DATA or HEADERS
                self._put(int.from_bytes(head[5:], "big"))

    def _read_requests(self, stream: BufferedReader) -> None:
        while line := stream.readline():
            length = 0
            while line not in (b"\r\n", b""):
                if match := re.match(rb"content-length: *(\d+)", line, re.IGNORECASE):
                    length = int(match[1])
                line = stream.readline()
            stream.read(length)
            self._put(1)

    def _put(self, stream: int) -> None:
        self._count()
        self._streams.put(stream)


# -- for both protocols ------------------------------------------------------------------------------------------------


def ignore(peer: Peer) -> None:
    """Read nothing, send nothing."""
    peer.hold()


def read_only(peer: Peer) -> None:
    """Read everything, send nothing."""
    peer.hold()


def close(_peer: Peer) -> None:
    """Close at once."""


def reset(peer: Peer) -> None:
    """Reset at once."""
    peer.reset()


def half_close(peer: Peer) -> None:
    """Send the end of the connection at once."""
    peer.half_close()
    peer.hold()


def at_once(*pieces: bytes, flood: bytes = b"", drip: bool = False) -> Act:
    """Return a behaviour that sends *pieces* at once, then *flood* without an end; with *drip*, a byte every 50 ms."""

    def act(peer: Peer) -> None:
        if drip:
            peer.drip(b"".join(pieces))
        else:
            peer.send(*pieces)
        if flood:
            peer.flood(flood)
        peer.hold()

    return act


NOISE: Final = b"\x00\x9f\xff\r\n\x80noise" * 50
TLS_ALERT: Final = b"\x15\x03\x01\x00\x02\x02\x28" * 20
COMMON: Final[Mapping[str, Act]] = {
    "reads nothing": ignore,
    "reads and is silent": read_only,
    "closes": close,
    "resets": reset,
    "half closes": half_close,
    "noise": at_once(NOISE),
    "noise without an end": at_once(flood=NOISE),
    "a TLS alert": at_once(TLS_ALERT),
    "TLS records without an end": at_once(flood=b"\x17\x03\x03\x40\x00" + bytes(0x4000)),
}

# -- HTTP/1 ------------------------------------------------------------------------------------------------------------

_OK: Final = b"HTTP/1.1 200 OK\r\n"
_TYPE: Final = b"Content-Type: application/x-protobuf\r\n"
_BOMB: Final = gzip.compress(bytes(50_000_000), 9)


def answers(*pieces: bytes, flood: bytes = b"", drip: bool = False, then_close: bool = False) -> Act:
    """Return a behaviour that reads each request and sends *pieces*, as `at_once` does."""
    act = at_once(*pieces, flood=flood, drip=drip)

    def answer(peer: Peer) -> None:
        while True:
            peer.stream()
            if flood or drip:
                act(peer)
            peer.send(*pieces)
            if then_close:
                return

    return answer


def status(line: str, *headers: str, body: bytes = b"", length: str | None = None) -> Act:
    """Return a behaviour that responds with this status, these headers and this body."""
    lines = [f"HTTP/1.1 {line}", *headers, f"Content-Length: {len(body) if length is None else length}", "", ""]
    return answers("\r\n".join(lines).encode("latin-1"), body)


HTTP: Final[Mapping[str, Act]] = {
    **COMMON,
    "a header line without an end": answers(_OK + b"X-A: ", flood=b"a" * 1000),
    "headers without an end": answers(_OK, flood=b"X-A: a\r\n"),
    "the same header without an end": answers(_OK, flood=b"X: " + b"a" * 50 + b"\r\n"),
    "a header of a megabyte": status("200 OK", f"X-A: {'a' * 1_000_000}"),
    "interim responses without an end": answers(flood=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "switching protocols": answers(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
    "a body of gigabytes": answers(_OK + b"Content-Length: 99999999999\r\n\r\n", flood=bytes(1000)),
    "a body without a length and an end": answers(_OK + b"Content-Type: text/html\r\n\r\n", flood=bytes(1000)),
    "chunks without an end": answers(
        _OK + b"Transfer-Encoding: chunked\r\n\r\n", flood=b"3e8\r\n" + bytes(1000) + b"\r\n"
    ),
    "a chunk of exabytes": answers(
        _OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\n", flood=bytes(1000)
    ),
    "a chunk of noise": answers(_OK + b"Transfer-Encoding: chunked\r\n\r\n" + NOISE),
    "trailers without an end": answers(_OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", flood=b"X-A: a\r\n"),
    "a length of thousands of digits": status("200 OK", length="9" * 5000),
    "a negative length": status("200 OK", length="-1"),
    "two lengths": status("200 OK", "Content-Length: 7"),
    "less than its length": answers(_OK + _TYPE + b"Content-Length: 100\r\n\r\nabc", then_close=True),
    "half a status": answers(b"HTTP/1.1 2", then_close=True),
    "a status of six digits": answers(b"HTTP/1.1 999999 OK\r\n\r\n"),
    "another version": answers(b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "HTTP/2": answers(b"\0\0\0\4\0\0\0\0\0" * 10),
    "drips its headers": answers(_OK + b"X-A: " + b"a" * 2000, drip=True),
    "drips its body": answers(_OK + _TYPE + b"Content-Length: 2000\r\n\r\n" + bytes(2000), drip=True),
    "redirects to itself": status("302 Found", "Location: /v1/traces"),
    "a login page": status("200 OK", "Content-Type: text/html", body=b"<html>log in</html>" * 100),
    "not allowed": status("401 Unauthorized", "WWW-Authenticate: Basic"),
    "too many requests": status("429 Too Many Requests", "Retry-After: soon"),
    "unavailable with a bomb": status("503 Service Unavailable", "Content-Encoding: gzip", body=_BOMB),
    "a bad gateway that closes": answers(b"HTTP/1.1 502 Bad Gateway\r\n\r\n", then_close=True),
}

# -- gRPC --------------------------------------------------------------------------------------------------------------

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
_END_STREAM, _END_HEADERS = 1, 4


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    """Return an HTTP/2 frame."""
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def field(name: str, value: str) -> bytes:
    """Return a header in HPACK, as a literal without an index."""
    return b"\0" + _text(name) + _text(value)


def _text(text: str) -> bytes:
    size = len(text)
    head = bytes((size,)) if size < 127 else b"\x7f" + _varint(size - 127)
    return head + text.encode("latin-1")


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number >= 128:
        digits.append(number % 128 + 128)
        number //= 128
    return bytes((*digits, number))


def headers(*fields: tuple[str, str], stream: int, end: bool = False) -> bytes:
    """Return a HEADERS frame."""
    flags = _END_HEADERS | (_END_STREAM if end else 0)
    return frame(HEADERS, b"".join(field(*item) for item in fields), flags=flags, stream=stream)


def go_away(last: int = 0, code: int = 0, text: bytes = b"") -> bytes:
    """Return a GOAWAY frame."""
    return frame(GOAWAY, struct.pack(">II", last, code) + text)


_START: Final = frame(SETTINGS)
_GRPC_HEADERS: Final = ((":status", "200"), ("content-type", "application/grpc"))


def on_stream(make: Callable[[int], bytes], flood: Callable[[int], bytes] | None = None) -> Act:
    """Return a behaviour that sends what *make* returns for each stream, or what *flood* returns without an end."""

    def act(peer: Peer) -> None:
        peer.send(_START)
        while True:
            stream = peer.stream()
            peer.send(make(stream))
            if flood is not None:
                peer.flood(flood(stream))

    return act


def drips_on_stream(peer: Peer) -> None:
    """Send the head of a response, again and again, a byte every 50 ms."""
    peer.send(_START)
    peer.drip(_begun(peer.stream()) * 20)


def refused(code: int) -> Act:
    """Return a behaviour that ends each stream with RST_STREAM and *code*."""
    return on_stream(lambda stream: frame(RST_STREAM, struct.pack(">I", code), stream=stream))


def trailers(*fields: tuple[str, str]) -> Act:
    """Return a behaviour that responds to each request with these trailers only."""
    return on_stream(lambda stream: headers(*_GRPC_HEADERS, *fields, stream=stream, end=True))


def message(body: bytes, *more: tuple[str, str], length: int | None = None, compressed: int = 0) -> Act:
    """Return a behaviour that responds with a message of this body, with the status 0."""
    prefix = struct.pack(">BI", compressed, len(body) if length is None else length)
    return on_stream(
        lambda stream: (
            headers(*_GRPC_HEADERS, *more, stream=stream)
            + b"".join(
                frame(DATA, (prefix + body)[at : at + 16384], stream=stream) for at in range(0, len(body) + 5, 16384)
            )
            + headers(("grpc-status", "0"), stream=stream, end=True)
        )
    )


def _setting(key: int, value: int) -> bytes:
    return frame(SETTINGS, struct.pack(">HI", key, value))


def _begun(stream: int) -> bytes:
    return headers(*_GRPC_HEADERS, stream=stream)


GRPC: Final[Mapping[str, Act]] = {
    **COMMON,
    "HTTP/1": at_once(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    "settings that drip": at_once(_START * 200, drip=True),
    "accepts no stream": at_once(_START, go_away()),
    "accepts no stream, again and again": at_once(_START, flood=go_away()),
    "accepts no stream and closes": lambda peer: peer.send(_START, go_away()),
    "goes away calmly": at_once(_START, go_away(2**31 - 1)),
    "wants calm": at_once(_START, go_away(0, 11, b"too_many_pings")),
    "goes away with a long text": at_once(_START, go_away(0, 2, os.urandom(16000))),
    "goes away at each request": on_stream(lambda stream: go_away(stream - 1)),
    "goes away after each request": on_stream(go_away),
    "refuses each stream": refused(7),
    "wants calm on each stream": refused(11),
    "cancels each stream": refused(8),
    "an error on each stream": refused(2),
    "resets streams without an end": at_once(_START, flood=frame(RST_STREAM, struct.pack(">I", 7), stream=1)),
    "settings without an end": at_once(flood=_START),
    "new settings without an end": at_once(_START, flood=_setting(4, 65535) + _setting(4, 1_000_000)),
    "no streams allowed": at_once(_setting(3, 0)),
    "no window": at_once(_setting(4, 0)),
    "a window that is too large": at_once(_setting(4, 2**32 - 1)),
    "frames that are too small": at_once(_setting(5, 1)),
    "settings of a wrong length": at_once(frame(SETTINGS, b"abc")),
    "pings without an end": at_once(_START, flood=frame(PING, bytes(8))),
    "answers to no ping without an end": at_once(_START, flood=frame(PING, bytes(8), flags=1)),
    "windows without an end": at_once(_START, flood=frame(WINDOW_UPDATE, struct.pack(">I", 1))),
    "a window of zero": at_once(_START, frame(WINDOW_UPDATE, bytes(4))),
    "a window beyond the limit": at_once(_START, frame(WINDOW_UPDATE, struct.pack(">I", 2**31 - 1)) * 2),
    "unknown frames without an end": at_once(_START, flood=frame(0xBE, bytes(100))),
    "priorities without an end": at_once(_START, flood=frame(PRIORITY, b"\0\0\0\1\x10", stream=3)),
    "a frame of 16 MB": at_once(_START, b"\xff\xff\xff\0\0\0\0\0\1", flood=bytes(1000)),
    "a pushed stream": on_stream(
        lambda stream: frame(PUSH_PROMISE, b"\0\0\0\2" + field("a", "b"), flags=4, stream=stream)
    ),
    "a header without an end": on_stream(
        lambda stream: frame(HEADERS, field("x-a", "a")[:-1], stream=stream),
        lambda stream: frame(CONTINUATION, b"a" * 1000, stream=stream),
    ),
    "continuations without an end": on_stream(
        lambda stream: frame(HEADERS, field("x-a", "a"), stream=stream),
        lambda stream: frame(CONTINUATION, field("x-a", "a" * 100), stream=stream),
    ),
    "empty continuations without an end": on_stream(
        lambda stream: frame(HEADERS, field("x-a", "a"), stream=stream),
        lambda stream: frame(CONTINUATION, stream=stream),
    ),
    "a header of 16 kB": trailers(("x-a", "a" * 16000), ("grpc-status", "14")),
    "noise in headers": on_stream(lambda stream: frame(HEADERS, os.urandom(1000), flags=5, stream=stream)),
    "a bomb of headers": on_stream(
        lambda stream: frame(
            HEADERS, b"\x40" + _text("a") + _text("b" * 4000) + b"\xbe" * 12000, flags=4, stream=stream
        )
    ),
    "headers without an end of the stream": on_stream(_begun, lambda stream: headers(("x-a", "a"), stream=stream)),
    "a status that is no number": trailers(("grpc-status", "abc"), ("grpc-message", "%ff%00%zz" * 100)),
    "a status that does not exist": trailers(("grpc-status", "99")),
    "no status": trailers(),
    "success without a message": trailers(("grpc-status", "0")),
    "a text of 8 kB": trailers(("grpc-status", "14"), ("grpc-message", "a" * 8000)),
    "not allowed": trailers(("grpc-status", "16")),
    "exhausted": trailers(("grpc-status", "8")),
    "details of noise": trailers(("grpc-status", "14"), ("grpc-status-details-bin", "!!!!")),
    "a login page": on_stream(
        lambda stream: (
            headers((":status", "200"), ("content-type", "text/html"), stream=stream)
            + frame(DATA, b"<html>log in</html>" * 100, flags=1, stream=stream)
        )
    ),
    "a redirect": on_stream(lambda stream: headers((":status", "302"), ("location", "/"), stream=stream, end=True)),
    "a bad gateway": on_stream(lambda stream: headers((":status", "502"), stream=stream, end=True)),
    "a message of 4 GB": message(bytes(16000), length=2**32 - 1),
    "data without an end": on_stream(
        lambda stream: _begun(stream) + frame(DATA, struct.pack(">BI", 0, 2**31), stream=stream),
        lambda stream: frame(DATA, bytes(16000), stream=stream),
    ),
    "empty data without an end": on_stream(_begun, lambda stream: frame(DATA, stream=stream)),
    "messages without an end": on_stream(
        _begun, lambda stream: frame(DATA, struct.pack(">BI", 0, 0) * 100, stream=stream)
    ),
    "data on no stream": at_once(_START, frame(DATA, b"abc")),
    "data on another stream": on_stream(lambda stream: frame(DATA, b"abc", stream=stream + 1000)),
    "a message that drips": drips_on_stream,
}
