"""Whether an observed operation is fast and right often enough: read from our own histogram, as an objective would."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from csg_otel import names
from csg_otel.health.checks.levels import judge, percent
from csg_otel.points import HistogramPoint, Point, buckets, quantile
from csg_otel.status import CheckResult, HealthStatus, Measurement, Range

_Books = dict[tuple[tuple[str, str], ...], HistogramPoint]


@dataclass(slots=True)
class Operation:
    """
    Judge the calls of the observed *operation* in the last *window_s* seconds, from *minimum_calls* calls on.

    The *quantile* (0.95 is p95) of the duration is held against *warning_s* and *critical_s* seconds, the share of calls
    that failed against *warning_error_percent* and *critical_error_percent*. Read from ``csg.operation.duration``, so it is
    what dashboards show; a quantile is interpolated within its bucket. With fewer calls it is healthy: silence is no
    failure. Raises ValueError if nothing is held against anything or *quantile* is not between 0 and 1.
    """

    operation: str
    quantile: float = 0.95
    warning_s: float | Range | None = None
    critical_s: float | Range | None = None
    warning_error_percent: float | Range | None = None
    critical_error_percent: float | Range | None = None
    window_s: float = 300.0
    minimum_calls: int = 20
    points: Callable[[], Sequence[Point]] = tuple
    clock: Callable[[], float] = time.monotonic
    _seen: deque[tuple[float, _Books]] = field(default_factory=deque, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1:
            raise ValueError(f"quantile {self.quantile!r} is not between 0 and 1 (0.95 is p95)")
        limits = (self.warning_s, self.critical_s, self.warning_error_percent, self.critical_error_percent)
        if all(limit is None for limit in limits):
            raise ValueError("give warning_s, critical_s, warning_error_percent or critical_error_percent")

    def __call__(self) -> CheckResult:
        now, books = self.clock(), self._read()
        if not self._seen:
            self._seen.append((now, {}))  # until a window has passed, all calls since the start count
        while len(self._seen) > 1 and self._seen[1][0] <= now - self.window_s:
            self._seen.popleft()
        before = self._seen[0][1]
        gained = [_gained(point, before.get(key)) for key, point in books.items()]
        self._seen.append((now, books))
        calls = sum(point.count for point in gained)
        said = f"{calls} call{'s' * (calls != 1)}"
        if calls < self.minimum_calls:
            return CheckResult(HealthStatus.HEALTHY, f"{said}, too few to judge")
        failed = sum(point.count for point in gained if point.attributes.get(names.ERROR_TYPE))
        found = [bucket for point in gained for bucket in buckets(point.bounds, point.counts)]
        slow = quantile(found, self.quantile)
        if slow is None:  # beyond the last bound, which is the most that can be said
            slow = max((low for low, _, count in found if count), default=0.0)
        name = f"p{self.quantile * 100:g}"
        measured = [
            Measurement(name, slow, "s", self.warning_s, self.critical_s, 0),
            percent("errors", 100 * failed / calls, self.warning_error_percent, self.critical_error_percent),
        ]
        return judge(measured, f"{said}, {name} {slow:.3g} s, {100 * failed / calls:.3g} % errors")

    def _read(self) -> _Books:
        return {
            tuple(sorted((key, str(value)) for key, value in point.attributes.items())): point
            for point in self.points()
            if isinstance(point, HistogramPoint)
            and point.name == names.OPERATION_DURATION.name
            and point.attributes.get(names.OPERATION_NAME) == self.operation
        }


def _gained(now: HistogramPoint, before: HistogramPoint | None) -> HistogramPoint:
    """Return what *now* counts and *before* did not; what has begun anew, as after a fork, counts from nought."""
    if before is None or before.bounds != now.bounds or before.count > now.count:
        return now
    counts = tuple(new - old for new, old in zip(now.counts, before.counts, strict=True))
    return HistogramPoint(
        now.name, now.unit, now.attributes, now.count - before.count, now.total - before.total, now.bounds, counts
    )
