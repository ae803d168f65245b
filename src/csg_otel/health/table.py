"""
The table of a registry: the definitions of its checks, their records, and the settings that complete them.

Runs nothing. Its lock is re-entrant and guards every record; it is never held while code of the program runs.
"""

from __future__ import annotations

import contextvars
import functools
import random
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from csg_otel import clocks
from csg_otel.health import snapshot as snapshots
from csg_otel.health.definition import OVERALL, Check, check_names, circles, groups_of, policy, validate
from csg_otel.health.record import CheckRecord
from csg_otel.health.trends import CheckHistory, Timeline, Trend

if TYPE_CHECKING:
    from csg_otel.config.sections.health_monitoring import HealthMonitoring
    from csg_otel.health.snapshot import HealthSnapshot

_FIRST_RUN_S = 1.0
"""Seconds over which the first runs of the settings' checks are spread, so that they do not start together."""


class CheckTable:
    """The checks of one registry, and the record of each by name."""

    def __init__(self, settings: HealthMonitoring | None) -> None:
        """Use *settings*; without them, the defaults."""
        self.lock = threading.RLock()
        self.records: dict[str, CheckRecord] = {}
        self._maintenance: list[str] = []
        self.overall = Timeline()
        self._settings = settings
        self._definitions: list[tuple[Check, contextvars.Context]] = []
        self._circles: dict[str, str] = {}

    @property
    def settings(self) -> HealthMonitoring:
        """The settings of all checks."""
        return self._settings or _default_settings()

    @property
    def configured(self) -> bool:
        """Whether settings were given."""
        return self._settings is not None

    def add(self, check: Check, *, validated: bool) -> None:
        """Add *check* in place of an earlier definition of it; with *validated*, raise HealthDefinitionError if it is wrong."""
        if check.loop == "app" and check.app_loop is None:
            check = _with_running_loop(check)
        with self.lock:
            others = [(other, context) for other, context in self._definitions if not _same_definition(other, check)]
            self._set([*others, (check, contextvars.copy_context())], self._settings, validated=validated)

    def remove(self, name: str) -> None:
        """Remove the check *name*, if there is one."""
        with self.lock:
            remaining = [(check, context) for check, context in self._definitions if check.name != name]
            self._set(remaining, self._settings, validated=False)

    def configure(self, settings: HealthMonitoring, own: Iterable[Check]) -> None:
        """Use *settings* and, in place of the checks of earlier settings, *own*. Raises HealthDefinitionError."""
        fresh = contextvars.Context()
        with self.lock:
            definitions = [(check, context) for check, context in self._definitions if not check.own]
            self._set([*definitions, *((check, fresh) for check in own)], settings, validated=True)

    def validate(self) -> None:
        """Raise HealthDefinitionError with every contradiction between the checks."""
        with self.lock:
            validate((check for check, _ in self._definitions), self.settings)

    def _set(
        self,
        definitions: list[tuple[Check, contextvars.Context]],
        settings: HealthMonitoring | None,
        *,
        validated: bool,
    ) -> None:
        """Replace settings and definitions, and keep the state of each check whose function is the same as before."""
        if validated:
            validate((check for check, _ in definitions), settings or _default_settings())
        self._settings, self._definitions = settings, definitions
        self._circles = circles({check.name: check for check, _ in definitions})
        now, records = clocks.monotonic(), {}
        for check, context in definitions:
            limits = policy(check, self.settings)
            # The program's own checks are due at once: it may end soon.
            first = now + random.uniform(0, min(_FIRST_RUN_S, limits.interval_s * check.jitter)) * check.own
            previous = self.records.get(check.name)
            record = CheckRecord(check, limits, groups_of(check, self.settings), context, first)
            if previous is not None and previous.check.function is check.function:
                record.continue_from(previous)
            records[check.name] = record
        self.records = records

    def select(self, names: Iterable[str] | None) -> dict[str, CheckRecord]:
        """Return the records of *names*, of all checks if None. Raises KeyError; HealthDefinitionError for no names."""
        selected = None if names is None else check_names(names, "checks")
        with self.lock:
            return {name: self.records[name] for name in (self.records if selected is None else selected)}

    def snapshot(self) -> HealthSnapshot:
        """Return the state of all checks now."""
        with self.lock:
            maintenance = self._maintenance[-1] if self._maintenance else ""
            return snapshots.take(
                self.records,
                clocks.monotonic(),
                bypass=self.settings.bypass,
                maintenance=maintenance,
                monitored=self.settings.enabled,
                circles=self._circles,
            )

    @contextmanager
    def maintenance(self, reason: str) -> Iterator[None]:
        """Put the program into maintenance during the block; *reason* is shown."""
        with self.lock:
            self._maintenance.append(reason or "maintenance")
        try:
            yield
        finally:
            with self.lock:
                self._maintenance.remove(reason or "maintenance")

    def trends(self, window_s: float) -> dict[str, Trend]:
        """Return the trend of each check over *window_s* seconds by name, and that of all of them as ``overall``."""
        now = clocks.monotonic()
        with self.lock:
            trends = {OVERALL: self.overall.trend(now, window_s)}
            trends.update((name, record.timeline.trend(now, window_s)) for name, record in self.records.items())
        return trends

    def histories(self) -> dict[str, CheckHistory]:
        """Return the kept past of each check by name."""
        with self.lock:
            return {
                name: CheckHistory(record.timeline.changes, tuple(record.last_failures), tuple(record.check.depends_on))
                for name, record in self.records.items()
            }

    def reset_after_fork(self) -> None:
        """Replace the lock and drop the runs of the parent; every check is due at once."""
        self.lock = threading.RLock()
        for record in self.records.values():
            record.execution = None
            record.due = clocks.monotonic()


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
    asyncio = sys.modules.get("asyncio")  # not loaded where no loop runs
    try:
        return check if asyncio is None else replace(check, app_loop=asyncio.get_running_loop())
    except RuntimeError:
        return check
