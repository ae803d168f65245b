"""
Bytes to a collector and an answer back, within one deadline for everything.

What a transport is, and OTLP over HTTP; knows nothing of what the bytes mean. The rules: a total deadline for each attempt on
the monotonic clock, no redirects, at most 64 KiB of an answer read, success only where the answer is OTLP's.
"""

from __future__ import annotations

import gzip
import http.client
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from csg_otel import net
from csg_otel.exporters.delivery.queue import SendError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        kept: Any = self._connection.sock
        kept.deadline = deadline
        self._connection.request("POST", self._path, payload, self._headers)
        return self._connection.getresponse()

    def _open(self, deadline: float) -> http.client.HTTPConnection:
        tls = (self._tls or ssl.create_default_context()) if self._secure else None
        return net.connect(self._host, self._port, deadline, tls=tls, most=MOST_REPLY_BYTES)

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
