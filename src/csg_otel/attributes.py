"""
Conversion of any value of a program into attribute values and measurements that OpenTelemetry accepts. Pure.

The rule: no function raises on its own account, and every result can be hashed and encoded. So one bad value can neither raise
in the program nor cost its batch. The check of values that are already valid is quick.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from itertools import islice, takewhile
from reprlib import Repr
from typing import Any, Final

from csg_otel import interruptions
from csg_otel.names import LONGEST_VALUE, MAX_ATTRIBUTE_LENGTH

Value = str | bool | int | float | tuple[str, ...] | tuple[bool, ...] | tuple[int, ...] | tuple[float, ...]

_LARGEST: Final = 2**63
"""The smallest positive integer that OTLP can't carry."""

MOST_ITEMS: Final = 128
"""Most attributes of one measurement or item, and most values of one list; the default limit of OpenTelemetry's SDKs."""

_MAX_DEPTH: Final = 8
"""Most levels of a nested value; with a hundred levels, protobuf's decoders refuse the whole request."""

_MAX_SIZE: Final = 4 * LONGEST_VALUE
"""Most characters and items of one nested value, counted together."""

_short = Repr()
"""Formats a container as text within the limits below, even if it contains itself."""
_short.maxlevel = 6
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = _short.maxfrozenset = _short.maxdeque = MOST_ITEMS
_short.maxstring = _short.maxother = _short.maxlong = MAX_ATTRIBUTE_LENGTH


class Sound(dict[str, Any]):
    """Attributes that :func:`clean` has returned, which do not change: plain values alone, which can be encoded."""


class Shared(Sound):
    """The attributes of all spans of one place in the program, which have one name and one kind, too."""

    __slots__ = ("encoded", "kind", "name", "scrubbed")

    def __init__(self, attributes: Mapping[str, Value], name: str, kind: object) -> None:
        """Share clean *attributes* between the spans with *name* and *kind*."""
        super().__init__(attributes)
        self.name = name
        self.kind = kind
        self.scrubbed: tuple[Any, ...] | None = None
        """
        What the way out has found, if nothing had to be changed; else None.

        It is: the scrubber, resource and scope of the spans, and these two as they leave the process.
        """
        self.encoded: bytes | None = None
        """Name, kind and attributes as they are in an OTLP request."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what is shared; what was found is found again elsewhere."""
        return Shared, (dict(self), self.name, self.kind)


def value(raw: Any) -> Value | None:
    """Return *raw* as an attribute value, cut to 1,024 characters; None for None."""
    try:
        return _value(raw)
    except Exception:  # noqa: BLE001 - any method of an object of the program may raise
        interruptions.let_through()
        return f"<{type(raw).__name__}>"


def _value(raw: Any) -> Value | None:
    if isinstance(raw, Enum):
        raw = raw.value
    if raw is None or raw is True or raw is False:
        return raw
    if isinstance(raw, int):
        return int(raw) if -_LARGEST <= raw < _LARGEST else _as_text(raw)
    if isinstance(raw, float):
        return float(raw) if math.isfinite(raw) else str(float(raw))
    if isinstance(raw, (list, tuple, set, frozenset)):
        return _list(tuple(islice(raw, MOST_ITEMS)))
    return _as_text(raw)


def _list(items: tuple[Any, ...]) -> Value:
    """Return *items* as values of one type, as OpenTelemetry requires it: booleans, integers, numbers, or else text."""
    kinds = set(map(type, items))
    if kinds == {bool}:
        return items
    if kinds == {int} and all(-_LARGEST <= item < _LARGEST for item in items):
        return items
    if kinds and kinds <= {int, float} and float in kinds:
        try:
            numbers = tuple(map(float, items))
        except OverflowError:  # an integer with hundreds of digits
            numbers = (math.inf,)
        if all(map(math.isfinite, numbers)):
            return numbers
    return tuple(map(_as_text, items))


def number(raw: Any) -> int | float | None:
    """
    Return *raw* as a finite number; None if it is not a number, or not finite.

    Integers that OTLP can't carry become floats. Booleans, text and bytes do not count as numbers.
    """
    kind = type(raw)
    if kind is float:
        return float(raw) if math.isfinite(raw) else None
    if kind is int and -_LARGEST <= raw < _LARGEST:
        return int(raw)
    try:
        if isinstance(raw, (bool, str, bytes, bytearray)):
            return None
        as_float = float(raw)
        if not math.isfinite(as_float):
            return None
        return int(raw) if hasattr(raw, "__index__") and abs(as_float) < _LARGEST else as_float
    except Exception:  # noqa: BLE001 - the object's own __float__ may raise anything
        interruptions.let_through()
        return None


def sound(raw: Any) -> bool:
    """Return whether *raw* is a plain dictionary of valid attributes, the usual case; this check is fast."""
    if type(raw) is not dict or len(raw) > MOST_ITEMS:
        return isinstance(raw, Sound)
    for key, item in raw.items():
        if type(key) is not str or not key or not key.isascii():
            return False
        kind = type(item)
        if kind is str:
            if len(item) > MAX_ATTRIBUTE_LENGTH or not item.isascii():
                return False
        elif kind is int:
            if not -_LARGEST <= item < _LARGEST:
                return False
        elif kind is not bool and kind is not float:
            return False
    return True


def clean(raw: Any, most: int = MOST_ITEMS) -> dict[str, Value]:
    """
    Return the attributes in *raw*, a mapping or an iterable of pairs, with text as keys and clean values.

    Attributes with the value None or an empty key are left out, and so are attributes beyond the first *most*. The result is
    empty if *raw* is neither a mapping nor an iterable of pairs.
    """
    attributes: dict[str, Value] = {}
    try:
        for key, item in islice(raw.items() if isinstance(raw, Mapping) else raw, most):
            cleaned = value(item)
            if cleaned is not None and (name := text(key)):
                attributes[name] = cleaned
    except Exception:  # noqa: BLE001 - a mapping of the program may raise anything; attributes read before that are kept
        interruptions.let_through()
        return attributes
    return attributes


def nested(raw: Any, as_text: Callable[..., str] | None = None) -> Any:
    """
    Return *raw* as a value of a span or log record: with its mappings and sequences, cut to 16,384 characters a text.

    Any other object becomes its text, by *as_text* (default :func:`text`), and so does a container whose methods raise.
    """
    if type(raw) is str and len(raw) <= LONGEST_VALUE and raw.isascii():  # the usual case
        return raw
    as_text = as_text or text
    try:
        return _nested(raw, [_MAX_SIZE], 0, as_text)
    except Exception:  # noqa: BLE001 - any method of an object of the program may raise
        interruptions.let_through()
        return as_text(raw)


def _nested(raw: Any, room: list[int], depth: int, as_text: Callable[..., str]) -> Any:
    """
    Return *raw* in a form that OTLP can carry.

    Args:
        raw: The value, or an item of it.
        room: One number: the characters and items that the whole value may still have; reduced by this call.
        depth: The level of *raw* within the whole value, from 0.
        as_text: Makes text of a value, of at most so many characters as its second argument says.
    """
    room[0] -= 1
    if raw is None or isinstance(raw, (bool, int, float)):
        fits = not isinstance(raw, int) or -_LARGEST <= raw < _LARGEST
        return raw if fits else as_text(raw)
    if isinstance(raw, (str, bytes)):
        length = max(0, min(len(raw), LONGEST_VALUE, room[0]))
        room[0] -= length
        return raw[:length] if isinstance(raw, bytes) else as_text(raw, length)
    if depth >= _MAX_DEPTH or not isinstance(raw, (Mapping, Sequence)):
        return as_text(raw)
    if isinstance(raw, Mapping):
        pairs = takewhile(lambda _: room[0] > 0, raw.items())
        return {as_text(key): _nested(item, room, depth + 1, as_text) for key, item in pairs}
    return tuple(_nested(item, room, depth + 1, as_text) for item in takewhile(lambda _: room[0] > 0, raw))


def text(raw: Any, limit: int = MAX_ATTRIBUTE_LENGTH) -> str:
    """Return *raw* as text that can be encoded, of at most *limit* characters."""
    try:
        return _encodable(raw[:limit]) if type(raw) is str else _as_text(raw, limit)
    except Exception:  # noqa: BLE001 - as in value()
        interruptions.let_through()
        return f"<{type(raw).__name__}>"


def _as_text(raw: Any, limit: int = MAX_ATTRIBUTE_LENGTH) -> str:
    if isinstance(raw, str):
        return _encodable(str.__getitem__(raw, slice(limit)))
    if isinstance(raw, (bytes, bytearray)):
        return _encodable(raw[:limit].decode("utf-8", "replace"))
    try:
        is_container = type(raw) in (list, tuple, set, frozenset, dict)
        return _encodable((_short.repr(raw) if is_container else str(raw))[:limit])
    except Exception:  # noqa: BLE001 - the object's own __str__ may raise anything
        interruptions.let_through()
        return f"<{type(raw).__name__}>"


def _encodable(raw: str) -> str:
    if raw.isascii():
        return raw
    # A lone surrogate can't be encoded, so its whole batch would be lost; it becomes a question mark.
    return raw.encode("utf-8", "replace").decode("utf-8")
