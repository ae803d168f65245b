"""
The protocol of a transport, and the transport for OTLP over HTTP.

A transport sends encoded requests and returns encoded responses. The rules: each attempt has one total deadline on the
monotonic clock; redirects are not followed; at most 64 KiB of a response are read; only a response with OTLP's content type is
a success.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Protocol

from csg_otel import clocks, net
from csg_otel.exporters.delivery import http_errors
from csg_otel.exporters.delivery.sender import SendError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

MAX_RESPONSE_BYTES = 64 * 1024
"""Bytes of a response that are read: OTLP's responses are far smaller, and an endless one must not fill the memory."""

# The retryable codes of the OTLP specification, and codes that do not refuse the data: a wrong token or path can be corrected
# while the spool keeps the data.
_RETRYABLE_HTTP = frozenset({401, 403, 404, 407, 408, 429, 502, 503, 504})
_OTLP_TYPES = ("application/x-protobuf", "application/protobuf", "application/json")


class Transport(Protocol):
    """Sends encoded requests over a kept connection."""

    def send(self, body: bytes, timeout_s: float) -> bytes:
        """Send *body* and return the response's body, all within *timeout_s* seconds. Raises SendError."""

    def close(self) -> None:
        """Close the connection."""

    def reset_after_fork(self) -> None:
        """Drop the parent's connection in a forked child, without a byte on it."""


class HttpTransport:
    """OTLP over HTTP on one kept connection, which is opened again when the other side has closed it."""

    def __init__(
        self, url: str, headers: Mapping[str, str], *, compress: bool, tls: ssl.SSLContext | None = None
    ) -> None:
        """
        Prepare for one signal's endpoint.

        Args:
            url: The full URL of the endpoint.
            headers: Headers of every request, sent unchanged.
            compress: Whether the body is sent compressed with gzip.
            tls: The context of https. Default: certificates are verified against the system's authorities.
        """
        self._headers = {**headers, "Content-Type": "application/x-protobuf"}
        if compress:
            self._headers["Content-Encoding"] = "gzip"
        self._compress = compress
        self._session = net.Session(url, tls=tls, max_bytes=MAX_RESPONSE_BYTES)

    def send(self, body: bytes, timeout_s: float) -> bytes:
        """Send *body* as one POST. Raises SendError unless the response is an OTLP success."""
        deadline = clocks.monotonic() + timeout_s
        payload = gzip.compress(body, 1) if self._compress else body
        remaining_s = max(0.0, deadline - clocks.monotonic())
        try:
            response = self._session.request("POST", timeout_s=remaining_s, body=payload, headers=self._headers)
        except OSError as error:
            raise http_errors.no_response(error) from error
        try:
            _check(response.status, response.headers, response.body)
        except SendError:
            self.close()
            raise
        return response.body

    def close(self) -> None:
        """Close the connection; the next send opens another."""
        self._session.close()

    def reset_after_fork(self) -> None:
        """Close the child's copy of the parent's connection, which sends nothing."""
        self.close()


def _check(status: int, headers: Mapping[str, str], data: bytes) -> None:
    """Raise SendError unless the response is an OTLP success: 2xx, and of OTLP's type or empty."""
    content_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if 200 <= status < 300 and (content_type in _OTLP_TYPES or (not content_type and not data)):
        return
    if 200 <= status < 400:
        raise SendError("not_otlp", f"HTTP {status} with {content_type or 'no content type'}, not OTLP", retry=True)
    raise SendError(
        f"http_{status}",
        http_errors.status_message(status, data),
        retry=status in _RETRYABLE_HTTP,
        retry_after_s=http_errors.retry_after_s(headers),
    )
