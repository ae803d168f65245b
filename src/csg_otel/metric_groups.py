"""
The switches of the metric groups: business metrics, the program's own instruments, durations of operations, and `otel.sdk.*`.

A metric of a group that is off is neither recorded nor exported. To stop recording is not enough, because OpenTelemetry exports
a cumulative sum as long as the process runs; so each collection leaves out the sums recorded before. The rule: a process has
one set of switches, because instruments exist longer than the settings of one ``instrument()`` call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from csg_otel import markers, names

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation

    Callback = Callable[[CallbackOptions], Iterable[Observation]]


class Switches(NamedTuple):
    """
    The states of the switches; other metrics of ``csg_otel`` do not depend on them.

    ``business`` switches the metrics in ``names.BUSINESS``; ``custom`` every instrument created by ``csg_otel.counter()`` and
    similar functions; ``durations`` only ``csg.operation.duration``, which is a business metric, too; ``sdk`` the metrics in
    ``names.OF_THE_SDK``.
    """

    business: bool = True
    custom: bool = True
    durations: bool = True
    sdk: bool = True

    def shows(self, name: str) -> bool:
        """Return whether the metric *name*, an instrument of this package's scope, is on."""
        if name in names.BUSINESS:
            return self.business and (self.durations or name != names.OPERATION_DURATION.name)
        if name in names.OF_THE_SDK:
            return self.sdk
        return self.custom or name in names.METRICS


ALL_ON = Switches()

_switches = ALL_ON

any_off = False
"""Whether any switch is off; a look at it costs less than a call of :func:`is_on`."""


def apply(switches: Switches) -> None:
    """Use *switches* from now on, for every instrument of this process."""
    global _switches, any_off
    _switches, any_off = switches, switches != ALL_ON


def current() -> Switches:
    """Return the switches in use."""
    return _switches


def is_on(name: str) -> bool:
    """Return whether the metric *name* is recorded and exported."""
    return not any_off or _switches.shows(name)


def switchable(metric: names.Metric, callback: Callback) -> Callback:
    """Return a callback that returns nothing while *metric* is off, else the observations of *callback*."""

    def observe(options: CallbackOptions) -> Iterable[Any]:
        return callback(options) if is_on(metric.name) else ()

    return markers.reads_snapshot(observe) if markers.is_marked(callback) else observe
