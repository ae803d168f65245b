"""Whether a function of the program does what it should."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_function
from csg_otel.status import CheckResult, Critical, Measurement

_ANYTHING = object()


@dataclass(frozen=True, slots=True)
class Functional:
    """
    Healthy if *function* (a callable, or ``module:name``) returns, and returns *expected* where that is given.

    Slower than *limit_s* seconds is a warning. What it raises fails the check, with the message withheld.
    """

    function: Callable[[], Any] | str
    expected: Any = _ANYTHING
    limit_s: float | None = None

    def __call__(self) -> CheckResult:
        function = load_function(self.function)
        began = time.perf_counter()
        returned = function()
        took_s = time.perf_counter() - began
        if self.expected is not _ANYTHING and returned != self.expected:
            raise Critical("it did not return what is expected")
        return judge([Measurement("duration", took_s, "s", self.limit_s, minimum=0)])
