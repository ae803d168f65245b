"""
The state of all checks at one moment: immutable, computed from check records and the time. Pure.

Nothing here runs a check. A stale result counts as UNKNOWN, and so does a check whose dependency is CRITICAL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from csg_otel.check_result import CheckResult
from csg_otel.health.definition import GROUPS, OVERALL, Check
from csg_otel.status import HealthStatus, worst

if TYPE_CHECKING:
    from csg_otel.health.record import CheckRecord

NOT_RUN: Final = CheckResult(HealthStatus.UNKNOWN, "not run yet")


@dataclass(frozen=True, slots=True)
class CheckView:
    """
    The public state of one check.

    Attributes:
        name: The check's name.
        category: The check's category.
        groups: The probes the check counts in, besides overall.
        critical: False caps the contribution to the groups at WARNING.
        status: The effective status: after hysteresis, staleness and dependencies.
        raw: The status of the last run.
        result: The last run's result; status and message are replaced where the effective status has another cause.
        age_s: Seconds since the last result; None before the first.
        for_s: Seconds for which ``status`` has held.
        skipped_by: The CRITICAL dependency because of which the check does not run; empty if there is none. It is a check in
            a circle of dependencies where one keeps this check from running.
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
    skipped_by: str = ""

    @property
    def contribution(self) -> HealthStatus:
        """The status its groups count: for a non-critical check never worse than WARNING, and UNKNOWN as WARNING."""
        if self.critical or self.status is HealthStatus.HEALTHY:
            return self.status
        return HealthStatus.WARNING


@dataclass(frozen=True, slots=True)
class HealthSnapshot:
    """
    All checks at one moment.

    ``groups`` has the status of ``overall``, ``liveness``, ``readiness`` and ``startup``; a group without checks is
    UNKNOWN. With ``bypass`` no check runs; without ``monitored`` none runs by itself. ``maintenance`` is the program's reason;
    it is empty outside maintenance.
    """

    checks: tuple[CheckView, ...] = ()
    groups: Mapping[str, HealthStatus] = field(
        default_factory=lambda: dict.fromkeys((OVERALL, *GROUPS), HealthStatus.UNKNOWN)
    )
    bypass: bool = False
    maintenance: str = ""
    monitored: bool = True

    @property
    def overall(self) -> HealthStatus:
        """The worst status of all checks."""
        return self.groups[OVERALL]

    def members(self, group: str) -> tuple[CheckView, ...]:
        """Return the checks of *group*."""
        return self.checks if group == OVERALL else tuple(view for view in self.checks if group in view.groups)

    @property
    def skipped(self) -> dict[str, CheckView]:
        """The checks that do not run because a dependency is CRITICAL, by name."""
        return {view.name: view for view in self.checks if view.skipped_by}

    def check(self, name: str) -> CheckView | None:
        """Return the check called *name*."""
        return next((view for view in self.checks if view.name == name), None)


def aggregate(views: Iterable[CheckView]) -> HealthStatus:
    """Return the worst contribution of *views*; UNKNOWN if there are none."""
    return worst(view.contribution for view in views)


def take(
    records: Mapping[str, CheckRecord],
    now_s: float,
    *,
    bypass: bool,
    maintenance: str,
    monitored: bool = True,
    circles: Mapping[str, str] = MappingProxyType({}),
) -> HealthSnapshot:
    """
    Return the snapshot of all checks.

    Args:
        records: The check records by name.
        now_s: The present time, in monotonic seconds.
        bypass: Whether health checks are switched off.
        maintenance: The program's reason for maintenance; empty outside maintenance.
        monitored: Whether checks run by themselves; True by default.
        circles: The checks that depend on each other in a circle, and the circle as text; none by default.
    """
    views = _Views(records, now_s, bypass, circles)
    checks = tuple(views.of_record(record) for record in records.values())
    groups = {OVERALL: aggregate(checks)}
    groups.update((name, aggregate(view for view in checks if name in view.groups)) for name in GROUPS)
    return HealthSnapshot(checks, groups, bypass, maintenance, monitored)


class _Views:
    """Computes one view per record; a view needs those of the check's dependencies first."""

    def __init__(
        self, records: Mapping[str, CheckRecord], now_s: float, bypass: bool, circles: Mapping[str, str]
    ) -> None:
        self._circles = circles
        self._records = records
        self._now_s = now_s
        self._bypass = bypass
        self._views: dict[str, CheckView] = {}

    def of_record(self, record: CheckRecord) -> CheckView:
        """Return the view of *record*."""
        check, state = record.check, record.state
        if check.name in self._views:
            return self._views[check.name]
        age_s = None if state.last_run is None else self._now_s - state.last_run
        skipped_by = "" if self._bypass else self._critical_dependency(check)
        status, message = self._status(record, age_s, skipped_by)
        view = CheckView(
            name=check.name,
            category=check.category,
            groups=record.groups,
            critical=check.critical,
            status=status,
            raw=state.raw,
            result=_result(state.result or NOT_RUN, status, message, check.category),
            age_s=age_s,
            for_s=self._now_s - state.since if state.last_run is not None else 0.0,
            skipped_by=skipped_by,
        )
        self._views[check.name] = view
        return view

    def _status(self, record: CheckRecord, age_s: float | None, skipped_by: str) -> tuple[HealthStatus, str]:
        """Return the effective status of *record* and the message that explains it."""
        state, policy = record.state, record.policy
        message = (state.result or NOT_RUN).message
        if self._bypass:
            return HealthStatus.UNKNOWN, "health checks are switched off"
        if skipped_by in self._circles:
            return HealthStatus.UNKNOWN, f"not run: {self._circles[skipped_by]}; remove one depends_on"
        if skipped_by:
            return HealthStatus.UNKNOWN, f"skipped: {skipped_by} is CRITICAL"
        if age_s is not None and age_s > policy.stale_after_s:
            late_s = age_s - policy.stale_after_s
            return (
                HealthStatus.UNKNOWN,
                f"stale since {late_s:.0f} s: the last result is {age_s:.0f} s old (limit {policy.stale_after_s:g} s)",
            )
        if state.status is HealthStatus.HEALTHY and state.raw is not HealthStatus.HEALTHY:
            message = f"{message} ({state.streak} of {policy.failure_threshold} failures)".lstrip()
        return state.status, message

    def _critical_dependency(self, check: Check) -> str:
        """
        Return the first dependency of *check*, direct or through a skipped check, that is CRITICAL; else an empty name.

        A check in a circle of dependencies, which has no first one, is its own.
        """
        if check.name in self._circles:
            return check.name
        for name in check.depends_on:
            if name not in self._records:
                continue
            dependency = self.of_record(self._records[name])
            if dependency.status is HealthStatus.CRITICAL:
                return name
            if dependency.skipped_by:
                return dependency.skipped_by
        return ""


def _result(result: CheckResult, status: HealthStatus, message: str, category: str) -> CheckResult:
    """Return *result* with *status*, *message* and *category*; the same object if it has them already."""
    if (status, message, category) == (result.status, result.message, result.category):
        return result
    return replace(result, status=status, message=message, category=category)
