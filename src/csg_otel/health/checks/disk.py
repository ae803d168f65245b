"""The check ``disk``: space and inodes used on the file systems."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from csg_otel.check_result import CheckResult, Critical, Measurement, Range
from csg_otel.health.checks.levels import judge, percent
from csg_otel.host import mounts


@dataclass(frozen=True, slots=True)
class Disk:
    """
    WARNING above *warning_threshold* and CRITICAL above *critical_threshold* percent of any file system's space or inodes.

    Measures *mounts*, by default every real file system. The share is used / (used + free for all users), as in ``df``. A
    mount point in *mounts* that does not exist is CRITICAL.
    """

    warning_threshold: float | Range = 85.0
    critical_threshold: float | Range = 95.0
    mounts: Sequence[str] = ()

    def __call__(self) -> CheckResult:
        paths = tuple(self.mounts) or tuple(mount.mountpoint for mount in mounts.real_mounts())
        measurements: list[Measurement] = []
        for path in paths:
            measurements.extend(self._measure(path, required=bool(self.mounts)))
        return judge(measurements, advice="free space on this file system or enlarge it")

    def _measure(self, path: str, *, required: bool) -> list[Measurement]:
        try:
            stat = os.statvfs(path)
        except OSError as error:
            if not required:
                return []  # it was unmounted a moment ago
            raise Critical(f"{path} can't be measured: {error.strerror}; is it mounted?") from None
        used, free = stat.f_blocks - stat.f_bfree, stat.f_bavail
        limits = self.warning_threshold, self.critical_threshold
        measurements = []
        if used + free:
            measurements.append(percent(path, 100 * used / (used + free), *limits))
        if stat.f_files:  # some file systems have no fixed number of inodes
            inodes_used = 100 * (stat.f_files - stat.f_ffree) / stat.f_files
            measurements.append(percent(f"{path} inodes", inodes_used, *limits))
        return measurements
