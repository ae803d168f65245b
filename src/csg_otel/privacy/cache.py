"""A bounded set of texts known to be clean. Pure; safe with threads because each step is one operation on a dictionary."""

from __future__ import annotations

from typing import Final

MOST_TEXTS: Final = 4096
"""Texts of both generations, so at most 4 MB at the longest text."""
LONGEST: Final = 256
"""Characters of the longest text that is kept."""


class CleanTexts:
    """Clean texts of the keys that judge a text in the same way, at most *most*; a caller may read the dictionary `recent`."""

    __slots__ = ("_most", "_older", "recent")

    def __init__(self, most: int = MOST_TEXTS) -> None:
        self._most = most
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
        if len(self.recent) >= self._most // 2:
            self._older, self.recent = self.recent, {}
        self.recent[text] = None


class TextsOfKey(CleanTexts):
    """Clean texts of one key that judges them by itself; all such keys keep them in one set, *shared*."""

    __slots__ = ("_key", "_shared")

    def __init__(self, key: str, shared: CleanTexts) -> None:
        super().__init__(0)
        self._key, self._shared = f"{len(key)}:{key}", shared

    def __contains__(self, text: str) -> bool:
        return len(text) <= LONGEST and self._key + text in self._shared

    def add(self, text: str) -> None:
        """Add a clean text of the key."""
        self._shared.add(self._key + text)
