"""Axes of charts: round steps in one unit for all labels of an axis, and round times. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from csg_otel.dashboard.view.text import clock
from csg_otel.display import EPOCH_S

_MAGNITUDES: Final[dict[str, tuple[tuple[float, str], ...]]] = {
    "s": ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h")),
    "By": ((1.0, "B"), (1024.0, "KiB"), (1024.0**2, "MiB"), (1024.0**3, "GiB"), (1024.0**4, "TiB")),
    "Hz": ((1.0, "Hz"), (1e3, "kHz"), (1e6, "MHz"), (1e9, "GHz")),
    "": ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")),
}
"""Per unit of UCUM the units that people read, each with its size, smallest first; the last row is for all other units."""

_LARGEST: Final = {"min": 120.0, "h": 7200.0}
"""Units that are used from this value in seconds on: 90 s is easier to read than 1.5 min."""

_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True)
class Tick:
    """A line of the grid: its place in the chart's own unit, and its label."""

    value: float
    label: str


@dataclass(frozen=True)
class Axis:
    """An axis from ``low`` to ``high`` in the chart's own unit; ``unit`` is the one in which the labels count."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    unit: str


def value_axis(values: Iterable[float | None], unit: str, lines: int = 5) -> Axis:
    """
    Return the axis of *values*, which are in the UCUM unit *unit*; it has 0 unless all values are negative, too.

    Args:
        values: The values of all series, and the thresholds to show; None is a gap.
        unit: The unit in UCUM, such as ``s``, ``By``, ``%``, ``{request}`` or ``By/s``.
        lines: The number of steps to aim for. Default: 5.
    """
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    if unit == "s" and low > EPOCH_S:
        return Axis(low - 1, high + 1, tuple(Tick(at, clock(at)) for at in _spread(low, high)), "")
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = 1.0
    if unit == "%" and high > 20:
        high = max(high, 100.0)
    size, label = _magnitude(max(-low, high), unit)
    step = _round_step((high - low) / size / lines, binary=unit.startswith("By")) * size
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(Tick(number * step, _plain(number * step / size)) for number in range(first, last + 1))
    return Axis(first * step, last * step, ticks, label)


def _spread(low: float, high: float) -> tuple[float, ...]:
    return (low, (low + high) / 2, high) if high > low else (low,)


def _magnitude(largest: float, unit: str) -> tuple[float, str]:
    """Return size and name of the unit in which *largest* is read most easily."""
    base, slash, per = unit.partition("/")
    rows = _MAGNITUDES.get(base, _MAGNITUDES[""])
    if unit == "%":
        return 1.0, "%"
    size, name = rows[0]
    for size, name in reversed(rows):
        if largest >= _LARGEST.get(name, size):
            break
    if base not in _MAGNITUDES:
        noun = "" if base == "1" else plural(base[1:-1]) if base.startswith("{") else base
        name = f"{name} {noun}".strip() if name else noun
    return size, f"{name}{slash}{per}"


def plural(noun: str) -> str:
    """Return the plural of a noun in English, as the annotation of a unit has it: ``order`` is ``orders``."""
    if noun.endswith("ss"):
        return f"{noun}es"
    if noun.endswith("s") or not noun.isalpha():
        return noun
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"


def _round_step(step: float, *, binary: bool) -> float:
    """Return the next larger step of 1, 2 or 5 times a power of 10; of 1, 2, 4 ... for bytes from 10 on."""
    if binary and step > 10:
        return float(2 ** math.ceil(math.log2(step) - 1e-9))
    power = 10.0 ** math.floor(math.log10(step) + 1e-9)
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _plain(value: float) -> str:
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"


def time_axis(start: float, end: float, lines: int = 6) -> tuple[Tick, ...]:
    """Return at most *lines* ticks between two Unix times, at round local times; midnight has the date as label."""
    span = max(end - start, 1.0)
    step = next((step for step in _STEPS_S if span / step <= lines), 86400 * math.ceil(span / 86400 / lines))
    offset = _local(start).utcoffset()
    shift = offset.total_seconds() if offset is not None else 0.0
    first = math.ceil((start + shift) / step)
    count = math.floor((end + shift) / step) - first + 1
    times = [(first + number) * step - shift for number in range(count)]
    return tuple(Tick(at, _time_label(_local(at), step)) for at in times)


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at).astimezone()


def _time_label(at: datetime, step: float) -> str:
    if step < 60:
        return f"{at:%H:%M:%S}"
    midnight = at.hour == at.minute == 0
    return f"{at:%b} {at.day}" if midnight else f"{at:%H:%M}"


def runs(values: Sequence[float | None]) -> list[list[int]]:
    """Return the positions of *values* as runs without a gap, so that no line is drawn through one."""
    pieces: list[list[int]] = []
    for position, value in enumerate(values):
        if value is None or not math.isfinite(value):
            continue
        if pieces and pieces[-1][-1] == position - 1:
            pieces[-1].append(position)
        else:
            pieces.append([position])
    return pieces
