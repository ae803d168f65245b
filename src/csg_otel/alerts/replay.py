"""
When a rule would have fired: the states of an alert, replayed over the past results of its expression. Pure.

The states are those of Prometheus. A series is pending from the first evaluation that returns it, and fires once it was
returned for as long as ``for`` says. It goes on to fire for ``keep_firing_for`` after the last evaluation that returned it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """*count* evaluations, one each *step_s* seconds, the first one at *start_s* in Unix seconds."""

    start_s: int
    step_s: int
    count: int

    def time_s(self, at: int) -> int:
        """Return the time of the evaluation number *at* in Unix seconds."""
        return self.start_s + at * self.step_s

    def number(self, time_s: float) -> int:
        """Return the number of the evaluation at *time_s* in Unix seconds."""
        return round((time_s - self.start_s) / self.step_s)

    def parts(self, most: int) -> Iterator[Schedule]:
        """Yield the same evaluations in parts of at most *most*."""
        for at in range(0, self.count, most):
            yield Schedule(self.time_s(at), self.step_s, min(most, self.count - at))


@dataclass(frozen=True, slots=True)
class Firing:
    """A time in which one series of an alert fires: from the evaluation number *first* until *end*, which does not count."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class History:
    """How often an alert fired, over all of its series, and how long; the last time began at *last_s*, in Unix seconds."""

    times: int
    total_s: int
    longest_s: int
    last_s: int
    fires: bool
    """Whether it still fires at the last evaluation."""


def firings(held: Collection[int], schedule: Schedule, for_s: float, keep_firing_s: float) -> Iterator[Firing]:
    """
    Yield the times in which one series of an alert fires; nothing is pending before the first evaluation.

    Args:
        held: the numbers of the evaluations that return the series.
        schedule: all evaluations.
        for_s: how long the series must be returned, in seconds.
        keep_firing_s: for how many seconds it goes on to fire.
    """
    pending: int | None = None
    fired: int | None = None
    absent: int | None = None
    for at in range(min(held, default=schedule.count), schedule.count):
        if at in held:
            absent = None
            pending = at if pending is None else pending
            if fired is None and (at - pending) * schedule.step_s >= for_s:
                fired = at
            continue
        absent = at if absent is None else absent
        if fired is not None:
            if (at - absent) * schedule.step_s < keep_firing_s:
                continue
            yield Firing(fired, at)
        pending = fired = None
    if fired is not None:
        yield Firing(fired, schedule.count)


def history(all_firings: Iterable[Firing], schedule: Schedule) -> History | None:
    """Return what *all_firings* are together; None if there is none. One that lasts counts up to the last evaluation."""
    every = list(all_firings)
    if not every:
        return None
    last = schedule.count - 1
    lengths_s = [(min(one.end, last) - one.first) * schedule.step_s for one in every]
    return History(
        times=len(every),
        total_s=sum(lengths_s),
        longest_s=max(lengths_s),
        last_s=schedule.time_s(max(one.first for one in every)),
        fires=any(one.end > last for one in every),
    )
