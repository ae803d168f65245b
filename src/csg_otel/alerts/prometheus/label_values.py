"""Values of labels for the input series of unit tests: values that meet the filters of a rule, or miss them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

SCRAPED: Final = {"job": "test", "instance": "one"}
"""The labels of the only target of a test."""

_OTHERS: Final = ("some", "other", "third", "zzz-4", "0")


class UntestableError(ValueError):
    """No input series is constructed for a rule; the message says why."""


def meeting(meets: Callable[[str], bool], equal: Iterable[str], patterns: Iterable[str], written: str) -> str:
    """
    Return a value of one label that meets its filters. Raises UntestableError if none is found.

    Args:
        meets: returns whether a text meets all of them.
        equal: the texts that they ask for.
        patterns: the regular expressions that they ask for.
        written: the filters, as the message of the error quotes them.
    """
    candidates = [*equal, *(text for pattern in patterns for text in _examples(pattern)), *_OTHERS]
    for text in candidates:
        if meets(text):
            return text
    raise UntestableError(f"no value that meets {written} is found")


def other(meets: Callable[[str], bool]) -> str:
    """Return a value that does not meet other filters; *meets* returns whether a text meets one of them."""
    return next((text for text in _OTHERS if not meets(text)), _OTHERS[0])


def missing(meets: Callable[[str], bool], values: Iterable[str]) -> str:
    """Return a text that *meets* is false for: one of *values*, which a filter excludes, or any other one."""
    return next((text for text in (*_OTHERS, *values) if not meets(text)), _OTHERS[0])


def _examples(pattern: str) -> Iterator[str]:
    """Yield texts that *pattern* may match: its alternatives, with a character in place of each class and wildcard."""
    for alternative in re.sub(r"^\^|\$$", "", pattern).split("|"):
        text = re.sub(r"\[\^[^\]]*\]", "~", alternative)
        text = re.sub(r"\[([^\]])[^\]]*\]", r"\1", re.sub(r"\\d", "5", re.sub(r"\\[wS]", "w", text)))
        for filler in ("0", "x", "/"):
            filled = re.sub(r"(?<!\\)\.(?:[*+?]|\{\d[^}]*\})?", filler, text)
            filled = re.sub(r"\(\?:|(?<!\\)[()]|(?<=.)[*+?]|\{\d+(,\d*)?\}", "", filled)
            yield re.sub(r"\\(.)", r"\1", filled)
