"""Health checks. Pure."""

from typing import TypedDict

from csg_otel.dashboard.model.words import Attributes, Health


class MeasurementRow(TypedDict):
    """A number that a check measured; a limit is a number (the largest good value) or a range as Nagios writes it."""

    name: str
    value: float | None
    unit: str
    warning: float | str | None
    critical: float | str | None
    minimum: float | None
    maximum: float | None
    attributes: Attributes


class StateSpan(TypedDict):
    """A state of a check from ``start`` on; ``end`` is None for the present state."""

    start: float
    end: float | None
    status: Health


class FailureRow(TypedDict):
    """A run of a check that was not healthy."""

    time: float
    status: Health
    message: str


class CheckRow(TypedDict):
    """One health check."""

    name: str
    category: str
    groups: list[str]
    critical: bool
    status: Health
    raw: Health
    message: str
    error_type: str
    duration_ms: float | None
    age_s: float | None
    for_s: float
    skipped_by: str
    depends_on: list[str]
    details: Attributes
    measurements: list[MeasurementRow]
    timeline: list[StateSpan]
    failures: list[FailureRow]
    availability: float | None


class HealthPage(TypedDict):
    """``/api/v1/health``: all checks, the worst first."""

    time: float
    overall: Health
    groups: dict[str, Health]
    checks: list[CheckRow]
