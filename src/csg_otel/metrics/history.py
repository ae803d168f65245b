"""
The values of all aliases (``names.ALIASES``) over the last hours: the source of trends and of rates over five minutes.

Kept in this process only: a value every ten seconds for an hour and every minute for a day, under 2 MB in all. The rule: the
memory depends on the number of series alone, and does not grow with time.
"""

from __future__ import annotations

import math
import threading
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from csg_otel import clocks, forks
from csg_otel.metrics import aliases

if TYPE_CHECKING:
    from csg_otel.metrics.sample import Sample
    from csg_otel.points import Point

FINE_STEP_S: Final = 10.0
FINE_SPAN_S: Final = 3600.0
COARSE_STEP_S: Final = 60.0
COARSE_SPAN_S: Final = 86400.0

MOST_SERIES: Final = 120
"""Upper bound of the series: each takes 14.4 kB, so 120 fit into 2 MB with room for Python's own overhead."""

_MISSING: Final = math.nan


class Ring:
    """The newest value of each of the last *size* steps of *step_s* seconds; all times are monotonic seconds."""

    __slots__ = ("_newest", "_step_s", "_values")

    def __init__(self, step_s: float, size: int, typecode: Literal["d", "f"] = "d") -> None:
        """Make a ring without values; *typecode* ``f`` takes half of the memory, and keeps seven digits."""
        self._step_s = step_s
        self._values = array(typecode, [_MISSING]) * size
        self._newest = -1

    @property
    def newest_s(self) -> float:
        """The start of the newest step that has a value; negative without any."""
        return self._newest * self._step_s

    def put(self, at_s: float, value: float) -> None:
        """Keep *value* for the step of *at_s*, instead of an earlier value of that step; a value that is too old is ignored."""
        step, size = int(at_s // self._step_s), len(self._values)
        if size == 0 or step <= self._newest - size:
            return
        if self._newest >= 0:
            for empty in range(max(self._newest + 1, step - size + 1), step):
                self._values[empty % size] = _MISSING
        self._newest = max(self._newest, step)
        self._values[step % size] = value

    def items(self, since_s: float = 0.0) -> list[tuple[float, float]]:
        """Return start and value of each step that has one and begins at *since_s* or later, oldest first."""
        first = max(0, self._newest - len(self._values) + 1, math.ceil(since_s / self._step_s))
        values = self.stored(first, self._newest + 1)
        return [(step * self._step_s, value) for step, value in enumerate(values, first) if not math.isnan(value)]

    def between(self, first: int, last: int) -> list[float | None]:
        """Return the value of each step from number *first* to before *last*; None for a step without one."""
        return [None if math.isnan(value) else value for value in self.stored(first, last)]

    def stored(self, first: int, last: int) -> array[float]:
        """Return what :meth:`between` returns, with NaN instead of None."""
        size, missing = len(self._values), array(self._values.typecode, [_MISSING])
        start, end = max(first, 0, self._newest - size + 1), min(last, self._newest + 1)
        if start >= end:
            return missing * max(0, last - first)
        low, high = start % size, (end - 1) % size + 1
        kept = self._values[low:high] if low < high else self._values[low:] + self._values[:high]
        return missing * (start - first) + kept + missing * (last - end)

    def at(self, at_s: float) -> float | None:
        """Return the value of the newest step that had ended at *at_s*; None if there is none."""
        size = len(self._values)
        first = min(self._newest, int(at_s // self._step_s) - 1)
        for step in range(first, max(-1, self._newest - size), -1):
            value = self._values[step % size]
            if not math.isnan(value):
                return value
        return None


class _Series:
    __slots__ = ("coarse", "fine")

    def __init__(self, retention_s: float) -> None:
        self.fine = Ring(FINE_STEP_S, int(min(retention_s, FINE_SPAN_S) // FINE_STEP_S))
        self.coarse = Ring(COARSE_STEP_S, int(min(retention_s, COARSE_SPAN_S) // COARSE_STEP_S))

    def items(self) -> list[tuple[float, float]]:
        """Return the coarse values up to the first fine one, and then the fine ones."""
        fine = self.fine.items()
        began = fine[0][0] if fine else math.inf
        return [*(item for item in self.coarse.items() if item[0] + COARSE_STEP_S <= began), *fine]

    def at(self, at_s: float) -> float | None:
        fine = self.fine.at(at_s)
        return self.coarse.at(at_s) if fine is None else fine


def key(name: str, labels: Mapping[str, str]) -> str:
    """Return the name of one series as Prometheus writes it: ``name{label="value"}``."""
    escaped = {label: value.replace("\\", r"\\").replace('"', r"\"") for label, value in labels.items()}
    written = ",".join(f'{label}="{value}"' for label, value in escaped.items())
    return f"{name}{{{written}}}" if written else name


class History:
    """The values of all series over the last *retention_s* seconds, a day at most."""

    reads: Final = aliases.READ
    """The names of the metrics whose points :meth:`add` needs."""

    def __init__(self, retention_s: float) -> None:
        """Start without values; with *retention_s* 0 the history stays empty."""
        self._retention_s = retention_s
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Drop all values, because they describe the parent process."""
        self._lock = threading.RLock()
        self._shown: dict[str, _Series] = {}
        self._totals: dict[str, _Series] = {}
        self._offset_s = time.time() - clocks.monotonic()
        self._newest_s = 0.0

    def add(self, sample: Sample, points: Sequence[Point]) -> None:
        """Keep the values of all aliases, computed from *sample* and *points*."""
        if self._retention_s < FINE_STEP_S:
            return
        with self._lock:
            self._newest_s = sample.monotonic_s
            self._offset_s = sample.timestamp - sample.monotonic_s
            self._make_room()
            self._put(self._totals, aliases.totals(points).items())
            shown = [
                (len(labels), key(name, labels), value)
                for name, values in aliases.values(sample, points, self).items()
                for labels, value in values
            ]
            # Series with fewer labels come first: when the room ends, a total matters more than the values of single cores.
            shown.sort(key=lambda item: item[0])
            self._put(self._shown, ((name, value) for _, name, value in shown))

    def _put(self, kept: dict[str, _Series], values: Iterable[tuple[str, float]]) -> None:
        for name, value in values:
            series = kept.get(name)
            if series is None:
                if len(self._shown) + len(self._totals) >= MOST_SERIES:
                    continue
                series = kept[name] = _Series(self._retention_s)
            series.fine.put(self._newest_s, value)
            series.coarse.put(self._newest_s, value)

    def _make_room(self) -> None:
        """If there is no room for another series, drop those without a value within the span of the fine ring."""
        if len(self._shown) + len(self._totals) < MOST_SERIES:
            return
        oldest_s = self._newest_s - FINE_SPAN_S
        for name in [name for name, series in self._shown.items() if series.fine.newest_s < oldest_s]:
            del self._shown[name]

    def names(self) -> list[str]:
        """Return the names of all series, labels included: ``system_disk_usage_percent{mount="/"}``."""
        with self._lock:
            return sorted(self._shown)

    def series(self, name: str) -> list[tuple[float, float]]:
        """Return Unix time and value of *name*, oldest first; empty for a name without values."""
        with self._lock:
            series = self._shown.get(name) or self._totals.get(name)
            oldest_s = self._newest_s - self._retention_s
            items = series.items() if series else []
            return [(at_s + self._offset_s, value) for at_s, value in items if at_s >= oldest_s]

    def before(self, name: str, age_s: float) -> float | None:
        """Return *name* *age_s* seconds before the newest sample; None if the history does not reach back that far."""
        with self._lock:
            series = self._totals.get(name) or self._shown.get(name)
            return series.at(self._newest_s - age_s) if series else None

    def delta(self, name: str, window_s: float) -> float | None:
        """
        Return the growth of the counter *name* in the last *window_s* seconds, or since the history began.

        A counter that started again at 0 adds its new value. None with fewer than two values.
        """
        grown = self._grown(name, window_s)
        return None if grown is None else grown[0]

    def rate(self, name: str, window_s: float) -> float | None:
        """Return the growth of the counter *name* per second in the last *window_s* seconds, or since the history began."""
        grown = self._grown(name, window_s)
        return None if grown is None else grown[0] / grown[1]

    def _grown(self, name: str, window_s: float) -> tuple[float, float] | None:
        series = self.series(name)
        recent = [item for item in series if item[0] >= series[-1][0] - window_s]
        if len(recent) < 2:
            return None
        growth = sum(now - before if now >= before else now for (_, before), (_, now) in pairwise(recent))
        return growth, recent[-1][0] - recent[0][0]
