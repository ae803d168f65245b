"""Answers of bounded size for coding agents, which pay for each character they read. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

MAX_CHARACTERS: Final = 40_000
"""About 10,000 tokens."""

_MAX_TEXT: Final = 2_000
"""Longest text in an answer: most of a stack trace."""


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


def _cut(value: Any) -> Any:
    """Return a copy of *value* in which no text is longer than allowed, and no number is one that JSON does not have."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else f"{value[:_MAX_TEXT]}… ({len(value) - _MAX_TEXT} more characters)"
    if isinstance(value, dict):
        return {key: _cut(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item) for item in value]
    return None if isinstance(value, float) and not (abs(value) < float("inf")) else value


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
