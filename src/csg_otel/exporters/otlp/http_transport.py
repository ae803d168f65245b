"""
Bytes to a collector and an answer back, within one deadline for everything.

What a transport is, and OTLP over HTTP; knows nothing of what the bytes mean. The rules: a total deadline for each attempt on
the monotonic clock, no redirects, at most 64 KiB of an answer read, success only where the answer is OTLP's.
"""

from __future__ import annotations

import gzip
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from csg_otel import net
from csg_otel.exporters.delivery.sender import SendError

if TYPE_CHECKING:
    import ssl
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
    """OTLP over HTTP with one kept connection; opened again when the other side has closed it."""

    def __init__(
        self, url: str, headers: Mapping[str, str], *, compress: bool, tls: ssl.SSLContext | None = None
    ) -> None:
        """
        Prepare for one signal's endpoint.

        Args:
            url: the full address of the endpoint.
            headers: sent with every request as they are.
            compress: whether the body is sent compressed with gzip.
            tls: the context of https (default: verified against the system's authorities).
        """
        self._headers = {**headers, "Content-Type": "application/x-protobuf"}
        if compress:
            self._headers["Content-Encoding"] = "gzip"
        self._compress = compress
        self._session = net.Session(url, tls=tls, max_bytes=MOST_REPLY_BYTES)

    def send(self, body: bytes, timeout_s: float) -> bytes:
        """Send *body* as one POST; raises SendError for anything but an OTLP success."""
        deadline = time.monotonic() + timeout_s
        payload = gzip.compress(body, 1) if self._compress else body
        left_s = max(0.0, deadline - time.monotonic())
        try:
            response = self._session.request("POST", timeout_s=left_s, body=payload, headers=self._headers)
        except OSError as error:
            reason = "timeout" if isinstance(error, TimeoutError) else "unreachable"
            raise SendError(reason, f"{type(error).__name__}: {error}", retry=True) from error
        try:
            _check(response.status, response.headers, response.body)
        except SendError:
            self.close()
            raise
        return response.body

    def close(self) -> None:
        """Drop the connection; the next send opens another."""
        self._session.close()

    def leave(self) -> None:
        """Let a forked child forget its parent's connection: closing its copy sends nothing."""
        self.close()


def _check(status: int, headers: Mapping[str, str], data: bytes) -> None:
    """Raise SendError unless the answer is an OTLP success: 2xx, and of OTLP's type or empty."""
    content_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if 200 <= status < 300 and (content_type in _OTLP_TYPES or (not content_type and not data)):
        return
    if 200 <= status < 400:
        raise SendError("not_otlp", f"HTTP {status} with {content_type or 'no content type'}, not OTLP", retry=True)
    raise SendError(
        f"http_{status}",
        f"HTTP {status}: {data[:200].decode(errors='replace')}",
        retry=status in _RETRYABLE_HTTP,
        retry_after_s=_retry_after(headers.get("retry-after", ""), headers.get("date", "")),
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
