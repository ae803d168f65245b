"""The memory of this process against a limit."""

from __future__ import annotations

from dataclasses import dataclass

from csg_otel.health.checks.levels import judge
from csg_otel.host.process import resident_bytes
from csg_otel.status import CheckResult, Measurement

_WARN_AT = 0.9
"""Share of the limit from which the check warns, so that there is time to act before it fails."""


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Fail above *limit_mb* megabytes of resident memory, and warn from nine tenths of it."""

    limit_mb: float

    def __call__(self) -> CheckResult:
        used_mb = resident_bytes() / 1e6
        return judge([Measurement("rss", used_mb, "MB", _WARN_AT * self.limit_mb, self.limit_mb, 0)])
