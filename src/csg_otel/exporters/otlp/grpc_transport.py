"""
OTLP over gRPC: one unary call an attempt, on a channel of this process's own.

The official client does the work; the rules are those of ``transport``: a total deadline, answers of at most 64 KiB, and no
back-off beside the lane's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from csg_otel.exporters.delivery.sender import SendError
from csg_otel.exporters.otlp.http_transport import MOST_PATIENCE_S, MOST_REPLY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_GRPC_PATHS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
# The OTLP specification's, and what says nothing about the data. RESOURCE_EXHAUSTED is retried because it asks for patience,
# unless it is about the request's size.
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

        deadline = time.monotonic() + timeout_s
        if self._call is None:
            self._open()
        try:
            answer: bytes = self._call(body, timeout=max(0.0, deadline - time.monotonic()), metadata=self._metadata)
        except grpc.RpcError as error:
            return self._failed(error)
        return answer

    def _failed(self, error: Any) -> bytes:
        """Raise what *error* means; returns if it means no more than that an answer was too long to be read."""
        code, details = error.code().name, str(error.details())
        if code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            # gRPC's own reconnect back-off grows to two minutes, and a lost connection can look like a slow one for
            # longer; a new channel follows ours.
            self.close()
        too_large = code == "RESOURCE_EXHAUSTED" and "larger than max" in details
        if too_large and f"vs. {MOST_REPLY_BYTES})" in details:
            self.close()
            return b""  # only a success has an answer, and what is in such a long one is not OTLP's
        raise SendError(
            f"grpc_{code.lower()}",
            f"{code}: {details}",
            retry=code in _RETRYABLE_GRPC and not too_large,
            retry_after_s=_retry_info(error.trailing_metadata() or ()),
        ) from error

    def _open(self) -> None:
        import grpc

        options = [
            ("grpc.max_receive_message_length", MOST_REPLY_BYTES),
            # A subchannel shared with another exporter would share its back-off too.
            ("grpc.use_local_subchannel_pool", 1),
            # 64 KiB can become 64 MiB.
            ("grpc.per_message_decompression", 0),
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

    def leave(self) -> None:
        """Let a forked child forget its parent's channel: even its destructor would say goodbye on the parent's connection."""
        if self._channel is not None:
            _parents.append((self._channel, self._call))
        self._channel = self._call = None


_parents: list[Any] = []


def _retry_info(metadata: Iterable[tuple[str, Any]]) -> float | None:
    """Return the seconds a ``google.rpc.RetryInfo`` in the trailing *metadata* asks for, an hour at most."""
    details = next((value for key, value in metadata if key == "grpc-status-details-bin"), None)
    if details is None:
        return None
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # it ships no types
    from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped] # nor does this

    info = error_details_pb2.RetryInfo()
    try:
        if not any(detail.Unpack(info) for detail in status_pb2.Status.FromString(details).details):
            return None
    except DecodeError:
        return None
    asked_s = float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
    return min(max(0.0, asked_s), MOST_PATIENCE_S)
