"""A bounded set of texts known to be clean. Pure; safe with threads because each step is one operation on a dictionary."""

from __future__ import annotations

from typing import Final

MOST_TEXTS: Final = 4096
"""Texts of one generation; two generations are kept, so at most 4 MB at the longest text."""
LONGEST: Final = 256
"""Characters of the longest text that is kept."""


class CleanTexts:
    """Clean texts by the class of their keys: each class has a dictionary `recent`, which a caller may read."""

    __slots__ = ("_older", "recent")

    def __init__(self) -> None:
        self.recent: dict[str, None] = {}
        self._older: dict[str, None] = {}

    def __contains__(self, text: str) -> bool:
        if text in self.recent:
            return True
        if text in self._older:
            self.add(text)
            return True
        return False

    def add(self, text: str) -> None:
        """Add a clean text; the older half is dropped when the set is full."""
        if len(text) > LONGEST:
            return
        if len(self.recent) >= MOST_TEXTS // 2:
            self._older, self.recent = self.recent, {}
        self.recent[text] = None
