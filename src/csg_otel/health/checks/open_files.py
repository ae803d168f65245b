"""How many of the files it may have open this process has open."""

from __future__ import annotations

from dataclasses import dataclass

from csg_otel.health.checks.levels import judge, percent
from csg_otel.status import CheckResult, HealthStatus, Measurement, Range


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """
    Warn above *warning_threshold* and fail above *critical_threshold* percent of the soft limit of open files.

    Counts descriptors: files, sockets and pipes of this process, against ``RLIMIT_NOFILE``.
    """

    warning_threshold: float | Range = 80.0
    critical_threshold: float | Range = 95.0

    def __call__(self) -> CheckResult:
        import resource

        import psutil

        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = psutil.Process().num_fds()
        if limit == resource.RLIM_INFINITY:
            return CheckResult(HealthStatus.HEALTHY, f"{count} files are open, without a limit")
        share = percent("open_files", 100 * count / limit, self.warning_threshold, self.critical_threshold)
        return judge([share, Measurement("count", count, "{file}", minimum=0, maximum=limit)])
