"""The words of a row: numbers with units, attributes, and links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

_MOST_ATTRIBUTES: Final = 3
_MOST_SIGNS: Final = 60

_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_BYTES: Final = {"By": 1.0, "KiBy": 1024.0, "kBy": 1e3, "MiBy": 1024.0**2, "MBy": 1e6, "GiBy": 1024.0**3}


def is_duration(unit: str) -> bool:
    """Return whether *unit* is one of time."""
    return unit in _SECONDS


def floor(unit: str, field: str) -> float:
    """Return the smallest difference that matters, in *unit* (per second for the field ``rate``)."""
    if field == "rate":
        return 10_240 / _BYTES[unit] if unit in _BYTES else 0.05
    if unit in _SECONDS:
        return 0.002 / _SECONDS[unit]
    if unit in _BYTES:
        return 1_048_576 / _BYTES[unit]
    return {"1": 0.02, "%": 2.0}.get(unit, 1.0)


def quantity(value: float, unit: str, field: str = "value") -> str:
    """Return *value* with its unit as people read it: ``40 ms``, ``1.5 GiB``, ``12 %``, ``3.1/s``."""
    if field == "rate":
        per_second = _bytes(value * _BYTES[unit]) if unit in _BYTES else _number(value)
        return f"{per_second}/s"
    if unit in _SECONDS:
        return _duration(value * _SECONDS[unit])
    if unit in _BYTES:
        return _bytes(value * _BYTES[unit])
    if unit == "1":
        return f"{_number(value * 100)} %"
    shown = "" if unit.startswith("{") else unit
    return f"{_number(value)} {shown}".rstrip()


def per_minute(per_second: float) -> str:
    """Return a rate of rare events: ``12 a minute``."""
    return f"{_number(per_second * 60)} a minute"


def _duration(seconds: float) -> str:
    size = abs(seconds)
    for least, factor, name in ((60.0, 1 / 60, "min"), (1.0, 1.0, "s"), (1e-3, 1e3, "ms")):
        if size >= least:
            return f"{_number(seconds * factor)} {name}"
    return f"{_number(seconds * 1e6)} us" if size else "0 ms"


def _bytes(value: float) -> str:
    for size, name in ((1024.0**4, "TiB"), (1024.0**3, "GiB"), (1024.0**2, "MiB"), (1024.0, "KiB")):
        if abs(value) >= size:
            return f"{_number(value / size)} {name}"
    return f"{_number(value)} B"


def _number(value: float) -> str:
    """Return *value* with three digits, without an exponent and without trailing zeros."""
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    text = f"{value:.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-0", "0", text in ("-0", "-0.0"))


def of_attributes(attributes: Mapping[str, Any], distinguishing: Iterable[str]) -> str:
    """Return `` for route /b, method GET``: the attributes that distinguish a series, at most three; empty for none."""
    keys = [key for key in distinguishing if key in attributes] or list(attributes)
    named = [f"{key.rpartition('.')[2].replace('_', ' ')} {short(str(attributes[key]))}" for key in keys]
    return f" for {', '.join(named[:_MOST_ATTRIBUTES])}" if named else ""


def short(text: str) -> str:
    """Return the beginning of *text*."""
    return text if len(text) <= _MOST_SIGNS else f"{text[: _MOST_SIGNS - 3]}..."


def movement(subject: str, before: str, after: str, *, rose: bool) -> str:
    """Return the sentence that *subject* moved from *before* to *after*."""
    return f"{subject} {'rose' if rose else 'fell'} from {before} to {after}"


def fragment(pane: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return the fragment of the page that shows *pane* with *parameters*; empty ones are left out."""
    pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters if value)
    return f"{pane}?{pairs}" if pairs else pane
