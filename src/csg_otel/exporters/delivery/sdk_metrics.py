"""
The metrics ``otel.sdk.processor.*`` and ``otel.sdk.exporter.*``: the delivery accounting in the semantic conventions' names.

A queue is the processor; it ends where a request is sent, and the exporter begins there. Destinations without a component (the
console, the Pushgateway, receivers of alerts) have no such metrics.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import metric_groups, names, scope
from csg_otel.markers import reads_snapshot

if TYPE_CHECKING:
    from csg_otel.exporters.delivery.accounting import Accounting
    from csg_otel.exporters.delivery.base import DeliveryQueue
    from csg_otel.exporters.delivery.component import Attributes, Component

_BEFORE_SENDING: Final = {
    "shutdown": "already_shutdown",  # the word of the semantic conventions
    **{reason: reason for reason in ("queue_full", "encoding", "spool_full", "expired", "corrupt")},
}
"""The ``error.type`` by drop reason of the items that no request has held; all other reasons are those of a refusal."""

_Measure = Callable[["Accounting", str], Iterable[tuple["Attributes", int]]]
"""Returns the attributes and the value of each series, for one signal."""


class SdkMetrics:
    """The observable instruments; each reads the accounting that *shown* returns, or has no series if that is None."""

    def __init__(self, shown: Callable[[], Accounting | None]) -> None:
        """Create them. Once per process: the provider of a program keeps the first callback of an instrument only."""
        self._shown = shown
        for metric, signal, measure in _INSTRUMENTS:
            scope.create(metric, [metric_groups.switchable(metric, self._callback(signal, measure))])

    def _callback(self, signal: str, measure: _Measure) -> Callable[[CallbackOptions], Iterable[Observation]]:
        @reads_snapshot
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            accounting = self._shown()
            if accounting is None:
                return ()
            # A destination that is drained and its successor may have the same attributes: one series, with the sum.
            sums: dict[tuple[Any, ...], tuple[Attributes, int]] = {}
            for attributes, value in measure(accounting, signal):
                key = tuple(attributes.items())
                sums[key] = attributes, value + sums.get(key, (attributes, 0))[1]
            return [Observation(value, attributes) for attributes, value in sums.values()]

        return observe


def record_export(component: Component, seconds: float, error: str) -> None:
    """Record the duration of an export that has ended; *error* is the reason of a refusal, empty if there was none."""
    if metric_groups.is_on(names.SDK_EXPORT_DURATION.name):
        _duration().record(seconds, _with_error(component.exporter, error))


@functools.lru_cache(maxsize=1)
def _duration() -> Any:
    return scope.create(names.SDK_EXPORT_DURATION)


def _queues(accounting: Accounting, signal: str) -> Iterator[tuple[Component, DeliveryQueue]]:
    for destination in accounting.counted:
        queue = destination.queues.get(signal)
        if queue is not None and queue.component is not None:
            yield queue.component, queue


def _components(accounting: Accounting, signal: str) -> Iterable[Component]:
    """Return one component for each name of a destination: the counts are kept by name."""
    return {component.destination: component for component, _ in _queues(accounting, signal)}.values()


def _with_error(attributes: Attributes, error: str) -> Attributes:
    return {**attributes, names.ERROR_TYPE: error} if error else attributes


def _processed(accounting: Accounting, signal: str) -> Iterator[tuple[Attributes, int]]:
    items = accounting.items()
    for component in _components(accounting, signal):
        yield component.processor, items[component.destination, signal, "passed", ""]
        for reason, error in _BEFORE_SENDING.items():
            if dropped := items[component.destination, signal, "dropped", reason]:
                yield _with_error(component.processor, error), dropped


def _exported(accounting: Accounting, signal: str) -> Iterator[tuple[Attributes, int]]:
    items = accounting.items()
    for component in _components(accounting, signal):
        yield component.exporter, items[component.destination, signal, "delivered", ""]
        for reason, refused in _by_reason(items, component, "dropped").items():
            if refused and reason not in _BEFORE_SENDING:
                yield _with_error(component.exporter, reason), refused


def _points_exported(accounting: Accounting, signal: str) -> Iterator[tuple[Attributes, int]]:
    items = accounting.items()
    for component in _components(accounting, signal):
        for reason, points in {"": 0, **_by_reason(items, component, "points")}.items():
            if points or not reason:
                yield _with_error(component.exporter, reason), points


def _by_reason(items: Mapping[tuple[str, str, str, str], int], component: Component, result: str) -> Counter[str]:
    wanted = (component.destination, component.signal, result)
    return Counter({key[3]: count for key, count in items.items() if key[:3] == wanted})


def _queue_size(accounting: Accounting, signal: str) -> Iterator[tuple[Attributes, int]]:
    for component, queue in _queues(accounting, signal):
        counts = queue.counts()
        waiting = counts.emitted + counts.adopted - counts.delivered - sum(counts.dropped.values())
        yield component.processor, max(0, waiting - counts.in_request)


def _queue_capacity(accounting: Accounting, signal: str) -> Iterator[tuple[Attributes, int]]:
    for component, queue in _queues(accounting, signal):
        yield component.processor, queue.max_items


def _in_flight(accounting: Accounting, signal: str) -> Iterator[tuple[Attributes, int]]:
    for component, queue in _queues(accounting, signal):
        yield component.exporter, queue.counts().in_request


_INSTRUMENTS: Final[tuple[tuple[names.Metric, str, _Measure], ...]] = (
    (names.SDK_SPAN_PROCESSED, "traces", _processed),
    (names.SDK_LOG_PROCESSED, "logs", _processed),
    (names.SDK_SPAN_QUEUE_SIZE, "traces", _queue_size),
    (names.SDK_LOG_QUEUE_SIZE, "logs", _queue_size),
    (names.SDK_SPAN_QUEUE_CAPACITY, "traces", _queue_capacity),
    (names.SDK_LOG_QUEUE_CAPACITY, "logs", _queue_capacity),
    (names.SDK_SPAN_EXPORTED, "traces", _exported),
    (names.SDK_LOG_EXPORTED, "logs", _exported),
    (names.SDK_POINT_EXPORTED, "metrics", _points_exported),
    (names.SDK_SPAN_IN_FLIGHT, "traces", _in_flight),
    (names.SDK_LOG_IN_FLIGHT, "logs", _in_flight),
    (names.SDK_POINT_IN_FLIGHT, "metrics", _in_flight),
)
