"""
Fields of OTLP's messages from any value: accepted or refused as by the classes that are generated from OTLP's schema. Pure.

None leaves a field out. A value of another kind, or one that is out of the field's range, raises TypeError, ValueError,
OverflowError or ``struct.error``: so it costs its own item only, and no receiver gets another value in its place.
"""

from __future__ import annotations

import functools
import operator
import struct
from typing import Any, Final

from csg_otel.exporters.protobuf import EIGHT_BYTES, FOUR_BYTES, VARINT, integer, message, signed, tag, varint

LONGEST_KEPT: Final = 64
"""Characters of the longest text that is kept: longer ones are rarely there twice, and nothing should hold much of them."""

_pack_u64: Final = struct.Struct("<Q").pack
_pack_i64: Final = struct.Struct("<q").pack
_pack_u32: Final = struct.Struct("<I").pack
_pack_double: Final = struct.Struct("<d").pack


def whole(value: Any) -> int:
    """Return *value* as an integer; a truth value and a fraction are none."""
    if isinstance(value, bool):
        raise TypeError("expected an integer, not a truth value")
    return int.__int__(operator.index(value))


def utf8(value: Any) -> bytes:
    """Return a text, or bytes that are a text in UTF-8, as bytes."""
    if isinstance(value, bytes):
        value = value.decode()
    return str.encode(value)


def text(field: int, value: Any) -> bytes:
    """Return *field* with a text."""
    return b"" if value is None else message(field, utf8(value))


def kept_text(field: int, value: Any) -> bytes:
    """Return the same for a text that many items have; the last used short ones are kept."""
    if value.__class__ is str and len(value) <= LONGEST_KEPT:
        return _kept_text(field, value)
    return text(field, value)


@functools.lru_cache(maxsize=1024)
def _kept_text(field: int, value: str) -> bytes:
    return text(field, value)


def fixed64(field: int, value: Any) -> bytes:
    """Return *field* with an integer of 64 bits that is not negative."""
    return b"" if value is None else tag(field, EIGHT_BYTES) + _pack_u64(whole(value))


def sfixed64(field: int, value: Any) -> bytes:
    """Return *field* with an integer of 64 bits."""
    return tag(field, EIGHT_BYTES) + _pack_i64(whole(value))


def fixed32(field: int, value: Any) -> bytes:
    """Return *field* with an integer of 32 bits that is not negative."""
    return b"" if value is None else tag(field, FOUR_BYTES) + _pack_u32(whole(value))


def uint32(field: int, value: Any) -> bytes:
    """Return *field* with an integer of 32 bits that is not negative, in as few bytes as it takes."""
    return b"" if value is None else integer(field, _in_range(whole(value), 0, 2**32))


def sint32(field: int, value: Any) -> bytes:
    """Return *field* with an integer of 32 bits, in as few bytes as it takes."""
    return b"" if value is None else signed(field, _in_range(whole(value), -(2**31), 2**31))


def enum(field: int, value: Any) -> bytes:
    """Return *field* with the number of a member of an enumeration."""
    return b"" if value is None else integer(field, _in_range(whole(value), 0, 2**31))


def boolean(field: int, value: Any) -> bytes:
    """Return *field* with a truth value; an integer counts as one."""
    return tag(field, VARINT) + (b"\x01" if operator.index(value) else b"\x00")


def double(field: int, value: Any) -> bytes:
    """Return *field* with a number of 64 bits."""
    return b"" if value is None else tag(field, EIGHT_BYTES) + _pack_double(value)


def int64(field: int, value: Any) -> bytes:
    """Return *field* with an integer of 64 bits, in as few bytes as it takes; ten for a negative one."""
    return integer(field, _in_range(whole(value), -(2**63), 2**63) & (2**64 - 1))


def uint64s(field: int, values: Any) -> bytes:
    """Return *field* with a list of integers of 64 bits that are not negative, in as few bytes as they take."""
    return message(field, b"".join([varint(_in_range(whole(value), 0, 2**64)) for value in values]))


def _in_range(value: int, least: int, end: int) -> int:
    if not least <= value < end:
        raise ValueError(f"{value} is out of range")
    return value
