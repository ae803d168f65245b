"""
The types of health, and the function from one state to the next. Pure: the time is an argument.
"""

from __future__ import annotations

import enum
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from csg_otel.check_result import CheckResult


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

SEVERITY_ORDER = tuple(HealthStatus[name] for name in ("CRITICAL", "WARNING", "UNKNOWN", "HEALTHY"))
"""All statuses, worst first: the worst of several checks is the status of their group."""


def worst(statuses: Iterable[HealthStatus], order: tuple[HealthStatus, ...] = SEVERITY_ORDER) -> HealthStatus:
    """Return the worst of *statuses* by *order* (worst first); UNKNOWN if there are none."""
    return min(statuses, key=order.index, default=HealthStatus.UNKNOWN)


class CheckState(NamedTuple):
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
    raw, status, good = result.status, state.status, HealthStatus.HEALTHY
    first = state.last_run is None
    streak = state.streak + 1 if not first and (raw is good) == (state.raw is good) else 1
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
    elif status is not good or streak >= fail_after:
        status = raw
    failed = state.failures + (raw is not good)
    return state._replace(
        status=status,
        raw=raw,
        result=result,
        streak=streak,
        since=now_s if first or status is not state.status else state.since,
        last_run=now_s,
        failures=0 if status is good and raw is good else failed,
        milder=milder,
    )
