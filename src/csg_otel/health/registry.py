"""
Runs checks on their own schedule and keeps what they found.

Two runs of one check never overlap, a run has a deadline, and asking for the state never runs anything. No lock is held
while code of the program runs. Time is monotonic throughout; the wall clock only labels results.
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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from csg_otel import faults, forks
from csg_otel.health import snapshot as snapshots
from csg_otel.health.definition import OVERALL, Check, groups_of, levels, policy, validate
from csg_otel.health.execution import Around, Execution, Loops
from csg_otel.health.listeners import Change, Listener, Listeners
from csg_otel.health.record import Entry
from csg_otel.health.snapshot import HealthSnapshot, Known
from csg_otel.health.trends import Timeline, Trend
from csg_otel.status import CheckResult, HealthStatus

if TYPE_CHECKING:
    from csg_otel.config.sections.health_monitoring import HealthMonitoring

_log = logging.getLogger("csg_otel")

_LONGEST_SLEEP_S = 1.0
"""How late staleness and a changed definition may be noticed, in seconds."""

_FIRST_RUN_S = 1.0
"""The first runs of all checks are spread over at most this many seconds."""


@dataclass(frozen=True, slots=True)
class Happening:
    """
    A run that ended (``execution`` and its ``result``), or None where time alone did it, and what has changed.

    ``execution.error`` is what the check raised, and not for the outside.
    """

    execution: Execution | None
    changes: tuple[Change, ...]


Observer = Callable[[Happening], None]


class HealthRegistry:
    """All checks of a program; ``csg_otel.health_check`` registers in the process's default one."""

    def __init__(self, settings: HealthMonitoring | None = None) -> None:
        """Use *settings*, or the defaults."""
        self._settings = settings
        self._checks: list[tuple[Check, contextvars.Context]] = []
        self._entries: dict[str, Entry] = {}
        self._maintenance: list[str] = []
        self._overall = Timeline()
        self._loops = Loops()
        self._listeners = Listeners()
        self._observer: Observer = lambda _happening: None
        self._around: Around = lambda _execution, call: call()
        self._reset()
        forks.follow(self.reset_after_fork)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    # -- definitions -----------------------------------------------------------------------------------------------

    @property
    def settings(self) -> HealthMonitoring:
        """What holds for all checks."""
        return self._settings or _default_settings()

    @property
    def configured(self) -> bool:
        """Whether settings were given."""
        return self._settings is not None

    def register(self, check: Check) -> None:
        """
        Add *check*; the same function under the same name, as after a reload, replaces itself.

        While checks are running, raises HealthDefinitionError if it contradicts the others; else that comes at the start.
        """
        if check.loop == "app" and check.app_loop is None:
            check = _with_running_loop(check)
        with self._lock:
            kept = [(one, context) for one, context in self._checks if not _same(one, check)]
            added = [*kept, (check, contextvars.copy_context())]
            if self.running:
                validate((one for one, _ in added), self.settings)
            self._checks = added
            self._rebuild()
        self._wake.set()

    def unregister(self, name: str) -> None:
        """Forget the check *name*; its series end with the next collection."""
        with self._lock:
            self._checks = [(check, context) for check, context in self._checks if check.name != name]
            self._rebuild()
        self._loops.forget(name)

    def configure(self, settings: HealthMonitoring, own: Iterable[Check] = ()) -> None:
        """Use *settings*, with the checks *own* that they define, besides those of the program. Raises as :meth:`start`."""
        fresh = contextvars.Context()
        with self._lock:
            checks = [(check, context) for check, context in self._checks if not check.own]
            checks += [(check, fresh) for check in own]
            validate((check for check, _ in checks), settings)
            self._settings, self._checks = settings, checks
            self._rebuild()
        self._wake.set()

    def _rebuild(self) -> None:
        """Make entries for the definitions; what is known of a check stays."""
        now, entries = time.monotonic(), {}
        for check, context in self._checks:
            limits = policy(check, self.settings)
            first = now + random.uniform(0, min(_FIRST_RUN_S, limits.interval_s * check.jitter))
            old = self._entries.get(check.name)
            entry = Entry(check, limits, groups_of(check, self.settings), context, first)
            if old is not None and old.check.function is check.function:
                entry.take_over(old)
            entries[check.name] = entry
        self._entries = entries

    # -- life ------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether checks run on their schedule."""
        return self._thread is not None

    def start(self) -> None:
        """Run checks on their schedule; idempotent. Raises HealthDefinitionError with every contradiction among them."""
        with self._lock:
            validate((check for check, _ in self._checks), self.settings)
            if self.settings.bypass:
                _log.warning("health checks are switched off (DISABLE_HEALTH_CHECKS or health_monitoring.bypass)")
            if self._thread is None:
                self._thread = threading.Thread(target=self._schedule, name="csg-otel-health", daemon=True)
                self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop the schedule, waiting at most *timeout_s* seconds; a check under way is left alone."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
        self._loops.close()

    def reset_after_fork(self) -> None:
        """Begin anew in a child: no thread, lock, run or loop of the parent is left."""
        running = self.running
        self._reset()
        self._loops.reset_after_fork()
        self._listeners.reset_after_fork()
        for entry in self._entries.values():
            entry.execution = None
            entry.due = time.monotonic()
        if running:
            forks.afterwards(self.start)

    # -- the schedule ----------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        while self._thread is threading.current_thread():
            try:
                wait_s = self._step()
            except Exception:  # noqa: BLE001 - the schedule goes on whatever one step meets
                faults.contain("health")
                wait_s = _LONGEST_SLEEP_S
            self._wake.wait(wait_s)
            self._wake.clear()

    def _step(self) -> float:
        """Start what is due, expire what is overdue, tell what changed; return seconds until the next step."""
        now = time.monotonic()
        overdue: list[Execution] = []
        due: list[Entry] = []
        with self._lock:
            for entry in self._entries.values() if not self.settings.bypass else ():
                running = entry.under_way
                if running is not None and running.deadline <= now:
                    overdue.append(running)
                if entry.due <= now:
                    entry.schedule_next(now)
                    due.append(entry)
        for execution in overdue:
            execution.expire()
        skipped = {view.name for view in self.snapshot().checks if view.result.message.startswith("skipped: ")}
        for entry in due:
            if entry.check.name not in skipped:
                self._start(entry)
        self._tell()
        with self._lock:
            times = [entry.due for entry in self._entries.values()]
            times += [running.deadline for entry in self._entries.values() if (running := entry.under_way)]
        return max(0.0, min([*times, now + _LONGEST_SLEEP_S]) - time.monotonic())

    def _start(self, entry: Entry) -> Execution:
        """Start a run of *entry*, or return the one under way; one that hangs past its deadline fails once more."""
        with self._lock:
            running = entry.execution
            if running is not None and not running.returned:
                hanging = running.ended.is_set()
                if not hanging:
                    return running
            else:
                hanging = False
                running = entry.execution = Execution(entry.check, entry.policy.timeout_s, self._on_result)
        if hanging:
            again = Execution(entry.check, entry.policy.timeout_s, self._on_result)
            again.began = running.began
            again.expire()
            return again
        running.start(self._around, entry.context, self._loops)
        return running

    def _on_result(self, execution: Execution, result: CheckResult) -> None:
        now = time.monotonic()
        name = execution.check.name
        with self._lock:
            entry = self._entries.get(name)
            if entry is None or entry.check.function is not execution.check.function:
                return
            entry.record(result, now)
        self._tell(execution)

    def _tell(self, execution: Execution | None = None) -> None:
        """Compare what is shown with what was, and tell each difference, and that *execution* has ended, once."""
        now = time.monotonic()
        changes: list[Change] = []
        with self._lock:
            found = self.snapshot()
            if any(view.age_s is not None for view in found.checks):
                self._overall.note(now, found.overall)
            for view in found.checks:
                entry = self._entries[view.name]
                before = entry.shown
                if (change := entry.show(view, now)) is not None:
                    changes.append(change)
                if before is HealthStatus.CRITICAL and view.status is not before:
                    self._hurry_children(view.name)
        for change in changes:
            self._listeners.tell(change)
        if changes or execution is not None:
            try:
                self._observer(Happening(execution, tuple(changes)))
            except Exception:  # noqa: BLE001 - telemetry about a check must not touch the check
                faults.contain("health")

    def _hurry_children(self, parent: str) -> None:
        """Let checks that were skipped because of *parent* run at once, now that it has recovered."""
        for entry in self._entries.values():
            if parent in entry.check.depends_on:
                entry.due = time.monotonic()
        self._wake.set()

    # -- what others ask -------------------------------------------------------------------------------------------

    def snapshot(self) -> HealthSnapshot:
        """Return what is known now; runs nothing."""
        with self._lock:
            known = {e.check.name: Known(e.check, e.policy, e.groups, e.state) for e in self._entries.values()}
            maintenance = self._maintenance[-1] if self._maintenance else ""
            bypass = self.settings.bypass
        return snapshots.take(known, time.monotonic(), bypass=bypass, maintenance=maintenance)

    def trends(self, window_s: float) -> dict[str, Trend]:
        """Return what each check, and under ``overall`` all of them, were in the last *window_s* seconds."""
        now = time.monotonic()
        with self._lock:
            found = {OVERALL: self._overall.trend(now, window_s)}
            found.update((name, entry.timeline.trend(now, window_s)) for name, entry in self._entries.items())
        return found

    def run(self, name: str) -> CheckResult:
        """
        Run the check *name* now, or join the run under way, and return its result by its deadline at the latest.

        Raises KeyError if there is no such check.
        """
        return self.run_all((name,))[name]

    def run_all(self, names: Iterable[str] | None = None) -> dict[str, CheckResult]:
        """
        Run all checks, or those *names*, and return their results by name, each by its deadline at the latest.

        Runs under way are joined. A check whose dependency is CRITICAL is not run and UNKNOWN.
        """
        with self._lock:
            wanted = [self._entries[name] for name in (self._entries if names is None else names)]
        if self.settings.bypass:
            return {
                view.name: view.result for view in self.snapshot().checks if view.name in {e.check.name for e in wanted}
            }
        entries = {entry.check.name: entry for entry in wanted}
        results: dict[str, CheckResult] = {}
        for level in levels(entry.check for entry in wanted):
            skipped = {v.name: v.result for v in self.snapshot().checks if v.result.message.startswith("skipped: ")}
            started = {c.name: self._start(entries[c.name]) for c in level if c.name not in skipped}
            results.update((check.name, skipped[check.name]) for check in level if check.name in skipped)
            results.update((name, execution.wait()) for name, execution in started.items())
        return {name: results[name] for name in entries}

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with each :class:`Change`, on a thread of its own; returns what removes it."""
        return self._listeners.add(listener)

    def observe(self, observer: Observer, around: Around) -> None:
        """Tell *observer*, at once, of all that happens, and run checks through *around*; for telemetry."""
        self._observer, self._around = observer, around

    def unobserve(self) -> None:
        """Undo :meth:`observe`."""
        self._observer, self._around = lambda _happening: None, lambda _execution, call: call()

    @contextmanager
    def maintenance(self, reason: str) -> Iterator[None]:
        """Be in maintenance for *reason* during the block: not ready, and saying why; checks go on."""
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


def _same(one: Check, other: Check) -> bool:
    """Tell whether *other* is the same definition as *one*, loaded again or, in a notebook, from a cell run again."""
    codes = [getattr(check.function, "__code__", None) for check in (one, other)]
    if one.name != other.name or None in codes:
        return False
    names = {(check.function.__module__, check.function.__qualname__) for check in (one, other)}
    files, lines = {code.co_filename for code in codes}, {code.co_firstlineno for code in codes}  # type: ignore[union-attr]
    # Twice in one file is a mistake; each run of a cell is a file of its own.
    return len(names) == 1 and (len(files) == 2 or len(lines) == 1)


def _with_running_loop(check: Check) -> Check:
    try:
        return replace(check, app_loop=asyncio.get_running_loop())
    except RuntimeError:
        return check
