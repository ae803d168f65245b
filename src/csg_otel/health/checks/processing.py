"""The time a function of the program takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from csg_otel.check_result import CheckResult, Measurement
from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_function
from csg_otel.health.checks.timing import call_without_arguments, median_s


@dataclass(frozen=True, slots=True)
class Processing:
    """
    WARNING above *warning_s* and CRITICAL above *critical_s* seconds that *function* takes.

    The time is the median of *repeat* runs after a warm-up; after two seconds no further run starts, so that the check is no
    load of its own. A *function* with a required parameter gets the size 1. Without a function, a small fixed computation is
    timed; it takes longer when the CPU is throttled or overloaded.
    """

    function: Callable[..., Any] | str | None = None
    warning_s: float = 5.0
    critical_s: float | None = None
    repeat: int = 5

    def __call__(self) -> CheckResult:
        function = _compute if self.function is None else call_without_arguments(load_function(self.function))
        took_s = median_s(function, self.repeat)
        return judge([Measurement("processing", took_s, "s", self.warning_s, self.critical_s, 0)])


def _compute() -> int:
    """Take about a millisecond of integer and text work."""
    words = [f"{number:x}" for number in range(2000)]
    return sum(map(len, sorted(words)))
