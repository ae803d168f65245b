"""
OTLP destinations: SDK items encoded to protobuf and sent by a transport of one's own.

Encoding is the official exporter's; sending is not, because its timeouts are not total, its retries block the queue and its
answers are not read. Everything heavy (protobuf, gRPC) is imported on the worker thread that first sends.
"""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from csg_otel import faults
from csg_otel.exporters.delivery.sender import Partial, SendError
from csg_otel.exporters.otlp import split as parts
from csg_otel.pipeline import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.config.sections.exporters import OtlpExporter
    from csg_otel.exporters.otlp.http_transport import Transport

SIGNALS = ("traces", "metrics", "logs")

_DEFAULT_ENDPOINTS = {"grpc": "http://localhost:4317", "http/protobuf": "http://localhost:4318"}
_LEVELS = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
}
_REJECTED = {"traces": "rejected_spans", "metrics": "rejected_data_points", "logs": "rejected_log_records"}


def endpoint(settings: OtlpExporter) -> str:
    """Return the destination's address: as set, else the port OTLP reserves for the protocol on this machine."""
    return settings.endpoint or _DEFAULT_ENDPOINTS[settings.protocol]


def temporality(preference: str) -> dict[type, Any]:
    """
    Return the SDK's temporality table for a *preference*: ``cumulative``, ``delta`` or ``lowmemory``.

    The meaning of the words is that of ``OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`` in the OTLP exporter
    specification; both up-down counters stay cumulative under each.
    """
    from opentelemetry.sdk import metrics
    from opentelemetry.sdk.metrics.export import AggregationTemporality

    delta: tuple[type, ...] = ()
    if preference == "delta":
        delta = (metrics.Counter, metrics.Histogram, metrics.ObservableCounter)
    elif preference == "lowmemory":
        delta = (metrics.Counter, metrics.Histogram)
    return dict.fromkeys(delta, AggregationTemporality.DELTA)


class OtlpSender:
    """Encodes, splits and sends one signal; made on the caller's thread, does its first work on the worker threads."""

    def __init__(self, settings: OtlpExporter, signal: str, headers: Mapping[str, str] | None = None) -> None:
        """Send *signal* to the destination *settings* describes, with *headers* of that signal."""
        self._settings = settings
        self._signal = signal
        self._headers = headers or {}
        self._transport: Transport | None = None
        self._sent: tuple[bytes, int] = (b"", 0)

    def send_batch(self, body: bytes, timeout_s: float) -> Partial | None:
        """Send a request; return the rejected items, if any. Raises SendError."""
        if self._transport is None:
            try:
                self._transport = _transport(self._settings, self._signal, self._headers)
            except Exception as error:  # a certificate that is not there yet says nothing about the data
                raise SendError("setup", f"{type(error).__name__}: {error}", retry=True) from error
        if len(body) <= self._settings.max_request_bytes:
            return _partial(self._signal, self._transport.send(body, timeout_s))
        return self._send_in_parts(body, time.monotonic() + timeout_s)

    def _send_in_parts(self, body: bytes, deadline: float) -> Partial | None:
        """Send what is too large in parts; when it is tried again, only those that were not taken yet."""
        transport = self._transport
        assert transport is not None  # noqa: S101 - for the type checker
        found = parts.grouped(self.split(body), self._settings.max_request_bytes, self._halve)
        begin = self._sent[1] if self._sent[0] == body else 0
        rejected, message = 0, ""
        for place, (items, part) in enumerate(found[begin:], begin):
            self._sent = (body, place)
            try:
                partial = _partial(self._signal, transport.send(part, max(0.05, deadline - time.monotonic())))
            except SendError as error:
                if error.retry or len(found) == 1:
                    raise
                # The others were taken already and must not be sent twice, so only this part is told to be refused.
                partial = Partial(items, str(error))
            if partial is not None:
                rejected, message = rejected + partial.rejected, partial.message
        self._sent = (b"", 0)
        return Partial(rejected, message) if rejected or message else None

    def _halve(self, item: bytes) -> list[bytes]:
        if self._signal != "metrics":
            return [item]
        return [_bytes(half) for half in parts.halve_metric(_request(self._signal).FromString(item))]

    def reset_after_fork(self) -> None:
        """Leave the parent's connection alone in a child, and open another."""
        transport, self._transport = self._transport, None
        self._sent = (b"", 0)
        if transport is not None:
            transport.leave()

    def close(self) -> None:
        """Drop the connection, if there is one."""
        if self._transport is not None:
            self._transport.close()

    def encode(self, items: Sequence[Any]) -> bytes:
        """
        Return *items* as one request; metrics come as one ``MetricsData`` an item. Raises for what can't be encoded.

        What OTLP can't carry of an item is told by its text, so that the item and its neighbours arrive.
        """
        if self._signal == "traces":
            from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

            return _bytes(encode_spans([sanitize.span(item) for item in items]))
        if self._signal == "logs":
            from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs

            return _bytes(encode_logs([sanitize.record(item) for item in items]))
        return b"".join(map(_encode_metrics, items))

    def split(self, body: bytes) -> list[bytes]:
        """Return a request as requests of one span, log record or metric each."""
        made = _request(self._signal)
        request = made.FromString(body)
        resources, scopes, items = _LEVELS[self._signal]
        found = []
        for resource in getattr(request, resources):
            for scope in getattr(resource, scopes):
                for item in getattr(scope, items):
                    one = made()
                    outer = getattr(one, resources).add(resource=resource.resource, schema_url=resource.schema_url)
                    inner = getattr(outer, scopes).add(scope=scope.scope, schema_url=scope.schema_url)
                    getattr(inner, items).append(item)
                    found.append(_bytes(one))
        return found


def _encode_metrics(item: MetricsData) -> bytes:
    """Return one collection; where it can't be encoded as a whole, all metrics but those at fault."""
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    try:
        return _bytes(encode_metrics(item))
    except Exception:  # noqa: BLE001 - one bad point would cost all metrics, and at every collection again
        return b"".join(_encode_metric(one, encode_metrics) for one in sanitize.metrics(item))


def _encode_metric(item: MetricsData, encode_metrics: Callable[[MetricsData], Any]) -> bytes:
    try:
        return _bytes(encode_metrics(item))
    except Exception:  # noqa: BLE001 - this one is left out, the others are sent
        faults.contain(f"encoding of {item.resource_metrics[0].scope_metrics[0].metrics[0].name}")
        return b""


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializePartialToString())


def _partial(signal: str, answer: bytes) -> Partial | None:
    """Read ``partial_success`` from an *answer*, protobuf or JSON; an unreadable one says nothing."""
    if not answer:
        return None
    from google.protobuf import json_format  # type: ignore[import-untyped] # it ships no types

    made = _response(signal)
    try:
        if answer.startswith(b"{"):
            partial = json_format.Parse(answer, made(), ignore_unknown_fields=True).partial_success
        else:
            partial = made.FromString(answer).partial_success
    except Exception:  # noqa: BLE001 - whatever a hostile collector can make a parser raise
        return None
    rejected = max(0, int(getattr(partial, _REJECTED[signal])))
    return Partial(rejected, partial.error_message) if rejected or partial.error_message else None


def _response(signal: str) -> Any:
    return _service(signal, "Response")


def _request(signal: str) -> Any:
    return _service(signal, "Request")


def _service(signal: str, kind: str) -> Any:
    """Return the protobuf message of *kind* (``Request``, ``Response``) of the collector's service for *signal*."""
    from importlib import import_module

    name = {"traces": "trace", "metrics": "metrics", "logs": "logs"}[signal]
    module = import_module(f"opentelemetry.proto.collector.{name}.v1.{name}_service_pb2")
    return getattr(module, f"Export{name.capitalize()}Service{kind}")


def _transport(settings: OtlpExporter, signal: str, extra: Mapping[str, str]) -> Transport:
    from csg_otel.exporters.otlp.grpc_transport import GrpcTransport
    from csg_otel.exporters.otlp.http_transport import HttpTransport

    headers = {**{name: _reveal(value) for name, value in settings.headers.items()}, **extra}
    compress = settings.compression == "gzip"
    where = endpoint(settings)
    if settings.protocol == "grpc":
        insecure = settings.tls.insecure if settings.tls.insecure is not None else not where.startswith("https:")
        credentials = None if insecure else _grpc_credentials(settings)
        return GrpcTransport(_authority(where), signal, headers, compress=compress, credentials=credentials)
    tls = _tls_context(settings) if where.startswith("https:") else None
    url = _signal_url(where, signal) if settings.append_path else where
    return HttpTransport(url, headers, compress=compress, tls=tls)


def _authority(endpoint: str) -> str:
    """Return the ``host:port`` gRPC wants, of an *endpoint* with or without a scheme."""
    if "://" not in endpoint:
        return endpoint
    parts = urlsplit(endpoint)
    return parts.netloc if parts.port else f"{parts.netloc}:{443 if parts.scheme == 'https' else 4317}"


def _signal_url(endpoint: str, signal: str) -> str:
    """Append OTLP's path for *signal* to a base *endpoint*; one that ends in it already is left as it is."""
    path = f"/v1/{signal}"
    return endpoint if endpoint.rstrip("/").endswith(path) else endpoint.rstrip("/") + path


def _reveal(value: Any) -> str:
    reveal: Callable[[], str] | None = getattr(value, "reveal", None)
    return reveal() if reveal is not None else str(value)


def _tls_context(settings: OtlpExporter) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.tls.ca or None)
    if settings.tls.cert:
        context.load_cert_chain(settings.tls.cert, settings.tls.key or None)
    return context


def _grpc_credentials(settings: OtlpExporter) -> Any:
    import grpc

    files: Mapping[str, str | None] = {
        "root_certificates": settings.tls.ca,
        "private_key": settings.tls.key,
        "certificate_chain": settings.tls.cert,
    }
    return grpc.ssl_channel_credentials(**{name: Path(file).read_bytes() for name, file in files.items() if file})
