"""Measurements against their limits: the verdict most checks come to. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from csg_otel.status import CheckResult, HealthStatus, Measurement, severity


def status_of(measured: Measurement) -> HealthStatus:
    """Return CRITICAL above the critical limit, WARNING above the warning limit, else HEALTHY."""
    if measured.critical is not None and measured.value > measured.critical:
        return HealthStatus.CRITICAL
    if measured.warning is not None and measured.value > measured.warning:
        return HealthStatus.WARNING
    return HealthStatus.HEALTHY


def judge(measurements: Sequence[Measurement], said: str = "") -> CheckResult:
    """Return the worst of *measurements*; the message is *said*, or what the worst one has to say."""
    leading = max(measurements, key=lambda one: (severity(status_of(one)), one.value), default=None)
    if leading is None:
        return CheckResult(HealthStatus.UNKNOWN, "nothing to measure")
    details = {one.name: one.value for one in measurements}
    return CheckResult(status_of(leading), said or tell(leading), details, tuple(measurements))


def tell(measured: Measurement) -> str:
    """Return ``/ 91.2 % used, more than 80 %``."""
    value = f"{measured.name} {measured.value:.4g} {measured.unit}".rstrip()
    limit = {HealthStatus.CRITICAL: measured.critical, HealthStatus.WARNING: measured.warning}.get(status_of(measured))
    return value if limit is None else f"{value}, more than {limit:g} {measured.unit}".rstrip()
