"""The check ``disk``: space and inodes used on the file systems."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from csg_otel.check_result import CheckResult, Critical, Measurement, Range
from csg_otel.health.checks.levels import judge, measured, percent
from csg_otel.host import mounts
from csg_otel.status import HealthStatus


@dataclass(frozen=True, slots=True)
class Disk:
    """
    WARNING above *warning_threshold* and CRITICAL above *critical_threshold* percent of any file system's space or inodes.

    Measures *mounts*, by default every real file system. The share is used / (used + free for all users), as in ``df``.
    A read-only file system does not count: nothing can fill it. A mount point in *mounts* that does not exist is CRITICAL.
    """

    warning_threshold: float | Range = 85.0
    critical_threshold: float | Range = 95.0
    mounts: Sequence[str] = ()

    @measured
    def __call__(self) -> CheckResult:
        paths = tuple(self.mounts) or tuple(mount.mountpoint for mount in mounts.real_mounts())
        usage = [(path, stat) for path in paths if (stat := self._stat(path)) is not None]
        writable = [(path, stat) for path, stat in usage if not mounts.is_read_only(stat)]
        if usage and not writable:
            return CheckResult(HealthStatus.HEALTHY, "every file system is read-only")
        measurements = [each for path, stat in writable for each in self._measure(path, stat)]
        return judge(measurements, advice="free space on this file system or enlarge it")

    def _stat(self, path: str) -> os.statvfs_result | None:
        """Return the usage of *path*; None for one that is not in `mounts` and was unmounted a moment ago."""
        try:
            return os.statvfs(path)
        except PermissionError:
            if self.mounts:
                raise
        except OSError as error:
            if self.mounts:
                raise Critical(f"{path} can't be measured: {error.strerror}; is it mounted?") from None
        return None

    def _measure(self, path: str, stat: os.statvfs_result) -> list[Measurement]:
        used, free = stat.f_blocks - stat.f_bfree, stat.f_bavail
        limits = self.warning_threshold, self.critical_threshold
        measurements = []
        if used + free:
            measurements.append(percent(path, 100 * used / (used + free), *limits))
        if stat.f_files:  # some file systems have no fixed number of inodes
            inodes_used = 100 * (stat.f_files - stat.f_ffree) / stat.f_files
            measurements.append(percent(f"{path} inodes", inodes_used, *limits))
        return measurements
