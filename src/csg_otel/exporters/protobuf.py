"""
The wire format of protobuf: numbers, tags and lengths. Pure.

The few messages that this package sends are encoded by hand: building an object for each message takes many times longer.
"""

from __future__ import annotations

import functools
from typing import Final

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
"""The wire types."""

_ONE_BYTE: Final = tuple(bytes((value,)) for value in range(0x80))


def varint(value: int) -> bytes:
    """Return *value*, 0 or more, in groups of seven bits."""
    if value < 0x80:
        return _ONE_BYTE[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


@functools.cache
def tag(field: int, wire_type: int) -> bytes:
    """Return the tag of *field*, a number of the schema."""
    return varint(field << 3 | wire_type)


def zigzag(value: int) -> int:
    """Return *value* as a number that is not negative, for a field of type ``sint``."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def integer(field: int, value: int) -> bytes:
    """Return *field* with *value*, 0 or more."""
    return tag(field, VARINT) + varint(value)


def signed(field: int, value: int) -> bytes:
    """Return *field* of type ``sint`` with *value*."""
    return integer(field, zigzag(value))


def delimited(body: bytes) -> bytes:
    """Return *body* after its length."""
    return varint(len(body)) + body


def message(field: int, body: bytes) -> bytes:
    """Return *field* with *body*: a message, bytes, or text as UTF-8."""
    return tag(field, LENGTH) + delimited(body)


def nested(field: int, *parts: bytes) -> list[bytes]:
    """Return *field* with the message that *parts* form, as parts again: so a large request is copied once, at the end."""
    return [tag(field, LENGTH), varint(sum(map(len, parts))), *parts]
