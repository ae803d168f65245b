"""
Bytes to a collector and an answer back, within one deadline for everything.

What a transport is, and OTLP over HTTP; knows nothing of what the bytes mean. The rules: a total deadline for each attempt on
the monotonic clock, no redirects, at most 64 KiB of an answer read, success only where the answer is OTLP's.
"""

from __future__ import annotations

import gzip
import http.client
import io
import socket
import ssl
import threading
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from csg_otel.exporters.lane import SendError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_REPLY_BYTES = 64 * 1024
MOST_PATIENCE_S = 3600.0
"""Seconds a collector may ask a lane to wait for."""

# The OTLP specification's retryable codes, and what says nothing about the data: a wrong token or path can be mended while the
# spool keeps what it was sent.
_RETRYABLE_HTTP = frozenset({401, 403, 404, 407, 408, 429, 502, 503, 504})
_OTLP_TYPES = ("application/x-protobuf", "application/protobuf", "application/json")


class Transport(Protocol):
    """Sends one encoded request and returns the answer's body; raises SendError."""

    def send(self, body: bytes, timeout_s: float) -> bytes:
        """Send *body*; the answer must be complete within *timeout_s* seconds."""

    def close(self) -> None:
        """Drop the connection."""

    def leave(self) -> None:
        """Forget the parent's connection in a forked child, without a byte on it."""


class _Lookup:
    """One question to the name service, on a thread of its own because nothing else can end it in time."""

    def __init__(self, host: str, port: int) -> None:
        self._asked = (host, port)
        self._found: list[Any] = []
        self._error: OSError | None = None
        self.done = threading.Event()
        thread = threading.Thread(target=self._run, name="csg-otel-lookup", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is going down and starts no more threads
            self._run()

    def _run(self) -> None:
        try:
            self._found = socket.getaddrinfo(*self._asked, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            self._error = error if isinstance(error, OSError) else OSError(f"not a name: {self._asked[0]!r}")
        self.done.set()

    def result(self) -> list[Any]:
        """Return the addresses. Raises OSError if there are none."""
        if self._error is not None:
            raise self._error
        return self._found


class _Reader(io.RawIOBase):
    """A socket's reading side that never waits past a deadline, however slowly the bytes drip, nor reads too many."""

    def __init__(self, connection: socket.socket, deadline: float, on_close: Callable[[], None]) -> None:
        self._socket = connection
        self._deadline = deadline
        self._on_close = on_close
        self._left = MOST_REPLY_BYTES
        self.ended = False

    @property
    def exhausted(self) -> bool:
        """Whether as much was read as is ever read of one answer."""
        return self._left <= 0

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        super().close()
        self._on_close()

    def readinto(self, buffer: Any) -> int:
        if self.exhausted:
            return 0
        self._socket.settimeout(_remaining(self._deadline, "no complete answer"))
        count = self._socket.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        self.ended = not count
        return count


class _Wire:
    """What ``http.client`` needs of a socket, with the deadline and the answer of the request now under way."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._closed = False
        self.deadline = 0.0
        self.reader: _Reader | None = None

    def makefile(self, _mode: str) -> io.BufferedReader:
        self.reader = _Reader(self._socket, self.deadline, self._let_go)
        return io.BufferedReader(self.reader)

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._socket.settimeout(_remaining(self.deadline, "the request could not be sent"))
            view = view[self._socket.send(view) :]

    def close(self) -> None:
        # The client closes before it reads the answer if that is to be the last one.
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        if self._closed and (self.reader is None or self.reader.closed):
            self._socket.close()


def _remaining(deadline: float, what: str) -> float:
    """Return the seconds left until *deadline*. Raises TimeoutError, with *what* did not happen, when there are none."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError(f"{what} within the deadline")
    return remaining


class HttpTransport:
    """OTLP over HTTP with one kept connection; opened anew when the other side has closed it."""

    def __init__(
        self, url: str, headers: Mapping[str, str], *, compress: bool, tls: ssl.SSLContext | None = None
    ) -> None:
        """Prepare for *url*, the full address of one signal's endpoint; *headers* are sent as they are."""
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (443 if self._secure else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {**headers, "Content-Type": "application/x-protobuf"}
        if compress:
            self._headers["Content-Encoding"] = "gzip"
        self._compress = compress
        self._tls = tls
        self._lookup: _Lookup | None = None
        self._connection: http.client.HTTPConnection | None = None

    def send(self, body: bytes, timeout_s: float) -> bytes:
        """Send *body* as one POST; raises SendError for anything but an OTLP success."""
        deadline = time.monotonic() + timeout_s
        payload = gzip.compress(body, 1) if self._compress else body
        try:
            return self._exchange(payload, deadline)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            reason = "timeout" if isinstance(error, TimeoutError) else "unreachable"
            raise SendError(reason, f"{type(error).__name__}: {error}", retry=True) from error
        except SendError:
            self.close()
            raise

    def _exchange(self, payload: bytes, deadline: float) -> bytes:
        kept = self._connection is not None
        try:
            response = self._request(payload, deadline)
        except ConnectionError:
            # A kept connection may have been closed by the other side while idle: that is not an outage.
            self.close()
            if not kept:
                raise
            response = self._request(payload, deadline)
        try:
            data = _read(response)
        finally:
            if response.will_close or not response.isclosed():
                response.close()
                self.close()
        _check(response.status, dict(response.headers.items()), data)
        return data

    def _request(self, payload: bytes, deadline: float) -> http.client.HTTPResponse:
        if self._connection is None:
            self._connection = self._open(deadline)
        wire: Any = self._connection.sock
        wire.deadline = deadline
        self._connection.request("POST", self._path, payload, self._headers)
        return self._connection.getresponse()

    def _open(self, deadline: float) -> http.client.HTTPConnection:
        plain = self._connect(deadline)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._secure:
                context = self._tls or ssl.create_default_context()
                plain.settimeout(_remaining(deadline, "no connection"))
                plain = context.wrap_socket(plain, server_hostname=self._host)
        except BaseException:
            plain.close()
            raise
        connection = http.client.HTTPConnection(self._host, self._port)
        connection.sock = _Wire(plain)
        return connection

    def _connect(self, deadline: float) -> socket.socket:
        """Return a connection to the first address that answers; each gets its share of the time that is left."""
        addresses = self._addresses(deadline)
        failure: OSError = OSError(f"{self._host} has no address")
        for tried, (family, kind, protocol, _, address) in enumerate(addresses):
            plain = socket.socket(family, kind, protocol)
            try:
                plain.settimeout(_remaining(deadline, "no connection") / (len(addresses) - tried))
                plain.connect(address)
            except OSError as error:
                plain.close()
                failure = error
            else:
                return plain
        raise failure

    def _addresses(self, deadline: float) -> list[Any]:
        # One question at a time: a name service that hangs is not asked again by every attempt.
        lookup = self._lookup = self._lookup or _Lookup(self._host, self._port)
        if not lookup.done.wait(_remaining(deadline, "no address")):
            raise TimeoutError(f"no address of {self._host} within the deadline")
        self._lookup = None
        return lookup.result()

    def close(self) -> None:
        """Drop the connection; the next send opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def leave(self) -> None:
        """Let a forked child forget its parent's connection: closing its copy sends nothing."""
        self.close()


def _read(response: http.client.HTTPResponse) -> bytes:
    """Return the answer's body, or what of it is ever read. Raises HTTPException if head or body were cut."""
    if response.isclosed():  # it has none
        return b""
    reader: Any = response.fp.raw  # what makefile() gave it
    if reader.ended:  # the client takes the end of the stream for the end of the head
        raise http.client.IncompleteRead(b"")
    try:
        data = response.read(MOST_REPLY_BYTES)
    except http.client.IncompleteRead as cut:
        if not reader.exhausted:
            raise
        return cut.partial
    if response.length and not reader.exhausted:  # less came than was announced
        raise http.client.IncompleteRead(data, response.length)
    return data


def _check(status: int, headers: Mapping[str, str], data: bytes) -> None:
    """Raise SendError unless the answer is an OTLP success: 2xx, and of OTLP's type or empty."""
    named = {name.lower(): value for name, value in headers.items()}
    content_type = named.get("content-type", "").split(";")[0].strip().lower()
    if 200 <= status < 300 and (content_type in _OTLP_TYPES or (not content_type and not data)):
        return
    if 200 <= status < 400:
        raise SendError("not_otlp", f"HTTP {status} with {content_type or 'no content type'}, not OTLP", retry=True)
    raise SendError(
        f"http_{status}",
        f"HTTP {status}: {data[:200].decode(errors='replace')}",
        retry=status in _RETRYABLE_HTTP,
        retry_after_s=_retry_after(named.get("retry-after", "").strip(), named.get("date", "")),
    )


def _retry_after(value: str, date: str) -> float | None:
    """
    Return the seconds a ``Retry-After`` header asks for (RFC 9110, 10.2.3), an hour at most; None if it says nothing.

    A moment is compared with the answer's own *date*, because the two clocks may differ.
    """
    if value.isdecimal():
        return min(float(value[:9]), MOST_PATIENCE_S)
    try:
        until = parsedate_to_datetime(value).timestamp()
        now = parsedate_to_datetime(date).timestamp() if date else time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, until - now), MOST_PATIENCE_S)
