"""
Results for objects that many items share, by the identity of the object.

Pure; safe with threads, because each step is one operation on a dictionary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_Object = TypeVar("_Object")
_Result = TypeVar("_Result")


class ByIdentity(Generic[_Object, _Result]):
    """The results of a function, of at most so many objects; beyond that all are made again."""

    def __init__(self, make: Callable[[_Object], _Result], most: int) -> None:
        """Start without results of *make*."""
        self._make = make
        self._most = most
        self._results: dict[int, tuple[_Object, _Result]] = {}

    def of(self, original: _Object) -> _Result:
        """Return the result of *original*, which must not change."""
        kept = self._results.get(id(original))
        if kept is None:  # the original is kept, too, so that no other object gets its identity
            if len(self._results) >= self._most:
                self._results = {}
            kept = self._results[id(original)] = original, self._make(original)
        return kept[1]
