"""Equal steps of time, in which spans and log records are counted so that they can be compared like metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from csg_otel.dashboard.changed.series import Period

_PER_WINDOW: Final = 20
"""Steps of a window: its last fifth still has four."""

_MOST_BEFORE: Final = 18 * _PER_WINDOW
"""Steps before the window; a longer baseline is cut, as its oldest part says least about the present."""

_T = TypeVar("_T")


class Bins:
    """Steps over baseline and window; the window begins with a step."""

    def __init__(self, window: Period, baseline: Period) -> None:
        """Divide *window* into 20 steps, and *baseline* into as many as have the same length."""
        self.step_s = max((window[1] - window[0]) / _PER_WINDOW, 1e-3)
        self._first = min(max(0, math.floor((window[0] - baseline[0]) / self.step_s)), _MOST_BEFORE)
        self._start = window[0] - self._first * self.step_s
        gap = math.ceil((window[0] - min(baseline[1], window[0])) / self.step_s)
        self._end_before = max(0, self._first - gap)
        self.count = self._first + _PER_WINDOW

    def place(self, time: float) -> int | None:
        """Return the step of *time* (Unix seconds); None outside."""
        place = math.floor((time - self._start) / self.step_s)
        return min(place, self.count - 1) if 0 <= place <= self.count else None

    def before(self, values: Sequence[_T]) -> Sequence[_T]:
        """Return the part of *values*, one for each step, that belongs to the baseline."""
        return values[: self._end_before]

    def within(self, values: Sequence[_T]) -> Sequence[_T]:
        """Return the part of *values*, one for each step, that belongs to the window."""
        return values[self._first :]
