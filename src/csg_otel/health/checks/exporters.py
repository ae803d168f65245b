"""The check ``exporters``: this SDK's own telemetry reaches its destinations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from csg_otel.check_result import CheckResult, Critical, Measurement, Warn
from csg_otel.status import HealthStatus


@dataclass(slots=True)
class Exporters:
    """
    WARNING while a destination has delivered nothing for *warning_s* seconds, or has dropped items since the last run.

    CRITICAL after *critical_s* seconds without a delivery; by default never, because the program works without telemetry.
    """

    warning_s: float = 60.0
    critical_s: float | None = None
    destinations: Callable[[], Mapping[str, Any]] = dict
    _dropped: dict[str, int] = field(default_factory=dict, init=False, repr=False)

    def __call__(self) -> CheckResult:
        measurements: list[Measurement] = []
        problems: list[str] = []
        failed = False
        for name, status in sorted(self.destinations().items()):
            dropped = sum(status.dropped.values())
            lost = dropped - self._dropped.get(name, 0)
            self._dropped[name] = dropped
            measurements.append(
                Measurement(f"{name} failing", status.failing_s, "s", self.warning_s, self.critical_s, 0)
            )
            if status.failing_s > self.warning_s:
                problems.append(
                    f"{name} has delivered nothing for {status.failing_s:.0f} s (limit {self.warning_s:g} s); "
                    "csg-otel doctor tests the connection"
                )
            if lost > 0:
                problems.append(f"{name} has dropped {lost} items since the last run")
            failed = failed or (self.critical_s is not None and status.failing_s > self.critical_s)
        if problems:
            raise (Critical if failed else Warn)("; ".join(problems), measurements=tuple(measurements))
        count = len(measurements)
        message = f"{count} destination{'s' * (count != 1)} deliver{'s' * (count == 1)}" if count else "no destination"
        return CheckResult(HealthStatus.HEALTHY, message, measurements=tuple(measurements))
