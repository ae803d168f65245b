"""The check ``cpu``: CPU time used, of the CPUs this process may use."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from csg_otel import clocks
from csg_otel.health.checks.levels import judge, measured, percent, unmeasured
from csg_otel.host import cgroup, cpus
from csg_otel.host.kernel_files import content_of

if TYPE_CHECKING:
    from csg_otel.check_result import CheckResult, Range

_SAMPLE_S = 0.2
"""Shortest time between two readings in seconds: the kernel counts CPU time in steps of 0.01 s, so the error is 5 % at most."""

_STEP_BACK_S = 0.05
"""What a sum of the kernel's counters may decrease by in seconds without having been reset: the one of stolen time does."""

_NOT_USED = frozenset({"idle", "iowait"})
"""Modes that are no CPU time used."""


class _Reading(NamedTuple):
    """The time, the CPU seconds available and used so far, and the quota they belong to; None for the host."""

    at_s: float
    available_s: float
    used_s: float
    limit: float | None


@dataclass(slots=True)
class Cpu:
    """
    WARNING above *warning_threshold* and CRITICAL above *critical_threshold* percent of CPU time used since the last run.

    If a control group sets a quota, the share is of that quota. The first run measures for 0.2 s.
    """

    warning_threshold: float | Range = 80.0
    critical_threshold: float | Range = 95.0
    limits: Callable[[], cgroup.Limits] = cgroup.read
    _last: _Reading | None = field(default=None, init=False, repr=False)

    @measured
    def __call__(self) -> CheckResult:
        last = self._last or self._read()
        if clocks.monotonic() - last.at_s < _SAMPLE_S:
            time.sleep(_SAMPLE_S - (clocks.monotonic() - last.at_s))
        now = self._last = self._read()
        available_s, used_s = now.available_s - last.available_s, now.used_s - last.used_s
        if now.limit != last.limit or available_s <= 0 or used_s < -_STEP_BACK_S:
            return unmeasured("the quota or the counters of CPU time have changed; the next run measures again")
        measurement = percent(
            "cpu", 100 * max(0.0, used_s) / available_s, self.warning_threshold, self.critical_threshold
        )
        return judge([measurement], advice="find the busiest process with top")

    def _read(self) -> _Reading:
        now = clocks.monotonic()
        limits = self.limits()
        if limits.cpu_limit is not None:
            if limits.cpu_time_s is None:
                raise OSError(None, "the control group has a quota of CPU time, but its usage can't be read")
            return _Reading(now, now * limits.cpu_limit, limits.cpu_time_s, limits.cpu_limit)
        times = cpus.total_times(content_of(cpus.FILE))
        # Summed, not subtracted from the total: where nothing was used, the rounding of a difference is less than 0.
        used_s = sum(seconds for name, seconds in times.items() if name not in _NOT_USED)
        return _Reading(now, used_s + times["idle"] + times.get("iowait", 0.0), used_s, None)
