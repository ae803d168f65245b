"""
Limits with a unit, such as ``80%``, ``2GiB`` and ``500ms``, as numbers in the unit of a metric.

Pure. The rule: a unit that does not belong to the metric's own is a mistake, and the message contains the metric's unit.
"""

from __future__ import annotations

import re
from typing import Final

_QUANTITY: Final = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S+)\s*")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_BYTES: Final = {
    "B": 1.0,
    **{f"{prefix}B": 1000.0**power for power, prefix in enumerate(("k", "M", "G", "T"), 1)},
    **{f"{prefix}iB": 1024.0**power for power, prefix in enumerate(("K", "M", "G", "T"), 1)},
    "KB": 1000.0,
    "kiB": 1024.0,
}
_UNITS: Final = {
    "s": ("s", 1.0),
    "ms": ("s", 1e-3),
    "us": ("s", 1e-6),
    "ns": ("s", 1e-9),
    "seconds": ("s", 1.0),
    "By": ("By", 1.0),
    "bytes": ("By", 1.0),
    "KiBy": ("By", 1024.0),
    "MiBy": ("By", 1024.0**2),
    "kBy": ("By", 1000.0),
    "MBy": ("By", 1000.0**2),
    "1": ("1", 1.0),
    "ratio": ("1", 1.0),
    "%": ("1", 0.01),
    "percent": ("1", 0.01),
}
"""By unit of a metric, in UCUM or as the end of a series name: the dimension, and one of this unit in its base."""


def unit_of(unit: str, series: str) -> str:
    """Return the *unit* of a metric; of one without, that at the end of the name of its *series*."""
    if unit:
        return unit
    words = series.removesuffix("_total").rpartition("_")
    return words[2] if words[2] in _UNITS else ""


def form_of(unit: str) -> str:
    """Return the form in which people read numbers in *unit*, as in a message: bytes, duration, or none."""
    return {"s": "duration", "By": "bytes"}.get(_UNITS[unit][0], "") if _UNITS.get(unit, ("", 0.0))[1] == 1.0 else ""


def number(written: float | str, unit: str) -> float:
    """
    Return a limit as a number in *unit*. Raises ValueError with a correction for a unit that does not fit.

    Args:
        written: a number, which is in the unit of the metric, or a text with a unit.
        unit: the unit of the compared value; empty if it is not known or is a plain count.
    """
    quantity = _QUANTITY.fullmatch(written) if isinstance(written, str) else None
    if quantity is None:
        return float(written) if isinstance(written, str) else written
    value, own = float(quantity[1]), quantity[2]
    dimension, size = ("1", 0.01) if own == "%" else ("s", _SECONDS[own]) if own in _SECONDS else ("By", _BYTES[own])
    wanted, base = _UNITS.get(unit, ("", 1.0))
    if wanted == dimension:
        return float(f"{value * size / base:.15g}")
    if (
        not wanted and not unit and dimension != "1"
    ):  # a series that does not name its unit has the base unit of Prometheus
        return float(f"{value * size:.15g}")
    shown = f"in {unit}" if unit else "a plain number"
    raise ValueError(f"{written!r} does not fit the compared value, which is {shown}; write the limit in that unit")
