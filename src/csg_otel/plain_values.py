"""
Values of the program as text, and in a form that JSON can hold. Pure, and never raises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

_MAX_DEPTH: Final = 6
"""Levels of nested values; deeper values become text by their ``str()``."""

_MAX_NUMBER: Final = 2**64
"""Numbers of this size and above become text, because many JSON readers cannot hold them."""


def plain(item: Any, depth: int = 0) -> str:
    """Return any attribute value or log body as text; never raises."""
    if item is None or isinstance(item, (str, bool)):
        return item if isinstance(item, str) else {None: "-", True: "true", False: "false"}[item]
    if isinstance(item, float):
        return f"{item:.6g}"
    if depth < _MAX_DEPTH and isinstance(item, Mapping):
        return "{" + ", ".join(f"{plain(k, depth + 1)}: {plain(v, depth + 1)}" for k, v in item.items()) + "}"
    if depth < _MAX_DEPTH and isinstance(item, (list, tuple)):
        return "[" + ", ".join(plain(v, depth + 1) for v in item) + "]"
    try:
        return str(item)
    except BaseException:  # noqa: BLE001 - str() of the program's object may raise, even SystemExit
        return f"<{type(item).__name__}>"


def json_value(value: Any, depth: int = 0) -> Any:
    """Return *value* as JSON can hold it: numbers out of range, deep values and other objects become text."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if value is None or isinstance(value, (bool, int, float)):
        in_range = value is None or (math.isfinite(value) and abs(value) < _MAX_NUMBER)
        return value if in_range else plain(value)
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return {json_value(plain(key)): json_value(item, depth + 1) for key, item in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, (list, tuple)):
        return [json_value(item, depth + 1) for item in value]
    return json_value(plain(value))
