"""The durations and the error ratio of an observed operation, against limits, as a service level objective would."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from csg_otel import clocks, names
from csg_otel.check_result import CheckResult, Measurement, Range
from csg_otel.health.checks.levels import judge, percent
from csg_otel.points import HistogramPoint, Point, buckets, quantile
from csg_otel.status import HealthStatus

_Totals = dict[tuple[tuple[str, str], ...], HistogramPoint]
"""The points of the operation by their attributes, each cumulative since the process started."""


@dataclass(slots=True)
class Operation:
    """
    WARNING or CRITICAL if calls of the observed *operation* in the last *window_s* seconds were too slow, or too many failed.

    The *quantile* (0.95 is p95) of the duration is compared with *warning_s* and *critical_s* seconds, the share of failed
    calls with *warning_error_percent* and *critical_error_percent*. Both come from ``csg.operation.duration``, as in
    dashboards; a quantile is interpolated within its bucket. With fewer than *minimum_calls* calls the check is HEALTHY,
    because few calls are no failure. Raises ValueError without any limit, and for a *quantile* that is not between 0 and 1.

    While ``performance.response_time_tracking`` is off, no duration is recorded and there are no calls to judge.
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
    clock: Callable[[], float] = clocks.monotonic
    _seen: deque[tuple[float, _Totals]] = field(default_factory=deque, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1:
            raise ValueError(f"quantile must be between 0 and 1, not {self.quantile!r} (0.95 is p95)")
        limits = (self.warning_s, self.critical_s, self.warning_error_percent, self.critical_error_percent)
        if all(limit is None for limit in limits):
            raise ValueError("needs a limit: warning_s, critical_s, warning_error_percent or critical_error_percent")

    def __call__(self) -> CheckResult:
        now, totals = self.clock(), self._read()
        if not self._seen:
            self._seen.append((now, {}))  # within the first window all calls since the start count
        while len(self._seen) > 1 and self._seen[1][0] <= now - self.window_s:
            self._seen.popleft()
        before = self._seen[0][1]
        gained = [_gained(point, before.get(key)) for key, point in totals.items()]
        self._seen.append((now, totals))
        calls = sum(point.count for point in gained)
        summary = f"{calls} call{'s' * (calls != 1)}"
        if calls < self.minimum_calls:
            return CheckResult(
                HealthStatus.HEALTHY, f"{summary}, too few to judge (minimum_calls is {self.minimum_calls})"
            )
        failed = sum(point.count for point in gained if point.attributes.get(names.ERROR_TYPE))
        durations = [bucket for point in gained for bucket in buckets(point.bounds, point.counts)]
        slow_s = quantile(durations, self.quantile)
        if slow_s is None:  # above the last bound: the duration is that bound or more
            slow_s = max((low for low, _, count in durations if count), default=0.0)
        name = f"p{self.quantile * 100:g}"
        measured = [
            Measurement(name, slow_s, "s", self.warning_s, self.critical_s, 0),
            percent("errors", 100 * failed / calls, self.warning_error_percent, self.critical_error_percent),
        ]
        return judge(measured, f"{summary}, {name} {slow_s:.3g} s, {100 * failed / calls:.3g} % errors")

    def _read(self) -> _Totals:
        return {
            tuple(sorted((key, str(value)) for key, value in point.attributes.items())): point
            for point in self.points()
            if isinstance(point, HistogramPoint)
            and point.name == names.OPERATION_DURATION.name
            and point.attributes.get(names.OPERATION_NAME) == self.operation
        }


def _gained(now: HistogramPoint, before: HistogramPoint | None) -> HistogramPoint:
    """Return the growth from *before* to *now*; a histogram that started again, as after a fork, counts in full."""
    if before is None or before.bounds != now.bounds or before.count > now.count:
        return now
    counts = tuple(new - old for new, old in zip(now.counts, before.counts, strict=True))
    return HistogramPoint(
        now.name, now.unit, now.attributes, now.count - before.count, now.total - before.total, now.bounds, counts
    )
