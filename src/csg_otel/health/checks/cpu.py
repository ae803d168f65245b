"""How busy the CPUs are that this process may use."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from csg_otel.health.checks.levels import judge, percent
from csg_otel.host import cgroup

if TYPE_CHECKING:
    from csg_otel.status import CheckResult, Range

_SAMPLE_S = 0.2


@dataclass(slots=True)
class Cpu:
    """
    Warn above *warning_threshold* and fail above *critical_threshold* percent of CPU time used since the previous run.

    Where a control group sets a quota, the share is of that quota. The first run samples for 0.2 s, because the time since
    boot says nothing about now.
    """

    warning_threshold: float | Range = 80.0
    critical_threshold: float | Range = 95.0
    limits: Callable[[], cgroup.Limits] = cgroup.read
    _last: tuple[float, float, float] | None = field(default=None, init=False, repr=False)

    def __call__(self) -> CheckResult:
        last = self._last or self._read()
        if time.monotonic() - last[0] < _SAMPLE_S:
            time.sleep(_SAMPLE_S - (time.monotonic() - last[0]))
        now = self._last = self._read()
        spent, used = now[1] - last[1], now[2] - last[2]
        share = 100 * used / spent if spent > 0 else 0.0
        return judge([percent("cpu", share, self.warning_threshold, self.critical_threshold)])

    def _read(self) -> tuple[float, float, float]:
        """Return the moment, CPU seconds there were to use, and CPU seconds used."""
        now = time.monotonic()
        limits = self.limits()
        if limits.cpu_limit is not None and limits.cpu_time_s is not None:
            return now, now * limits.cpu_limit, limits.cpu_time_s
        import psutil

        times = psutil.cpu_times()
        # Guest time is counted in user time already.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return now, total, total - times.idle - getattr(times, "iowait", 0.0)
