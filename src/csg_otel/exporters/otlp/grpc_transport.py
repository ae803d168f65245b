"""
OTLP over gRPC: one unary call per attempt, over HTTP/2 of `csg_otel.net`.

The rules of the HTTP transport hold: a total deadline, responses of at most 64 KiB, redirects and other content types are no
success, and no back-off, because the queue has one.
"""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from csg_otel import clocks, net
from csg_otel.exporters.delivery import http_errors
from csg_otel.exporters.delivery.sender import SendError
from csg_otel.exporters.otlp.http_transport import MAX_RESPONSE_BYTES
from csg_otel.net.http2 import Http2Session, Reply, ResetError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_PATHS: Final[Mapping[str, str]] = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}

_CODES: Final = (
    *("ok", "cancelled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists"),
    *("permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range", "unimplemented"),
    *("internal", "unavailable", "data_loss", "unauthenticated"),
)
"""The status codes of gRPC, by number."""

_REFUSALS: Final = frozenset({"invalid_argument", "already_exists", "failed_precondition", "internal"})
"""
Codes that refuse the data.

All others are the retryable codes of the OTLP specification, or say nothing about the data: a wrong token or path can be
corrected while the spool keeps the data. RESOURCE_EXHAUSTED usually requests a pause, except where the request is too large.
"""

_MAX_TIMEOUT_MS: Final = 99_999_999
"""The longest timeout that fits into the header: eight digits."""

_PREFIX_BYTES: Final = 5
"""Bytes before a message: a flag for compression, and the length (gRPC over HTTP/2, Length-Prefixed-Message)."""


class GrpcTransport:
    """OTLP over gRPC for one signal."""

    def __init__(
        self,
        url: str,
        signal: str,
        headers: Mapping[str, str],
        *,
        compress: bool,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """
        Prepare for one collector; nothing is sent yet.

        Raises ValueError for a URL or a header that can't be sent, and ProxyError for a proxy that can't be used.

        Args:
            url: The URL of the collector, ``http://`` or ``https://``, whose path is not used; or its socket, ``unix:///path``.
            signal: ``traces``, ``metrics`` or ``logs``.
            headers: Metadata of every call.
            compress: Whether requests are sent compressed with gzip.
            tls: The context of https. Default: certificates are verified against the system's authorities.
        """
        self._path = _PATHS[signal]
        self._compress = compress
        own = {"te": "trailers", "content-type": "application/grpc", "grpc-accept-encoding": "identity"}
        if compress:
            own["grpc-encoding"] = "gzip"
        metadata = {name.lower(): value for name, value in headers.items()}
        net.check_headers(metadata)
        self._headers = [*({"user-agent": net.USER_AGENT, **metadata, **own}).items()]
        self._session = Http2Session(url, tls=tls, max_bytes=MAX_RESPONSE_BYTES)

    def send(self, body: bytes, timeout_s: float) -> bytes:
        """Send *body* as one unary call. Raises SendError."""
        deadline = clocks.monotonic() + timeout_s
        message = gzip.compress(body, 1) if self._compress else body
        framed = struct.pack(">BI", self._compress, len(message)) + message
        remaining_s = max(0.0, deadline - clocks.monotonic())
        headers = [*self._headers, ("grpc-timeout", f"{min(max(1, int(remaining_s * 1000)), _MAX_TIMEOUT_MS)}m")]
        try:
            reply = self._session.post(self._path, headers, framed, remaining_s)
        except TimeoutError as error:
            raise SendError("grpc_deadline_exceeded", f"DEADLINE_EXCEEDED: {error}", retry=True) from error
        except ResetError as error:
            raise SendError("grpc_reset", str(error), retry=True) from error
        except OSError as error:
            raise SendError("grpc_unavailable", f"UNAVAILABLE: {type(error).__name__}: {error}", retry=True) from error
        return self._response(reply)

    def _response(self, reply: Reply) -> bytes:
        """Return the message of *reply*. Raises SendError unless it is a success."""
        content_type = reply.headers.get("content-type", "").lower()
        if reply.status != 200:
            raise SendError(f"http_{reply.status}", f"HTTP {reply.status}, not gRPC", retry=True)
        if not content_type.startswith("application/grpc"):
            raise SendError("not_otlp", f"HTTP 200 with {content_type or 'no content type'}, not gRPC", retry=True)
        if reply.truncated:
            self.close()
            # Only a successful call has a message, and an OTLP response is never this long.
            if len(reply.body) > _PREFIX_BYTES:
                return b""
            raise SendError("grpc_unavailable", "UNAVAILABLE: the response is too long", retry=True)
        status = (reply.trailers or reply.headers).get("grpc-status", "")
        code = (
            _CODES[int(status)]
            if status.isascii() and status.isdigit() and int(status[:3]) < len(_CODES)
            else "unknown"
        )
        if code != "ok":
            raise _error(code, reply.trailers or reply.headers)
        flag, length = struct.unpack(">BI", reply.body[:_PREFIX_BYTES].ljust(_PREFIX_BYTES, b"\0"))
        return b"" if flag else bytes(reply.body[_PREFIX_BYTES : _PREFIX_BYTES + length])

    def close(self) -> None:
        """Close the connection; the next send opens another."""
        self._session.close()

    def reset_after_fork(self) -> None:
        """Close the child's copy of the parent's connection, which sends nothing."""
        self.close()


def _error(code: str, trailers: Mapping[str, str]) -> SendError:
    """Return the error for a call whose status is *code*."""
    details = unquote(trailers.get("grpc-message", ""))
    too_large = code == "resource_exhausted" and "larger than max" in details
    retry_after_s = _retry_info(trailers.get("grpc-status-details-bin", ""))
    retry = code not in _REFUSALS and not too_large
    return SendError(f"grpc_{code}", f"{code.upper()}: {details}", retry=retry, retry_after_s=retry_after_s)


def _retry_info(details: str) -> float | None:
    """Return the seconds to wait from a ``google.rpc.RetryInfo`` in *details*, an hour at most; None if there is none."""
    if not details:
        return None
    from base64 import b64decode

    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2, status_pb2

    info: Any = error_details_pb2.RetryInfo()
    try:
        status = status_pb2.Status.FromString(b64decode(details + "=" * (-len(details) % 4)))
        if not any(detail.Unpack(info) for detail in status.details):
            return None
    except (DecodeError, ValueError):
        return None
    delay_s = float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
    return min(max(0.0, delay_s), http_errors.MAX_RETRY_AFTER_S)
