"""Whether the program's event loops still run what is due."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from csg_otel.health.checks.levels import judge
from csg_otel.status import CheckResult, HealthStatus, Measurement


@dataclass(frozen=True, slots=True)
class EventLoop:
    """
    Warn if a watched event loop is later than *warning_s*, and fail if it is later than *critical_s* seconds.

    Loops are watched by ``csg_otel.watch_loop()``. A loop that is blocked now is as late as its timer is overdue, so this
    sees it while it lasts.
    """

    warning_s: float = 0.5
    critical_s: float = 5.0
    loops: Callable[[], Sequence[Any]] = tuple

    def __call__(self) -> CheckResult:
        now = time.monotonic()
        measured = [
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
        return judge(measured) if measured else CheckResult(HealthStatus.HEALTHY, "no event loop is watched")
