"""
The texts that every view of the dashboard shares: states in words and shapes, times, ages, and values with units. Pure.

Durations and sizes are formatted by ``csg_otel.display``. A missing value is shown as ``—``.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

from csg_otel.display import duration, number, quantity

MISSING: Final = "—"
"""A value that is not available."""

SHAPES: Final = {
    "healthy": "●",
    "warning": "▲",
    "critical": "✖",
    "unknown": "?",
    "stale": "◌",
    "receiving": "●",
    "waiting": "◌",
}
"""The shape of each state, so that a state can be read without its colour."""

ORDER: Final = ("critical", "warning", "unknown", "stale", "healthy")
"""The states, worst first."""


def state(word: str) -> str:
    """Return a state as shape and word: ``▲ WARNING``."""
    return f"{SHAPES.get(word, '?')} {word.upper()}"


def value(amount: float | None, unit: str = "") -> str:
    """Return *amount* of a UCUM *unit*: ``1.24 s``, ``48.2 MiB``, ``12.5%``, ``3.5 MiB/s``; rates are ``By/s`` or ``1/s``."""
    if amount is None or math.isnan(amount):
        return MISSING
    base, slash, per = unit.rpartition("/")
    if slash and per == "s":
        return f"{quantity(amount, base)}/s"
    if unit == "%":
        return percent(amount)
    return quantity(amount, unit)


def percent(amount: float | None) -> str:
    """Return a percentage of 0 to 100 with one digit after the point; two below 1 %."""
    if amount is None or math.isnan(amount):
        return MISSING
    return f"{amount:.{2 if 0 < abs(amount) < 0.995 else 1}f}%" if math.isfinite(amount) else number(amount)


def age(seconds: float | None) -> str:
    """Return a span of whole seconds: ``4 s``, ``1m 05s``, ``2h 10m``, ``3d 04h``."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 48 * 3600:
        return duration(whole)
    days, rest = divmod(whole, 86400)
    return f"{days}d {rest // 3600:02}h"


def ago(seconds: float | None) -> str:
    """Return how long ago: ``now`` within 1 s, else ``4 s ago``."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    return "now" if seconds < 1 else f"{age(seconds)} ago"


def clock(at: float | None, now: float | None = None) -> str:
    """Return Unix seconds as the local ``HH:MM:SS``; with the date in front if *now* is on another day."""
    moment = _local(at)
    if moment is None:
        return MISSING
    today = _local(now)
    return f"{moment:%H:%M:%S}" if today is None or moment.date() == today.date() else f"{moment:%Y-%m-%d %H:%M:%S}"


def clock_or_day(at: float, now: float) -> str:
    """Return Unix seconds as the local ``HH:MM:SS``, on the next six days with the weekday in front; else the date alone."""
    moment, today = _local(at), _local(now)
    if moment is None or today is None:
        return MISSING
    days = (moment.date() - today.date()).days
    return f"{moment:%H:%M:%S}" if days == 0 else f"{moment:%a %H:%M:%S}" if 0 < days < 7 else f"{moment:%Y-%m-%d}"


def stamp(at: float | None) -> str:
    """Return Unix seconds as local date, time in milliseconds, and zone: ``2026-11-27 10:30:00.123 CET``."""
    moment = _local(at)
    return MISSING if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03} {moment:%Z}"


def milliseconds(at: float | None) -> str:
    """Return Unix seconds as the local ``HH:MM:SS.mmm``, for lists of traces and logs."""
    moment = _local(at)
    return MISSING if moment is None else f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"


def _local(at: float | None) -> datetime | None:
    try:
        return None if at is None else datetime.fromtimestamp(at).astimezone()
    except (ValueError, OverflowError, OSError):
        return None
