"""
The scheduler of a registry: it runs checks when they are due, records their results and publishes changes.

Two runs of one check never overlap, each run has a deadline, and a check that hangs is not started again before it returns.
No lock is held while code of the program runs. Times are monotonic.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from csg_otel import clocks, faults, forks, waits
from csg_otel.health.definition import levels
from csg_otel.health.execution import Execution, Loops
from csg_otel.health.listeners import Change, Listeners
from csg_otel.health.observer import HealthEvent, HealthObserver, NoObserver
from csg_otel.status import HealthStatus
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from csg_otel.check_result import CheckResult
    from csg_otel.health.record import CheckRecord
    from csg_otel.health.table import CheckTable

_log = logging.getLogger("csg_otel")

_LONGEST_SLEEP_S = 10.0
"""Longest time between two steps of the schedule in seconds; each due run, deadline and stale result has a step of its own."""

_PAUSE_S = 1.0
"""Seconds after a step that failed, and longest wait for a run of an inline check on another thread."""

_STALE_S = 0.001
"""Seconds between the limit of a result's age and the step that publishes it as stale: a result at its limit is not stale."""

_LOOK_EVERY_S = 0.01
"""Seconds between two looks for first results while the program ends."""


class Scheduler:
    """The thread that runs the checks of *table*, and the receiver of their results."""

    def __init__(self, table: CheckTable) -> None:
        self.loops = Loops()
        self.listeners = Listeners()
        self.observer: HealthObserver = NoObserver()
        self._table = table
        self._reset()

    def _reset(self) -> None:
        self._wake = waits.Wakeup()
        self._thread: threading.Thread | None = None

    # -- life ------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the schedule runs."""
        return self._thread is not None

    def start(self) -> None:
        """Start the thread; idempotent."""
        if self._table.settings.bypass:
            _log.warning(
                "health checks are switched off by DISABLE_HEALTH_CHECKS or health_monitoring.bypass: no check runs, every "
                "probe passes and every state is unknown; remove the setting to switch them on"
            )
        with self._table.lock:
            if self._thread is None:
                self._thread = OwnThread(target=self._schedule, name="csg-otel-health")
                self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop the schedule and wait for it at most *timeout_s* seconds; a run that has started is not stopped."""
        with self._table.lock:
            thread, self._thread = self._thread, None
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
        self.loops.close()

    def settle(self, timeout_s: float) -> None:
        """
        Run the inline checks, so that the states have what the program has reported until this call.

        Then wait at most *timeout_s* seconds for the first results of checks that are running or due.
        """
        now, skipped = clocks.monotonic(), self._table.snapshot().skipped
        records = [record for record in self._active_records() if record.check.name not in skipped]
        for record in records:
            if record.check.inline:
                if (pending := record.pending_execution) is not None:
                    pending.ended.wait(_PAUSE_S)  # it may have read the report before
                self.start_run(record)
        without_result = [record for record in records if record.state.last_run is None]
        waits.Changes().wait_for(
            lambda: not any(record.pending_execution or record.due <= now for record in without_result),
            timeout_s,
            every_s=_LOOK_EVERY_S,
        )

    def _active_records(self) -> list[CheckRecord]:
        """Return the records of the checks that the schedule runs."""
        if not self.running or self._table.settings.bypass:
            return []
        return list(self._table.select(None).values())

    def wake(self) -> None:
        """Look at once for checks that are due."""
        self._wake.set()

    def forget(self, name: str) -> None:
        """Drop the loop of the removed check *name*, and look at once whether checks that depend on it may run now."""
        self.loops.forget(name)
        self.wake()

    def reset_after_fork(self) -> None:
        """Drop the threads and loops of the parent, and start the schedule again if it was running."""
        running = self.running
        self._reset()
        self.loops.reset_after_fork()
        self.listeners.reset_after_fork()
        if running:
            forks.afterwards(self.start)

    # -- the schedule ----------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        while self._thread is threading.current_thread():
            try:
                wait_s = self._step()
            except Exception:  # noqa: BLE001 - an error in one step must not end the schedule
                faults.contain("health")
                wait_s = _PAUSE_S
            self._wake.wait(wait_s)

    def _step(self) -> float:
        """Start the checks that are due, expire overdue runs, publish changes; return seconds until the next step."""
        now = clocks.monotonic()
        overdue: list[Execution] = []
        due: list[CheckRecord] = []
        with self._table.lock:
            for record in self._table.records.values() if not self._table.settings.bypass else ():
                pending = record.pending_execution
                if pending is not None and pending.deadline <= now:
                    overdue.append(pending)
                if record.due <= now:
                    record.schedule_next(now)
                    due.append(record)
        for execution in overdue:
            execution.expire()
        skipped = self._table.snapshot().skipped if due else {}
        for record in due:
            if record.check.name not in skipped:
                self.start_run(record)
        now = clocks.monotonic()
        self._publish_changes()
        with self._table.lock:
            records = self._table.records.values()
            times = [record.due for record in records]
            times += [pending.deadline for record in records if (pending := record.pending_execution)]
            times += [
                stale_at + _STALE_S
                for record in records
                if (stale_at := record.stale_at) is not None and stale_at >= now
            ]
        return max(0.0, min([*times, now + _LONGEST_SLEEP_S]) - clocks.monotonic())

    def start_run(self, record: CheckRecord) -> Execution:
        """
        Start a run of *record* and return it, or return the pending one.

        If a run still hangs after its deadline, no other run starts, and the returned execution has failed already.
        """
        with self._table.lock:
            latest = record.execution
            if latest is not None and not latest.returned:
                hangs = latest.ended.is_set()
                if not hangs:
                    return latest
            else:
                hangs = False
                latest = record.execution = Execution(record.check, record.policy.timeout_s, self)
        if hangs:
            failed = Execution(record.check, record.policy.timeout_s, self)
            failed.began = latest.began
            failed.expire()
            return failed
        latest.start(self.observer, record.context, self.loops)
        return latest

    def run(self, names: Iterable[str] | None) -> dict[str, CheckResult]:
        """Run the checks *names*, all if None, and return their results; see :meth:`HealthRegistry.run_all`."""
        records = self._table.select(names)
        if self._table.settings.bypass:
            return {view.name: view.result for view in self._table.snapshot().checks if view.name in records}
        results: dict[str, CheckResult] = {}
        for level in levels(record.check for record in records.values()):
            skipped = self._table.snapshot().skipped
            runs = {check.name: records[check.name] for check in level if check.name not in skipped}
            started = {name: self.start_run(record) for name, record in runs.items()}
            results.update((check.name, skipped[check.name].result) for check in level if check.name in skipped)
            results.update((name, execution.wait()) for name, execution in started.items())
        return {name: results[name] for name in records}

    # -- results ---------------------------------------------------------------------------------------------------

    def receive_result(self, execution: Execution, result: CheckResult) -> None:
        """Record the *result* of *execution*; only executions call this. A check that was removed meanwhile has no result."""
        now = clocks.monotonic()
        with self._table.lock:
            record = self._table.records.get(execution.check.name)
            if record is None or record.check.function is not execution.check.function:
                return
            record.add_result(result, now)
        self._publish_changes(execution)

    def _publish_changes(self, execution: Execution | None = None) -> None:
        """Publish each difference from the states published before, and the end of *execution*, exactly once."""
        now = clocks.monotonic()
        changes: list[Change] = []
        with self._table.lock:
            snapshot = self._table.snapshot()
            if any(view.age_s is not None for view in snapshot.checks):
                self._table.overall.note(now, snapshot.overall)
            for view in snapshot.checks:
                record = self._table.records[view.name]
                before = record.published
                if (change := record.publish(view, now)) is not None:
                    changes.append(change)
                if before is HealthStatus.CRITICAL and view.status is not before:
                    self._run_dependents_now(view.name)
        for change in changes:
            self.listeners.publish(change)
        if changes or execution is not None:
            try:
                self.observer.on_health_event(HealthEvent(execution, tuple(changes)))
            except Exception:  # noqa: BLE001 - an error in telemetry must not affect the check
                faults.contain("health")

    def _run_dependents_now(self, name: str) -> None:
        """Make the checks due that depend on *name*, directly or through others, because it has recovered."""
        recovered = [name]
        for dependency in recovered:
            for record in self._table.records.values():
                if dependency in record.check.depends_on and record.check.name not in recovered:
                    record.due = clocks.monotonic()
                    recovered.append(record.check.name)
        self._wake.set()
