"""The check ``functional``: a function of the program returns the expected value in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from csg_otel.check_result import CheckResult, Critical, Measurement
from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_function

_ANYTHING = object()
"""Default of ``expected``: every value is accepted, None too."""


@dataclass(frozen=True, slots=True)
class Functional:
    """
    HEALTHY if *function* (a callable, or ``module:name``) returns, and returns *expected*, if that is set.

    More than *limit_s* seconds is a WARNING. An exception fails the check; its message is withheld.
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
            raise Critical("the function did not return the expected value")
        return judge([Measurement("duration", took_s, "s", self.limit_s, minimum=0)])
