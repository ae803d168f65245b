"""
What checks have been over time: a bounded line of states for each, and what it says about availability and outages. Pure.

Times are monotonic seconds. What was not known (before the first result, or UNKNOWN) counts neither as available nor as not.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

from csg_otel.status import HealthStatus, worst

_MOST_CHANGES: Final = 1000
"""Changes kept of one check; one that flaps every few seconds is remembered for an hour, a quiet one for ever."""

_UP: Final = (HealthStatus.HEALTHY, HealthStatus.WARNING)


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a check was not HEALTHY: seconds from *began_s* on, and the worst it was; *over* if it has ended."""

    began_s: float
    duration_s: float
    worst: HealthStatus
    over: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """
    What a check was within a window: seconds in each state, changes, outages.

    ``availability`` is the share of the known time in which it was HEALTHY or WARNING, 0 to 1; None if nothing is known.
    """

    seconds: dict[HealthStatus, float]
    transitions: int
    outages: tuple[Outage, ...]
    availability: float | None


@dataclass(slots=True)
class Timeline:
    """The states of one check, each with the moment it began."""

    _changes: deque[tuple[float, HealthStatus]] = field(default_factory=lambda: deque(maxlen=_MOST_CHANGES))

    def note(self, now_s: float, status: HealthStatus) -> None:
        """Take down that the check is in *status* from *now_s* on."""
        if not self._changes or self._changes[-1][1] is not status:
            self._changes.append((now_s, status))

    def trend(self, now_s: float, window_s: float) -> Trend:
        """Return what it was in the last *window_s* seconds before *now_s*."""
        from_s = now_s - window_s
        changes = list(self._changes)
        seconds: Counter[HealthStatus] = Counter()
        outages: list[Outage] = []
        transitions = 0
        for place, (at_s, status) in enumerate(changes):
            end_s = changes[place + 1][0] if place + 1 < len(changes) else now_s
            if end_s <= from_s:
                continue
            began_s = max(at_s, from_s)
            transitions += place > 0 and at_s > from_s
            seconds[status] += end_s - began_s  # type: ignore[assignment] # a counter of seconds
            if status in (HealthStatus.WARNING, HealthStatus.CRITICAL):
                _extend(outages, began_s, end_s, status, over=place + 1 < len(changes))
        known_s = sum(seconds[status] for status in HealthStatus if status is not HealthStatus.UNKNOWN)
        up_s = sum(seconds[status] for status in _UP)
        availability = up_s / known_s if known_s else None
        return Trend({status: seconds[status] for status in HealthStatus}, transitions, tuple(outages), availability)


def _extend(outages: list[Outage], began_s: float, end_s: float, status: HealthStatus, *, over: bool) -> None:
    """Add a stretch to the outage it continues, or begin one: from WARNING to CRITICAL is one outage."""
    if outages and outages[-1].began_s + outages[-1].duration_s == began_s:
        last = outages.pop()
        outages.append(Outage(last.began_s, end_s - last.began_s, worst((last.worst, status)), over))
    else:
        outages.append(Outage(began_s, end_s - began_s, status, over))
