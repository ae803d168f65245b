"""How much of the memory this process may use is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from csg_otel.health.checks.levels import judge, percent
from csg_otel.host import cgroup
from csg_otel.status import CheckResult, Measurement, Range


@dataclass(frozen=True, slots=True)
class Memory:
    """
    Warn above *warning_threshold* and fail above *critical_threshold* percent of memory in use.

    Counts what can't be given back: the host's total less what is available, or a control group's working set against its
    limit, because inside a container the host's gigabytes are not ours.
    """

    warning_threshold: float | Range = 80.0
    critical_threshold: float | Range = 95.0
    limits: Callable[[], cgroup.Limits] = cgroup.read

    def __call__(self) -> CheckResult:
        limits = self.limits()
        if limits.memory_limit and limits.memory_usage is not None:
            used, total = limits.memory_usage, limits.memory_limit
        else:
            import psutil

            memory = psutil.virtual_memory()
            used, total = memory.total - memory.available, memory.total
        return judge(
            [
                percent("memory", 100 * used / total, self.warning_threshold, self.critical_threshold),
                Measurement("memory_used", used, "By", minimum=0, maximum=total),
            ]
        )
