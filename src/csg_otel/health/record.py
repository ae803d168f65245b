"""What a registry keeps of one check between its runs; used under the registry's lock only. Times are monotonic seconds."""

from __future__ import annotations

import contextvars
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from csg_otel.health.listeners import Change
from csg_otel.health.trends import Timeline
from csg_otel.status import CheckResult, CheckState, HealthStatus, advance

if TYPE_CHECKING:
    from csg_otel.health.definition import Check, Policy
    from csg_otel.health.execution import Execution
    from csg_otel.health.snapshot import CheckView


@dataclass(slots=True)
class Entry:
    """A check, when it is due, what it found, and what has been shown of that."""

    check: Check
    policy: Policy
    groups: tuple[str, ...]
    context: contextvars.Context
    due: float
    state: CheckState = field(default_factory=CheckState)
    execution: Execution | None = None
    shown: HealthStatus = HealthStatus.UNKNOWN
    outage_since: float | None = None
    failures: int = 0
    timeline: Timeline = field(default_factory=Timeline)

    def take_over(self, old: Entry) -> None:
        """Go on from *old*, the entry of the same function before the settings changed."""
        self.state, self.execution, self.shown = old.state, old.execution, old.shown
        self.outage_since, self.failures, self.timeline = old.outage_since, old.failures, old.timeline
        self.due = min(old.due, time.monotonic() + self.policy.interval_s)

    @property
    def under_way(self) -> Execution | None:
        """The run that has no result yet."""
        return self.execution if self.execution is not None and not self.execution.ended.is_set() else None

    def schedule_next(self, now_s: float) -> None:
        """Set when the next run is due: an interval later, spread, and never a burst to make up for missed ones."""
        spread = self.policy.interval_s * self.check.jitter / 2
        self.due = max(self.due + self.policy.interval_s, now_s) + random.uniform(-spread, spread)

    def record(self, result: CheckResult, now_s: float) -> None:
        """Take the result of a run."""
        self.state = advance(
            self.state,
            result,
            fail_after=self.policy.failure_threshold,
            recover_after=self.policy.success_threshold,
            now_s=now_s,
        )
        self.failures += result.status in (HealthStatus.CRITICAL, HealthStatus.WARNING)

    def show(self, view: CheckView, now_s: float) -> Change | None:
        """Return what *view* changes about what was shown before; nothing for a first result that is good."""
        before, self.shown = self.shown, view.status
        if view.age_s is not None:
            self.timeline.note(now_s, view.status)
        if before is view.status:
            if view.status is HealthStatus.HEALTHY:
                self.failures = 0
            return None
        outage_s, failures = None, 0
        if view.status is HealthStatus.HEALTHY:
            if self.outage_since is None:
                return None
            outage_s, failures = now_s - self.outage_since, self.failures
            self.outage_since, self.failures = None, 0
        elif self.outage_since is None:
            self.outage_since = now_s
        message = view.result.message
        return Change(view.name, view.category, before, view.status, message, time.time(), outage_s, failures)
