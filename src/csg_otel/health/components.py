"""
Parts of the program that report on themselves: a worker loop that beats, a connection that says it is degraded.

Reporting is a few assignments, cheap enough for every turn of a loop; the registry reads them on its own schedule.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from csg_otel.health.definition import Check
from csg_otel.status import CheckResult, HealthStatus

if TYPE_CHECKING:
    from csg_otel.health.registry import HealthRegistry


class Component:
    """
    A part of the program, healthy until it says otherwise or stops beating.

    Made by :func:`csg_otel.component`. All methods may be called from any thread and take microseconds.
    """

    def __init__(self, name: str, beat_within_s: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._beat_within_s = beat_within_s
        self._clock = clock
        self._last_beat = clock()
        self._said = CheckResult(HealthStatus.HEALTHY)

    def beat(self) -> None:
        """Say that it is alive; what it said of its state stays."""
        self._last_beat = self._clock()

    def healthy(self, message: str = "") -> None:
        """Say that it works."""
        self._say(HealthStatus.HEALTHY, message)

    def warning(self, message: str) -> None:
        """Say that it works, with issues; *message* is public."""
        self._say(HealthStatus.WARNING, message)

    def critical(self, message: str) -> None:
        """Say that it does not work; *message* is public."""
        self._say(HealthStatus.CRITICAL, message)

    def _say(self, status: HealthStatus, message: str) -> None:
        self._said = CheckResult(status, message)
        self.beat()

    def check(self) -> CheckResult:
        """Return what it said last, or CRITICAL if it has not beaten in time; the registry's check function."""
        silent_s = self._clock() - self._last_beat
        if self._beat_within_s is not None and silent_s > self._beat_within_s:
            return CheckResult(
                HealthStatus.CRITICAL,
                f"no beat for {silent_s:.1f} s (expected within {self._beat_within_s:g} s)",
                error_type="no_beat",
            )
        return self._said


def register(
    registry: HealthRegistry,
    name: str,
    *,
    beat_within_s: float | None,
    groups: tuple[str, ...],
    critical: bool,
) -> Component:
    """Make the component *name* a check of *registry*, read about twice in the time a beat is expected."""
    made = Component(name, beat_within_s)
    interval_s = 1.0 if beat_within_s is None else max(0.1, min(1.0, beat_within_s / 2))
    registry.register(
        Check(
            name=name,
            function=made.check,
            category="component",
            groups=groups,
            critical=critical,
            interval_s=interval_s,
            inline=True,
        )
    )
    return made
