"""
The registry: it runs checks on their own schedule and records their results.

Two runs of one check never overlap, each run has a deadline, and reading the state never runs a check. No lock is held while
code of the program runs. Times are monotonic; the wall clock only labels results.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from csg_otel import faults, forks
from csg_otel.health import snapshot as snapshots
from csg_otel.health.definition import OVERALL, Check, groups_of, levels, policy, validate
from csg_otel.health.execution import Execution, Loops
from csg_otel.health.listeners import Change, Listener, Listeners
from csg_otel.health.observer import HealthEvent, HealthObserver, NoObserver
from csg_otel.health.record import CheckRecord
from csg_otel.health.trends import Timeline, Trend
from csg_otel.status import CheckResult, HealthStatus

if TYPE_CHECKING:
    from csg_otel.config.sections.health_monitoring import HealthMonitoring
    from csg_otel.health.snapshot import HealthSnapshot

_log = logging.getLogger("csg_otel")

_LONGEST_SLEEP_S = 1.0
"""Most seconds between two steps of the schedule: a stale result is published at most this much late."""

_FIRST_RUN_S = 1.0
"""Most seconds over which the first runs of all checks are spread, so that they do not start together."""


class HealthRegistry:
    """All checks of a program; ``csg_otel.health_check`` registers in the process's default one."""

    def __init__(self, settings: HealthMonitoring | None = None) -> None:
        """Use *settings*; without them, the defaults."""
        self._settings = settings
        self._checks: list[tuple[Check, contextvars.Context]] = []
        self._records: dict[str, CheckRecord] = {}
        self._maintenance: list[str] = []
        self._overall = Timeline()
        self._loops = Loops()
        self._listeners = Listeners()
        self._observer: HealthObserver = NoObserver()
        self._reset()
        forks.follow(self.reset_after_fork)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    # -- definitions -----------------------------------------------------------------------------------------------

    @property
    def settings(self) -> HealthMonitoring:
        """The settings of all checks."""
        return self._settings or _default_settings()

    @property
    def configured(self) -> bool:
        """Whether settings were given."""
        return self._settings is not None

    def register(self, check: Check) -> None:
        """
        Add *check*; it replaces the same function under the same name, as after a reload.

        While the schedule runs, raises HealthDefinitionError if *check* contradicts the others; before that, `start` does.
        """
        if check.loop == "app" and check.app_loop is None:
            check = _with_running_loop(check)
        with self._lock:
            others = [(other, context) for other, context in self._checks if not _same_definition(other, check)]
            checks = [*others, (check, contextvars.copy_context())]
            if self.running:
                validate((each for each, _ in checks), self.settings)
            self._checks = checks
            self._rebuild()
        self._wake.set()

    def unregister(self, name: str) -> None:
        """Remove the check *name*; its series end with the next collection."""
        with self._lock:
            self._checks = [(check, context) for check, context in self._checks if check.name != name]
            self._rebuild()
        self._loops.forget(name)

    def configure(self, settings: HealthMonitoring, own: Iterable[Check] = ()) -> None:
        """Use *settings* and the checks *own* that they define; the program's checks stay. Raises as :meth:`start`."""
        fresh = contextvars.Context()
        with self._lock:
            checks = [(check, context) for check, context in self._checks if not check.own]
            checks += [(check, fresh) for check in own]
            validate((check for check, _ in checks), settings)
            self._settings, self._checks = settings, checks
            self._rebuild()
        self._wake.set()

    def _rebuild(self) -> None:
        """Make a record for each definition; a check that was there before keeps its state."""
        now, records = time.monotonic(), {}
        for check, context in self._checks:
            limits = policy(check, self.settings)
            first = now + random.uniform(0, min(_FIRST_RUN_S, limits.interval_s * check.jitter))
            previous = self._records.get(check.name)
            record = CheckRecord(check, limits, groups_of(check, self.settings), context, first)
            if previous is not None and previous.check.function is check.function:
                record.continue_from(previous)
            records[check.name] = record
        self._records = records

    # -- start and stop --------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the schedule runs."""
        return self._thread is not None

    def start(self) -> None:
        """Start the schedule; idempotent. Raises HealthDefinitionError with every contradiction between the checks."""
        with self._lock:
            validate((check for check, _ in self._checks), self.settings)
            if self.settings.bypass:
                _log.warning(
                    "health checks are switched off by DISABLE_HEALTH_CHECKS or health_monitoring.bypass: no check runs, every "
                    "probe passes and every state is unknown; remove the setting to switch them on"
                )
            if self._thread is None:
                self._thread = threading.Thread(target=self._schedule, name="csg-otel-health", daemon=True)
                self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop the schedule and wait for it at most *timeout_s* seconds; a run that has started is not stopped."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
        self._loops.close()

    def reset_after_fork(self) -> None:
        """Drop the threads, locks, runs and loops of the parent, and start the schedule again if it was running."""
        running = self.running
        self._reset()
        self._loops.reset_after_fork()
        self._listeners.reset_after_fork()
        for record in self._records.values():
            record.execution = None
            record.due = time.monotonic()
        if running:
            forks.afterwards(self.start)

    # -- the schedule ----------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        while self._thread is threading.current_thread():
            try:
                wait_s = self._step()
            except Exception:  # noqa: BLE001 - an error in one step must not end the schedule
                faults.contain("health")
                wait_s = _LONGEST_SLEEP_S
            self._wake.wait(wait_s)
            self._wake.clear()

    def _step(self) -> float:
        """Start the checks that are due, expire overdue runs, publish changes; return seconds until the next step."""
        now = time.monotonic()
        overdue: list[Execution] = []
        due: list[CheckRecord] = []
        with self._lock:
            for record in self._records.values() if not self.settings.bypass else ():
                pending = record.pending_execution
                if pending is not None and pending.deadline <= now:
                    overdue.append(pending)
                if record.due <= now:
                    record.schedule_next(now)
                    due.append(record)
        for execution in overdue:
            execution.expire()
        skipped = self.snapshot().skipped
        for record in due:
            if record.check.name not in skipped:
                self._start(record)
        self._publish_changes()
        with self._lock:
            times = [record.due for record in self._records.values()]
            times += [pending.deadline for record in self._records.values() if (pending := record.pending_execution)]
        return max(0.0, min([*times, now + _LONGEST_SLEEP_S]) - time.monotonic())

    def _start(self, record: CheckRecord) -> Execution:
        """
        Start a run of *record* and return it, or return the pending one.

        While a run hangs after its deadline no other starts: the execution returned has failed already.
        """
        with self._lock:
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
        latest.start(self._observer, record.context, self._loops)
        return latest

    def receive_result(self, execution: Execution, result: CheckResult) -> None:
        """Record the *result* of *execution*; for executions alone. It is ignored if the check was removed meanwhile."""
        now = time.monotonic()
        with self._lock:
            record = self._records.get(execution.check.name)
            if record is None or record.check.function is not execution.check.function:
                return
            record.add_result(result, now)
        self._publish_changes(execution)

    def _publish_changes(self, execution: Execution | None = None) -> None:
        """Publish each difference from the states published before, and the end of *execution*, exactly once."""
        now = time.monotonic()
        changes: list[Change] = []
        with self._lock:
            snapshot = self.snapshot()
            if any(view.age_s is not None for view in snapshot.checks):
                self._overall.note(now, snapshot.overall)
            for view in snapshot.checks:
                record = self._records[view.name]
                before = record.published
                if (change := record.publish(view, now)) is not None:
                    changes.append(change)
                if before is HealthStatus.CRITICAL and view.status is not before:
                    self._run_dependents_now(view.name)
        for change in changes:
            self._listeners.publish(change)
        if changes or execution is not None:
            try:
                self._observer.on_health_event(HealthEvent(execution, tuple(changes)))
            except Exception:  # noqa: BLE001 - an error in telemetry must not affect the check
                faults.contain("health")

    def _run_dependents_now(self, name: str) -> None:
        """Make the checks that depend on *name* due, because it has recovered."""
        for record in self._records.values():
            if name in record.check.depends_on:
                record.due = time.monotonic()
        self._wake.set()

    # -- reading the state and running checks on request -----------------------------------------------------------

    def snapshot(self) -> HealthSnapshot:
        """Return the state of all checks now; runs none."""
        with self._lock:
            maintenance = self._maintenance[-1] if self._maintenance else ""
            return snapshots.take(self._records, time.monotonic(), bypass=self.settings.bypass, maintenance=maintenance)

    def trends(self, window_s: float) -> dict[str, Trend]:
        """Return the trend of each check in the last *window_s* seconds by name, and that of all of them as ``overall``."""
        now = time.monotonic()
        with self._lock:
            trends = {OVERALL: self._overall.trend(now, window_s)}
            trends.update((name, record.timeline.trend(now, window_s)) for name, record in self._records.items())
        return trends

    def run(self, name: str) -> CheckResult:
        """
        Run the check *name* now, or wait for its pending run, and return the result by the deadline at the latest.

        Raises KeyError if there is no such check.
        """
        return self.run_all((name,))[name]

    def run_all(self, names: Iterable[str] | None = None) -> dict[str, CheckResult]:
        """
        Run all checks, or the checks *names*, and return their results by name, each by its deadline at the latest.

        A pending run is waited for, not repeated. A check whose dependency is CRITICAL is not run; its result is UNKNOWN.
        """
        with self._lock:
            records = {name: self._records[name] for name in (self._records if names is None else names)}
        if self.settings.bypass:
            return {view.name: view.result for view in self.snapshot().checks if view.name in records}
        results: dict[str, CheckResult] = {}
        for level in levels(record.check for record in records.values()):
            skipped = self.snapshot().skipped
            started = {check.name: self._start(records[check.name]) for check in level if check.name not in skipped}
            results.update((check.name, skipped[check.name].result) for check in level if check.name in skipped)
            results.update((name, execution.wait()) for name, execution in started.items())
        return {name: results[name] for name in records}

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with each :class:`Change`, on a thread of its own; return a function that removes it."""
        return self._listeners.add(listener)

    def observe(self, observer: HealthObserver) -> None:
        """Run checks through *observer* and give it every event; it replaces the observer before it."""
        self._observer = observer

    def unobserve(self) -> None:
        """Undo :meth:`observe`."""
        self._observer = NoObserver()

    @contextmanager
    def maintenance(self, reason: str) -> Iterator[None]:
        """Be in maintenance for *reason* during the block: not ready, with the reason shown; checks go on."""
        with self._lock:
            self._maintenance.append(reason or "maintenance")
        try:
            yield
        finally:
            with self._lock:
                self._maintenance.remove(reason or "maintenance")


@functools.lru_cache(maxsize=1)
def _default_settings() -> HealthMonitoring:
    from csg_otel.config.sections.health_monitoring import HealthMonitoring

    return HealthMonitoring()


def _same_definition(check: Check, other: Check) -> bool:
    """Return whether *other* is *check* defined again: by a reload, or by a notebook cell that ran again."""
    codes = [getattr(each.function, "__code__", None) for each in (check, other)]
    if check.name != other.name or None in codes:
        return False
    names = {(each.function.__module__, each.function.__qualname__) for each in (check, other)}
    files, lines = {code.co_filename for code in codes}, {code.co_firstlineno for code in codes}  # type: ignore[union-attr]
    # Two definitions in one file are a mistake; each run of a cell has a file name of its own.
    return len(names) == 1 and (len(files) == 2 or len(lines) == 1)


def _with_running_loop(check: Check) -> Check:
    """Return *check* with the event loop that runs here as its loop, if one runs."""
    try:
        return replace(check, app_loop=asyncio.get_running_loop())
    except RuntimeError:
        return check
