"""The growth of this process's memory over time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from csg_otel import clocks
from csg_otel.check_result import CheckResult, Measurement
from csg_otel.host.process import resident_bytes
from csg_otel.status import HealthStatus

_FEWEST = 5
_SHORTEST_S = 60.0
"""Readings and seconds that a slope is computed from at least; fewer would judge the start of the program."""
_MB = 1e6


@dataclass(slots=True)
class MemoryGrowth:
    """
    WARNING if resident memory grows by more than *warning_mb_per_h* megabytes an hour, over the last *window_s* seconds.

    The growth is the slope of a straight line through the readings, one for each run. HEALTHY until there are five readings
    that cover a minute. A forked child starts without readings.
    """

    warning_mb_per_h: float = 100.0
    window_s: float = 3600.0
    clock: Callable[[], float] = clocks.monotonic
    read: Callable[[], int] = resident_bytes
    _seen: deque[tuple[float, int]] = field(default_factory=deque, init=False, repr=False)
    _pid: int = field(default_factory=os.getpid, init=False, repr=False)

    def __call__(self) -> CheckResult:
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._seen.clear()
        now = self.clock()
        self._seen.append((now, self.read()))
        while now - self._seen[0][0] > self.window_s:
            self._seen.popleft()
        span_s = now - self._seen[0][0]
        if len(self._seen) < _FEWEST or span_s < _SHORTEST_S:
            return CheckResult(HealthStatus.HEALTHY, "too few readings to judge: five, over a minute, are needed")
        growth = _slope(self._seen) * 3600 / _MB
        measured = Measurement("memory_growth", growth, "MB/h", self.warning_mb_per_h)
        grows = growth > self.warning_mb_per_h
        message = f"{growth:+.1f} MB an hour over the last {span_s / 60:.0f} min"
        return CheckResult(
            HealthStatus.WARNING if grows else HealthStatus.HEALTHY, message, {"rss": self._seen[-1][1]}, (measured,)
        )


def _slope(seen: deque[tuple[float, int]]) -> float:
    """Return the least-squares slope in bytes a second."""
    count = len(seen)
    mean_s, mean_by = sum(at for at, _ in seen) / count, sum(size for _, size in seen) / count
    spread = sum((at - mean_s) ** 2 for at, _ in seen)
    return sum((at - mean_s) * (size - mean_by) for at, size in seen) / spread if spread else 0.0
