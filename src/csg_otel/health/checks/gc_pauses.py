"""The check ``gc_pauses``: time the program spends in garbage collection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from csg_otel import clocks, names
from csg_otel.check_result import CheckResult, Range
from csg_otel.health.checks.levels import judge, percent
from csg_otel.points import HistogramPoint, Point
from csg_otel.status import HealthStatus


@dataclass(slots=True)
class GcPauses:
    """
    WARNING above *warning_threshold* and CRITICAL above *critical_threshold* percent of the time since the last run in pauses.

    The pauses are read from ``csg.runtime.gc.pause``, which exists while application metrics are on. The first run has no
    earlier value to compare with and is HEALTHY.
    """

    warning_threshold: float | Range = 5.0
    critical_threshold: float | Range | None = 25.0
    points: Callable[[], Sequence[Point]] = tuple
    clock: Callable[[], float] = clocks.monotonic
    _last: tuple[float, float] | None = field(default=None, init=False, repr=False)

    def __call__(self) -> CheckResult:
        now, paused = self.clock(), self._paused()
        last, self._last = self._last, (now, paused)
        if last is None or paused < last[1] or now <= last[0]:
            return CheckResult(HealthStatus.HEALTHY, "first run: nothing to compare with yet")
        share = 100 * (paused - last[1]) / (now - last[0])
        measurement = percent("gc", share, self.warning_threshold, self.critical_threshold)
        return judge([measurement], advice="create fewer objects that refer to each other, or raise gc.set_threshold()")

    def _paused(self) -> float:
        """Return the seconds spent in pauses so far."""
        return sum(
            point.total
            for point in self.points()
            if isinstance(point, HistogramPoint) and point.name == names.GC_PAUSE.name
        )
