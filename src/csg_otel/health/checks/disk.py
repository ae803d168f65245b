"""How full the file systems are, in space and in inodes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from csg_otel.health.checks.levels import judge, percent
from csg_otel.host import mounts
from csg_otel.status import CheckResult, Critical, Measurement, Range


@dataclass(frozen=True, slots=True)
class Disk:
    """
    Warn above *warning_threshold* and fail above *critical_threshold* percent of any file system's space or inodes.

    Looks at *mounts*, or at every real file system. Space is used / (used + free to everybody), as ``df`` shows it. A mount
    point that is not there is CRITICAL.
    """

    warning_threshold: float | Range = 85.0
    critical_threshold: float | Range = 95.0
    mounts: Sequence[str] = ()

    def __call__(self) -> CheckResult:
        places = tuple(self.mounts) or tuple(mount.mountpoint for mount in mounts.real_mounts())
        measured: list[Measurement] = []
        for place in places:
            measured.extend(self._measure(place, required=bool(self.mounts)))
        return judge(measured)

    def _measure(self, place: str, *, required: bool) -> list[Measurement]:
        try:
            found = os.statvfs(place)
        except OSError as error:
            if not required:
                return []  # it was unmounted a moment ago
            raise Critical(f"{place}: {error.strerror}") from None
        used, free = found.f_blocks - found.f_bfree, found.f_bavail
        limits = self.warning_threshold, self.critical_threshold
        measured = []
        if used + free:
            measured.append(percent(place, 100 * used / (used + free), *limits))
        if found.f_files:  # some file systems have no fixed number of inodes
            taken = 100 * (found.f_files - found.f_ffree) / found.f_files
            measured.append(percent(f"{place} inodes", taken, *limits))
        return measured
