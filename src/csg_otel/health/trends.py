"""
The history of checks: a bounded list of state changes per check, and the availability and outages computed from it. Pure.

Times are monotonic seconds. Time without a known state (before the first result, or UNKNOWN) is left out of availability.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from csg_otel.status import HealthStatus

if TYPE_CHECKING:
    from csg_otel.check_result import CheckResult

_MOST_CHANGES: Final = 1000
"""Changes kept per check: about an hour of a check that flaps every few seconds, days of a normal one."""

WORKS: Final = (HealthStatus.HEALTHY, HealthStatus.WARNING)
"""The states in which a check works; WARNING is works, with issues, so it is no outage."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A period of CRITICAL: its start, its length, and whether it is over."""

    began_s: float
    duration_s: float
    over: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """
    The history of a check within a window: seconds in each state, number of changes, outages.

    ``availability`` is the share of HEALTHY and WARNING in the time with a known state, 0 to 1; None without such time.
    """

    seconds: dict[HealthStatus, float]
    transitions: int
    outages: tuple[Outage, ...]
    availability: float | None


@dataclass(frozen=True, slots=True)
class CheckHistory:
    """The kept past of a check: its states with their starts (monotonic), and its last failures, the oldest first."""

    changes: tuple[tuple[float, HealthStatus], ...]
    failures: tuple[CheckResult, ...]
    depends_on: tuple[str, ...]


@dataclass(slots=True)
class Timeline:
    """The states of one check, each with its start."""

    _changes: deque[tuple[float, HealthStatus]] = field(default_factory=lambda: deque(maxlen=_MOST_CHANGES))

    @property
    def is_empty(self) -> bool:
        """Whether no state has been recorded."""
        return not self._changes

    def note(self, now_s: float, status: HealthStatus) -> None:
        """Record that the check is in *status* from *now_s* on."""
        if not self._changes or self._changes[-1][1] is not status:
            self._changes.append((now_s, status))

    @property
    def changes(self) -> tuple[tuple[float, HealthStatus], ...]:
        """The states, each with its start, the oldest first."""
        return tuple(self._changes)

    def trend(self, now_s: float, window_s: float) -> Trend:
        """Return the trend of the *window_s* seconds before *now_s*."""
        from_s = now_s - window_s
        changes = list(self._changes)
        seconds: Counter[HealthStatus] = Counter()
        outages: list[Outage] = []
        transitions = 0
        for index, (at_s, status) in enumerate(changes):
            end_s = changes[index + 1][0] if index + 1 < len(changes) else now_s
            if end_s <= from_s:
                continue
            began_s = max(at_s, from_s)
            transitions += index > 0 and at_s > from_s
            seconds[status] += end_s - began_s  # type: ignore[assignment] # a counter of seconds
            if status is HealthStatus.CRITICAL:
                outages.append(Outage(began_s, end_s - began_s, index + 1 < len(changes)))
        known_s = sum(seconds[status] for status in HealthStatus if status is not HealthStatus.UNKNOWN)
        up_s = sum(seconds[status] for status in WORKS)
        availability = up_s / known_s if known_s else None
        return Trend({status: seconds[status] for status in HealthStatus}, transitions, tuple(outages), availability)
