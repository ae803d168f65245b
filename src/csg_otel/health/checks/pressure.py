"""The check ``pressure``: tasks that wait for CPU, memory or disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from csg_otel.check_result import CheckResult, Measurement, Range
from csg_otel.health.checks.levels import judge, measured, percent
from csg_otel.status import HealthStatus

_RESOURCES = ("cpu", "memory", "io")


@dataclass(frozen=True, slots=True)
class Pressure:
    """
    WARNING above *warning_threshold* and CRITICAL above *critical_threshold* percent of the last minute in which tasks waited.

    Reads the kernel's pressure stall information (PSI, ``some avg60``) of *resources*: ``cpu``, ``memory``, ``io``. UNKNOWN
    if the kernel provides none. *folder* may be that of a control group, with files such as ``memory.pressure``. Raises
    ValueError for another resource.
    """

    warning_threshold: float | Range = 40.0
    critical_threshold: float | Range | None = 80.0
    resources: Sequence[str] = _RESOURCES
    folder: str = "/proc/pressure"

    def __post_init__(self) -> None:
        if unknown := set(self.resources).difference(_RESOURCES):
            raise ValueError(f"resources are {', '.join(_RESOURCES)}, not {', '.join(sorted(unknown))}")

    @measured
    def __call__(self) -> CheckResult:
        measurements = [each for each in map(self._measure, self.resources) if each is not None]
        if not measurements:
            return CheckResult(
                HealthStatus.UNKNOWN, f"this kernel provides no pressure stall information in {self.folder}"
            )
        return judge(measurements, advice="reduce the work on this host, or give it more of this resource")

    def _measure(self, resource: str) -> Measurement | None:
        for name in (resource, f"{resource}.pressure"):
            try:
                some = (Path(self.folder) / name).read_text(encoding="ascii").split("\n", 1)[0]
                share = float(dict(part.split("=") for part in some.split()[1:])["avg60"])
            except (OSError, KeyError, ValueError):
                continue
            return percent(f"{resource} pressure", share, self.warning_threshold, self.critical_threshold)
        return None
