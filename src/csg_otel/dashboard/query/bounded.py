"""
Answers of bounded size for coding agents, which pay for each character they read. Pure.

The rule: an agent reads no character that a person would not see, since such text of a program could instruct it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

MAX_CHARACTERS: Final = 40_000
"""About 10,000 tokens."""

_MAX_TEXT: Final = 2_000
"""Longest text in an answer: most of a stack trace."""

_MOST_LEVELS: Final = 64
"""Deepest level of an answer; JSON libraries fail at about 1,000."""

_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0e\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that fonts do not draw (Default_Ignorable_Code_Point), as far as Python counts them as printable."""

_WHOLE: Final = {"times", "values"}


def bounded(document: Any, max_characters: int = MAX_CHARACTERS) -> str:
    """
    Return *document* as JSON of at most *max_characters*.

    Long texts are cut. Then the longest lists lose their ends until the rest fits; ``left_out`` at the top has the number of
    items that each of them lost, by its path.
    """
    document = _cut(document)
    left_out: dict[str, int] = {}
    while len(encoded := _encode(document, left_out)) > max_characters:
        lists = [(len(json.dumps(items)), path, items) for path, items in _lists(document, "")]
        if not lists:
            return json.dumps({"error": "the answer is too long; ask for less by a filter"})
        _, path, items = max(lists, key=lambda each: each[0])
        lost = (len(items) + 1) // 2
        del items[len(items) - lost :]
        left_out[path] = left_out.get(path, 0) + lost
    return encoded


def _encode(document: Any, left_out: dict[str, int]) -> str:
    whole = {"left_out": left_out, **document} if left_out and isinstance(document, dict) else document
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False)


def _cut(value: Any, level: int = 0) -> Any:
    """Return a copy of *value*: texts are short and visible, levels are few, and numbers are those that JSON has."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict | list) and level >= _MOST_LEVELS:
        return "…"
    if isinstance(value, dict):
        return {_text(key): _cut(item, level + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, level + 1) for item in value]
    return None if isinstance(value, float) and not (abs(value) < float("inf")) else value


def _text(value: str) -> str:
    """Return the beginning of *value*, with escapes for characters that are invisible or no text."""
    shown = _visible(value[:_MAX_TEXT])
    more = len(shown) + len(value[_MAX_TEXT:]) - _MAX_TEXT
    return shown if more <= 0 else f"{shown[:_MAX_TEXT]}… ({more} more characters)"


def _visible(text: str) -> str:
    if text.isprintable() and not _INVISIBLE.search(text):
        return text
    return "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) == "Zs":
        return character
    hidden = not character.isprintable() or _INVISIBLE.match(character)
    return character.encode("unicode_escape").decode("ascii") if hidden else character


def _lists(value: Any, path: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield path and items of each list that has any, but not of the values of charts, which have a time each."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _WHOLE:
                continue
            yield from _lists(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        if value:
            yield path, value
        for item in value:
            yield from _lists(item, path)
