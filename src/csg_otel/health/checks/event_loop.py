"""The check ``event_loop``: the program's event loops run their callbacks on time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from csg_otel import clocks
from csg_otel.check_result import CheckResult, Measurement
from csg_otel.health.checks.levels import judge
from csg_otel.status import HealthStatus


@dataclass(frozen=True, slots=True)
class EventLoop:
    """
    WARNING if a watched event loop is more than *warning_s* seconds late, CRITICAL if more than *critical_s*.

    ``csg_otel.watch_loop()`` watches a loop. The lag of a loop that is blocked now is the time its timer is overdue, so a
    block is visible while it lasts.
    """

    warning_s: float = 0.5
    critical_s: float = 5.0
    loops: Callable[[], Sequence[Any]] = tuple

    def __call__(self) -> CheckResult:
        now = clocks.monotonic()
        measurements = [
            Measurement(
                f"{loop.name} lag",
                max(loop.lag_s, now - loop.last_beat - loop.interval_s, 0.0),
                "s",
                self.warning_s,
                self.critical_s,
                0,
            )
            for loop in self.loops()
        ]
        if not measurements:
            return CheckResult(HealthStatus.HEALTHY, "no event loop is watched")
        return judge(measurements, advice="a callback blocks the loop; move slow work to a thread")
