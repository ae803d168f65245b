"""Log records as items of a request."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from opentelemetry._logs import SeverityNumber

from csg_otel.exporters.otlp.encoding import fields, groups
from csg_otel.exporters.otlp.encoding.values import any_value, attributes
from csg_otel.exporters.protobuf import delimited

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord


_SEVERITIES: Final = {id(severity): fields.enum(2, severity.value) for severity in SeverityNumber}
"""The field of each severity by its identity: the hash of a member of an enumeration is a function in Python."""

_pack_flags: Final = struct.Struct("<I").pack
_pack_times: Final = struct.Struct("<BQBQ").pack


def encoded(record: ReadableLogRecord) -> groups.Item:
    """Return *record*. May raise any exception for a record that OTLP can't carry."""
    log = record.log_record
    parts = [
        b"\x2a" + delimited(any_value(log.body)),
        _SEVERITIES.get(id(log.severity_number)) or fields.enum(2, getattr(log.severity_number, "value", None)),
        fields.kept_text(3, log.severity_text),
        fields.kept_text(12, log.event_name),
        attributes(b"\x32", log.attributes),
        b"\x45",
        _pack_flags(int(log.trace_flags)),
    ]
    at, observed = log.timestamp, log.observed_timestamp
    if at.__class__ is observed.__class__ is int:
        parts.append(_pack_times(0x09, at, 0x59, observed))
    else:
        parts += fields.fixed64(1, at), fields.fixed64(11, observed)
    if dropped := record.dropped_attributes:
        parts.append(fields.uint32(7, dropped))
    if (trace_id := log.trace_id) != 0:
        parts += b"\x4a\x10", trace_id.to_bytes(16, "big")
    if (span_id := log.span_id) != 0:
        parts += b"\x52\x08", span_id.to_bytes(8, "big")
    return record.resource, record.instrumentation_scope, b"".join(parts)
