"""The values in rows of SQL and in lists of parameters: ``('ann', crypt('x')), ('bob', ?)``, each with its column. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from csg_otel.privacy.structure import marks, values

PLACEHOLDER: Final = (
    r"%s|%\((?P<format>\w{1,100})\)s|(?<![\w?])\?(?![?\w])|\$(?P<dollar>\d{1,4})\b|(?<![:\w])[:@](?P<colon>\w{1,100})\b"
)
"""A place for a parameter: ``%s``, ``?``, ``$1``, ``:1``, ``@p1``, or one with a name: ``:name``, ``%(name)s``."""
_PART: Final = re.compile(
    rf"(?P<quote>[bBuUnNeExX]?{marks.QUOTE})|(?P<open>[(\[{{])|(?P<close>[)\]}}])|[,;]|(?i:\binsert\b)|(?P<place>{PLACEHOLDER})"
)
_INSERT: Final = re.compile(
    r"(?i)\b(?:insert|replace)\s{1,8}(?:\w{1,20}\s{1,8}){0,2}into\s{1,8}[^\s(]{1,200}\s{0,8}\(([^()]{1,4000})\)\s{0,8}values?\s{0,8}(?=\()"
)
_NEXT_ROW: Final = re.compile(r"\s{0,64},\s{0,64}(?=\()")
_LONGEST: Final = 65_536
"""Characters of rows that are looked at."""


class Cell(NamedTuple):
    """A literal, or a place for a parameter, of a row: the index of its column, how deep it stands, and its span."""

    column: int
    depth: int
    start: int
    end: int
    is_place: bool


def inserts(text: str) -> Iterator[tuple[list[str], int]]:
    """Yield the columns of each ``INSERT``, and where its rows begin."""
    for match in _INSERT.finditer(text):
        yield [column.strip().strip("\\\"'`[]") for column in match[1].split(",")], match.end()


def cells(text: str, position: int, row_depth: int = 1, longest: int = _LONGEST) -> Iterator[Cell]:
    """
    Yield the literals in quotes and the places of the rows at *position*.

    A row has *row_depth* brackets around it; *longest* characters are looked at.
    """
    limit, depth, column = position + longest, 0, 0
    while (part := _PART.search(text, position, limit)) is not None:
        position = part.end()
        if part["quote"]:
            start, end = values.end_of(text, part.start())
            position = max(position, end + len(part["quote"].lstrip("bBuUnNeExX")))
            yield Cell(column, depth, start, end, is_place=False)
        elif part["place"]:
            yield Cell(column, depth, *part.span(), is_place=True)
        elif part["open"]:
            depth += 1
            column = 0 if depth == row_depth else column
        elif part["close"]:
            depth -= 1
            if depth <= 0 and (row_depth > 1 or _NEXT_ROW.match(text, position) is None):
                return
        elif part[0].isalpha() or (part[0] == ";" and not depth):  # the next statement
            return
        elif part[0] == "," and depth == row_depth:
            column += 1
