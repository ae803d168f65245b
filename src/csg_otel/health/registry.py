"""
The registry of health checks: the definitions of the program and of the settings, their schedule, and their states.

``table`` holds definitions and records, ``scheduler`` runs the checks. The rule: reading a state never runs a check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from csg_otel import forks
from csg_otel.health.observer import HealthObserver, NoObserver
from csg_otel.health.scheduler import Scheduler
from csg_otel.health.table import CheckTable

if TYPE_CHECKING:
    from csg_otel.check_result import CheckResult
    from csg_otel.config.sections.health_monitoring import HealthMonitoring
    from csg_otel.health.definition import Check
    from csg_otel.health.listeners import Listener
    from csg_otel.health.snapshot import HealthSnapshot
    from csg_otel.health.trends import Trend


class HealthRegistry:
    """All checks of a program; ``csg_otel.health_check`` registers in the process's default one."""

    def __init__(self, settings: HealthMonitoring | None = None) -> None:
        """Use *settings*; without them, the defaults."""
        self.table = CheckTable(settings)  # definitions and records
        self._scheduler = Scheduler(self.table)
        forks.follow(self.reset_after_fork)

    @property
    def settings(self) -> HealthMonitoring:
        """The settings of all checks."""
        return self.table.settings

    @property
    def configured(self) -> bool:
        """Whether settings were given."""
        return self.table.configured

    def register(self, check: Check) -> None:
        """
        Add *check*; it replaces the same function under the same name, as after a reload.

        While the schedule runs, raises HealthDefinitionError if *check* contradicts the others; before that, `start` does.
        """
        self.table.add(check, validated=self.running)
        self._scheduler.wake()

    def unregister(self, name: str) -> None:
        """Remove the check *name*; its series end with the next collection."""
        self.table.remove(name)
        self._scheduler.forget(name)

    def configure(self, settings: HealthMonitoring, own: Iterable[Check] = ()) -> None:
        """Use *settings* and the checks *own* that they define; the program's checks stay. Raises as :meth:`start`."""
        self.table.configure(settings, own)
        self._scheduler.wake()

    @property
    def running(self) -> bool:
        """Whether the schedule runs."""
        return self._scheduler.running

    def start(self) -> None:
        """Start the schedule; idempotent. Raises HealthDefinitionError with every contradiction between the checks."""
        self.table.validate()
        self._scheduler.start()

    def stop(self, timeout_s: float) -> None:
        """Stop the schedule and wait for it at most *timeout_s* seconds; a run that has started is not stopped."""
        self._scheduler.stop(timeout_s)

    def settle(self, timeout_s: float = 0.0) -> None:
        """Read what components report now, and wait at most *timeout_s* seconds for first results of running or due checks."""
        self._scheduler.settle(timeout_s)

    def reset_after_fork(self) -> None:
        """Drop the threads, locks, runs and loops of the parent, and start the schedule again if it was running."""
        self.table.reset_after_fork()
        self._scheduler.reset_after_fork()

    def snapshot(self) -> HealthSnapshot:
        """Return the state of all checks now; runs none."""
        return self.table.snapshot()

    def trends(self, window_s: float) -> dict[str, Trend]:
        """Return the trend of each check in the last *window_s* seconds by name, and that of all of them as ``overall``."""
        return self.table.trends(window_s)

    def run(self, name: str) -> CheckResult:
        """Run the check *name* now, or wait for its pending run; return the result by the deadline. Raises KeyError."""
        return self.run_all((name,))[name]

    def run_all(self, names: Iterable[str] | None = None) -> dict[str, CheckResult]:
        """
        Run all checks, or the checks *names*, and return their results by name, each by its deadline at the latest.

        A pending run is waited for, not repeated. A check whose dependency is CRITICAL is not run; its result is UNKNOWN.
        """
        return self._scheduler.run(names)

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with each :class:`Change`, on a thread of its own; return a function that removes it."""
        return self._scheduler.listeners.add(listener)

    def observe(self, observer: HealthObserver | None) -> None:
        """Use *observer* for all runs and events from now on, in place of an earlier observer; None for no observer."""
        self._scheduler.observer = observer or NoObserver()

    def maintenance(self, reason: str) -> AbstractContextManager[None]:
        """Put the program into maintenance during the block: readiness fails with *reason*, and checks still run."""
        return self.table.maintenance(reason)
