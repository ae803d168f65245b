"""
Attribute values and measurements as OpenTelemetry takes them, from whatever a program puts in. Pure.

The rule: nothing raises, and everything that comes out can be hashed and encoded, so that one bad value can neither reach
the program nor take a batch with it. Looking at what is sound already costs next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from itertools import islice
from reprlib import Repr
from typing import Any, Final

from csg_otel.names import MAX_ATTRIBUTE_LENGTH

Value = str | bool | int | float | tuple[str, ...]

_LARGEST: Final = 2**63
"""The first whole number OTLP can't carry."""

MOST_ITEMS: Final = 128
"""Attributes of one measurement or item, and values of one list, that are kept."""

_short = Repr()
"""Shows containers without first making text of all that is in them, and stops in those that contain themselves."""
_short.maxlevel = 6
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = _short.maxfrozenset = _short.maxdeque = MOST_ITEMS
_short.maxstring = _short.maxother = _short.maxlong = MAX_ATTRIBUTE_LENGTH


def value(given: Any) -> Value | None:
    """Return *given* as an attribute value, cut to 1,024 characters; None if there is nothing to say."""
    try:
        return _value(given)
    except Exception:  # noqa: BLE001 - an object of the program may lie about its class or fail at anything
        return f"<{type(given).__name__}>"


def _value(given: Any) -> Value | None:
    if isinstance(given, Enum):
        given = given.value
    if given is None or given is True or given is False:
        return given
    if isinstance(given, int):
        return int(given) if -_LARGEST <= given < _LARGEST else _shown(given)
    if isinstance(given, float):
        return float(given) if math.isfinite(given) else str(float(given))
    if isinstance(given, (list, tuple, set, frozenset)):
        return tuple(_shown(item) for item in islice(given, MOST_ITEMS))
    return _shown(given)


def number(given: Any) -> int | float | None:
    """
    Return a finite number, of whatever type *given* is; None for what is none.

    Whole numbers that OTLP can't carry become floats; truth values, texts and bytes are no measurements.
    """
    kind = type(given)
    if kind is float:
        return float(given) if math.isfinite(given) else None
    if kind is int and -_LARGEST <= given < _LARGEST:
        return int(given)
    try:
        if isinstance(given, (bool, str, bytes, bytearray)):
            return None
        found = float(given)
        if not math.isfinite(found):
            return None
        return int(given) if hasattr(given, "__index__") and abs(found) < _LARGEST else found
    except Exception:  # noqa: BLE001 - whatever an object of the program does when it is asked for a number
        return None


def sound(given: Any) -> bool:
    """Tell whether *given* is a plain dictionary of attributes that needs no cleaning: the usual case, found out fast."""
    if type(given) is not dict or len(given) > MOST_ITEMS:
        return False
    for key, item in given.items():
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


def clean(given: Any) -> dict[str, Value]:
    """
    Return *given*, a mapping or pairs, with text for keys and clean values; what is None or has an empty key is left out.

    What is neither a mapping nor pairs has no attributes; beyond 128 they are left out.
    """
    found: dict[str, Value] = {}
    try:
        for key, item in islice(given.items() if isinstance(given, Mapping) else given, MOST_ITEMS):
            cleaned = value(item)
            if cleaned is not None and (name := text(key)):
                found[name] = cleaned
    except Exception:  # noqa: BLE001 - a mapping of the program may fail at anything; what was read so far is kept
        return found
    return found


def text(given: Any, most: int = MAX_ATTRIBUTE_LENGTH) -> str:
    """Return *given* as text that can be encoded, of at most *most* characters."""
    try:
        return _encodable((given if type(given) is str else _shown(given))[:most])
    except Exception:  # noqa: BLE001 - as in value()
        return f"<{type(given).__name__}>"


def _shown(given: Any) -> str:
    if isinstance(given, str):
        return _encodable(str.__getitem__(given, slice(MAX_ATTRIBUTE_LENGTH)))
    if isinstance(given, (bytes, bytearray)):
        return _encodable(given[:MAX_ATTRIBUTE_LENGTH].decode("utf-8", "replace"))
    try:
        known = type(given) in (list, tuple, set, frozenset, dict)
        return _encodable((_short.repr(given) if known else str(given))[:MAX_ATTRIBUTE_LENGTH])
    except Exception:  # noqa: BLE001 - an object of the program may not know how to show itself
        return f"<{type(given).__name__}>"


def _encodable(given: str) -> str:
    if given.isascii():
        return given
    # A lone surrogate can't be encoded and would cost its whole batch.
    return given.encode("utf-8", "replace").decode("utf-8")
