"""The growth of this process's memory over time."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from csg_otel.check_result import CheckResult, Measurement
from csg_otel.health.checks.levels import measured
from csg_otel.host.process import resident_bytes
from csg_otel.status import HealthStatus

_FEWEST = 5
_SHORTEST_S = 60.0
"""Readings and seconds that a growth is computed from at least; fewer would judge the start of the program."""
_PARTS = 4
"""Parts of a period; memory must have grown in all of them but one, so that one step, or the last ramp of several, is none."""
_RECENT_S = 900.0
"""Shortest period in seconds that is judged apart from a longer one: loading a model takes less than three parts of it."""
_LEAST_MB = 20.0
"""Less growth is no leak yet: buffers that fill up after the start take as much, those of this package included."""
_MB = 1e6

_Reading = tuple[float, int]


def _now() -> float:
    """Return the program's own monotonic time: nothing waits by it."""
    return time.monotonic()  # noqa: TID251 - a measured time, as the SDK's


@dataclass(slots=True)
class MemoryGrowth:
    """
    WARNING if resident memory grows by more than *warning_mb_per_h* megabytes an hour, over the last *window_s* seconds.

    Only memory that is not released counts, and only growth that goes on: it is the second lowest growth in the four parts of
    the window, or of its last half or quarter where these are longer than 15 minutes. So a model that is loaded once is no
    growth, nor is memory that rises and falls; a leak after a step is. HEALTHY until there are five readings that cover a
    minute, and a growth of 20 MB. A forked child starts without readings.
    """

    warning_mb_per_h: float = 100.0
    window_s: float = 3600.0
    clock: Callable[[], float] = _now
    read: Callable[[], int] = resident_bytes
    _seen: deque[_Reading] = field(default_factory=deque, init=False, repr=False)
    _pid: int = field(default_factory=os.getpid, init=False, repr=False)

    @measured
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
        growth = _growth(self._seen) * 3600 / _MB
        measurement = Measurement("memory_growth", growth, "MB/h", self.warning_mb_per_h)
        grows = growth > self.warning_mb_per_h and growth * span_s / 3600 >= _LEAST_MB
        message = f"{growth:+.1f} MB an hour over the last {span_s / 60:.0f} min"
        return CheckResult(
            HealthStatus.WARNING if grows else HealthStatus.HEALTHY, message, {"rss": self._seen[-1][1]}, (measurement,)
        )


def _growth(seen: Sequence[_Reading]) -> float:
    """Return the lasting growth in bytes a second: the highest of the whole period and of its recent half and quarter."""
    end_s = seen[-1][0]
    span_s = end_s - seen[0][0]
    recent = [length_s for length_s in (span_s / 2, span_s / 4) if length_s > _RECENT_S]
    growths = [_lasting(seen, reached=0)]
    for length_s in recent:
        earlier = sum(end_s - at_s > length_s for at_s, _ in seen)
        period = list(seen)[earlier:]
        if len(period) >= _FEWEST:
            growths.append(_lasting(period, reached=max(size for _, size in list(seen)[:earlier])))
    return max(growths)


def _lasting(seen: Sequence[_Reading], *, reached: int) -> float:
    """
    Return the second lowest growth of the parts of a period, in bytes a second.

    A part grows as little as its least memory from each reading on, and as its most memory up to each reading, which is
    *reached* at least: memory that is released later, or was in use and released before, is no growth.
    """
    sizes = [size for _, size in seen]
    floor = list(accumulate(reversed(sizes), min))[::-1]
    ceiling = list(accumulate(sizes, max, initial=reached))[1:]
    ends = [round(part * (len(seen) - 1) / _PARTS) for part in range(_PARTS + 1)]
    rates = [
        min(floor[last] - floor[first], ceiling[last] - ceiling[first]) / max(seen[last][0] - seen[first][0], 1e-9)
        for first, last in pairwise(ends)
    ]
    return sorted(rates)[1]
