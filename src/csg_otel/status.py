"""
The words of health and the pure step from one state to the next. No clock, no thread, no I/O: time is passed in.
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
    How well something works. ``code`` is the exit code of the Nagios plugin guidelines and of Datadog's service checks.

    HEALTHY: works. WARNING: works, with issues. CRITICAL: does not work. UNKNOWN: can't tell.
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
"""Worst first: what an aggregate of several checks shows."""


def worst(statuses: Iterable[HealthStatus], order: tuple[HealthStatus, ...] = SEVERITY_ORDER) -> HealthStatus:
    """Return the worst of *statuses* by *order* (worst first); UNKNOWN if there are none."""
    return min(statuses, key=order.index, default=HealthStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Range:
    """
    Where a value is well: from *low* to *high*, both included; with *inside*, where it is not.

    Written as in the Nagios plugin guidelines: ``10`` (0 to 10), ``10:`` (at least 10), ``~:10`` (at most 10), ``10:20``,
    ``@10:20`` (not from 10 to 20).
    """

    low: float = 0.0
    high: float = math.inf
    inside: bool = False

    @classmethod
    def parse(cls, text: str) -> Range:
        """Return the range *text* describes. Raises ValueError if it describes none."""
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
        """Tell whether *value* is well."""
        return (self.low <= value <= self.high) is not self.inside

    def __str__(self) -> str:
        low = "~" if self.low == -math.inf else f"{self.low:g}"
        high = "" if self.high == math.inf else f"{self.high:g}"
        return f"{'@' if self.inside else ''}{high if low == '0' and high else f'{low}:{high}'}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    One number a check measured, with the limits it is held against.

    ``unit`` is the UCUM unit (``%``, ``s``, ``By``); ``warning`` and ``critical`` are in that unit: a number is the most
    that is well, a :class:`Range` is where it is well. ``attributes`` go on the series of the measurement.
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
    What one run of a check found.

    ``response_time_ms`` and ``timestamp`` (Unix seconds) are filled in by the runner. ``error_type`` is the class name of
    an exception or a word such as ``timeout``, empty on success.
    """

    status: HealthStatus
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    error_type: str = ""
    response_time_ms: float = 0.0
    timestamp: float = 0.0


class CheckFailure(Exception):  # noqa: N818 - a verdict of a check, not an error of the program
    """
    Raised by a check to say what it found; the message is public, unlike that of any other exception.

    Use :class:`Warn` or :class:`Critical`.
    """

    status = HealthStatus.CRITICAL

    def __init__(
        self, message: str, *, details: Mapping[str, Any] | None = None, measurements: tuple[Measurement, ...] = ()
    ) -> None:
        super().__init__(message)
        self.details = dict(details or {})
        self.measurements = measurements


class Critical(CheckFailure):
    """Raised by a check: it does not work, and the message may be shown to anyone."""


class Warn(CheckFailure):
    """Raised by a check: it works, with issues, and the message may be shown to anyone."""

    status = HealthStatus.WARNING


@dataclass(frozen=True, slots=True)
class CheckState:
    """
    What is known of one check. ``status`` is effective (after hysteresis), ``raw`` is the last run's.

    ``since`` is when the effective status began and ``last_run`` when the last result came, both monotonic seconds;
    ``streak`` counts equal verdicts (bad or good) in a row; ``failures`` counts failed runs of the present outage;
    ``milder`` holds the latest results in a row that were better than ``status`` but not yet often enough.
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
    Return the state after *result*, which came at monotonic time *now_s*.

    The first result counts at once. From good to bad takes *fail_after* bad results in a row. Any way back, to a milder
    bad state too, takes *recover_after* better results in a row and leads to the worst of them. Among bad states a worse
    one counts at once.
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
            milder = tuple(reversed(list(takewhile(lambda seen: severity(seen) < severity(status), reversed(milder)))))
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
