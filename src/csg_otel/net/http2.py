"""
Requests over HTTP/2 (RFC 9113): one at a time on a kept connection, whole bodies, and the trailers that gRPC needs.

gRPC's own client is not used: it reads whatever a server sends, without a bound, on threads that do not survive a fork. The
rules are those of the package: one deadline for everything, and a bounded number of bytes is read for each request.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, environment
from csg_otel.net import frames, hpack, proxies, url
from csg_otel.net.response import DEFAULT_MAX_BYTES, ProtocolError
from csg_otel.net.route import Route
from csg_otel.net.tls import tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

    from csg_otel.net.connection import Connection

_WINDOW: Final = 4 * DEFAULT_MAX_BYTES
"""Bytes that the server may send before more is allowed: more than are read, so that no response waits for it."""

_OVERHEAD: Final = 16
"""One byte may be read for so many bytes sent: a server allows more in small frames while it receives a large request."""

_GREETING: Final = (
    frames.PREFACE
    + frames.frame(frames.SETTINGS, struct.pack(">HIHI", 2, 0, 4, _WINDOW))  # nothing is pushed; the window
    + frames.frame(frames.WINDOW_UPDATE, struct.pack(">I", _WINDOW - frames.DEFAULT_WINDOW))
)


class NotProcessedError(ConnectionError):
    """A request that the server says it has not processed: it can be sent again without harm."""


class ResetError(ConnectionError):
    """A request that the server has ended without a response; ``code`` is HTTP/2's error code."""

    def __init__(self, code: int) -> None:
        """Describe the error with its *code*."""
        super().__init__(f"the server ended the request with HTTP/2 error {code}")
        self.code = code


@dataclass(slots=True)
class Reply:
    """A response: its status, headers and trailers (names in lower case), and body."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trailers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytearray = field(default_factory=bytearray, repr=False)
    truncated: bool = False
    """Whether the response was longer than the limit: ``body`` contains only its beginning, and there are no trailers."""


class Http2Session:
    """A kept connection to one server, used as a :class:`csg_otel.net.Session` is."""

    def __init__(self, address: str, *, tls: ssl.SSLContext | None = None, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        """
        Prepare for *address*; nothing is sent yet.

        Raises ValueError if it is not an http or https URL, and ProxyError if the environment's proxy for it can't be used.

        Args:
            address: The URL of the server, or ``unix:///path``. A user and password in a URL are sent as basic authentication.
            tls: The context of https, which gets the protocol's name (ALPN). Default: the system's authorities are trusted.
            max_bytes: Most bytes of a response that are read, head included. Default 64 KiB.
        """
        self._url = url.parse_grpc(address)
        if self._url.secure:
            tls = tls or tls_context()
            tls.set_alpn_protocols(["h2"])
        proxy = proxies.for_grpc(self._url, environment.snapshot())
        self._route = Route(self._url, proxy, tls=tls, tunnels=True)
        self._max_bytes = max_bytes
        self._channel: _Channel | None = None

    def post(self, path: str, headers: Sequence[hpack.Header], body: bytes, timeout_s: float) -> Reply:
        """
        Send one POST and return the response, whatever its status.

        Raises OSError if there is none: TimeoutError at the deadline, ProtocolError if it is malformed, ResetError if the
        server ends the request.

        Args:
            path: The path.
            headers: Headers to send, with names in lower case.
            body: The bytes to send.
            timeout_s: Seconds for everything, from name resolution to the last byte.
        """
        deadline = clocks.monotonic() + timeout_s
        pseudo = [
            (":method", "POST"),
            (":scheme", self._url.scheme),
            (":path", path),
            (":authority", self._url.host_header),
        ]
        if self._url.authorization is not None and all(name != "authorization" for name, _ in headers):
            pseudo.append(("authorization", self._url.authorization))
        block = hpack.encode([*pseudo, *headers])
        kept = self._channel
        if kept is not None and not kept.catch_up(deadline, self._max_bytes):
            self.close()
            kept = None
        try:
            return self._exchange(block, body, deadline)
        except ConnectionError as error:
            # The server may have closed the kept connection meanwhile, which is normal: try once on a new one.
            if kept is None or not (kept.silent or isinstance(error, NotProcessedError)):
                raise
        return self._exchange(block, body, deadline)

    def close(self) -> None:
        """Close the connection without sending anything; the next request opens another."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _exchange(self, block: bytes, body: bytes, deadline: float) -> Reply:
        reply = None
        try:
            if self._channel is None:
                self._channel = _Channel(self._route.open(deadline))
            self._channel.renew(deadline, self._max_bytes + len(body) // _OVERHEAD)
            reply = self._channel.exchange(block, body)
        except hpack.HeadersError as error:
            raise ProtocolError(str(error)) from None
        finally:
            if self._channel is not None and (reply is None or not self._channel.reusable):
                self.close()
        return reply


class _Channel:
    """An open connection, and the request on it."""

    def __init__(self, opened: Connection) -> None:
        self._connection = opened
        self._decoder = hpack.Decoder()
        self._settings = frames.Settings()
        self._unsent = _GREETING
        """Frames that are sent with the next request."""
        self._window = frames.DEFAULT_WINDOW
        """Bytes that may be sent on the connection; `_stream_window` is that of the stream."""
        self._stream_window = 0
        self._stream = -1
        self._last_stream: int | None = None
        """The last stream that the server will process; None while it accepts more."""
        self._received = 0
        """Bytes of DATA that the server is not yet allowed to send again."""
        self._reply = Reply()
        self._ended = False
        self._complete = True
        """Whether the request was sent to its end."""

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another request."""
        return self._ended and self._complete and not self._reply.truncated and self._last_stream is None

    @property
    def silent(self) -> bool:
        """Whether no byte has arrived in this request."""
        return self._connection.silent

    def renew(self, deadline: float, max_bytes: int) -> None:
        """Begin a request: set its deadline, and the number of bytes that may be read."""
        self._connection.renew(deadline, max_bytes)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def catch_up(self, deadline: float, max_bytes: int) -> bool:
        """Process frames that have arrived since the last request; return whether the connection can carry another."""
        self.renew(deadline, max_bytes)
        try:
            is_open = self._connection.poll()
            while len(data := self._connection.peek(frames.HEAD_BYTES)) == frames.HEAD_BYTES:
                whole = frames.HEAD_BYTES + frames.head(data).length
                if len(self._connection.peek(whole)) < whole:
                    break
                self._process_frame()
        except (OSError, hpack.HeadersError):
            return False
        return is_open and self.reusable

    def exchange(self, block: bytes, body: bytes) -> Reply:
        """Send one request and return its response."""
        self._stream += 2
        self._stream_window = self._settings.window
        self._reply, self._ended, self._complete = Reply(), False, False
        if self._received:
            self._unsent += frames.frame(frames.WINDOW_UPDATE, struct.pack(">I", self._received))
            self._received = 0
        rest = memoryview(body)
        message, self._unsent = [self._unsent, *self._head(block)], b""
        while not self._ended:
            if self._last_stream is not None and self._last_stream < self._stream:
                raise NotProcessedError("the server accepts no more requests on this connection")
            while not self._complete and (size := self._sendable(len(rest))) is not None:
                message.append(self._data(rest[:size], is_last=size == len(rest)))
                rest = rest[size:]
            self._connection.send_all(b"".join(message))
            message = []
            if not self._process_frame():
                break
        return self._reply

    def _head(self, block: bytes) -> list[bytes]:
        """Return the frames of the request's headers."""
        size = frames.MAX_FRAME_BYTES
        parts = [block[at : at + size] for at in range(0, len(block), size)]
        kinds = [frames.HEADERS] + [frames.CONTINUATION] * (len(parts) - 1)
        last = len(parts) - 1
        return [
            frames.frame(kind, part, flags=frames.END_HEADERS if at == last else 0, stream=self._stream)
            for at, (kind, part) in enumerate(zip(kinds, parts, strict=True))
        ]

    def _sendable(self, rest: int) -> int | None:
        """Return the size of the next DATA frame of the *rest* of the body; None while the server allows no more."""
        size = max(0, min(rest, self._settings.frame_bytes, self._window, self._stream_window))
        return None if rest and not size else size

    def _data(self, part: memoryview, *, is_last: bool) -> bytes:
        self._window -= len(part)
        self._stream_window -= len(part)
        self._complete = is_last
        flags = frames.END_STREAM if is_last else 0
        return frames.frame(frames.DATA, bytes(part), flags=flags, stream=self._stream)

    def _process_frame(self) -> bool:
        """Read and process the next frame; return False if the limit of the response is reached."""
        data = self._connection.read(frames.HEAD_BYTES)
        head = frames.head(data) if len(data) == frames.HEAD_BYTES else None
        payload = self._connection.read(head.length) if head is not None else b""
        if head is None or len(payload) < head.length:
            if self._connection.exhausted and self._reply.status:
                self._reply.truncated = True
                return False
            if self._connection.exhausted:
                raise ProtocolError("the server sends more than a response")
            raise ProtocolError("the connection closed before the response was complete")
        if head.kind in (frames.DATA, frames.HEADERS):
            self._process_response(head, payload)
        elif head.kind == frames.WINDOW_UPDATE:
            self._process_window(head, payload)
        elif head.kind == frames.SETTINGS and not head.flags & frames.ACK:
            window = self._settings.window
            self._settings.update(payload)
            self._stream_window += self._settings.window - window
            self._connection.send_all(frames.frame(frames.SETTINGS, flags=frames.ACK))
        elif head.kind == frames.PING and not head.flags & frames.ACK:
            self._connection.send_all(frames.frame(frames.PING, payload[:8].ljust(8, b"\0"), flags=frames.ACK))
        elif head.kind == frames.GOAWAY:
            self._last_stream = frames.number(payload) & 0x7FFFFFFF
        elif head.kind == frames.RST_STREAM and head.stream == self._stream and not self._ended:
            raise ResetError(frames.number(payload))
        elif head.kind in (frames.PUSH_PROMISE, frames.CONTINUATION):
            raise ProtocolError("the server sends a frame that is not allowed")
        return True

    def _process_window(self, head: frames.Head, payload: bytes) -> None:
        if head.stream == 0:
            self._window = frames.increment(self._window, payload)
        elif head.stream == self._stream:
            self._stream_window = frames.increment(self._stream_window, payload)

    def _process_response(self, head: frames.Head, payload: bytes) -> None:
        content = frames.content(head, payload)
        is_own = head.stream == self._stream and not self._ended
        if head.kind == frames.HEADERS:
            headers = dict(self._decoder.decode(content + self._continued(head)))
            if is_own:
                self._add_headers(headers)
        else:
            self._received += head.length
            if is_own:
                self._reply.body += content
        if is_own and head.flags & frames.END_STREAM:
            self._ended = True

    def _add_headers(self, headers: Mapping[str, str]) -> None:
        status = headers.get(":status", "")
        if self._reply.status:
            self._reply.trailers = headers
        elif not (len(status) == 3 and status.isascii() and status.isdigit()):
            raise ProtocolError("the response has no status")
        elif status[0] != "1":  # interim responses come before the real one
            self._reply.status, self._reply.headers = int(status), headers

    def _continued(self, head: frames.Head) -> bytes:
        """Return the rest of a block of headers that does not end in its first frame."""
        block = bytearray()
        while not head.flags & frames.END_HEADERS:
            stream, data = head.stream, self._connection.read(frames.HEAD_BYTES)
            head = frames.head(data.ljust(frames.HEAD_BYTES, b"\0"))
            payload = self._connection.read(head.length)
            if head.kind != frames.CONTINUATION or head.stream != stream or len(payload) < head.length:
                raise ProtocolError("the headers of the response are too long, or incomplete")
            block += payload
        return bytes(block)
