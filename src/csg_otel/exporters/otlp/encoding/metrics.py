"""Metrics as a request."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics.export import ExponentialHistogram, Gauge, Histogram, Sum

from csg_otel.exporters.otlp.encoding import fields, groups
from csg_otel.exporters.otlp.encoding.values import attributes
from csg_otel.exporters.protobuf import message, varint

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import Exemplar
    from opentelemetry.sdk.metrics.export import Metric, MetricsData

_INT: Final = frozenset((int,))

_pack_times: Final = struct.Struct("<BQBQ").pack
_pack_totals: Final = struct.Struct("<BQBQBQBd").pack
_pack_limits: Final = struct.Struct("<BdBd").pack
_pack_integer: Final = struct.Struct("<Bq").pack
_pack_double: Final = struct.Struct("<Bd").pack


def request(data: MetricsData) -> bytes:
    """Return *data* as an ``ExportMetricsServiceRequest``. May raise any exception for a metric that OTLP can't carry."""
    return groups.metrics(
        (owner.resource, [(scope.scope, map(_metric, scope.metrics)) for scope in owner.scope_metrics])
        for owner in data.resource_metrics
    )


def _metric(metric: Metric) -> bytes:
    head = fields.kept_text(1, metric.name) + fields.text(2, metric.description) + fields.kept_text(3, metric.unit)
    data: Any = metric.data
    for kind, encode in _KINDS:
        if isinstance(data, kind):
            return head + encode(data)
    return head


# -- points: each is a tag, a length and the content -------------------------------------------------------------------


def _numbers(points: Iterable[Any], *, with_start: bool = True) -> bytes:
    parts: list[bytes] = []
    for point in points:
        start, time = point.start_time_unix_nano if with_start else 0, point.time_unix_nano
        if start.__class__ is time.__class__ is int:
            times = _pack_times(0x11, start, 0x19, time)
        else:
            times = fields.fixed64(2, start) + fields.fixed64(3, time)
        content = attributes(b"\x3a", point.attributes) + times + _number(point.value, 6, 4)
        if len(point.exemplars):
            content += _exemplars(5, point.exemplars)
        parts += b"\x0a", varint(len(content)), content
    return b"".join(parts)


def _number(value: Any, integer: int, double: int) -> bytes:
    """Return the field *integer* or *double*, by the class of *value*."""
    if value.__class__ is int:
        return _pack_integer(integer << 3 | 1, value)
    if isinstance(value, int):
        return fields.sfixed64(integer, value)
    return _pack_double(double << 3 | 1, value)


def _histograms(points: Iterable[Any]) -> bytes:
    parts: list[bytes] = []
    bounds: Sequence[float] | None = None
    encoded_bounds = b""
    for point in points:
        if point.explicit_bounds is not bounds and point.explicit_bounds != bounds:
            bounds = point.explicit_bounds
            encoded_bounds = b"" if bounds is None else message(7, struct.pack(f"<{len(bounds)}d", *bounds))
        content = attributes(b"\x4a", point.attributes) + _totals(point) + _counts(point.bucket_counts) + encoded_bounds
        content += _limits(point, 11)
        if len(point.exemplars):
            content += _exemplars(8, point.exemplars)
        parts += b"\x0a", varint(len(content)), content
    return b"".join(parts)


def _totals(point: Any) -> bytes:
    """Return times, count and sum, which both kinds of histograms have in the same fields."""
    start, time, count, total = point.start_time_unix_nano, point.time_unix_nano, point.count, point.sum
    if start.__class__ is time.__class__ is count.__class__ is int and total is not None:
        return _pack_totals(0x11, start, 0x19, time, 0x21, count, 0x29, total)
    times = fields.fixed64(2, start) + fields.fixed64(3, time)
    return times + fields.fixed64(4, count) + fields.double(5, total)


def _limits(point: Any, field: int) -> bytes:
    """Return the least value in *field*, and the greatest in the next one."""
    least, greatest = point.min, point.max
    if least is None or greatest is None:
        return fields.double(field, least) + fields.double(field + 1, greatest)
    return _pack_limits(field << 3 | 1, least, (field + 1) << 3 | 1, greatest)


def _counts(counts: Sequence[int] | None) -> bytes:
    if counts is None:
        return b""
    if not _INT.issuperset(map(type, counts)):
        counts = [fields.whole(count) for count in counts]
    head, pack = _counts_packer(len(counts))
    return head + pack(*counts)


@functools.lru_cache(maxsize=64)
def _counts_packer(length: int) -> tuple[bytes, Callable[..., bytes]]:
    """Return tag and length of so many counts, and the function that encodes them."""
    return b"\x32" + varint(length * 8), struct.Struct(f"<{length}Q").pack


def _exponential_histograms(points: Iterable[Any]) -> bytes:
    parts: list[bytes] = []
    for point in points:
        content = b"".join(
            (
                attributes(b"\x0a", point.attributes),
                _totals(point),
                fields.sint32(6, point.scale),
                fields.fixed64(7, point.zero_count),
                _buckets(8, point.positive),
                _buckets(9, point.negative),
                fields.uint32(10, point.flags),
                _limits(point, 12),
                _exemplars(11, point.exemplars),
            )
        )
        parts += b"\x0a", varint(len(content)), content
    return b"".join(parts)


def _buckets(field: int, buckets: Any) -> bytes:
    counts = buckets.bucket_counts
    return message(field, fields.sint32(1, buckets.offset) + fields.uint64s(2, counts)) if counts else b""


def _exemplars(field: int, exemplars: Iterable[Exemplar]) -> bytes:
    return b"".join([message(field, _exemplar(exemplar)) for exemplar in exemplars])


def _exemplar(exemplar: Exemplar) -> bytes:
    value, span_id, trace_id = exemplar.value, exemplar.span_id, exemplar.trace_id
    if not isinstance(value, (int, float)):
        raise TypeError("the value of an exemplar is not a number")
    encoded = fields.fixed64(2, exemplar.time_unix_nano) + _number(value, 6, 3)
    if span_id is not None and trace_id is not None:
        encoded += b"\x22\x08" + span_id.to_bytes(8, "big") + b"\x2a\x10" + trace_id.to_bytes(16, "big")
    return encoded + attributes(b"\x3a", exemplar.filtered_attributes)


# -- kinds: without points, a metric has none --------------------------------------------------------------------------


def _sum(data: Sum) -> bytes:
    points = _numbers(data.data_points)
    return points and message(7, points + _temporality(data) + fields.boolean(3, data.is_monotonic))


def _gauge(data: Gauge) -> bytes:
    points = _numbers(data.data_points, with_start=False)
    return points and message(5, points)


def _histogram(data: Histogram) -> bytes:
    points = _histograms(data.data_points)
    return points and message(9, points + _temporality(data))


def _exponential_histogram(data: ExponentialHistogram) -> bytes:
    points = _exponential_histograms(data.data_points)
    return points and message(10, points + _temporality(data))


def _temporality(data: Sum | Histogram | ExponentialHistogram) -> bytes:
    return fields.enum(2, data.aggregation_temporality)


_KINDS: Final[Sequence[tuple[type, Callable[[Any], bytes]]]] = (
    (Sum, _sum),
    (Histogram, _histogram),
    (Gauge, _gauge),
    (ExponentialHistogram, _exponential_histogram),
)
"""The function for each class of metrics."""
