"""
Rows of styled text, and tables that fit a width: columns are dropped by importance, and no text is wrapped. Pure.

Styles are words: a state, ``dim``, ``bold``, ``accent``, ``series0`` to ``series7``; ``palette`` has their colours.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from csg_otel.display import cells, clean, cut, cut_middle, wrap

SERIES_STYLES: Final = 8
"""The number of colours of series."""

_GAP: Final = 2
"""Cells between two columns."""


class Segment(NamedTuple):
    """Text in one style."""

    text: str
    style: str = ""


Line = tuple[Segment, ...]
Cell = str | Segment | Line
"""Content of a cell of a table."""


class Row(NamedTuple):
    """A line of a list; one with a *key* can be selected."""

    line: Line
    key: str = ""


class Page(NamedTuple):
    """The content of a list: a header that stays in place, and the rows below it."""

    rows: Sequence[Row]
    header: Line = ()


class Column(NamedTuple):
    """
    A column of a table.

    Attributes:
        title: The heading.
        width: Cells; of the flexible column, the least number.
        importance: The column with the highest number is dropped first; those with 0 stay.
        right: Align to the right, for numbers.
        flexible: Take the cells that the others leave.
        middle: Cut in the middle, for names that differ at their ends.
    """

    title: str
    width: int
    importance: int = 0
    right: bool = False
    flexible: bool = False
    middle: bool = False


def text(*segments: str | Segment) -> Line:
    """Return a line of *segments*; plain text has no style."""
    return tuple(Segment(part) if isinstance(part, str) else part for part in segments)


def fit(content: str, width: int, *, right: bool = False, middle: bool = False) -> str:
    """Return *content*, escaped, in exactly *width* cells; *middle* cuts in the middle, and not at the end."""
    shown = (cut_middle if middle else cut)(clean(content), width)
    space = " " * (width - cells(shown))
    return space + shown if right else shown + space


def layout(columns: Sequence[Column], width: int) -> list[tuple[int, int]]:
    """Return the index and the width of each column that is shown in *width* cells."""
    kept = list(range(len(columns)))
    while len(kept) > 1 and sum(columns[i].width for i in kept) + _GAP * (len(kept) - 1) > width:
        least = max(kept, key=lambda i: (columns[i].importance, i))
        if columns[least].importance == 0:
            break
        kept.remove(least)
    rest = width - sum(columns[i].width for i in kept) - _GAP * (len(kept) - 1)
    return [(i, max(1, columns[i].width + rest) if columns[i].flexible else columns[i].width) for i in kept]


def table(columns: Sequence[Column], items: Iterable[tuple[str, Sequence[Cell]]], width: int) -> Page:
    """Return a table: *items* are pairs of a row's key and its cells, one for each column."""
    shown = layout(columns, width)
    header = [Segment(columns[i].title) for i in range(len(columns))]
    return Page(
        [Row(_cells(columns, shown, line), key) for key, line in items],
        tuple(Segment(cell.text, "heading") for cell in _cells(columns, shown, header)),
    )


def _cells(columns: Sequence[Column], shown: list[tuple[int, int]], line: Sequence[Cell]) -> Line:
    segments: list[Segment] = []
    for position, (index, width) in enumerate(shown):
        cell = line[index]
        gap = " " * _GAP if position < len(shown) - 1 else ""
        if isinstance(cell, tuple) and not isinstance(cell, Segment):
            segments += [*_fitted(cell, width), Segment(gap)]
            continue
        content, style = cell if isinstance(cell, Segment) else (cell, "")
        shape = columns[index]
        segments.append(Segment(fit(content, width, right=shape.right, middle=shape.middle) + gap, style))
    return tuple(segments)


def _fitted(line: Line, width: int) -> list[Segment]:
    """Return *line* in exactly *width* cells, cut at its end."""
    segments: list[Segment] = []
    for content, style in line:
        shown = cut(clean(content), width)
        segments.append(Segment(shown, style))
        width -= cells(shown)
    return [*segments, Segment(" " * width)]


def joined(characters: Iterable[tuple[str, str]]) -> list[Segment]:
    """Return characters with their styles as segments, neighbours of one style in one segment."""
    return [
        Segment("".join(character for character, _ in group), style)
        for style, group in itertools.groupby(characters, key=lambda pair: pair[1])
    ]


def heading(title: str, width: int, note: str = "") -> list[Row]:
    """Return the heading of a section, with an empty line before it."""
    side = f"  {note}" if note else ""
    return [Row(()), Row(text(Segment(title, "bold"), Segment(cut(clean(side), max(0, width - cells(title))), "dim")))]


def flow(parts: Iterable[Sequence[Segment]], width: int) -> list[Row]:
    """Return *parts* one beside the other, in as many rows as they need."""
    rows: list[list[Segment]] = [[]]
    left = width
    for part in parts:
        need = sum(cells(clean(segment.text)) for segment in part)
        if rows[-1] and need > left:
            rows.append([])
            left = width
        rows[-1] += [*part, Segment("   ")]
        left -= need + 3
    return [Row(tuple(row[:-1])) for row in rows]


def paragraph(content: str, width: int, style: str = "", indent: str = "") -> list[Row]:
    """Return *content* in lines of at most *width* cells; its line breaks are kept."""
    lines = content.expandtabs(4).splitlines() or [""]
    return [
        Row(text(Segment(indent + part, style)))
        for line in lines
        for part in wrap(clean(line), max(1, width - cells(indent)))
    ]


def pairs(items: Iterable[tuple[str, Any]], width: int, indent: str = "") -> list[Row]:
    """Return names and values, one a line; long values continue in further lines."""
    escaped = [(clean(str(name)), value) for name, value in items]
    left = min(max((cells(name) for name, _ in escaped), default=0), max(8, width // 3))
    rows: list[Row] = []
    for name, value in escaped:
        content = value if isinstance(value, Segment) else Segment(plain(value))
        lines = paragraph(content.text, width - left - _GAP - cells(indent), content.style)
        for position, row in enumerate(lines):
            label = fit(name, left) if position == 0 else " " * left
            rows.append(Row((Segment(f"{indent}{label}{' ' * _GAP}", "dim"), *row.line)))
    return rows


def plain(value: Any) -> str:
    """Return the value of an attribute as text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value))
    return "" if value is None else str(value)


def labels(attributes: Mapping[str, Any]) -> str:
    """Return attributes as ``name=value name=value``."""
    return " ".join(f"{name}={plain(value)}" for name, value in attributes.items())


def note(message: str, width: int) -> Page:
    """Return a page with *message* alone, as quiet text."""
    return Page([Row(()), *paragraph(textwrap.dedent(message).strip("\n"), width - 4, "dim", "  ")])
