"""
Collections of cumulative points in a third of the SDK's time. Private parts of the SDK are used as in ``_compat``.

Half of a collection goes into reservoirs of exemplars that are empty, and the public API has no way around them. Nothing but
the collection of sums and of histograms with explicit bounds is replaced; the points are the same. If a release of the SDK has
renamed a part, its own collection is used.
"""

from __future__ import annotations

from math import inf
from operator import add
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics._internal import exemplar, metric_reader_storage
from opentelemetry.sdk.metrics._internal._view_instrument_match import _ViewInstrumentMatch
from opentelemetry.sdk.metrics._internal.aggregation import _ExplicitBucketHistogramAggregation, _SumAggregation
from opentelemetry.sdk.metrics.export import AggregationTemporality, HistogramDataPoint, NumberDataPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader


def quicken(provider: MeterProvider, reader: MetricReader, *, fast: bool = True) -> None:
    """Let *reader*, one of this package that *provider* has, collect quickly from now on; with *fast* False as the SDK does."""
    storage: Any = provider._measurement_consumer._reader_storages[reader]
    if fast and type(storage) is metric_reader_storage.MetricReaderStorage:
        storage.__class__ = _Storage
    elif not fast and type(storage) is _Storage:
        for stream in storage.streams():
            if type(stream) is _Stream:
                stream.__class__ = _ViewInstrumentMatch  # type: ignore[assignment] # the base of its class
        storage.__class__ = metric_reader_storage.MetricReaderStorage  # type: ignore[assignment] # as above


class _Storage(metric_reader_storage.MetricReaderStorage):
    """The streams of one reader."""

    def streams(self) -> Iterator[_ViewInstrumentMatch]:
        """Yield the streams of all instruments."""
        for streams in list(self._instrument_view_instrument_matches.values()):
            yield from streams

    def collect(self) -> Any:
        """Return all points as the SDK does."""
        for stream in self.streams():
            if type(stream) is _ViewInstrumentMatch:
                stream.__class__ = _Stream
        return super().collect()


class _Stream(_ViewInstrumentMatch):
    """The series of one instrument."""

    def collect(self, collection_aggregation_temporality: AggregationTemporality, collection_start_nanos: int) -> Any:
        """Return the points; None if there are none."""
        points = _POINTS.get(type(self._aggregation))
        if points is not None and collection_aggregation_temporality is AggregationTemporality.CUMULATIVE:
            try:
                with self._lock:
                    return points(self._attributes_aggregation.values(), collection_start_nanos) or None
            except AttributeError:  # another release; sums that are merged already stay merged
                pass
        return super().collect(collection_aggregation_temporality, collection_start_nanos)


# Every part is read before one is changed, so that a part with another name leaves a series as it was.


def _sums(aggregations: Iterable[Any], now_ns: int) -> list[NumberDataPoint]:
    delta, points = AggregationTemporality.DELTA, list[NumberDataPoint]()
    for aggregation in aggregations:
        is_added_up = aggregation._instrument_aggregation_temporality is delta
        attributes, start_ns = aggregation._attributes, aggregation._start_time_unix_nano
        # Only collections change the total, and they wait for each other. A series at rest needs no lock.
        value = aggregation._previous_value if is_added_up else None
        exemplars = _exemplars(aggregation)
        if aggregation._value is not None:
            with aggregation._lock:
                new, aggregation._value = aggregation._value, None
            value = new + value if is_added_up else new
            if is_added_up:
                aggregation._previous_value = value
        if value is not None:  # else the callback of an observable instrument has not returned the series
            points.append(NumberDataPoint(attributes, start_ns, now_ns, value, exemplars))
    return points


def _histograms(aggregations: Iterable[Any], now_ns: int) -> list[HistogramDataPoint]:
    points = list[HistogramDataPoint]()
    for aggregation in aggregations:
        attributes, start_ns = aggregation._attributes, aggregation._start_time_unix_nano
        bounds, exemplars = aggregation._boundaries, _exemplars(aggregation)
        if aggregation._value is not None or aggregation._previous_value is None:
            with aggregation._lock:
                _merge(aggregation)
        counts: Sequence[int] = tuple(aggregation._previous_value)
        total, least, greatest = aggregation._previous_sum, aggregation._previous_min, aggregation._previous_max
        points.append(
            HistogramDataPoint(
                attributes, start_ns, now_ns, sum(counts), total, counts, bounds, least, greatest, exemplars
            )
        )
    return points


def _merge(aggregation: Any) -> None:
    """Add the measurements since the last collection to the totals of a histogram."""
    empty = [0] * (len(aggregation._boundaries) + 1)
    new, before = aggregation._value or empty, aggregation._previous_value or empty
    least, greatest = min(aggregation._min, aggregation._previous_min), max(aggregation._max, aggregation._previous_max)
    aggregation._previous_sum = aggregation._sum + aggregation._previous_sum
    aggregation._previous_value = list(map(add, new, before))
    aggregation._previous_min, aggregation._previous_max = least, greatest
    aggregation._value, aggregation._sum = None, 0
    aggregation._min, aggregation._max = inf, -inf


def _exemplars(aggregation: Any) -> Sequence[Any]:
    """
    Return the exemplars since the last collection. Only the SDK's own reservoirs can be seen to be empty.

    The garbage collector does not look at the empty tuple, but at an empty list for every series.
    """
    reservoir: Any = aggregation._reservoir
    if type(reservoir) is exemplar.SimpleFixedSizeExemplarReservoir:
        is_empty = not reservoir._measurements_seen
    elif type(reservoir) is exemplar.AlignedHistogramBucketExemplarReservoir:
        is_empty = not reservoir._reservoir_storage
    else:
        is_empty = False
    return () if is_empty else aggregation._collect_exemplars()


_POINTS: Final[Mapping[type, Callable[[Iterable[Any], int], Sequence[Any]]]] = {
    _SumAggregation: _sums,
    _ExplicitBucketHistogramAggregation: _histograms,
}
