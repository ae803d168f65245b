"""How fast the program works."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_function
from csg_otel.status import CheckResult, Measurement

_MOST_S = 2.0


@dataclass(frozen=True, slots=True)
class Processing:
    """
    Warn above *warning_s* and fail above *critical_s* seconds, the median of *repeat* runs of *function* after a warm-up.

    Without a function a small fixed computation is timed, which tells a throttled or starved CPU. Stops repeating after two
    seconds, so that it is no load of its own.
    """

    function: Callable[[], Any] | str | None = None
    warning_s: float = 5.0
    critical_s: float | None = None
    repeat: int = 5

    def __call__(self) -> CheckResult:
        function = _compute if self.function is None else load_function(self.function)
        function()
        times: list[float] = []
        began = time.perf_counter()
        while len(times) < self.repeat and (not times or time.perf_counter() - began < _MOST_S):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        return judge([Measurement("processing", statistics.median(times), "s", self.warning_s, self.critical_s, 0)])


def _compute() -> int:
    """Take about a millisecond of integer and text work."""
    words = [f"{number:x}" for number in range(2000)]
    return sum(map(len, sorted(words)))
