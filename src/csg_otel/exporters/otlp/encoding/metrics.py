"""Metrics as a request."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics.export import ExponentialHistogram, Gauge, Histogram, Sum

from csg_otel.exporters.otlp.encoding import fields, groups
from csg_otel.exporters.otlp.encoding.values import attributes
from csg_otel.exporters.protobuf import message, nested, varint

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import Exemplar
    from opentelemetry.sdk.metrics.export import Metric, MetricsData

_pack_times: Final = struct.Struct("<BQBQ").pack
_pack_count: Final = struct.Struct("<Q").pack
_pack_integer: Final = struct.Struct("<Bq").pack
_pack_double: Final = struct.Struct("<Bd").pack


_Series = dict[int, tuple[Any, Any, bytes]]
"""
Attributes and bounds of a series, and both encoded, by the identity of the attributes.

The SDK has the same objects in every collection of a series.
"""


class MetricsEncoder:
    """The encoder of one reader's collections; it keeps the encoded attributes of the collection before."""

    def __init__(self) -> None:
        """Start without attributes."""
        self._kept: dict[bytes, _Series] = {}

    def request(self, data: MetricsData) -> bytes:
        """Return *data* as an ``ExportMetricsServiceRequest``. May raise any exception for a metric that OTLP can't carry."""
        run = _Run(self._kept)
        body = groups.metrics_request(data, run.metric)
        self._kept = run.kept  # replaced as a whole, because another thread may read it
        return body


class _Run:
    """The encoding of one collection. Points are encoded with their tag and length."""

    def __init__(self, earlier: dict[bytes, _Series]) -> None:
        self._earlier = earlier
        self.kept: dict[bytes, _Series] = {}
        self._kinds: Sequence[tuple[type, Callable[[Any], list[bytes]]]] = (
            (Sum, self._sum),
            (Histogram, self._histogram),
            (Gauge, self._gauge),
            (ExponentialHistogram, self._exponential_histogram),
        )

    def metric(self, metric: Metric) -> list[bytes]:
        """Return the parts of *metric*; without points it has a name, a description and a unit only."""
        head = fields.kept_text(1, metric.name) + fields.text(2, metric.description) + fields.kept_text(3, metric.unit)
        for kind, encode in self._kinds:
            if isinstance(metric.data, kind):
                return [head, *encode(metric.data)]
        return [head]

    def _sum(self, data: Sum) -> list[bytes]:
        points = self._numbers(data.data_points)
        return nested(7, points, _temporality(data), fields.boolean(3, data.is_monotonic)) if points else []

    def _gauge(self, data: Gauge) -> list[bytes]:
        points = self._numbers(data.data_points, with_start=False)
        return nested(5, points) if points else []

    def _histogram(self, data: Histogram) -> list[bytes]:
        points = self._histograms(data.data_points)
        return nested(9, points, _temporality(data)) if points else []

    def _exponential_histogram(self, data: ExponentialHistogram) -> list[bytes]:
        points = self._exponential_histograms(data.data_points)
        return nested(10, points, _temporality(data)) if points else []

    def _numbers(self, points: Iterable[Any], *, with_start: bool = True) -> bytes:
        parts: list[bytes] = []
        pairs = self._pairs(b"\x3a")
        for point in points:
            start, time = point.start_time_unix_nano if with_start else 0, point.time_unix_nano
            if start.__class__ is time.__class__ is int:
                times = _pack_times(0x11, start, 0x19, time)
            else:
                times = fields.fixed64(2, start) + fields.fixed64(3, time)
            content = pairs(point.attributes) + times + _number(point.value, 6, 4)
            if len(point.exemplars):
                content += _exemplars(5, point.exemplars)
            parts += b"\x0a", varint(len(content)), content
        return b"".join(parts)

    def _histograms(self, points: Iterable[Any]) -> bytes:
        parts: list[bytes] = []
        pairs = self._pairs(b"\x4a")
        for point in points:
            content = pairs(point.attributes, point.explicit_bounds) + _contents(point)
            if len(point.exemplars):
                content += _exemplars(8, point.exemplars)
            parts += b"\x0a", varint(len(content)), content
        return b"".join(parts)

    def _exponential_histograms(self, points: Iterable[Any]) -> bytes:
        parts: list[bytes] = []
        pairs = self._pairs(b"\x0a")
        for point in points:
            content = b"".join(
                (
                    pairs(point.attributes),
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

    def _pairs(self, tag: bytes) -> Callable[..., bytes]:
        """Return the function that encodes the attributes of a series, each after *tag*, and the bounds of its histogram."""
        earlier, kept = self._earlier.get(tag, {}), self.kept.setdefault(tag, {})

        def encoded(mapping: Any, bounds: Sequence[float] | None = None) -> bytes:
            identity = id(mapping)
            series = earlier.get(identity)
            if series is None or series[1] is not bounds:  # both are kept, so that no others get their identity
                series = mapping, bounds, attributes(tag, mapping) + _bounds(bounds)
            kept[identity] = series
            return series[2]

        return encoded


def _temporality(data: Sum | Histogram | ExponentialHistogram) -> bytes:
    return fields.enum(2, data.aggregation_temporality)


def _bounds(bounds: Sequence[float] | None) -> bytes:
    return b"" if bounds is None else message(7, struct.pack(f"<{len(bounds)}d", *bounds))


def _number(value: Any, integer: int, double: int) -> bytes:
    """Return the field *integer* or *double*, by the class of *value*."""
    if value.__class__ is int:
        return _pack_integer(integer << 3 | 1, value)
    if isinstance(value, int):
        return fields.sfixed64(integer, value)
    return _pack_double(double << 3 | 1, value)


def _contents(point: Any) -> bytes:
    """Return the numbers of a histogram's point: times, count, sum, counts, and the least and the greatest value."""
    start, time, count, counts = point.start_time_unix_nano, point.time_unix_nano, point.count, point.bucket_counts
    if start.__class__ is time.__class__ is count.__class__ is int:
        try:
            head, pack = _packer(len(counts))
            # A truth value among the counts counts as 0 or 1: a look at the class of each would take as long as all the rest.
            totals = 0x11, start, 0x19, time, 0x21, count, 0x29, point.sum
            return pack(*totals, head, *counts, 0x59, point.min, 0x61, point.max)
        except (struct.error, TypeError):  # None, or a value that is refused
            pass
    numbers = b"" if counts is None else b"".join([_pack_count(fields.whole(number)) for number in counts])
    return _totals(point) + message(6, numbers) + _limits(point, 11)


@functools.lru_cache(maxsize=64)
def _packer(length: int) -> tuple[bytes, Callable[..., bytes]]:
    """Return tag and length of so many counts, and the function that encodes the numbers of a point."""
    head = b"\x32" + varint(length * 8)
    return head, struct.Struct(f"<BQBQBQBd{len(head)}s{length}QBdBd").pack


def _totals(point: Any) -> bytes:
    """Return times, count and sum, which both kinds of histograms have in the same fields."""
    times = fields.fixed64(2, point.start_time_unix_nano) + fields.fixed64(3, point.time_unix_nano)
    return times + fields.fixed64(4, point.count) + fields.double(5, point.sum)


def _limits(point: Any, field: int) -> bytes:
    """Return the least value in *field*, and the greatest in the next one."""
    return fields.double(field, point.min) + fields.double(field + 1, point.max)


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
