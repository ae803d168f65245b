"""
Attributes, and the values in them.

Most attributes are the same in many items: encoded pairs of a key and a short value are kept, the last used ones. An attribute
whose value has no form in OTLP is left out and reported, as the official exporter does it.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from csg_otel import faults, interruptions
from csg_otel.exporters.otlp.encoding import fields
from csg_otel.exporters.protobuf import delimited, varint
from csg_otel.pipeline import _compat

_MOST_KEPT: Final = 2048
"""Pairs that are kept: with keys and values of at most 64 characters each, less than 1 MB."""

_KEPT: Final = frozenset((str, int, bool))
"""Classes whose values are kept. Not numbers with a fraction: -0.0 equals 0.0."""

_MOST_LEVELS: Final = 90
"""Most messages within each other in one value: decoders accept a hundred, and up to nine are around a value."""

_pack_double: Final = struct.Struct("<d").pack


class DepthError(ValueError):
    """A value is nested so deep that receivers would refuse its whole request."""


def attributes(tag: bytes, mapping: Mapping[str, Any] | None) -> bytes:
    """Return *mapping* as a list of pairs, each after *tag*. Raises DepthError."""
    if not mapping:
        return b""
    parts = [b""]
    for key, value in _compat.plain(mapping).items():
        try:
            kind = value.__class__
            if kind in _KEPT and key.__class__ is str and (kind is not str or len(value) <= fields.LONGEST_KEPT):
                parts.append(_kept_pair(key, value))
            else:
                parts.append(_pair(key, value))
        except DepthError:
            raise
        except Exception as error:  # noqa: BLE001 - any method of an object of the program may raise
            interruptions.let_through()
            faults.report("encoding of attributes", faults.description(error))
    return tag.join(parts)


def _pair(key: Any, value: Any, levels: int = _MOST_LEVELS) -> bytes:
    """Return a pair after its length, with at most so many *levels* of messages in its value."""
    encoded = any_value(value, levels)
    return delimited(fields.kept_text(1, key) + b"\x12" + varint(len(encoded)) + encoded)


@functools.lru_cache(maxsize=_MOST_KEPT, typed=True)  # typed, because True equals 1
def _kept_pair(key: str, value: str | int) -> bytes:
    return _pair(key, value)


def _text(value: str) -> bytes:
    return b"\x0a" + delimited(str.encode(value))


def _boolean(value: bool) -> bytes:
    return b"\x10\x01" if value else b"\x10\x00"


def _integer(value: int) -> bytes:
    return fields.int64(3, value)


def _double(value: float) -> bytes:
    return b"\x21" + _pack_double(value)


def _bytes(value: bytes) -> bytes:
    return b"\x3a" + delimited(b"".join((value,)))  # join() of a subclass returns bytes


_SCALARS: Final[Mapping[type, Callable[[Any], bytes]]] = {
    bool: _boolean,
    str: _text,
    int: _integer,
    float: _double,
    bytes: _bytes,
}


def any_value(value: Any, levels: int = _MOST_LEVELS) -> bytes:
    """Return *value* as the content of an ``AnyValue``, with at most so many *levels* of messages. Raises any exception."""
    encode = _SCALARS.get(value.__class__)
    if encode is not None:
        return encode(value)
    if value is None:
        return b""
    for kind, encode in _SCALARS.items():
        if isinstance(value, kind):
            return encode(value)
    return _container(value, levels)


def _container(value: Any, levels: int) -> bytes:
    """Return a list or a mapping; the levels are those of ``ArrayValue`` and ``KeyValueList``."""
    if levels < 3:
        raise DepthError("a value is nested too deep")
    if isinstance(value, Sequence):
        items = [delimited(any_value(item, levels - 2)) for item in value]
        return b"\x2a" + delimited(b"\x0a".join([b"", *items]))
    if isinstance(value, Mapping):
        pairs = [_pair(str(key), item, levels - 3) for key, item in value.items()]
        return b"\x32" + delimited(b"\x0a".join([b"", *pairs]))
    raise TypeError(f"values of {type(value)} have no form in OTLP")
