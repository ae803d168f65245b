"""
Attribute values as OpenTelemetry takes them, from whatever a program puts in. Pure.

The rule: nothing raises, and every value that comes out can be hashed and encoded, so that one bad value can neither reach
the program nor take a batch with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from csg_otel.names import MAX_ATTRIBUTE_LENGTH

Value = str | bool | int | float | tuple[str, ...]

_LARGEST = 2**63
_MOST_ITEMS = 128


def value(given: Any) -> Value | None:
    """Return *given* as an attribute value, cut to 1,024 characters; None if there is nothing to say."""
    if isinstance(given, Enum):
        given = given.value
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, int):
        return given if -_LARGEST <= given < _LARGEST else str(given)
    if isinstance(given, float):
        return given if math.isfinite(given) else str(given)
    if isinstance(given, (list, tuple, set, frozenset)):
        return tuple(_shown(item) for item in list(given)[:_MOST_ITEMS])
    return _shown(given)


def clean(given: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> dict[str, Value]:
    """Return *given* with text for keys and clean values; what is None or has an empty key is left out."""
    found: dict[str, Value] = {}
    for key, item in given.items() if isinstance(given, Mapping) else given:
        cleaned = value(item)
        if cleaned is not None and (name := _shown(key)):
            found[name] = cleaned
    return found


def _shown(given: Any) -> str:
    if given.__class__ is str:
        return _text(given)
    if isinstance(given, bytes):
        return _text(given[:MAX_ATTRIBUTE_LENGTH].decode("utf-8", "replace"))
    try:
        return _text(str(given))
    except Exception:  # noqa: BLE001 - an object of the program may not know how to show itself
        return f"<{type(given).__name__}>"


def _text(given: str) -> str:
    cut = given[:MAX_ATTRIBUTE_LENGTH]
    if cut.isascii():
        return cut
    # A lone surrogate can't be encoded and would cost its whole batch.
    return cut.encode("utf-8", "replace").decode("utf-8")
