"""How much of the swap space is taken."""

from __future__ import annotations

from dataclasses import dataclass

from csg_otel.health.checks.levels import judge, percent
from csg_otel.status import CheckResult, HealthStatus, Range


@dataclass(frozen=True, slots=True)
class Swap:
    """
    Warn above *warning_threshold* and fail above *critical_threshold* percent of swap in use.

    A machine without swap is healthy. What is in swap may have been there for months; ``pressure`` tells whether memory is
    short now.
    """

    warning_threshold: float | Range = 60.0
    critical_threshold: float | Range = 90.0

    def __call__(self) -> CheckResult:
        import psutil

        swap = psutil.swap_memory()
        if not swap.total:
            return CheckResult(HealthStatus.HEALTHY, "there is no swap")
        used = 100 * swap.used / swap.total
        return judge([percent("swap", used, self.warning_threshold, self.critical_threshold)])
