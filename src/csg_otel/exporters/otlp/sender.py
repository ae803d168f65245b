"""
OTLP destinations: items of the SDK, encoded as protobuf and sent over HTTP or gRPC.

The official exporter is not used: its timeouts are not total, its retries block the queue, it does not read responses, and its
encoder takes several times as long as ours. The import of protobuf happens on the first worker thread that reads a response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks, faults, net
from csg_otel.config.sections.secret import revealed
from csg_otel.exporters.delivery.component import Component
from csg_otel.exporters.delivery.sender import NotPlain, Partial, SendError
from csg_otel.exporters.otlp import address, split
from csg_otel.exporters.otlp.encoding import groups, records, spans
from csg_otel.exporters.otlp.encoding.metrics import MetricsEncoder
from csg_otel.exporters.otlp.encoding.once import is_encoded, once
from csg_otel.pipeline import sanitize, scrub
from csg_otel.pipeline.scrub_metrics import ScrubbedMetrics
from csg_otel.privacy import active

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.config.sections.exporters import OtlpExporter
    from csg_otel.exporters.otlp.http_transport import Transport
    from csg_otel.pipeline import others

SIGNALS = ("traces", "metrics", "logs")

_DEFAULT_ENDPOINTS = {"grpc": "http://localhost:4317", "http/protobuf": "http://localhost:4318"}
_LEVELS = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
}
_REJECTED = {"traces": "rejected_spans", "metrics": "rejected_data_points", "logs": "rejected_log_records"}


_KINDS = {"traces": "span", "metrics": "metric", "logs": "log"}
"""The word in the well-known types of exporters (``otlp_http_span_exporter``), by signal."""


def endpoint(settings: OtlpExporter) -> str:
    """Return the configured endpoint, or else the protocol's default port on this machine."""
    return revealed(settings.endpoint or _DEFAULT_ENDPOINTS[settings.protocol])


def temporality(preference: str) -> dict[type, Any]:
    """
    Return the SDK's temporality table for a *preference*: ``cumulative``, ``delta`` or ``lowmemory``.

    The preferences are those of ``OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`` in the OTLP exporter specification. Both
    kinds of up-down counters are always cumulative.
    """
    from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter
    from opentelemetry.sdk.metrics.export import AggregationTemporality

    delta: tuple[type, ...] = ()
    if preference == "delta":
        delta = (Counter, Histogram, ObservableCounter)
    elif preference == "lowmemory":
        delta = (Counter, Histogram)
    return dict.fromkeys(delta, AggregationTemporality.DELTA)


def aggregation(histograms: str) -> dict[type, Any]:
    """
    Return the SDK's aggregation table for the setting *histograms*; a view of the program is stronger.

    The values are those of ``OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`` in the OTLP exporter specification.
    """
    from opentelemetry.sdk.metrics import Histogram
    from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

    is_exponential = histograms == "base2_exponential_bucket_histogram"
    return {Histogram: ExponentialBucketHistogramAggregation()} if is_exponential else {}


class OtlpSender:
    """Encodes, splits and sends one signal. Created on the program's thread; works on the queue's threads only."""

    def __init__(
        self, settings: OtlpExporter, signal: str, headers: Mapping[str, str] | None = None, *, shares: bool = False
    ) -> None:
        """
        Prepare for one signal of a destination; nothing is imported or sent yet.

        Args:
            settings: The destination's settings.
            signal: ``traces``, ``metrics`` or ``logs``.
            headers: Headers of this signal in addition to the headers in *settings*. Default none.
            shares: Whether other destinations send the same items, so that each is encoded once for all. Default False.
        """
        self._settings = settings
        self._signal = signal
        self._headers = headers or {}
        self._transport: Transport | None = None
        self._metrics = MetricsEncoder()
        self._shares = shares
        encode, encode_plain = _ENCODERS[signal]
        self._encoded = once(encode) if shares else encode
        self._encoded_plain = once(encode_plain) if shares else encode_plain
        self._progress: tuple[bytes, int] = (b"", 0)
        """The request that is being sent in pieces, and the number of pieces that were accepted."""

    def send_batch(self, body: bytes, timeout_s: float) -> Partial | None:
        """Send a request; return the rejected items, if any. Raises SendError."""
        if self._transport is None:
            try:
                self._transport = _transport(self._settings, self._signal, self._headers)
            except Exception as error:  # a certificate file that is missing now may exist at the next attempt
                raise SendError("setup", f"{type(error).__name__}: {error}", retry=True) from error
        if len(body) <= self._settings.max_request_bytes:
            return _partial(self._signal, self._transport.send(body, timeout_s))
        return self._send_in_pieces(body, clocks.monotonic() + timeout_s)

    def _send_in_pieces(self, body: bytes, deadline: float) -> Partial | None:
        """Send a request that is too large in pieces; a retry sends only the pieces that were not accepted yet."""
        transport = self._transport
        assert transport is not None  # noqa: S101 - for the type checker
        pieces = split.grouped(self.split(body), self._settings.max_request_bytes, self._halve)
        begin = self._progress[1] if self._progress[0] == body else 0
        rejected, message = 0, ""
        for index, (items, piece) in enumerate(pieces[begin:], begin):
            self._progress = (body, index)
            try:
                partial = _partial(self._signal, transport.send(piece, max(0.05, deadline - clocks.monotonic())))
            except SendError as error:
                if error.retry or len(pieces) == 1:
                    raise
                # Other pieces were accepted, and raising would send them again. So this piece's items count as rejected.
                partial = Partial(items, str(error))
            if partial is not None:
                rejected, message = rejected + partial.rejected, partial.message
        self._progress = (b"", 0)
        return Partial(rejected, message) if rejected or message else None

    def _halve(self, item: bytes) -> list[bytes]:
        if self._signal != "metrics":
            return [item]
        return [_bytes(half) for half in split.halve_metric(_request(self._signal).FromString(item))]

    def reset_after_fork(self) -> None:
        """Drop the parent's connection in a forked child; the next request opens another."""
        transport, self._transport = self._transport, None
        self._progress = (b"", 0)
        if transport is not None:
            transport.reset_after_fork()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._transport is not None:
            self._transport.close()

    def encode(self, items: Sequence[Any]) -> bytes:
        """
        Return *items* as one request; an item of metrics is one ``MetricsData``. May raise any exception for a bad item.

        Values that OTLP cannot carry become text, so that their item and the other items of the request are accepted. No secret
        and no personal data is in the request.
        """
        if self._signal == "metrics":
            return b"".join(map(self._encode_metrics, items))
        return groups.request(map(self._encoded, items))

    def _encode_metrics(self, item: MetricsData) -> bytes:
        """Return one collection as a request; metrics that cannot be encoded are left out."""
        try:
            return self._metrics.request(item)
        except BaseException:  # noqa: BLE001 - one bad point would cost all metrics of every collection
            scrubbed = ScrubbedMetrics()  # again: values have become text
            return b"".join(map(_encode_metric, map(scrubbed.scrub, sanitize.metrics(item))))

    def encode_plain(self, items: Sequence[Any]) -> bytes:
        """
        Return *items* as one request, as :meth:`encode` does, while no code of the program looks at them.

        Raises NotPlain if an item is no span or log record, or has a value that is not plain.
        """
        if active.scrubber().calls_program and not (self._shares and all(map(is_encoded, items))):
            raise NotPlain
        return groups.request(map(self._encoded_plain, items))

    def split(self, body: bytes) -> list[bytes]:
        """Return a request as requests of one span, log record or metric each."""
        message = _request(self._signal)
        request = message.FromString(body)
        resources, scopes, items = _LEVELS[self._signal]
        bodies = []
        for resource in getattr(request, resources):
            for scope in getattr(resource, scopes):
                for item in getattr(scope, items):
                    single = message()
                    outer = getattr(single, resources).add(resource=resource.resource, schema_url=resource.schema_url)
                    inner = getattr(outer, scopes).add(scope=scope.scope, schema_url=scope.schema_url)
                    getattr(inner, items).append(item)
                    bodies.append(_bytes(single))
        return bodies


def _span(span: Any) -> groups.Item:
    varying = scrub.varying(span)
    return spans.encoded(scrub.span_contents(span)) if varying is None else spans.of_place(varying)


def _plain_span(span: Any) -> groups.Item:
    varying = scrub.varying(span)
    if varying is not None:
        return spans.of_place(varying)
    if not sanitize.is_plain_span(span):
        raise NotPlain
    return spans.encoded(scrub.span_contents(span))


def _record(record: Any) -> groups.Item:
    return records.encoded(scrub.record(record))


def _plain_record(record: Any) -> groups.Item:
    if not sanitize.is_plain_record(record):
        raise NotPlain
    return _record(record)


def _never_plain(_: Any) -> groups.Item:
    raise NotPlain


_ENCODERS: Final = {
    "traces": (_span, _plain_span),
    "logs": (_record, _plain_record),
    "metrics": (_record, _never_plain),
}
"""The encoders of an item, for the worker threads and for any thread, by signal; collections of metrics have their own."""


def _encode_metric(item: MetricsData) -> bytes:
    try:
        return MetricsEncoder().request(item)
    except BaseException:  # noqa: BLE001 - only this metric is left out
        faults.contain(f"encoding of {item.resource_metrics[0].scope_metrics[0].metrics[0].name}")
        return b""


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializePartialToString())


def _partial(signal: str, response: bytes) -> Partial | None:
    """Return the ``partial_success`` of a *response* in protobuf or JSON; None if it cannot be read."""
    if not response:
        return None
    from google.protobuf import json_format

    message = _response(signal)
    try:
        if response.startswith(b"{"):
            partial = json_format.Parse(response, message(), ignore_unknown_fields=True).partial_success
        else:
            partial = message.FromString(response).partial_success
    except Exception:  # noqa: BLE001 - a hostile collector can make the parser raise anything
        return None
    rejected = max(0, int(getattr(partial, _REJECTED[signal])))
    return Partial(rejected, partial.error_message) if rejected or partial.error_message else None


def _response(signal: str) -> Any:
    return _service(signal, "Response")


def _request(signal: str) -> Any:
    return _service(signal, "Request")


def _service(signal: str, kind: str) -> Any:
    """Return the class of the collector's protobuf message for *signal*: its *kind* is ``Request`` or ``Response``."""
    from importlib import import_module

    name = {"traces": "trace", "metrics": "metrics", "logs": "logs"}[signal]
    module = import_module(f"opentelemetry.proto.collector.{name}.v1.{name}_service_pb2")
    return getattr(module, f"Export{name.capitalize()}Service{kind}")


def _transport(settings: OtlpExporter, signal: str, extra: Mapping[str, str]) -> Transport:
    from csg_otel.exporters.otlp.grpc_transport import GrpcTransport
    from csg_otel.exporters.otlp.http_transport import HttpTransport

    headers = {"User-Agent": _user_agent(), **_headers(settings), **extra}
    compress = settings.compression == "gzip"
    secure = address.resolve(endpoint(settings), settings.tls.insecure).secure
    files = settings.tls
    tls = net.tls_context(files.ca, files.cert, files.key) if secure else None
    url = _url(settings, signal)
    if settings.protocol == "grpc":
        return GrpcTransport(url, signal, headers, compress=compress, tls=tls)
    return HttpTransport(url, headers, compress=compress, tls=tls)


def is_served(settings: OtlpExporter, signal: str, exporters: Sequence[others.Target]) -> bool:
    """Return whether one of *exporters*, which are the program's own, sends *signal* where *settings* would send it."""
    url, own = _url(settings, signal), {name.lower(): value for name, value in _headers(settings).items()}.items()
    server = url.partition("://")[2] if settings.protocol == "grpc" else url
    return any(target.endpoint == server and own <= target.headers.items() for target in exporters)


def component(settings: OtlpExporter, signal: str) -> Component:
    """Return the exporter of *signal* as the metrics of telemetry describe it."""
    kind = f"otlp_{'grpc' if settings.protocol == 'grpc' else 'http'}_{_KINDS[signal]}_exporter"
    server = address.server(_url(settings, signal))
    return Component(settings.name, signal, kind, *server, _points if signal == "metrics" else _items)


def _items(_body: bytes, items: int) -> int:
    return items


def _points(body: bytes, _items: int) -> int:
    """Return the number of data points in a request of metrics; 0 if it cannot be read."""
    try:
        request = _request("metrics").FromString(body)
    except Exception:  # noqa: BLE001 - the request may be of a dead process, and the server says what it is worth
        return 0
    metrics = (m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics)
    return sum(len(getattr(metric, kind).data_points) for metric in metrics if (kind := metric.WhichOneof("data")))


def _url(settings: OtlpExporter, signal: str) -> str:
    target = address.resolve(endpoint(settings), settings.tls.insecure)
    if settings.protocol == "grpc":
        return target.for_grpc()
    return target.for_signal(signal) if settings.append_path else target.url


def _headers(settings: OtlpExporter) -> dict[str, str]:
    return {name: revealed(value) for name, value in settings.headers.items()}


def _user_agent() -> str:
    """Return the ``User-Agent`` of this package, with the exporter's own as the OTLP exporter specification writes it."""
    from opentelemetry.proto import version  # all packages of OTLP have the same

    return f"{net.USER_AGENT} OTel-OTLP-Exporter-Python/{version.__version__}"
