"""
Components: parts of the program that report their own state, such as a worker loop that beats or a degraded connection.

A report is a few assignments, cheap enough for every turn of a loop. The registry reads it on its own schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from csg_otel import clocks
from csg_otel.check_result import CheckResult
from csg_otel.health.definition import Check
from csg_otel.status import HealthStatus

if TYPE_CHECKING:
    from csg_otel.health.registry import HealthRegistry


class Component:
    """
    A part of the program: HEALTHY until it reports another status or stops beating.

    Created by :func:`csg_otel.component`. All methods may be called from any thread and take microseconds.
    """

    def __init__(self, name: str, beat_within_s: float | None, clock: Callable[[], float] = clocks.monotonic) -> None:
        self.name = name
        self._beat_within_s = beat_within_s
        self._clock = clock
        self._last_beat = clock()
        self._reported = CheckResult(HealthStatus.HEALTHY)

    def beat(self) -> None:
        """Record that the component is alive; the last reported status stays."""
        self._last_beat = self._clock()

    def healthy(self, message: str = "") -> None:
        """Report that it works; *message* is public."""
        self._report(HealthStatus.HEALTHY, message)

    def warning(self, message: str) -> None:
        """Report that it works, with issues; *message* is public."""
        self._report(HealthStatus.WARNING, message)

    def critical(self, message: str) -> None:
        """Report that it does not work; *message* is public."""
        self._report(HealthStatus.CRITICAL, message)

    def _report(self, status: HealthStatus, message: str) -> None:
        self._reported = CheckResult(status, message)
        self.beat()

    def check(self) -> CheckResult:
        """Return the last report, or CRITICAL if the beat is late; the check function of the registry."""
        silent_s = self._clock() - self._last_beat
        if self._beat_within_s is not None and silent_s > self._beat_within_s:
            return CheckResult(
                HealthStatus.CRITICAL,
                f"no beat for {silent_s:.1f} s (limit {self._beat_within_s:g} s): the loop is blocked or has stopped",
                error_type="no_beat",
            )
        return self._reported


def register(
    registry: HealthRegistry,
    name: str,
    *,
    beat_within_s: float | None,
    groups: str | Sequence[str],
    critical: bool,
) -> Component:
    """
    Register the component *name* with *registry* and return it.

    Args:
        registry: The registry that reads it: every second, or twice per *beat_within_s* if that is less than 2 s.
        name: Name of the check; unique.
        beat_within_s: Seconds within which a beat is expected; None if none is.
        groups: The probes it counts in.
        critical: False caps its contribution to its groups at WARNING.
    """
    component = Component(name, beat_within_s)
    interval_s = 1.0 if beat_within_s is None else max(0.1, min(1.0, beat_within_s / 2))
    registry.register(
        Check(
            name=name,
            function=component.check,
            category="component",
            groups=groups,
            critical=critical,
            interval_s=interval_s,
            failure_threshold=1,  # a report is what the program knows: reading it again adds nothing
            success_threshold=1,
            inline=True,
        )
    )
    return component
