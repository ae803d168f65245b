"""The status of measurements, compared with their limits, and the message about it; UNKNOWN where nothing can be measured."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from csg_otel.check_result import CheckFailure, CheckResult, Measurement, Range
from csg_otel.lines import one_line
from csg_otel.status import HealthStatus, severity


def measured(run: Callable[[Any], CheckResult]) -> Callable[[Any], CheckResult]:
    """Return *run*, a check of the machine, with the result UNKNOWN for what can't be measured: that is no failure."""

    @functools.wraps(run)
    def run_or_unknown(check: Any) -> CheckResult:
        try:
            return run(check)
        except CheckFailure:
            raise
        except Exception as error:  # noqa: BLE001 - the system and psutil raise any error
            return unmeasured(_reason(error))

    return run_or_unknown


def unmeasured(reason: str) -> CheckResult:
    """Return the result of a check that can't measure, with the *reason*."""
    return CheckResult(HealthStatus.UNKNOWN, f"can't be measured: {reason}", error_type="unmeasured")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return one_line(f"{type(error).__name__}: {error}")


def status_of(measurement: Measurement) -> HealthStatus:
    """Return CRITICAL beyond the critical limit, WARNING beyond the warning limit, else HEALTHY."""
    if not _allows(measurement.critical, measurement.value):
        return HealthStatus.CRITICAL
    return HealthStatus.HEALTHY if _allows(measurement.warning, measurement.value) else HealthStatus.WARNING


def _allows(limit: float | Range | None, value: float) -> bool:
    if isinstance(limit, Range):
        return limit.allows(value)
    return limit is None or value <= limit


def percent(name: str, value: float, warning: float | Range | None, critical: float | Range | None) -> Measurement:
    """
    Return a share as a measurement, cut to 0 to 100 %.

    Args:
        name: Name of the measurement.
        value: The share in percent.
        warning: The warning limit in percent; None for no limit.
        critical: The critical limit in percent; None for no limit.
    """
    return Measurement(name, min(100.0, max(0.0, value)), "%", warning, critical, 0, 100)


def judge(measurements: Sequence[Measurement], summary: str = "", advice: str = "") -> CheckResult:
    """
    Return the result of a check: the worst status of *measurements*.

    The message is *summary*, or the worst measurement if there is none. Beyond a limit it has the measurement, its limit and
    *advice*: what to do next.
    """
    worst = max(measurements, key=lambda each: (severity(status_of(each)), _has_limit(each), each.value), default=None)
    if worst is None:
        return CheckResult(HealthStatus.UNKNOWN, "there is nothing to measure")
    status = status_of(worst)
    message = describe(worst)
    if status is not HealthStatus.HEALTHY:
        message = ": ".join(filter(None, (summary, message))) + (f"; {advice}" if advice else "")
    elif summary:
        message = summary
    return CheckResult(status, message, {each.name: each.value for each in measurements}, tuple(measurements))


def _has_limit(measurement: Measurement) -> bool:
    return measurement.warning is not None or measurement.critical is not None


def describe(measurement: Measurement) -> str:
    """Return the measurement as text, with the limit it is beyond: ``/ 91.2 %, more than 80 %``."""
    value = f"{measurement.name} {measurement.value:.4g} {measurement.unit}".rstrip()
    limits = {HealthStatus.CRITICAL: measurement.critical, HealthStatus.WARNING: measurement.warning}
    limit = limits.get(status_of(measurement))
    if limit is None:
        return value
    relation = f"outside {limit}" if isinstance(limit, Range) else f"more than {limit:g}"
    return f"{value}, {relation} {measurement.unit}".rstrip()
