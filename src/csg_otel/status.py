"""
The types of health, and the pure function from one state to the next. No clock, no thread, no I/O: time is passed in.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class HealthStatus(enum.Enum):
    """
    The status of a check. ``code`` is the exit code of the Nagios plugin guidelines and of Datadog's service checks.

    HEALTHY: works. WARNING: works, with issues. CRITICAL: does not work. UNKNOWN: there is no current result.
    """

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def code(self) -> int:
        """0 healthy, 1 warning, 2 critical, 3 unknown."""
        return _CODES[self]

    def __str__(self) -> str:
        return self.name


_CODES = {HealthStatus.HEALTHY: 0, HealthStatus.WARNING: 1, HealthStatus.CRITICAL: 2, HealthStatus.UNKNOWN: 3}

SEVERITY_ORDER: tuple[HealthStatus, ...] = (
    HealthStatus.CRITICAL,
    HealthStatus.WARNING,
    HealthStatus.UNKNOWN,
    HealthStatus.HEALTHY,
)
"""All statuses, worst first: the worst of several checks is the status of their group."""


def worst(statuses: Iterable[HealthStatus], order: tuple[HealthStatus, ...] = SEVERITY_ORDER) -> HealthStatus:
    """Return the worst of *statuses* by *order* (worst first); UNKNOWN if there are none."""
    return min(statuses, key=order.index, default=HealthStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Range:
    """
    A range of good values: from *low* to *high*, both included; with *inside* the values outside of it are good.

    The text form is that of the Nagios plugin guidelines: ``10`` (0 to 10), ``10:`` (at least 10), ``~:10`` (at most 10),
    ``10:20``, ``@10:20`` (not from 10 to 20).
    """

    low: float = 0.0
    high: float = math.inf
    inside: bool = False

    @classmethod
    def parse(cls, text: str) -> Range:
        """Return the range that *text* describes. Raises ValueError if *text* is not a range."""
        inside = text.startswith("@")
        first, colon, last = text.removeprefix("@").partition(":")
        if not colon:
            first, last = "0", first or "none"
        try:
            low = -math.inf if first == "~" else float(first or 0)
            high = float(last) if last else math.inf
        except ValueError:
            raise ValueError(f"{text!r} is not a range (10, 10:, ~:10, 10:20, @10:20)") from None
        if not low <= high:
            raise ValueError(f"{text!r} is an empty range")
        return cls(low, high, inside)

    def allows(self, value: float) -> bool:
        """Return whether *value* is good."""
        return (self.low <= value <= self.high) is not self.inside

    def __str__(self) -> str:
        low = "~" if self.low == -math.inf else f"{self.low:g}"
        high = "" if self.high == math.inf else f"{self.high:g}"
        return f"{'@' if self.inside else ''}{high if low == '0' and high else f'{low}:{high}'}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    One number a check measured, and its limits.

    ``unit`` is the UCUM unit (``%``, ``s``, ``By``). ``warning`` and ``critical`` are in that unit: a number is the largest
    good value, a :class:`Range` the range of good values. ``attributes`` are added to the measurement's series.
    """

    name: str
    value: float
    unit: str = ""
    warning: float | Range | None = None
    critical: float | Range | None = None
    minimum: float | None = None
    maximum: float | None = None
    attributes: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """
    The result of one run of a check.

    The registry sets ``response_time_ms`` and ``timestamp`` (Unix seconds). ``error_type`` is the class name of an
    exception or a word such as ``timeout``; it is empty on success.
    """

    status: HealthStatus
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    error_type: str = ""
    response_time_ms: float = 0.0
    timestamp: float = 0.0


class CheckFailure(Exception):  # noqa: N818 - a result of a check, not an error of the program
    """
    The result of a check as an exception. Its message is public, unlike that of any other exception.

    Raise :class:`Warn` or :class:`Critical`.
    """

    status = HealthStatus.CRITICAL

    def __init__(
        self, message: str, *, details: Mapping[str, Any] | None = None, measurements: tuple[Measurement, ...] = ()
    ) -> None:
        super().__init__(message)
        self.details = dict(details or {})
        self.measurements = measurements


class Critical(CheckFailure):
    """A check raises this when something does not work; the message is public."""


class Warn(CheckFailure):
    """A check raises this when something works, with issues; the message is public."""

    status = HealthStatus.WARNING


@dataclass(frozen=True, slots=True)
class CheckState:
    """
    The state of one check after its last result.

    Attributes:
        status: The effective status, after hysteresis.
        raw: The status of the last run.
        result: The result of the last run.
        streak: Number of results in a row that were as bad or as good as the last one.
        since: When the effective status began, in monotonic seconds.
        last_run: When the last result came, in monotonic seconds; None before the first.
        failures: Failed runs in the present outage.
        milder: The latest results in a row that were better than ``status``; too few for a recovery so far.
    """

    status: HealthStatus = HealthStatus.UNKNOWN
    raw: HealthStatus = HealthStatus.UNKNOWN
    result: CheckResult | None = None
    streak: int = 0
    since: float = 0.0
    last_run: float | None = None
    failures: int = 0
    milder: tuple[HealthStatus, ...] = ()


def severity(status: HealthStatus) -> int:
    """Return how bad *status* is: 0 healthy, 1 unknown, 2 warning, 3 critical."""
    return len(SEVERITY_ORDER) - 1 - SEVERITY_ORDER.index(status)


def _is_bad(status: HealthStatus) -> bool:
    return status is not HealthStatus.HEALTHY


def advance(state: CheckState, result: CheckResult, *, fail_after: int, recover_after: int, now_s: float) -> CheckState:
    """
    Return the state after *result*.

    The first result counts at once. A good state becomes bad after *fail_after* bad results in a row. A bad state becomes
    better, good or less bad, after *recover_after* better results in a row, and takes the worst status of these. A bad
    state becomes worse at once.

    Args:
        state: The state before the result.
        result: The result of a run.
        fail_after: Bad results in a row for a failure, at least 1.
        recover_after: Better results in a row for a recovery, at least 1.
        now_s: When the result came, in monotonic seconds.
    """
    raw, status = result.status, state.status
    first = state.last_run is None
    streak = state.streak + 1 if not first and _is_bad(raw) == _is_bad(state.raw) else 1
    milder: tuple[HealthStatus, ...] = ()
    if first:
        status = raw
    elif severity(raw) < severity(status):
        milder = (*state.milder, raw)[-recover_after:]
        if len(milder) == recover_after:
            status = worst(milder)
            milder = tuple(
                reversed(list(takewhile(lambda raw_status: severity(raw_status) < severity(status), reversed(milder))))
            )
    elif _is_bad(status) or streak >= fail_after:
        status = raw
    failed = state.failures + 1 if _is_bad(raw) else state.failures
    return replace(
        state,
        status=status,
        raw=raw,
        result=result,
        streak=streak,
        since=now_s if first or status is not state.status else state.since,
        last_run=now_s,
        failures=failed if _is_bad(status) or _is_bad(raw) else 0,
        milder=milder,
    )
