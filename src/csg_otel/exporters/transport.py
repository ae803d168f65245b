"""
Bytes to a collector and an answer back, within one deadline for everything.

Knows OTLP's two wires (gRPC and HTTP) and nothing of what the bytes mean. The rules: a total deadline for each attempt on
the monotonic clock, no redirects, at most 64 KiB of an answer read, success only where the answer is OTLP's.
"""

from __future__ import annotations

import gzip
import http.client
import ssl
import time
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from csg_otel import wire
from csg_otel.exporters.lane import SendError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_REPLY_BYTES = 64 * 1024

# The OTLP specification's retryable codes, and what says nothing about the data: a wrong token or path can be mended while the
# spool keeps what it was sent.
_RETRYABLE_HTTP = frozenset({401, 403, 404, 407, 408, 429, 502, 503, 504})
_OTLP_TYPES = ("application/x-protobuf", "application/protobuf", "application/json")
_GRPC_PATHS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
# As above; RESOURCE_EXHAUSTED is retried because it asks for patience, unless it is about the request's size.
_RETRYABLE_GRPC = frozenset(
    {
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNAVAILABLE",
        "DATA_LOSS",
        "RESOURCE_EXHAUSTED",
        "UNKNOWN",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "NOT_FOUND",
        "UNIMPLEMENTED",
    }
)


class Transport(Protocol):
    """Sends one encoded request and returns the answer's body; raises SendError."""

    def send(self, body: bytes, timeout_s: float) -> bytes:
        """Send *body*; the answer must be complete within *timeout_s* seconds."""

    def close(self) -> None:
        """Drop the connection."""


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
        except (ConnectionError, http.client.RemoteDisconnected):
            # A kept connection may have been closed by the other side while idle: that is not an outage.
            self.close()
            if not kept:
                raise
            response = self._request(payload, deadline)
        data = response.read(MOST_REPLY_BYTES)
        if response.will_close or not response.isclosed():
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
        return wire.connect(self._host, self._port, deadline, tls=tls)

    def close(self) -> None:
        """Drop the connection; the next send opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


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
        retry_after_s=_retry_after(named.get("retry-after")),
    )


def _retry_after(value: str | None) -> float | None:
    """Return the seconds of a ``Retry-After`` header; an HTTP date is left to the back-off, clocks differ."""
    return min(float(value), 3600.0) if value and value.strip().isdigit() else None


class GrpcTransport:
    """OTLP over gRPC for one signal; the request is already encoded, the answer is returned as bytes."""

    def __init__(
        self, target: str, signal: str, headers: Mapping[str, str], *, compress: bool, credentials: Any | None
    ) -> None:
        """Prepare for *target* (``host:port``); *credentials* None means plain text."""
        self._target = target
        self._path = _GRPC_PATHS[signal]
        self._metadata = tuple((name.lower(), value) for name, value in headers.items())
        self._compress = compress
        self._credentials = credentials
        self._channel: Any = None
        self._call: Any = None

    def send(self, body: bytes, timeout_s: float) -> bytes:
        """Send *body* as one unary call."""
        import grpc

        if self._call is None:
            self._open()
        try:
            answer: bytes = self._call(body, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            code = error.code().name if hasattr(error, "code") else "UNKNOWN"
            details = error.details() if hasattr(error, "details") else str(error)
            if code == "UNAVAILABLE":
                # gRPC's own reconnect back-off grows to two minutes; a new channel follows ours.
                self.close()
            too_large = code == "RESOURCE_EXHAUSTED" and "larger than max" in str(details)
            retry = code in _RETRYABLE_GRPC and not too_large
            raise SendError(f"grpc_{code.lower()}", f"{code}: {details}", retry=retry) from error
        return answer

    def _open(self) -> None:
        import grpc

        options = [
            ("grpc.max_receive_message_length", MOST_REPLY_BYTES),
            # A subchannel shared with another exporter would share its back-off too.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        compression = grpc.Compression.Gzip if self._compress else grpc.Compression.NoCompression
        if self._credentials is None:
            self._channel = grpc.insecure_channel(self._target, options, compression)
        else:
            self._channel = grpc.secure_channel(self._target, self._credentials, options, compression)
        self._call = self._channel.unary_unary(self._path)

    def close(self) -> None:
        """Close the channel; the next send opens another."""
        channel, self._channel, self._call = self._channel, None, None
        if channel is not None:
            channel.close()
