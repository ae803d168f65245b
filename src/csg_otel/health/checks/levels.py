"""Measurements against their limits: the verdict most checks come to. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from csg_otel.status import CheckResult, HealthStatus, Measurement, Range, severity


def status_of(measured: Measurement) -> HealthStatus:
    """Return CRITICAL above the critical limit, WARNING above the warning limit, else HEALTHY."""
    if not _allows(measured.critical, measured.value):
        return HealthStatus.CRITICAL
    return HealthStatus.HEALTHY if _allows(measured.warning, measured.value) else HealthStatus.WARNING


def _allows(limit: float | Range | None, value: float) -> bool:
    if isinstance(limit, Range):
        return limit.allows(value)
    return limit is None or value <= limit


def percent(name: str, value: float, warning: float | Range | None, critical: float | Range | None) -> Measurement:
    """Return a share as a measurement from 0 to 100 %."""
    return Measurement(name, min(100.0, max(0.0, value)), "%", warning, critical, 0, 100)


def judge(measurements: Sequence[Measurement], said: str = "") -> CheckResult:
    """Return the worst of *measurements*; the message is *said*, and what the worst one has to say if it is not well."""
    leading = max(measurements, key=lambda one: (severity(status_of(one)), _limited(one), one.value), default=None)
    if leading is None:
        return CheckResult(HealthStatus.UNKNOWN, "nothing to measure")
    details = {one.name: one.value for one in measurements}
    status = status_of(leading)
    told = said if said and status is HealthStatus.HEALTHY else f"{said}: {tell(leading)}" if said else tell(leading)
    return CheckResult(status, told, details, tuple(measurements))


def _limited(measured: Measurement) -> bool:
    return measured.warning is not None or measured.critical is not None


def tell(measured: Measurement) -> str:
    """Return ``/ 91.2 % used, more than 80 %``."""
    value = f"{measured.name} {measured.value:.4g} {measured.unit}".rstrip()
    broken = {HealthStatus.CRITICAL: measured.critical, HealthStatus.WARNING: measured.warning}.get(status_of(measured))
    if broken is None:
        return value
    said = f"outside {broken}" if isinstance(broken, Range) else f"more than {broken:g}"
    return f"{value}, {said} {measured.unit}".rstrip()
