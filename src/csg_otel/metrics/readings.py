"""
Readings of the platform, taken one by one: if one fails, its value is missing, and the others are not affected.

The rule: a reading that fails is reported once, not with each sample. When it works again, that is reported once, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from csg_otel import faults, interruptions

T = TypeVar("T")
M = TypeVar("M")


class Readings:
    """Takes readings, and keeps the names of the readings that fail."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    def take(self, name: str, read: Callable[[], T], missing: M) -> T | M:
        """Return the value of *read*, or *missing* if it raises."""
        try:
            value = read()
        except Exception as error:  # noqa: BLE001 - psutil raises any error of the platform
            interruptions.let_through()
            if name not in self._failing:
                self._failing.add(name)
                faults.report(f"reading of {name}", f"{type(error).__name__}: {error}; its metrics are missing")
            return missing
        if name in self._failing:
            self._failing.discard(name)
            faults.recovered(f"reading of {name}")
        return value
