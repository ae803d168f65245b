"""The time the program's benchmark takes for each of several sizes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from csg_otel import names
from csg_otel.check_result import CheckResult, Measurement, Range
from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_function
from csg_otel.health.checks.timing import call_with, median_s
from csg_otel.status import HealthStatus

LARGEST_MB: Final = 64.0
"""The built-in benchmark took 17 ms a megabyte on a busy machine of two cores, so a run of this size takes about a second."""

_BLOCK_BY: Final = 65_536
"""Memory the built-in benchmark holds at a time, whatever the size: 64 KiB."""
_BLOCKS_PER_MB: Final = 16


@dataclass(frozen=True, slots=True)
class Benchmark:
    """
    WARNING above *warning_s* and CRITICAL above *critical_s* seconds that *function* takes for any of *sizes*.

    The time for a size is the median of *repeat* runs after a warm-up; after two seconds no further run starts. *function* is
    a callable or ``module:function`` and gets the size; a function without parameters is called without it. Without a
    function, a built-in benchmark sorts and hashes *size* megabytes, block by block; sizes above 64 are left out. Each time
    is a measurement ``size_<size>`` with the attribute ``csg.benchmark.size``.
    """

    function: Callable[..., Any] | str | None = None
    sizes: Sequence[float] = (1.0,)
    warning_s: float | Range | None = None
    critical_s: float | Range | None = None
    repeat: int = 5

    def __call__(self) -> CheckResult:
        sizes, message = self.sizes, ""
        if self.function is None:
            function: Callable[..., Any] = work
            sizes = [size for size in self.sizes if size <= LARGEST_MB]
            if left_out := [f"{size:g}" for size in self.sizes if size > LARGEST_MB]:
                message = f"sizes above {LARGEST_MB:g} MB need a function of your own, left out: {', '.join(left_out)}"
        else:
            function = load_function(self.function)
        if not sizes:
            return CheckResult(HealthStatus.UNKNOWN, message or "no sizes to measure")
        return judge([self._measure(function, size) for size in sizes], message)

    def _measure(self, function: Callable[..., Any], size: float) -> Measurement:
        took_s = median_s(call_with(function, size), self.repeat)
        limits = (self.warning_s, self.critical_s)
        attributes = {names.BENCHMARK_SIZE: float(size)}
        return Measurement(f"size_{size:g}", took_s, "s", *limits, minimum=0, attributes=attributes)


def work(size: float) -> int:
    """Sort and hash *size* megabytes, a block of 64 KiB at a time; returns the number of blocks."""
    blocks = max(1, math.ceil(size * _BLOCKS_PER_MB))
    digest = hashlib.sha256()
    for block in range(blocks):
        numbers = sorted((number * 2_654_435_761 + block) & 0xFFFF for number in range(_BLOCK_BY // 64))
        digest.update(bytes(number & 0xFF for number in numbers) * 64)
    return blocks
