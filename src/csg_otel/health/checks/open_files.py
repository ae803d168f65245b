"""The check ``open_files``: files this process has open, of the number it may have open."""

from __future__ import annotations

from dataclasses import dataclass

from csg_otel.check_result import CheckResult, Measurement, Range
from csg_otel.health.checks.levels import judge, measured, percent
from csg_otel.host.process import open_descriptors
from csg_otel.status import HealthStatus


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """
    WARNING above *warning_threshold* and CRITICAL above *critical_threshold* percent of the soft limit of open files.

    Counts the descriptors of this process (files, sockets, pipes) and compares them with ``RLIMIT_NOFILE``.
    """

    warning_threshold: float | Range = 80.0
    critical_threshold: float | Range = 95.0

    @measured
    def __call__(self) -> CheckResult:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = open_descriptors()
        if limit == resource.RLIM_INFINITY:
            return CheckResult(HealthStatus.HEALTHY, f"{count} files are open, without a limit")
        share = percent("open_files", 100 * count / limit, self.warning_threshold, self.critical_threshold)
        return judge(
            [share, Measurement("count", count, "{file}", minimum=0, maximum=limit)],
            advice=f"{count} of {limit} are open: find files and sockets that are never closed, or raise ulimit -n",
        )
