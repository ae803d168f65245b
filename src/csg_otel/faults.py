"""
Faults inside telemetry: each is logged once on logger ``csg_otel``, counted, and kept away from the program.

The caller names the component that failed. One line is logged when its fault starts, and one when it is over. The rule: tests
set ``strict``, and then ``contain`` raises, so that an unexpected fault fails the test.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import forks, interruptions
from csg_otel.markers import reads_snapshot
from csg_otel.names import TELEMETRY_FAULTS, Metric

strict = False
"""Raise contained exceptions instead of counting them; for tests."""

_log = logging.getLogger("csg_otel")
_lock = threading.RLock()
_counts: Counter[str] = Counter()
_ongoing: set[str] = set()
_prepared: set[str] = set()


def contain(component: str) -> None:
    """
    Keep the exception being handled away from the program: log and count it as a fault of *component*.

    An exception that a signal handler of the program raised meanwhile is no fault, and is raised again.
    """
    try:
        interruptions.let_through()
        error = sys.exc_info()[1]
        if strict and error is not None:
            raise error
        report(component, description(error))
    except RecursionError:  # no room for a report so near the limit, and the program must not get this exception
        if strict:
            raise


def report(component: str, problem: str) -> None:
    """Count a fault of *component*; log *problem* in one line, unless an earlier fault of *component* is not over yet."""
    _prepare_for_fork()
    with _lock:
        _counts[component] += 1
        starts = component not in _ongoing
        _ongoing.add(component)
    if starts:
        _log.warning(
            "fault in telemetry (%s): %s; the program goes on; later faults are counted in %s",
            component,
            problem,
            TELEMETRY_FAULTS.name,
            exc_info=_log.isEnabledFor(logging.DEBUG) and sys.exc_info()[1] is not None,
        )


def recovered(component: str) -> None:
    """Log in one line that the fault of *component* is over, if there was one; its next fault is logged again."""
    if component not in _ongoing:  # the usual case: callers call this after every success
        return
    with _lock:
        _ongoing.discard(component)
    _log.warning("fault in telemetry (%s) is over", component)


def counts() -> dict[str, int]:
    """Return the number of faults by component."""
    with _lock:
        return dict(_counts)


def publish(create: Callable[[Metric, list[Callable[[CallbackOptions], Iterable[Observation]]]], object]) -> None:
    """Export the counts as a metric, made by *create* (``scope.create``); calls after the first do nothing."""
    if "metric" in _prepared:
        return
    with _lock:
        if "metric" in _prepared:
            return
        _prepared.add("metric")
    create(TELEMETRY_FAULTS, [_observe])


@reads_snapshot
def _observe(_options: CallbackOptions) -> Iterable[Observation]:
    (attribute,) = TELEMETRY_FAULTS.attributes
    return [Observation(count, {attribute: component}) for component, count in counts().items()]


def description(error: BaseException | None) -> str:
    """Return the class and the text of *error*; only the class if the text can't be made."""
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException:  # noqa: BLE001 - the exception's own __str__ may raise
        interruptions.let_through()
        return type(error).__name__


def _prepare_for_fork() -> None:
    if "fork" not in _prepared:
        _prepared.add("fork")
        forks.follow(_reset_in_child)


def _reset_in_child() -> None:
    global _lock  # noqa: PLW0603 - a thread of the parent may have held it
    _lock = threading.RLock()
    _counts.clear()
