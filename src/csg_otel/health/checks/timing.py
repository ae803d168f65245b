"""Timing a function of the program: how it is called, and the median of several runs."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

_MOST_S: Final = 2.0
"""Runs stop being repeated after this time, so that measuring is no load of its own."""


def median_s(run: Callable[[], Any], repeat: int) -> float:
    """Return the median time in seconds of *repeat* runs after a warm-up; of fewer runs if they take over two seconds."""
    import statistics  # late, because it loads fractions and decimals, and a start needs neither

    run()
    times_s: list[float] = []
    began_s = time.perf_counter()
    while len(times_s) < repeat and (not times_s or time.perf_counter() - began_s < _MOST_S):
        start_s = time.perf_counter()
        run()
        times_s.append(time.perf_counter() - start_s)
    return statistics.median(times_s)


def call_without_arguments(function: Callable[..., Any]) -> Callable[[], Any]:
    """Return *function* as a call without arguments; a function that requires a size, as benchmarks do, gets 1."""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return partial(function, 1)
    except ValueError:  # a builtin without a signature
        pass
    return function


def call_with(function: Callable[..., Any], size: float) -> Callable[[], Any]:
    """Return a call of *function* with *size* (a whole size as an int), or without it if *function* has no parameter."""
    try:
        inspect.signature(function).bind(size)
    except TypeError:
        return function
    except ValueError:  # a builtin without a signature
        pass
    return partial(function, int(size) if float(size).is_integer() else size)
