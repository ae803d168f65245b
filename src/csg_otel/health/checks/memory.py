"""The check ``memory``: memory in use, of the memory this process may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from csg_otel.check_result import CheckResult, Measurement, Range
from csg_otel.health.checks.levels import judge, measured, percent, unmeasured
from csg_otel.host import cgroup, memory
from csg_otel.host.kernel_files import content_of


@dataclass(frozen=True, slots=True)
class Memory:
    """
    WARNING above *warning_threshold* and CRITICAL above *critical_threshold* percent of memory in use.

    In use is the host's total memory without the available memory. In a container it is the control group's working set,
    compared with the group's limit.
    """

    warning_threshold: float | Range = 80.0
    critical_threshold: float | Range = 95.0
    limits: Callable[[], cgroup.Limits] = cgroup.read

    @measured
    def __call__(self) -> CheckResult:
        limits = self.limits()
        if limits.memory_limit:
            if limits.memory_usage is None:
                return unmeasured("the control group limits memory, but its usage can't be read")
            used, total = limits.memory_usage, limits.memory_limit
        else:
            host = memory.memory(content_of(memory.FILE))
            used, total = host.total - host.available, host.total
        return judge(
            [
                percent("memory", 100 * used / total, self.warning_threshold, self.critical_threshold),
                Measurement("memory_used", used, "By", minimum=0, maximum=total),
            ],
            advice="find the largest process with top, or give the host or container more memory",
        )
