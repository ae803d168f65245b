"""
Parameters of statements that stand apart: ``UPDATE users SET password = ? [parameters: ('x',)]``. Pure and linear.

A parameter has the name of the column that its place in the statement is compared with, set to, or inserted into. SQLAlchemy,
Django, asyncpg and PostgreSQL's own log write statements that way.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

from csg_otel.privacy.options import MASKED, Hit
from csg_otel.privacy.structure import apart, rows, values

_LIST: Final = re.compile(
    r"(?:(?P<word>(?i:\b(?:parameters?|params|args|binds?|bindings|values))[\"']?\s{0,4}[:=])\s{0,4}|[\"'],\s{0,8})"
    r"(?=(?P<open>\[?\s{0,8}\{|[(\[]\s{0,8}[(\[]?)|(?P<number>\$1 = ))"
)
_NUMBERED: Final = re.compile(r"\$(\d{1,4}) = ")
_KEYED: Final = re.compile(r"[\"'](\w{1,100})[\"']\s{0,4}:\s{0,4}(?=[bBuU]?[\"'])")
_PLACE: Final = re.compile(rows.PLACEHOLDER)
_COMPARED: Final = re.compile(
    r"(?i)(\w{1,100})[\"'`\]\\]{0,4}\s{0,4}(?:[=<>!:]{1,3}|\bi?like\b|\bis\b)\s{0,4}(?:\w{1,40}\s{0,2}\(\s{0,4}){0,3}\Z"
)
_FARTHEST: Final = 4096
"""Characters of a statement before its parameters, and of these."""
_BEFORE: Final = 160
"""Characters before a place in which its column stands."""
_MOST: Final = 50
"""Lists of parameters in one text, with a secret among them."""


class _Place(NamedTuple):
    """A place in a statement: its label, empty for one that counts by its order, and the name of its column."""

    start: int
    label: str
    column: str


def hits(text: str, rule: apart.Rule) -> Iterator[Hit]:
    """Yield the parameters that *rule* redacts under the names of their columns."""
    places = _places(text)
    secret = [place.start for place in places if place.column and rule(place.column, None)]
    low = lists = previous = 0
    for match in _LIST.finditer(text) if secret else ():
        begin = max(previous, low, match.start() - _FARTHEST)
        begin = max(begin, text.rfind("[SQL: ", begin, match.start()))
        previous = match.end() if match["word"] else previous
        first = bisect_left(secret, begin)
        if match.start() < low or first == len(secret) or secret[first] > match.start():
            continue
        low, lists = match.end(), lists + 1
        if lists > _MOST:
            return
        for name, start, end in _named(
            text, match, [place for place in places if begin <= place.start < match.start()]
        ):
            low = max(low, end)
            value = text[start:end]
            of_value = rule(name, value) if name and MASKED.fullmatch(value) is None else ""
            if of_value:
                yield Hit(start, end, of_value, key=name)


def _places(text: str) -> list[_Place]:
    """Return all places in *text*, in order."""
    if _PLACE.search(text) is None:
        return []
    of_rows = {
        cell.start: columns[cell.column]
        for columns, position in rows.inserts(text)
        for cell in rows.cells(text, position)
        if cell.is_place and cell.column < len(columns)
    }
    places: list[_Place] = []
    for match in _PLACE.finditer(text):
        label = match["format"] or match["dollar"] or match["colon"] or ""
        compared = _COMPARED.search(text, max(0, match.start() - _BEFORE), match.start())
        column = of_rows.get(match.start()) or (compared[1] if compared is not None else "")
        places.append(_Place(match.start(), label, column))
    return places


def _named(text: str, match: re.Match[str], places: list[_Place]) -> Iterator[tuple[str, int, int]]:
    """Yield name and span of the literals in the list of parameters that *match* begins, for the *places* before it."""
    labelled = {place.label: place.column for place in reversed(places) if place.label and place.column}
    if match["number"]:
        return _numbered(text, match.end(), labelled)
    if match["open"].endswith("{"):
        return _keyed(text, match.end(), labelled)
    numbers = ((label.lstrip("pP"), column) for label, column in labelled.items())
    by_number = {int(number) - 1: column for number, column in numbers if number.isdecimal()}
    by_order = dict(enumerate(place.column for place in places if not place.label))
    return _in_order(text, match.end(), sum(map(match["open"].count, "([")), by_number or by_order)


def _in_order(text: str, position: int, row_depth: int, names: dict[int, str]) -> Iterator[tuple[str, int, int]]:
    """Yield name and span of the literals in rows of parameters."""
    for cell in rows.cells(text, position, row_depth, _FARTHEST):
        if not cell.is_place and cell.depth >= row_depth:
            yield names.get(cell.column, ""), cell.start, cell.end


def _numbered(text: str, position: int, names: dict[str, str]) -> Iterator[tuple[str, int, int]]:
    """Yield name and span of the literals in ``$1 = 'ann', $2 = 'x'``."""
    number = _NUMBERED.match(text, position)
    while number is not None:
        start, end = values.end_of(text, number.end())
        yield names.get(number[1], ""), start, end
        number = _NUMBERED.search(text, end, end + 8)


def _keyed(text: str, position: int, names: dict[str, str]) -> Iterator[tuple[str, int, int]]:
    """Yield name and span of the literals of dictionaries, by the labels of the places."""
    for match in _KEYED.finditer(text, position, position + _FARTHEST):
        yield names.get(match[1], ""), *values.end_of(text, match.end())
