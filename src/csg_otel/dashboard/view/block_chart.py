"""
Charts of characters: sparklines and bars of blocks, lines of braille dots, and their axes. Pure.

A gap in the values stays a gap: no line crosses it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

Values = Sequence["float | None"]

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_EIGHTHS: Final = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille character, by row and column."""


class Cell(NamedTuple):
    """One character of a plot, and the index of the series drawn in it; None for an empty cell."""

    text: str
    series: int | None


def spread(values: Values, width: int) -> list[float | None]:
    """Return *values* as *width* values over the same period: the mean where several share one, None where there are none."""
    if not values or width <= 0:
        return [None] * max(0, width)
    if len(values) <= width:
        return [values[column * len(values) // width] for column in range(width)]
    columns: list[float | None] = []
    for column in range(width):
        part = values[column * len(values) // width : (column + 1) * len(values) // width]
        numbers = [value for value in part if _finite(value)]
        columns.append(sum(n for n in numbers if n is not None) / len(numbers) if numbers else None)
    return columns


def sparkline(values: Values, width: int, low: float | None = None, high: float | None = None) -> str:
    """
    Return *values* as blocks in *width* cells, a space for a gap.

    Args:
        values: The values, oldest first; fewer than *width* stand at the right end.
        width: Cells.
        low: The value of the lowest block. Default: the least value.
        high: The value of the highest block. Default: the greatest value.
    """
    columns = spread(values, min(width, len(values)))
    numbers = [value for value in columns if value is not None and _finite(value)]
    if not numbers:
        return " " * width
    bottom = min(numbers) if low is None else low
    top = max(numbers) if high is None else high
    scale = (len(_BLOCKS) - 1) / (top - bottom) if top > bottom else 0.0
    drawn = (
        " " if value is None or not _finite(value) else _BLOCKS[_within(round((value - bottom) * scale), len(_BLOCKS))]
        for value in columns
    )
    return "".join(drawn).rjust(width)


def bar(share: float, width: int) -> str:
    """Return a bar of *share* (0 to 1) of *width* cells, in steps of an eighth of a cell; a share above 0 is visible."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]


def plot(series: Sequence[Values], width: int, height: int, low: float, high: float) -> list[list[Cell]]:
    """
    Return *series* as lines of braille dots: *height* rows of *width* cells, the highest values in the first row.

    All series cover the whole width. Values outside of *low* and *high* are drawn at the edge. Neighbours are joined; the
    first series is in front.
    """
    dots = [[0] * width for _ in range(height)]
    owners: list[list[int | None]] = [[None] * width for _ in range(height)]
    for index in reversed(range(len(series))):
        for x, y in _points(series[index], width * 2, height * 4, low, high):
            dots[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
            owners[y // 4][x // 2] = index
    return [
        [Cell(chr(0x2800 + bits) if bits else " ", owner) for bits, owner in zip(*rows, strict=True)]
        for rows in zip(dots, owners, strict=True)
    ]


def row_of(value: float, height: int, low: float, high: float) -> int:
    """Return the row in which *plot* draws *value*."""
    return _dot(value, height * 4, low, high) // 4


def column_of(position: int, count: int, width: int) -> int:
    """Return the cell of the value at *position* of *count*, in a plot of *width* cells."""
    return _x(position, count, width * 2) // 2


def position_of(column: int, count: int, width: int) -> int:
    """Return the position of the value nearest to the cell *column*, of *count* values in a plot of *width* cells."""
    return _within(round(column / max(1, width - 1) * (count - 1)), max(1, count))


def _points(values: Values, width: int, height: int, low: float, high: float) -> list[tuple[int, int]]:
    columns = spread(values, width) if len(values) > width else list(values)
    points: list[tuple[int, int]] = []
    before: tuple[int, int] | None = None
    for position, value in enumerate(columns):
        if value is None or not _finite(value):
            before = None
            continue
        here = (_x(position, len(columns), width), _dot(value, height, low, high))
        points.extend(_line(before, here) if before else [here])
        before = here
    return points


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (round(start[0] + (end[0] - start[0]) * i / steps), round(start[1] + (end[1] - start[1]) * i / steps))
        for i in range(1, steps + 1)
    ]


def _x(position: int, count: int, width: int) -> int:
    return width - 1 if count <= 1 else round(position / (count - 1) * (width - 1))


def _dot(value: float, height: int, low: float, high: float) -> int:
    share = min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.5
    return _within(round((1 - share) * (height - 1)), height)


def _within(index: int, count: int) -> int:
    return min(count - 1, max(0, index))


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
