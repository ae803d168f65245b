"""Whether a function of the program does what it should."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from csg_otel.health.checks.levels import judge
from csg_otel.status import CheckResult, Critical, Measurement

_ANYTHING = object()


def find(place: str) -> Any:
    """Return what ``module:name`` names. Raises Critical if there is no such thing."""
    module, _, name = place.partition(":")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise Critical(f"{place} can't be loaded: {type(error).__name__}") from None
    return found


def resolve(function: Callable[[], Any] | str) -> Callable[[], Any]:
    """Return *function*, or the one ``module:name`` names. Raises Critical if there is no such function."""
    if not isinstance(function, str):
        return function
    found = find(function)
    if not callable(found):
        raise Critical(f"{function} is not a function")
    return found  # type: ignore[no-any-return] # callable, as just seen


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
        function = resolve(self.function)
        began = time.perf_counter()
        returned = function()
        took_s = time.perf_counter() - began
        if self.expected is not _ANYTHING and returned != self.expected:
            raise Critical("it did not return what is expected")
        return judge([Measurement("duration", took_s, "s", self.limit_s, minimum=0)])
