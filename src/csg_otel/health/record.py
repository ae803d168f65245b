"""The registry's record of one check between its runs. It is changed under the registry's lock only; times are monotonic."""

from __future__ import annotations

import contextvars
import random
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from csg_otel import clocks
from csg_otel.health.listeners import Change
from csg_otel.health.trends import WORKS, Timeline
from csg_otel.status import CheckState, HealthStatus, advance

if TYPE_CHECKING:
    from csg_otel.check_result import CheckResult
    from csg_otel.health.definition import Check, Policy
    from csg_otel.health.execution import Execution
    from csg_otel.health.snapshot import CheckView


_MOST_FAILURES: Final = 10


@dataclass(slots=True)
class CheckRecord:
    """
    One check with its schedule, its state and its present outage.

    Attributes:
        check: The definition.
        policy: The definition's times and thresholds, completed from the settings.
        groups: The probes the check counts in.
        context: The context variables a run starts with.
        due: When the next run starts.
        state: The state after the last result.
        execution: The latest run; it may still be running.
        published: The effective status at the last comparison; a difference from it is a change.
        outage_since: When the check became CRITICAL; None while it works, which it does in WARNING, too.
        failures: Runs that ended in WARNING or CRITICAL since the check was last HEALTHY.
        timeline: The effective statuses over time.
        last_failures: The results of the last runs that ended in WARNING or CRITICAL, the newest last.
    """

    check: Check
    policy: Policy
    groups: tuple[str, ...]
    context: contextvars.Context
    due: float
    state: CheckState = field(default_factory=CheckState)
    execution: Execution | None = None
    published: HealthStatus = HealthStatus.UNKNOWN
    outage_since: float | None = None
    failures: int = 0
    timeline: Timeline = field(default_factory=Timeline)
    last_failures: deque[CheckResult] = field(default_factory=lambda: deque(maxlen=_MOST_FAILURES))

    def continue_from(self, previous: CheckRecord) -> None:
        """Keep the state of *previous*, the record of the same function before the settings changed."""
        self.state, self.execution, self.published = previous.state, previous.execution, previous.published
        self.outage_since, self.failures, self.timeline = previous.outage_since, previous.failures, previous.timeline
        self.last_failures = previous.last_failures
        self.due = min(previous.due, clocks.monotonic() + self.policy.interval_s)

    @property
    def pending_execution(self) -> Execution | None:
        """The run that has no result yet."""
        return self.execution if self.execution is not None and not self.execution.ended.is_set() else None

    @property
    def stale_at(self) -> float | None:
        """When the last result becomes stale; None without a result."""
        return None if self.state.last_run is None else self.state.last_run + self.policy.stale_after_s

    def schedule_next(self, now_s: float) -> None:
        """Set when the next run is due: one interval later, with jitter. Missed runs are skipped."""
        spread = self.policy.interval_s * self.check.jitter / 2
        self.due = max(self.due + self.policy.interval_s, now_s) + random.uniform(-spread, spread)

    def add_result(self, result: CheckResult, now_s: float) -> None:
        """Advance the state by the *result* of a run."""
        self.state = advance(
            self.state,
            result,
            fail_after=self.policy.failure_threshold,
            recover_after=self.policy.success_threshold,
            now_s=now_s,
        )
        if result.status in (HealthStatus.CRITICAL, HealthStatus.WARNING):
            self.failures += 1
            self.last_failures.append(result)

    def publish(self, view: CheckView, now_s: float) -> Change | None:
        """Record *view* as published and return the change it makes; a first result that is HEALTHY is no change."""
        before, self.published = self.published, view.status
        failures, is_first = self.failures, self.timeline.is_empty
        if view.age_s is not None:
            self.timeline.note(now_s, view.status)
        if view.status is HealthStatus.HEALTHY:
            self.failures = 0
        if before is view.status or (is_first and view.status is HealthStatus.HEALTHY):
            return None
        outage_s = None
        if self.outage_since is not None and view.status in WORKS:
            outage_s, self.outage_since = now_s - self.outage_since, None
        elif self.outage_since is None and view.status is HealthStatus.CRITICAL:
            self.outage_since = now_s
        return Change(
            name=view.name,
            category=view.category,
            before=before,
            after=view.status,
            message=view.result.message,
            timestamp=time.time(),
            outage_s=outage_s,
            failures=failures if outage_s is not None else 0,
            critical=view.critical,
        )
