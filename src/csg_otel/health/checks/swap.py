"""The check ``swap``: swap space in use."""

from __future__ import annotations

from dataclasses import dataclass

from csg_otel.check_result import CheckResult, Range
from csg_otel.health.checks.levels import judge, measured, percent
from csg_otel.host import memory
from csg_otel.host.kernel_files import content_of
from csg_otel.status import HealthStatus


@dataclass(frozen=True, slots=True)
class Swap:
    """
    WARNING above *warning_threshold* and CRITICAL above *critical_threshold* percent of swap in use.

    HEALTHY on a machine without swap. Pages may have been in swap for months; whether memory is short now is the subject of
    the check ``pressure``.
    """

    warning_threshold: float | Range = 60.0
    critical_threshold: float | Range = 90.0

    @measured
    def __call__(self) -> CheckResult:
        swap = memory.swap(content_of(memory.FILE))
        if not swap.total:
            return CheckResult(HealthStatus.HEALTHY, "there is no swap")
        used = 100 * swap.used / swap.total
        measurement = percent("swap", used, self.warning_threshold, self.critical_threshold)
        return judge([measurement], advice="find the largest process with top, or give the host more memory")
