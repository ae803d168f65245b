"""The check ``process_memory``: resident memory of this process."""

from __future__ import annotations

from dataclasses import dataclass

from csg_otel.check_result import CheckResult, Measurement
from csg_otel.health.checks.levels import judge, measured
from csg_otel.host.process import resident_bytes

_WARN_AT = 0.9
"""Share of the limit from which memory is a WARNING: early enough to act before the limit is reached."""


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """CRITICAL above *limit_mb* megabytes of resident memory, WARNING above 90 % of that."""

    limit_mb: float

    @measured
    def __call__(self) -> CheckResult:
        used_mb = resident_bytes() / 1e6
        measurement = Measurement("rss", used_mb, "MB", _WARN_AT * self.limit_mb, self.limit_mb, 0)
        return judge([measurement], advice="restart the process if this limit protects the host, and look for a leak")
