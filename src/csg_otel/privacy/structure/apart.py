"""
Names and values in fields of their own: ``{"name": "DB_PASSWORD", "value": "x"}``, in any order, with other fields between. Pure and linear.

A name belongs to a value in the same brackets; without brackets, to one in the same line, in the same item of YAML, or in the
same element of XML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from csg_otel.privacy.options import MASKED, Hit
from csg_otel.privacy.structure import marks, values

_TOKEN: Final = re.compile(
    rf"{marks.QUOTE}?\[?(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))(?:\w{{0,24}}(?:[a-z](?=[A-Z])|_))?"
    rf"(?:(?P<word>[Nn]ame|NAME|[Kk]ey|KEY|[Ff]ield|[Hh]eader|[Cc]olumn|[Aa]ttribute|[Pp]roperty){marks.FIELD}"
    rf"(?:[bu]?(?P<quote>{marks.QUOTE}))?(?P<name>[\w.\-]{{2,100}})(?(quote){marks.QUOTE}|(?=[ \t]*(?:[,;\r\n)\]}}>/&\\]|\Z|[\w.\-]{{1,64}}\s?[:=])))"
    rf"|(?P<value>{marks.VALUE}){marks.FIELD})"
    r"|\"[^\"'\\\n]{0,256}\"|(?<!\w)'[^\"'\\\n]{0,256}'"
    r"|(?P<open>[{\[(])|(?P<close>[}\])])|(?P<item>(?:(?<![^\n])|(?<=\\n))[ \t]*- |<(?=[A-Za-z/]))"
)
"""A field of a name or a value; a short text in quotes, which may hold brackets; a bracket; the begin of an item or an element."""
_NAME: Final = re.compile(
    rf"(?:[Nn]ame|NAME|[Kk]ey|KEY|ield|eader|olumn|ttribute|roperty){marks.FIELD}[bu]?{marks.QUOTE}?([\w.\-]{{2,100}})"
)
_INDENTED: Final = re.compile(r"[ \t]*(?:- )?\[?")
_FARTHEST: Final = 2000
"""Characters between a name and its value."""
_MOST: Final = 8

Rule = Callable[[str, str | None], str]
"""Returns the rule that redacts a value under a name, or an empty text; of None, whether any value may be redacted."""


class _Fields:
    """The fields of one object: its name, its values, and their places."""

    __slots__ = ("closed", "flat", "name", "places", "start", "word")

    def __init__(self, flat: bool) -> None:
        self.flat, self.closed = flat, False
        self.word = self.name = ""
        self.start = 0
        self.places: list[tuple[int, int]] = []


def hits(text: str, rule: Rule) -> Iterator[Hit]:
    """Yield the values that *rule* redacts under the names beside them."""
    if not marks.has_value(text) or not any(rule(match[1], None) for match in _NAME.finditer(text)):
        return
    stack = [_Fields(flat=True)]
    position = 0
    while (match := _TOKEN.search(text, position)) is not None:
        position = max(match.end(), position + 1)
        fields = stack[-1]
        if match["open"]:
            stack.append(_Fields(flat=False))
        elif match["close"] and len(stack) > 1:
            stack.pop()
        elif match["item"]:
            stack[-1] = _Fields(fields.flat)
        elif match["word"]:
            if fields.closed or (fields.name and match["word"] == fields.word):  # the next object
                fields = stack[-1] = _Fields(fields.flat)
            yield from _named(text, fields, match, rule)
        elif match["value"]:
            start, end = values.end_of(text, values.unwrapped(text, match.end()))
            if "{" not in text[start:end] and "[" not in text[start:end]:
                position = max(position, end + (start > match.end()))
            if fields.name and _together(text, fields, fields.start, match.start()):
                yield from _hit(text, fields.name, start, end, rule)
            if len(fields.places) < _MOST:
                fields.places.append((match.start(), match.end()))


def _named(text: str, fields: _Fields, match: re.Match[str], rule: Rule) -> Iterator[Hit]:
    """Yield the hits of the values before the name of *fields*, which is *match*."""
    name = match["name"]
    if fields.name and rule(fields.name, None):  # another word for the name
        return
    fields.word, fields.name, fields.start = match["word"], name, match.start()
    for field, start in fields.places:
        if _together(text, fields, field, match.start()):
            yield from _hit(text, name, *values.end_of(text, values.unwrapped(text, start)), rule)
            fields.closed = fields.flat


def _together(text: str, fields: _Fields, first: int, second: int) -> bool:
    """Return whether the fields at *first* and *second* belong together: near, and in brackets, one line, or lines of one indentation."""
    if second - first > _FARTHEST:
        return False
    return not fields.flat or "\n" not in text[first:second] or _indent(text, first) == _indent(text, second) >= 0


def _indent(text: str, field: int) -> int:
    """Return how far a *field* is indented, or -1 where it does not begin a line; 100 characters are looked at."""
    low = max(0, field - 100)
    start = text.rfind("\n", low, field) + 1 or low
    before = _INDENTED.match(text, start, field)
    return field - start if before is not None and before.end() == field else -1


def _hit(text: str, name: str, start: int, end: int, rule: Rule) -> Iterator[Hit]:
    value = text[start:end]
    of_value = "" if MASKED.fullmatch(value) is not None else rule(name, value)
    if of_value and end > start:
        yield Hit(start, end, of_value, key=name)
