"""
The self-test: whether merged measurements give the points of measurements that the SDK has taken one by one.

It runs once in a process, in 2 ms. A release of the SDK whose private parts have changed fails it; then each measurement goes
through the public API, as ``performance.fast_path: false`` has it.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from csg_otel import interruptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from csg_otel.pipeline.accumulating.merger import Merger

_log = logging.getLogger("csg_otel")

_DELTA: Final[dict[type, AggregationTemporality]] = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)
_TIMES: Final = ("time_unix_nano", "start_time_unix_nano")


@functools.lru_cache(maxsize=1)
def problem(make_merger: Callable[[MeterProvider], Merger]) -> str:
    """Return the reason why measurements cannot be merged, empty if they can; *make_merger* is the class of mergers."""
    try:
        if (merged := _points(make_merger)) == (expected := _points(None)):
            return ""
        reason = f"merged measurements give {merged}, not {expected}"
    except Exception as error:  # noqa: BLE001 - a private part of the SDK is missing, or of another form
        interruptions.let_through()
        reason = f"{type(error).__name__}: {error}"
    _log.warning(
        "the fast path does not work with this OpenTelemetry SDK, so measurements take longer; all of them arrive; "
        "see csg-otel doctor (%s)",
        reason,
    )
    return reason


def _points(make_merger: Callable[[MeterProvider], Merger] | None) -> list[Any]:
    """Return the points of two readers after some measurements, merged or one by one."""
    view = View(instrument_name="counter", attribute_keys={"kept"})
    provider = MeterProvider(resource=Resource.get_empty(), views=[view], shutdown_on_exit=False)
    merger = None if make_merger is None else make_merger(provider)
    readers = InMemoryMetricReader(), InMemoryMetricReader(preferred_temporality=_DELTA)
    for reader in readers:
        provider.add_metric_reader(reader)
    meter = provider.get_meter("csg_otel")
    counter, histogram = meter.create_counter("counter"), meter.create_histogram("histogram")
    records: list[Callable[..., Any]] = [counter.add, histogram.record]
    if merger is not None:
        merger.is_on = True
        accumulators = (
            merger.accumulator("counter", counter, counter.add),
            merger.accumulator("histogram", histogram, histogram.record),
        )
        records = [
            lambda value, attributes, context, of=of: of.series(attributes).put(value, context) for of in accumulators
        ]
    points: list[Any] = []
    for value in (3, 700.5):
        for attributes in ({"kept": True, "left out": "x"}, {"kept": 1}):
            for record in records:
                record(value, attributes, _SAMPLED if attributes["kept"] is True else Context())
        points += [_shown(reader.get_metrics_data()) for reader in readers]
    return points


_SAMPLED: Final = set_span_in_context(
    NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))), Context()
)


def _shown(data: Any) -> list[Any]:
    """Return all points of *data* without their times."""
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    return [
        (
            metric.name,
            {name: value for name, value in vars(point).items() if name not in (*_TIMES, "exemplars")},
            [(exemplar.value, exemplar.span_id, exemplar.filtered_attributes) for exemplar in point.exemplars],
        )
        for metric in metrics
        for point in metric.data.data_points
    ]
