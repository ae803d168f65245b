"""The check ``cpu``: CPU time used, of the CPUs this process may use."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from csg_otel import clocks
from csg_otel.health.checks.levels import judge, percent
from csg_otel.host import cgroup

if TYPE_CHECKING:
    from csg_otel.check_result import CheckResult, Range

_SAMPLE_S = 0.2
"""Shortest time between two readings in seconds: the kernel counts CPU time in steps of 0.01 s, so the error is 5 % at most."""


@dataclass(slots=True)
class Cpu:
    """
    WARNING above *warning_threshold* and CRITICAL above *critical_threshold* percent of CPU time used since the last run.

    If a control group sets a quota, the share is of that quota. The first run measures for 0.2 s.
    """

    warning_threshold: float | Range = 80.0
    critical_threshold: float | Range = 95.0
    limits: Callable[[], cgroup.Limits] = cgroup.read
    _last: tuple[float, float, float] | None = field(default=None, init=False, repr=False)

    def __call__(self) -> CheckResult:
        last = self._last or self._read()
        if clocks.monotonic() - last[0] < _SAMPLE_S:
            time.sleep(_SAMPLE_S - (clocks.monotonic() - last[0]))
        now = self._last = self._read()
        spent, used = now[1] - last[1], now[2] - last[2]
        share = 100 * used / spent if spent > 0 else 0.0
        measurement = percent("cpu", share, self.warning_threshold, self.critical_threshold)
        return judge([measurement], advice="find the busiest process with top")

    def _read(self) -> tuple[float, float, float]:
        """Return the time, the CPU seconds available so far, and the CPU seconds used so far."""
        now = clocks.monotonic()
        limits = self.limits()
        if limits.cpu_limit is not None and limits.cpu_time_s is not None:
            return now, now * limits.cpu_limit, limits.cpu_time_s
        import psutil

        times = psutil.cpu_times()
        # Guest time is counted in user time already.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return now, total, total - times.idle - getattr(times, "iowait", 0.0)
