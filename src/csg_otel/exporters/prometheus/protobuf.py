"""
Protobuf: a stream of ``io.prometheus.client.MetricFamily``, each after its length, with native histograms.

The few messages are encoded here, because generated classes of that name would clash with those of a program that has them.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from csg_otel.exporters.prometheus import samples
from csg_otel.exporters.prometheus.labels import LabelEncoding
from csg_otel.exporters.protobuf import EIGHT_BYTES
from csg_otel.exporters.protobuf import delimited as _delimited
from csg_otel.exporters.protobuf import integer as _integer
from csg_otel.exporters.protobuf import message as _bytes
from csg_otel.exporters.protobuf import signed as _signed
from csg_otel.exporters.protobuf import tag as _tag
from csg_otel.exporters.protobuf import varint as _varint
from csg_otel.exporters.protobuf import zigzag as _zigzag
from csg_otel.pipeline.exponential import native

if TYPE_CHECKING:
    from csg_otel.exporters.prometheus.families import Families, Family
    from csg_otel.pipeline.exponential import NativeBuckets

_TYPES: Final = {"counter": 0, "gauge": 1, "info": 1, "unknown": 3, "histogram": 4}
_VALUE_FIELDS: Final = {"counter": 3, "gauge": 2, "info": 2, "unknown": 5}
"""The fields of ``Metric`` with a number, by type."""


def page(families: Families) -> bytes:
    """Return *families* as a delimited stream."""
    return b"".join([_delimited(_family(family)) for family in families])


# -- messages ----------------------------------------------------------------------------------------------------------


def _family(family: Family) -> bytes:
    kind = "unknown" if family.is_unknown else family.kind
    parts = [_text(1, family.sample_name), _text(2, family.description), _integer(3, _TYPES[kind])]
    if kind == "histogram":
        parts += [_bytes(4, labels + _bytes(7, _histogram(point))) for labels, point in family.points.items()]
    else:
        field, with_start = _VALUE_FIELDS[kind], kind == "counter"
        for labels, point in family.points.items():
            value = _double(1, point.value)
            if with_start:
                for exemplar in samples.traced(point.exemplars)[-1:] if point.exemplars else ():
                    value += _bytes(2, _exemplar(exemplar))
                value += _start(3, point.start_time_unix_nano)
            parts.append(_bytes(4, labels + _bytes(field, value)))
    if family.unit:
        parts.append(_text(5, family.unit))
    return b"".join(parts)


def _histogram(point: Any) -> bytes:
    bounds, below = samples.buckets(point)
    buckets = native(point) if hasattr(point, "scale") else None
    exemplars = samples.by_bucket(point.exemplars, bounds)
    parts = [_integer(1, point.count), _double(2, point.sum)]
    for place, (bound, number) in enumerate(zip(_bound_fields(tuple(bounds)), below, strict=True)):
        bucket = _integer(1, number) + bound
        if place in exemplars:
            bucket += _bytes(3, _exemplar(exemplars[place]))
        parts.append(_bytes(3, bucket))
    if buckets is not None:
        parts += [_signed(5, buckets.schema), _double(6, 0.0), _integer(7, point.zero_count)]
        parts += [*_side(9, buckets.negative), *_side(12, buckets.positive)]
        if not point.count:
            parts.append(_bytes(12, b""))  # an empty span: the mark of a native histogram without values
        parts += [_bytes(16, _exemplar(exemplar)) for exemplar in exemplars.values()]
    return b"".join((*parts, _start(15, point.start_time_unix_nano)))


@functools.lru_cache(maxsize=1024)
def _bound_fields(bounds: tuple[float, ...]) -> tuple[bytes, ...]:
    return tuple(_double(2, bound) for bound in bounds)


def _side(field: int, buckets: NativeBuckets) -> Iterable[bytes]:
    """Return the spans in *field*, and in the next one the differences of the counts."""
    if not buckets.counts:
        return ()
    spans = [_bytes(field, _signed(1, offset) + _integer(2, length)) for offset, length in buckets.spans]
    differences = (count - before for before, count in zip((0, *buckets.counts), buckets.counts, strict=False))
    return *spans, _bytes(field + 1, b"".join(_varint(_zigzag(difference)) for difference in differences))


def _exemplar(exemplar: Any) -> bytes:
    labels = _join({_text(1, name): value for name, value in samples.trace_labels(exemplar)})
    return labels + _double(2, exemplar.value) + _bytes(3, _timestamp(exemplar.time_unix_nano))


def _start(field: int, time_unix_nano: int) -> bytes:
    return _bytes(field, _timestamp(time_unix_nano)) if time_unix_nano else b""


def _timestamp(time_unix_nano: int) -> bytes:
    seconds, nanos = divmod(time_unix_nano, 1_000_000_000)
    return _seconds(seconds) + _integer(2, nanos)


@functools.lru_cache(maxsize=1024)
def _seconds(seconds: int) -> bytes:
    return _integer(1, seconds)  # many series start in the same second


# -- fields ------------------------------------------------------------------------------------------------------------

_pack_double: Final = struct.Struct("<d").pack


def _double(field: int, value: Any) -> bytes:
    try:
        packed = _pack_double(value)
    except (OverflowError, struct.error):  # an integer beyond all floats
        packed = _pack_double(float("inf") if value > 0 else float("-inf"))
    return _tag(field, EIGHT_BYTES) + packed


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode("utf-8", "replace"))


def _key(name: str) -> bytes:
    return _text(1, name)


@functools.lru_cache(maxsize=8192)
def _pair(key: bytes, value: str) -> bytes:
    return _bytes(1, key + _text(2, value))


def _join(labels: Mapping[bytes, str]) -> bytes:
    return b"".join([_pair(key, value) for key, value in labels.items()])


LABELS: Final = LabelEncoding(_key, _join)
