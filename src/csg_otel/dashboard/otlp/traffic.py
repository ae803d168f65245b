"""
What a program has sent lately: its spans and failed spans of five minutes, in steps of ten seconds, and its last arrival.

Not thread-safe. Times are monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from typing import Final

_STEP_S: Final = 10.0
_WINDOW_S: Final = 300.0
_RATE_S: Final = 60.0


class Traffic:
    """The arrivals of one program."""

    def __init__(self, now_s: float) -> None:
        """Begin to count at *now_s*."""
        self._since_s = self.last_s = now_s
        self._steps: deque[tuple[float, int, int]] = deque(maxlen=int(_WINDOW_S / _STEP_S))

    def add(self, now_s: float, spans: int = 0, errors: int = 0) -> None:
        """Count an arrival."""
        self.last_s = now_s
        step_s = now_s - now_s % _STEP_S
        if self._steps and self._steps[-1][0] == step_s:
            _, before, failed = self._steps.pop()
            spans, errors = spans + before, errors + failed
        self._steps.append((step_s, spans, errors))

    def counts(self, now_s: float) -> tuple[int, int]:
        """Return the spans and the failed ones of the last five minutes."""
        kept = [step for step in self._steps if step[0] > now_s - _WINDOW_S]
        return sum(spans for _, spans, _ in kept), sum(errors for _, _, errors in kept)

    def rate(self, now_s: float) -> float:
        """Return the spans per second of the last minute, or of the time since the first arrival if that is shorter."""
        first_s = now_s - now_s % _STEP_S - _RATE_S + _STEP_S
        spans = sum(spans for step_s, spans, _ in self._steps if step_s >= first_s)
        return spans / max(_STEP_S, now_s - max(first_s, self._since_s))
