"""
What is known about all checks at one moment: immutable, made from states and time, read by everybody else. Pure.

Nothing here runs a check. The rule: an old result is not a result, and what depends on something broken is not to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from csg_otel.health.definition import GROUPS, OVERALL, Check, Policy
from csg_otel.status import CheckResult, CheckState, HealthStatus, worst

NOT_RUN: Final = CheckResult(HealthStatus.UNKNOWN, "not run yet")


@dataclass(frozen=True, slots=True)
class CheckView:
    """
    One check as the outside sees it.

    ``status`` is effective: after hysteresis, staleness and dependencies; ``raw`` is the last run's. ``age_s`` is the
    seconds since the last result (None before the first), ``for_s`` the seconds ``status`` has held. ``result`` is the last
    run's, its message replaced where the status has another reason.
    """

    name: str
    category: str
    groups: tuple[str, ...]
    critical: bool
    status: HealthStatus
    raw: HealthStatus
    result: CheckResult
    age_s: float | None = None
    for_s: float = 0.0

    @property
    def contribution(self) -> HealthStatus:
        """What it adds to its groups: an uncritical check never more than WARNING, nor a probe that fails by UNKNOWN."""
        if self.critical or self.status is HealthStatus.HEALTHY:
            return self.status
        return HealthStatus.WARNING


@dataclass(frozen=True, slots=True)
class HealthSnapshot:
    """
    All checks at one moment.

    ``groups`` has the status of ``overall``, ``liveness``, ``readiness`` and ``startup``; a group without checks is
    UNKNOWN. With ``bypass`` nothing runs. ``maintenance`` is the program's reason, empty outside maintenance.
    """

    checks: tuple[CheckView, ...] = ()
    groups: Mapping[str, HealthStatus] = field(
        default_factory=lambda: dict.fromkeys((OVERALL, *GROUPS), HealthStatus.UNKNOWN)
    )
    bypass: bool = False
    maintenance: str = ""

    @property
    def overall(self) -> HealthStatus:
        """The worst of all checks."""
        return self.groups[OVERALL]

    def members(self, group: str) -> tuple[CheckView, ...]:
        """Return the checks of *group*."""
        return self.checks if group == OVERALL else tuple(view for view in self.checks if group in view.groups)

    def check(self, name: str) -> CheckView | None:
        """Return the check called *name*."""
        return next((view for view in self.checks if view.name == name), None)


@dataclass(frozen=True, slots=True)
class Known:
    """What the registry knows of one check."""

    check: Check
    policy: Policy
    groups: tuple[str, ...]
    state: CheckState


def aggregate(views: Iterable[CheckView]) -> HealthStatus:
    """Return the worst contribution of *views*; UNKNOWN if there are none."""
    return worst(view.contribution for view in views)


def take(known: Mapping[str, Known], now_s: float, *, bypass: bool, maintenance: str) -> HealthSnapshot:
    """Return the snapshot of *known* at monotonic time *now_s*."""
    views: dict[str, CheckView] = {}
    for name in known:
        _view(name, known, now_s, views, bypass)
    checks = tuple(views[name] for name in known)
    groups = {OVERALL: aggregate(checks)}
    groups.update((name, aggregate(view for view in checks if name in view.groups)) for name in GROUPS)
    return HealthSnapshot(checks, groups, bypass, maintenance)


def _view(
    name: str, known: Mapping[str, Known], now_s: float, views: dict[str, CheckView], bypass: bool
) -> CheckView | None:
    if name in views or name not in known:
        return views.get(name)
    one = known[name]
    state = one.state
    age_s = None if state.last_run is None else now_s - state.last_run
    status, message = state.status, (state.result or NOT_RUN).message
    broken = _broken(one.check, lambda parent: _view(parent, known, now_s, views, bypass))
    if bypass:
        status, message = HealthStatus.UNKNOWN, "health checks are switched off"
    elif broken:
        status, message = HealthStatus.UNKNOWN, f"skipped: {broken} is CRITICAL"
    elif age_s is not None and age_s > one.policy.stale_after_s:
        status, message = HealthStatus.UNKNOWN, f"stale since {age_s - one.policy.stale_after_s:.0f} s"
    elif status is HealthStatus.HEALTHY and state.raw is not HealthStatus.HEALTHY:
        message = f"{message} ({state.streak} of {one.policy.failure_threshold} failures)".lstrip()
    views[name] = CheckView(
        name,
        one.check.category,
        one.groups,
        one.check.critical,
        status,
        state.raw,
        _with_message(state.result or NOT_RUN, status, message),
        age_s,
        now_s - state.since if state.last_run is not None else 0.0,
    )
    return views[name]


def _broken(check: Check, view: Callable[[str], CheckView | None]) -> str:
    """Return the first check that *check* depends on and that is CRITICAL, or itself skipped for the same reason."""
    for parent in check.depends_on:
        seen = view(parent)
        if seen is None:
            continue
        if seen.status is HealthStatus.CRITICAL:
            return parent
        if seen.result.message.startswith("skipped: "):
            return seen.result.message.removeprefix("skipped: ").removesuffix(" is CRITICAL")
    return ""


def _with_message(result: CheckResult, status: HealthStatus, message: str) -> CheckResult:
    if (status, message) == (result.status, result.message):
        return result
    return CheckResult(
        status,
        message,
        result.details,
        result.measurements,
        result.error_type,
        result.response_time_ms,
        result.timestamp,
    )
