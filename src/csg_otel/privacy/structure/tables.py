"""
Columns of tables: CSV with a header, and what psql, mysql and Markdown print. Pure and linear.

The one rule: each row has as many cells as the header, whose cells are names; prose with commas ends a table, or is none.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Final

from csg_otel.privacy import keys
from csg_otel.privacy.options import MASKED, Hit
from csg_otel.privacy.structure import apart, marks, plausible

_RULER: Final = re.compile(r"[ |+:]*-{2,}[-+|: ]*")
_CELL: Final = {
    mark: re.compile(rf"[ ]*(?:\"([^\"\n]*)\"|([^\"{mark}\n]*?))[ ]*(?={re.escape(mark)}|\Z)") for mark in ",;\t|"
}
_LONGEST: Final = 65_536
"""Characters of a table that are looked at."""
_LEAST: Final = 4


def hits(text: str, rule: apart.Rule) -> Iterator[Hit]:
    """Yield the cells that *rule* redacts under the names of their columns; personal data is left to other rules."""
    if "\n" not in text:
        return
    position = 0
    while (header := marks.HEADER.search(text, position)) is not None:
        position = header.end()
        line = header[0].strip("\r\n")
        mark = next(mark for mark in "|\t;," if mark in line)
        columns = [line[start:end] for start, end in _cells(line, mark)]
        secret = [bool(column) and rule(column, None) in ("key-value", "extra-key") for column in columns]
        if any(secret):
            position = yield from _rows(text, position, mark, columns, secret, rule)


def _rows(
    text: str, start: int, mark: str, columns: list[str], secret: list[bool], rule: apart.Rule
) -> Generator[Hit, None, int]:
    """Yield the hits in the rows from *start* on, and return where they end; below a ruler a password may be a plain word."""
    ruled, limit = False, min(len(text), start + _LONGEST)
    while start < limit:
        end = text.find("\n", start, limit)
        end = limit if end < 0 else end
        line = text[start:end].rstrip("\r")
        if _RULER.fullmatch(line) is not None:
            ruled = True
        else:
            cells = _cells(line, mark)
            if len(cells) != len(columns):
                return start
            for index, (low, high) in enumerate(cells):
                value = line[low:high]
                word = ruled and keys.strength(columns[index]) == keys.PASSWORD
                likely = word or plausible.token_like(value, _LEAST)
                if (
                    secret[index]
                    and likely
                    and MASKED.fullmatch(value) is None
                    and keys.split(value) != keys.split(columns[index])
                ):
                    name = rule(columns[index], value)
                    if name:
                        yield Hit(start + low, start + high, name, key=columns[index])
        start = end + 1
    return start


def _cells(line: str, mark: str) -> list[tuple[int, int]]:
    """Return where each cell of *line* begins and ends, without spaces, quotes and the marks at both ends of a framed line."""
    low, high = 0, len(line)
    if mark == "|":
        framed = line.strip()
        low, high = line.find(framed), line.find(framed) + len(framed)
        low, high = low + framed.startswith("|"), high - (framed.endswith("|") and len(framed) > 1)
    result: list[tuple[int, int]] = []
    while low <= high:
        match = _CELL[mark].match(line, low, high)
        if match is None:
            return []
        result.append(match.span(1) if match[1] is not None else match.span(2))
        low = match.end() + 1
    return result
