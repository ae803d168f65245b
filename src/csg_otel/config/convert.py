"""
Turn one scalar into the value of a setting, or raise a `MismatchError` with the reason.

Pure: no origins, no environment. The one rule: a message shows only *shown*, the text that the caller allows, because the
value may be a secret.
"""

from __future__ import annotations

import math
import os
import re
import typing
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from csg_otel.config.sections.fields import Setting

TRUE: Final = frozenset({"true", "1", "yes", "on"})
FALSE: Final = frozenset({"false", "0", "no", "off"})
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_LONGEST_S: Final = 36_500 * 86_400.0
"""The longest duration of a setting; Prometheus refuses one of 293 years, and so does a thread that waits for it."""

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_BYTES: Final = {"b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?b|b)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[+-]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
QUANTITY: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*(%|ms|us|ns|s|m|h|d|w|B|[kKMGT]i?B)")
FUNCTION: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class MismatchError(ValueError):
    """A value does not fit its setting; the message describes values that do."""


def show(value: object) -> str:
    """Return *value* for a message: quoted, on one line, at most 60 characters."""
    return short(repr(value) if isinstance(value, str) else str(value))


def short(text: str) -> str:
    """Return *text*, cut to 60 characters."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def boolean(value: object, shown: str) -> bool:
    """Return a boolean from a boolean, 0, 1 or one of the words, in any case."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, str)):
        word = str(value).strip().lower()
        if word in TRUE | FALSE:
            return word in TRUE
    raise MismatchError(f"{shown} is not a boolean (true/false, yes/no, on/off, 1/0)")


def number(value: object, setting: Setting, *, whole: bool, shown: str) -> float:
    """
    Return a number within the setting's limits, also from its text; durations may be ``"5m"``, sizes ``"256MiB"``.

    Args:
        value: The value.
        setting: The declaration, with unit and limits.
        whole: Whether only whole numbers fit.
        shown: The value as a message may show it.
    """
    result = _plain_number(value)
    if result is None and isinstance(value, str):
        if setting.unit == "s":
            result = duration(value)
        elif setting.unit == "By":
            result = _size(value)
    if result is None or not _is_finite(result) or (whole and result != int(result)):
        raise MismatchError(f"{shown} is not {_described(setting, whole=whole)}")
    if setting.unit == "s" and result > _LONGEST_S:
        raise MismatchError(f"{shown} is longer than 100 years, which no backend takes; write less, such as 30d")
    _check_limits(result, setting, shown)
    return int(result) if whole else float(result)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number with hundreds of digits
        return False


def _plain_number(value: object) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        cleaned = value.strip().replace("_", "")
        return int(cleaned) if cleaned.lstrip("+-").isdigit() and len(cleaned) < 300 else float(cleaned)
    return None


def duration(text: str) -> float | None:
    """Return the seconds of ``"90s"``, ``"1h30m"``, ``"500ms"``; None for anything else."""
    stripped = text.strip().lower()
    parts = _DURATION.findall(stripped)
    if not parts or _DURATION.sub("", stripped).strip():
        return None
    return sum(float(count) * _SECONDS[unit] for count, unit in parts)


def _size(text: str) -> float | None:
    match = _SIZE.fullmatch(text.strip())
    return float(match[1]) * _BYTES[match[2].lower()] if match else None


def _described(setting: Setting, *, whole: bool) -> str:
    if setting.unit == "s":
        return 'a duration (seconds, or text such as "30s", "5m", "1h")'
    if setting.unit == "By":
        return 'a size (bytes, or text such as "256MiB")'
    return "a whole number" if whole else "a number"


def _check_limits(value: float, setting: Setting, shown: str) -> None:
    low, high, above = setting.low, setting.high, setting.above
    if (
        (above is not None and value <= above)
        or (low is not None and value < low)
        or (high is not None and value > high)
    ):
        unit = f" {setting.unit}" if setting.unit in {"s", "%", "ms", "MB"} else ""
        named = {"above": above, "at least": low, "at most": high}
        limits = " and ".join(f"{words} {limit:g}" for words, limit in named.items() if limit is not None)
        raise MismatchError(f"must be {limits}{unit}; {shown} was given")


def text(value: object, raw: str | None, shown: str) -> str:
    """Return text; a YAML number or word keeps the form it has in the file (``version: 1.10``)."""
    if isinstance(value, str):
        return value
    if raw is not None:
        return raw
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    raise MismatchError(f"{shown} is not text")


def choice(value: object, kind: Any, setting: Setting, raw: str | None, shown: str) -> str:
    """
    Return the word of a Literal that *value* spells, in any case or as an alias.

    Args:
        value: The value.
        kind: The Literal.
        setting: The declaration, with aliases and the noun for messages.
        raw: The text in the file, where YAML turned it into something else (``off``).
        shown: The value as a message may show it.
    """
    words: tuple[str, ...] = typing.get_args(kind)
    word = (raw if raw is not None and not isinstance(value, str) else str(value)).strip()
    for candidate in words:
        if candidate.lower() == word.lower():
            return candidate
    if (alias := setting.aliases.get(word.lower())) is not None:
        return alias
    if setting.ranks and word.isascii() and word.isdigit() and len(word) < 9:
        return next((name for rank, name in setting.ranks.items() if int(word) <= rank), words[-1])
    hint = suggestion(word.lower(), words)
    article = "an" if setting.noun[:1] in {"a", "e", "i", "o", "u"} else "a"
    name = f"{article} {setting.noun}" if setting.noun else "a value it can have"
    raise MismatchError(f"{shown} is not {name}" + (hint or f" (known: {', '.join(words)})"))


def scalar(kind: Any, value: object, setting: Setting, *, raw: str | None, shown: str) -> Any:
    """
    Return *value* as *kind*; raises `MismatchError`.

    Args:
        kind: bool, int, float, str or a Literal.
        value: The value.
        setting: The declaration.
        raw: The text in the file, where YAML turned it into something else.
        shown: The value as a message may show it.
    """
    if kind is bool:
        return boolean(value, shown)
    if kind in {int, float}:
        return number(value, setting, whole=kind is int, shown=shown)
    if typing.get_origin(kind) is Literal:
        return choice(value, kind, setting, raw, shown)
    if kind is str:
        result = text(value, raw, shown)
        if setting.free in {"regex", "re2"}:
            _check_regex(result, shown, is_re2=setting.free == "re2")
        if setting.free == "quantity" and not QUANTITY.fullmatch(result.strip()):
            raise MismatchError(f"{shown} is not a number (such as 85, or with a unit: 80%, 2GiB, 500ms)")
        if setting.free == "function" and not FUNCTION.fullmatch(result):
            raise MismatchError(f"{shown} is not module:function (such as package.module:check)")
        return result
    raise TypeError(f"a setting of type {kind!r} has no conversion")


def _check_regex(pattern: str, shown: str, *, is_re2: bool) -> None:
    if is_re2:
        from csg_otel.config.expressions import re2_mistake

        if mistake := re2_mistake(pattern):
            raise MismatchError(f"{shown} {mistake}")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise MismatchError(f"{shown} is not a regular expression: {error}") from None
