"""The check ``load``: tasks that run or wait for a CPU."""

from __future__ import annotations

import os
from dataclasses import dataclass

from csg_otel.check_result import CheckResult, Measurement, Range
from csg_otel.health.checks.levels import judge, measured
from csg_otel.status import HealthStatus


@dataclass(frozen=True, slots=True)
class Load:
    """
    WARNING above *warning_threshold* and CRITICAL above *critical_threshold* tasks per CPU, averaged over five minutes.

    Only the CPUs this process may run on count.
    """

    warning_threshold: float | Range = 2.0
    critical_threshold: float | Range = 5.0

    @measured
    def __call__(self) -> CheckResult:
        if not hasattr(os, "getloadavg"):
            return CheckResult(HealthStatus.UNKNOWN, "this system has no load average")
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        limits = self.warning_threshold, self.critical_threshold
        measurement = Measurement("load_per_cpu", os.getloadavg()[1] / cpus, "", *limits, minimum=0)
        return judge([measurement], advice="find the busiest processes with top, also those that wait for the disk")
