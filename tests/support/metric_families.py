"""Protobuf pages of metrics, read by Google's library with messages of their own pool."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    timestamp_pb2,
)

_PACKAGE = "io.prometheus.client"

# Of https://github.com/prometheus/client_model: number, name, type; a type in capitals is a message, a star means repeated.
_MESSAGES = {
    "LabelPair": ["1 name string", "2 value string"],
    "Gauge": ["1 value double"],
    "Untyped": ["1 value double"],
    "Counter": ["1 value double", "2 exemplar Exemplar", "3 created_timestamp Timestamp"],
    "Exemplar": ["1 label *LabelPair", "2 value double", "3 timestamp Timestamp"],
    "Bucket": ["1 cumulative_count uint64", "2 upper_bound double", "3 exemplar Exemplar"],
    "BucketSpan": ["1 offset sint32", "2 length uint32"],
    "Histogram": [
        "1 sample_count uint64",
        "2 sample_sum double",
        "3 bucket *Bucket",
        "5 schema sint32",
        "6 zero_threshold double",
        "7 zero_count uint64",
        "9 negative_span *BucketSpan",
        "10 negative_delta *sint64",
        "12 positive_span *BucketSpan",
        "13 positive_delta *sint64",
        "15 created_timestamp Timestamp",
        "16 exemplars *Exemplar",
    ],
    "Metric": [
        "1 label *LabelPair",
        "2 gauge Gauge",
        "3 counter Counter",
        "5 untyped Untyped",
        "7 histogram Histogram",
    ],
    "MetricFamily": ["1 name string", "2 help string", "3 type int32", "4 metric *Metric", "5 unit string"],
}


def read(page: bytes) -> dict[str, Any]:
    """Return the messages of a delimited stream by name; fails for a field that is not of the schema."""
    families: dict[str, Any] = {}
    place = 0
    while place < len(page):
        length = shift = 0
        while True:
            byte = page[place]
            place, length, shift = place + 1, length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        family = _family_class().FromString(page[place : place + length])
        before = family.ByteSize()
        family.DiscardUnknownFields()
        assert family.ByteSize() == before, "unknown fields"
        assert family.name not in families, family.name
        families[family.name] = family
        place += length
    assert place == len(page)
    return families


@cache
def _family_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="metrics.proto", package=_PACKAGE, syntax="proto2")
    file.dependency.append(timestamp_pb2.DESCRIPTOR.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field_name, kind in (line.split() for line in fields):
            field = message.field.add(name=field_name, number=int(number), label="LABEL_OPTIONAL")
            if kind.startswith("*"):
                field.label = field.LABEL_REPEATED
            type_name = kind.lstrip("*")
            if type_name.islower():
                field.type = field.Type.Value(f"TYPE_{type_name.upper()}")
            else:
                package = "google.protobuf" if type_name == "Timestamp" else _PACKAGE
                field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{type_name}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.MetricFamily"))
