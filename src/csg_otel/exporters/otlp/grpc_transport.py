"""
OTLP over gRPC: one unary call per attempt, on a channel of this process.

Uses the official client, with the rules of the HTTP transport: a total deadline, responses of at most 64 KiB, and no back-off
of its own, because the queue has one.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from csg_otel import clocks, environment, net
from csg_otel.exporters.delivery.sender import SendError
from csg_otel.exporters.otlp.http_transport import MAX_RESPONSE_BYTES, MAX_RETRY_AFTER_S
from csg_otel.net import proxies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_GRPC_PATHS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
# The retryable codes of the OTLP specification, and codes that do not refuse the data. RESOURCE_EXHAUSTED usually requests a
# pause, so it is retried, except where the request is too large.
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
    """OTLP over gRPC for one signal."""

    def __init__(
        self,
        server: tuple[str, int],
        signal: str,
        headers: Mapping[str, str],
        *,
        compress: bool,
        credentials: Any | None,
    ) -> None:
        """
        Prepare for one collector; nothing is sent yet. Raises ProxyError if the environment's proxy can't be used.

        Args:
            server: Its host, a name or an IP address without brackets, and its port.
            signal: ``traces``, ``metrics`` or ``logs``.
            headers: Metadata of every call; ``User-Agent`` is sent before gRPC's own.
            compress: Whether requests are sent compressed with gzip.
            credentials: gRPC's channel credentials; None sends plain text.
        """
        host, port = server
        self._target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._proxy = proxies.for_grpc(host, port, environment.snapshot())
        self._path = _GRPC_PATHS[signal]
        metadata = {name.lower(): value for name, value in headers.items()}
        self._user_agent = metadata.pop("user-agent", net.USER_AGENT)
        self._metadata = tuple(metadata.items())
        self._compress = compress
        self._credentials = credentials
        self._channel: Any = None
        self._call: Any = None

    def send(self, body: bytes, timeout_s: float) -> bytes:
        """Send *body* as one unary call. Raises SendError."""
        import grpc

        deadline = clocks.monotonic() + timeout_s
        if self._call is None:
            self._open()
        try:
            response: bytes = self._call(body, timeout=max(0.0, deadline - clocks.monotonic()), metadata=self._metadata)
        except grpc.RpcError as error:
            return self._handle_error(error)
        return response

    def _handle_error(self, error: Any) -> bytes:
        """Raise *error* as a SendError; return an empty response if the request succeeded with a response that is too long."""
        code, details = error.code().name, str(error.details())
        if code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            # gRPC's own back-off grows to two minutes, and it may see a lost connection as a slow one for even longer. A new
            # channel starts without back-off, so only the queue's back-off counts.
            self.close()
        too_large = code == "RESOURCE_EXHAUSTED" and "larger than max" in details
        if too_large and f"vs. {MAX_RESPONSE_BYTES})" in details:
            self.close()
            return b""  # only a successful call has a response, and an OTLP response is never this long
        raise SendError(
            f"grpc_{code.lower()}",
            f"{code}: {details}",
            retry=code in _RETRYABLE_GRPC and not too_large,
            retry_after_s=_retry_info(error.trailing_metadata() or ()),
        ) from error

    def _open(self) -> None:
        import grpc

        options = [
            ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
            # A subchannel shared with another exporter would have a common back-off, too.
            ("grpc.use_local_subchannel_pool", 1),
            # Decompression can turn 64 KiB into 64 MiB.
            ("grpc.per_message_decompression", 0),
            # A collector that accepts no stream (GOAWAY) and keeps its connection would be tried again without a pause, which
            # takes gigabytes of memory. The queue tries again, with a back-off.
            ("grpc.enable_retries", 0),
            ("grpc.primary_user_agent", self._user_agent),
        ]
        if self._proxy is not None:
            options.append(("grpc.http_proxy", self._proxy.secret_url))
        else:
            options.append(("grpc.enable_http_proxy", 0))  # else gRPC would read the variables by rules of its own
        compression = grpc.Compression.Gzip if self._compress else grpc.Compression.NoCompression
        # The functions below the wrappers of others: ddtrace would make a span of each export, whatever the context says.
        if self._credentials is None:
            self._channel = inspect.unwrap(grpc.insecure_channel)(self._target, options, compression)
        else:
            create = inspect.unwrap(grpc.secure_channel)
            self._channel = create(self._target, self._credentials, options, compression)
        self._call = self._channel.unary_unary(self._path)

    def close(self) -> None:
        """Close the channel; the next send opens another."""
        channel, self._channel, self._call = self._channel, None, None
        if channel is not None:
            channel.close()

    def reset_after_fork(self) -> None:
        """
        Stop using the parent's channel in a forked child.

        A reference to it is kept, because its destructor would write to the parent's connection.
        """
        if self._channel is not None:
            _parent_channels.append((self._channel, self._call))
        self._channel = self._call = None


_parent_channels: list[Any] = []
"""The parent's channels in a forked child; a reference here prevents their destruction."""


def _retry_info(metadata: Iterable[tuple[str, Any]]) -> float | None:
    """Return the seconds to wait from a ``google.rpc.RetryInfo`` in *metadata*, an hour at most; None if there is none."""
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
    delay_s = float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
    return min(max(0.0, delay_s), MAX_RETRY_AFTER_S)
