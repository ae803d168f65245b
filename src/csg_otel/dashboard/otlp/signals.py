"""
The three signals of OTLP: their paths, services and messages; and the bodies of requests and answers in both encodings.

The rule: a body that cannot be decoded, or that is larger than the limit, raises InvalidRequestError and nothing else.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

from csg_otel.dashboard.otlp import json_requests
from csg_otel.dashboard.otlp.errors import InvalidRequestError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""Most bytes of a body, decompressed: a batch of 8,192 large spans, the default of collectors, and little enough to decode."""

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
CONTENT_TYPES: Final = (PROTOBUF, JSON)


@dataclass(frozen=True, slots=True)
class Signal:
    """
    A signal.

    ``resources``, ``scopes`` and ``items`` are the names of the fields of a request, of a resource in it, and of a scope in
    that; ``rejected`` is the name of the number in an answer.
    """

    name: str
    service: str
    request: type[Any]
    response: type[Any]
    resources: str
    scopes: str
    items: str
    rejected: str

    @property
    def path(self) -> str:
        """The path of requests over HTTP."""
        return f"/v1/{self.name}"


_PACKAGE: Final = "opentelemetry.proto.collector"

TRACES: Final = Signal(
    "traces",
    f"{_PACKAGE}.trace.v1.TraceService",
    traces.ExportTraceServiceRequest,
    traces.ExportTraceServiceResponse,
    "resource_spans",
    "scope_spans",
    "spans",
    "rejected_spans",
)
LOGS: Final = Signal(
    "logs",
    f"{_PACKAGE}.logs.v1.LogsService",
    logs.ExportLogsServiceRequest,
    logs.ExportLogsServiceResponse,
    "resource_logs",
    "scope_logs",
    "log_records",
    "rejected_log_records",
)
METRICS: Final = Signal(
    "metrics",
    f"{_PACKAGE}.metrics.v1.MetricsService",
    metrics.ExportMetricsServiceRequest,
    metrics.ExportMetricsServiceResponse,
    "resource_metrics",
    "scope_metrics",
    "metrics",
    "rejected_data_points",
)
SIGNALS: Final = (TRACES, LOGS, METRICS)


def decompressed(body: bytes, encoding: str) -> bytes:
    """Return *body* without the content *encoding* ``gzip`` or ``deflate``. Raises InvalidRequestError."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise InvalidRequestError(f"content encoding {encoding[:50]!r}: only gzip and deflate are understood")
    decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # both headers
    try:
        plain = decompressor.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise InvalidRequestError(f"not valid {encoding}: {error}") from None
    if len(plain) > MAX_BODY_BYTES:
        raise TooLargeError(f"more than {MAX_BODY_BYTES} bytes")
    if not decompressor.eof:
        raise InvalidRequestError(f"not valid {encoding}: the end is missing")
    return plain


def decode(signal: Signal, body: bytes, content_type: str) -> Any:
    """Return the request in *body*. Raises InvalidRequestError."""
    if len(body) > MAX_BODY_BYTES:
        raise TooLargeError(f"more than {MAX_BODY_BYTES} bytes")
    if content_type == JSON:
        return json_requests.message(json_requests.parse(body), signal.request)
    try:
        return signal.request.FromString(body)
    except DecodeError as error:
        raise InvalidRequestError(f"not a valid {signal.request.DESCRIPTOR.name}: {error}") from None


def response(signal: Signal, rejected: int, reason: str) -> Any:
    """Return the answer to a request of which *rejected* items were not valid; all others were accepted."""
    if not rejected:
        return signal.response()
    return signal.response(partial_success={signal.rejected: rejected, "error_message": reason})


def encode(message: Message, content_type: str) -> bytes:
    """Return *message*, an answer, as a body of *content_type*."""
    if content_type == JSON:
        from google.protobuf.json_format import MessageToDict

        return json.dumps(MessageToDict(message)).encode()
    return bytes(message.SerializeToString())


def content_type_of(headers: Mapping[str, str]) -> str:
    """Return the media type in *headers* without parameters, in lower case."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()
