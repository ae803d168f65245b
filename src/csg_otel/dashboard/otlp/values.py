"""
Attribute values and times of OTLP: from protobuf to plain values, and from plain values to OTLP's JSON. Pure.

Bytes become Base64, as OpenTelemetry writes them where there are no bytes. Times in rows are seconds; OTLP has nanoseconds.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from csg_otel.attributes import MOST_ITEMS

_NANOSECONDS: Final = 1_000_000_000
"""In a second."""
_INTEGERS: Final = range(-(2**63), 2**63)


def mapping(pairs: Iterable[Any]) -> dict[str, Any]:
    """Return the key-value *pairs*, protobuf messages, as a mapping; those beyond the first 128 are left out."""
    kept: dict[str, Any] = {}
    for pair in islice(pairs, MOST_ITEMS):
        value = pair.value
        kept[pair.key] = value.string_value or plain(value)  # nearly all values are texts
    return kept


def plain(value: Any) -> Any:
    """Return the protobuf message *value* as text, a number, a boolean, a list, a mapping, or None for an empty one."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in islice(value.array_value.values, MOST_ITEMS)]
    if kind == "kvlist_value":
        return mapping(value.kvlist_value.values)
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode("ascii")
    if kind == "string_value_strindex":  # only in profiles: the table of strings is not here
        return ""
    return None if kind is None else getattr(value, kind)


def nanoseconds(time_s: float) -> str:
    """Return a time in nanoseconds, as OTLP's JSON writes 64 bits; in seconds it is exactly *time_s* again."""
    whole = int(time_s)
    return str(whole * _NANOSECONDS + round((time_s - whole) * _NANOSECONDS))


def key_values(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return *attributes* as OTLP's JSON has them."""
    return [{"key": key, "value": any_value(value)} for key, value in attributes.items()]


def any_value(value: Any) -> dict[str, Any]:
    """Return *value* as OTLP's JSON has it; an object of another type as its text."""
    if isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": key_values(value)}}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and value in _INTEGERS:
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {} if value is None else {"stringValue": str(value)}
