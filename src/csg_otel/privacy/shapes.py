"""
The shapes of clean texts: telemetry repeats itself but for its numbers, so a text may be clean because of an earlier one.

The one rule: a shape is clean only if no digits in place of its digits make a match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

MOST_SHAPES: Final = 4096
"""Shapes that are remembered, 1 MB at most; then all are forgotten."""
LONGEST: Final = 256
"""Characters of the longest text whose shape is remembered."""
DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")


def of(text: str) -> str:
    """Return *text*, which is ASCII, with 0 for each digit."""
    return text.encode("ascii").translate(DIGITS).decode("ascii")


class CleanShapes:
    """
    Shapes with what is known about them.

    Args:
        any_digits: Returns whether a text is clean, whatever its digits are. It is asked when a shape comes for the second time,
            because ids in hexadecimal have shapes that hardly come again.
    """

    def __init__(self, any_digits: Callable[[str], bool]) -> None:
        self._any_digits = any_digits
        self._clean: dict[bytes, bool | None] = {}  # None for a shape that came once

    def others(self, texts: Iterable[str]) -> list[str]:
        """Return those of *texts* that are not clean because of their shape."""
        clean, others = self._clean, []
        for text in texts:
            if len(text) <= LONGEST and text.isascii():
                shape = text.encode("ascii").translate(DIGITS)
                verdict = clean.get(shape, False)
                if verdict is None:
                    verdict = clean[shape] = self._any_digits(text)
                if verdict:
                    continue
            others.append(text)
        return others

    def add(self, texts: Iterable[str]) -> None:
        """Remember the shapes of *texts*, which are clean."""
        if len(self._clean) >= MOST_SHAPES:
            self._clean = {}
        for text in texts:
            if len(text) <= LONGEST and text.isascii():
                self._clean.setdefault(text.encode("ascii").translate(DIGITS), None)
