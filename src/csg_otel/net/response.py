"""The reader of one HTTP/1.1 response (RFC 9112): its head, and its body by length, in chunks, or until the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from csg_otel.net.connection import Connection

DEFAULT_MAX_BYTES: Final = 64 * 1024
"""Most bytes of a response that are read, head included, unless the caller sets another limit."""

_MAX_LINE_BYTES: Final = 64 * 1024
_PART_BYTES: Final = 64 * 1024
_MAX_DIGITS: Final = 18
"""Most digits of a length, more than any real response has: ``int`` raises for thousands of digits."""
_NO_BODY: Final = frozenset({204, 304})
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


class ProtocolError(ConnectionError):
    """A response that is not HTTP, or that ended too early. The message contains no text from the other side."""


class Response(NamedTuple):
    """A response: status, headers (names in lower case) and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False
    """Whether the response was longer than the limit, so that ``body`` contains only its beginning."""
    reusable: bool = False
    """Whether the connection can carry another request."""
    certificate: Mapping[str, Any] | None = None
    """The server's certificate, as ``ssl.SSLSocket.getpeercert`` returns it; None without TLS."""
    sent: tuple[str, ...] = ()
    """Texts of the request that may be credentials: `text` never has them, because some servers repeat the request."""

    def __repr__(self) -> str:
        """Return the status alone: headers and body may have secrets."""
        return f"Response(status={self.status})"

    def text(self, limit: int) -> str:
        """Return at most *limit* characters of the body's beginning for a message, with ``***`` for what `sent` has."""
        longest = max(map(len, self.sent), default=0)
        shown = self.body[:DEFAULT_MAX_BYTES].decode("utf-8", "replace")
        for credential in self.sent:
            shown = shown.replace(credential, "***")
        if len(self.body) > DEFAULT_MAX_BYTES:  # its end may be a part of a credential
            shown = shown[: max(0, len(shown) - longest)]
        return shown[:limit].strip()

    @property
    def ok(self) -> bool:
        """Whether the status is a success (2xx)."""
        return 200 <= self.status < 300


def read(connection: Connection, method: str) -> Response:
    """
    Return the response to a *method* request from *connection*.

    Raises ProtocolError for a malformed or incomplete response, TimeoutError at the connection's deadline, and OSError if the
    connection fails.
    """
    status, keeps_open, headers = read_head(connection)
    body, framed = _body(connection, method, status, headers)
    truncated = connection.exhausted and not framed
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    keeps_open = "close" not in options and (keeps_open or "keep-alive" in options)
    reusable = framed and keeps_open and connection.drained
    return Response(status, headers, body, truncated, reusable, connection.certificate)


def read_head(connection: Connection) -> tuple[int, bool, dict[str, str]]:
    """Return the head of the response, as `_head` does; interim responses before it are skipped."""
    head = _head(connection)
    while 100 <= head[0] < 200:
        head = _head(connection)
    return head


def _head(connection: Connection) -> tuple[int, bool, dict[str, str]]:
    """Return the status, whether the HTTP version keeps connections open, and the headers."""
    version, _, rest = _line(connection).partition(b" ")
    code = rest[:3]
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(code) < 3 or not code.isdigit() or rest[3:4].strip():
        raise ProtocolError("the server does not respond with HTTP/1.1")
    headers: dict[str, str] = {}
    while line := _line(connection):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or line[:1] in b" \t":  # a continuation line of an old server; the headers used here have none
            continue
        key, value = name.strip().lower(), value.strip()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return int(code), version == b"HTTP/1.1", headers


def _line(connection: Connection) -> bytes:
    """Return the next line without its line break."""
    line = connection.read_line(_MAX_LINE_BYTES)
    if line.endswith(b"\n"):
        return line.rstrip(b"\r\n")
    if connection.exhausted or len(line) >= _MAX_LINE_BYTES:
        raise ProtocolError("the head of the response is too long")
    raise ProtocolError("the connection closed before the response was complete")


def _body(connection: Connection, method: str, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
    """Return the body, and whether it was read to its defined end: only then can the connection carry another request."""
    if method == "HEAD" or status in _NO_BODY:
        return b"", True
    if headers.get("transfer-encoding", "").lower().rpartition(",")[2].strip() == "chunked":
        return _chunked(connection)
    if "content-length" not in headers:
        return _until_closed(connection), False
    announced, *others = {length.strip() for length in headers["content-length"].split(",")}
    if others:  # the same length twice, as some proxies send it, is accepted (RFC 9112, section 6.3)
        raise ProtocolError("the response has two different lengths")
    if not (announced.isascii() and announced.isdigit() and len(announced) <= _MAX_DIGITS):
        raise ProtocolError("the length of the response is not a number")
    length = int(announced)
    body = connection.read(length)
    return body, _is_complete(connection, body, length)


def _is_complete(connection: Connection, data: bytes, length: int) -> bool:
    """Return whether *data* has *length* bytes. Raises ProtocolError if the connection closed too early."""
    if len(data) < length and not connection.exhausted:
        raise ProtocolError("the connection closed before the response was complete")
    return len(data) == length


def _until_closed(connection: Connection) -> bytes:
    body = bytearray()
    while data := connection.read(_PART_BYTES):
        body += data
    return bytes(body)


def _chunked(connection: Connection) -> tuple[bytes, bool]:
    body = bytearray()
    while True:
        head = connection.read_line(_MAX_LINE_BYTES)
        if not head.endswith(b"\n") and connection.exhausted:
            return bytes(body), False
        digits = head.partition(b";")[0].strip()
        if not head.endswith(b"\n") or not digits or not _HEX.issuperset(digits):
            raise ProtocolError("a chunk of the response has no valid length")
        length = int(digits, 16)
        data = connection.read(length)
        body += data
        if not _is_complete(connection, data, length):
            return bytes(body), False
        if not length:
            break
        if connection.read_line(_MAX_LINE_BYTES).strip() and not connection.exhausted:
            raise ProtocolError("a chunk of the response is longer than its length")
    while not connection.exhausted and _line(connection):  # trailers
        pass
    return bytes(body), not connection.exhausted
