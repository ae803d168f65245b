"""
The merge of measurements into the SDK's aggregations. Private parts of the SDK are used as in ``_compat``.

The public API takes measurements one by one, and each costs ten times an append to a list. Nothing else of the SDK is replaced.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import _clean_attribute_value
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics._internal import _view_instrument_match as sdk_match
from opentelemetry.sdk.metrics._internal.aggregation import (
    _DropAggregation,
    _ExplicitBucketHistogramAggregation,
    _ExponentialBucketHistogramAggregation,
    _LastValueAggregation,
    _SumAggregation,
)
from opentelemetry.sdk.metrics._internal.view import _default_reservoir_factory
from opentelemetry.trace import NonRecordingSpan

from csg_otel._compat_context import SPAN_KEY
from csg_otel.pipeline import _compat_exponential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry.sdk.metrics import MeterProvider

Place = tuple[Any, Any, dict[str, Any], dict[str, Any]]
"""A series in one stream: the stream, the key of the series in it, its attributes there, and those of the measurements."""

_USUAL: Final = {
    "counter": _SumAggregation,
    "up_down_counter": _SumAggregation,
    "histogram": _ExplicitBucketHistogramAggregation,
    "gauge": _LastValueAggregation,
}
_MERGED: Final = {*_USUAL.values(), _ExponentialBucketHistogramAggregation}


def before_collections(provider: MeterProvider, merge: Callable[[], None]) -> None:
    """
    Call *merge* before each collection of every reader.

    A callback of an observable instrument would do, too, but it would run under the lock of all collections.
    """
    consumer: Any = provider._measurement_consumer
    collect = consumer.collect

    def merge_and_collect(*args: Any, **kwargs: Any) -> Any:
        merge()
        return collect(*args, **kwargs)

    consumer.collect = merge_and_collect
    for reader in consumer._reader_storages:  # of the program, added while nothing was merged
        reader._set_collect_callback(merge_and_collect)


def streams(provider: MeterProvider, instrument: Any) -> list[Any]:
    """Return the streams of *instrument* in all readers, as its views define them; they are made now if they are missing."""
    storages = provider._measurement_consumer._reader_storages.values()
    return [stream for storage in storages for stream in storage._get_or_init_view_instrument_match(instrument)]


def way(
    kind: str, provider: MeterProvider, instrument: Any, in_streams: Sequence[Any]
) -> tuple[bool, tuple[float, ...]] | None:
    """
    Return how measurements of an *instrument* of *kind* can be merged; None if they must go to it one by one.

    The first item is whether they must be added one by one, in order, because a stream does not have the usual aggregation of
    the kind, or because histograms have other bounds. The second item is the bounds that all streams share.

    None is returned without a reader, for aggregations, reservoirs and filters of exemplars that are not the SDK's usual ones,
    and where the last value of several series counts, of an instrument that is no gauge.
    """
    if not in_streams or not instrument._is_enabled():
        return None
    if type(provider._sdk_config.exemplar_filter) not in (TraceBasedExemplarFilter, AlwaysOffExemplarFilter):
        return None
    if any(stream._view._exemplar_reservoir_factory is not _default_reservoir_factory for stream in in_streams):
        return None
    kept = [stream for stream in in_streams if type(stream._aggregation) is not _DropAggregation]
    kinds = {type(stream._aggregation) for stream in kept}
    if not kinds <= _MERGED:
        return None
    of_buckets = {getattr(stream._aggregation, "_boundaries", ()) for stream in kept}
    if kinds <= {_USUAL[kind]} and len(of_buckets) <= 1:
        return False, next(iter(of_buckets), ())
    has_last = _LastValueAggregation in kinds
    return None if has_last and any(stream._view._attribute_keys is not None for stream in kept) else (True, ())


def places(in_streams: Iterable[Any], attributes: dict[str, Any]) -> list[Place]:
    """Return the places of a series with *attributes*; its aggregations begin now."""
    cleaned: Any = _clean_attribute_value(attributes, None)
    result = []
    for stream in in_streams:
        kept, keys = dict(cleaned), stream._view._attribute_keys
        if keys is not None:
            kept = {key: value for key, value in kept.items() if key in keys}
        place = stream, sdk_match._hash_attributes(kept), kept, cleaned
        with stream._lock:
            stream._get_or_create_aggregation(*place[1:3])
        result.append(place)
    return result


def add(place: Place, amount: float, exemplars: Sequence[tuple[float, int, Any]]) -> None:
    """Add *amount* to a sum, and offer *exemplars*: their values, times in ns, and contexts of spans."""
    stream, key, attributes, _ = place
    with stream._lock:  # a delta collection takes all aggregations of its stream under this lock
        aggregation: Any = stream._get_or_create_aggregation(key, attributes)
        if type(aggregation) is _SumAggregation:
            with aggregation._lock:
                present: Any = aggregation._value
                summed: Any = amount if present is None else present + amount
                aggregation._value = summed
        _offer(aggregation, place, exemplars)


def add_buckets(
    place: Place,
    counts: Sequence[int],
    total: float,
    extremes: tuple[float, float],
    exemplars: Sequence[tuple[float, int, Any]],
) -> None:
    """
    Add measurements to a histogram, and offer *exemplars*.

    Args:
        place: The place.
        counts: The number of measurements of each bucket.
        total: Their sum.
        extremes: The least and the greatest of them.
        exemplars: Values, times in ns, and contexts of spans.
    """
    stream, key, attributes, _ = place
    with stream._lock:
        aggregation: Any = stream._get_or_create_aggregation(key, attributes)
        if type(aggregation) is _ExplicitBucketHistogramAggregation:
            with aggregation._lock:
                present: Any = aggregation._value
                merged: Any = list(counts) if present is None else list(map(operator.add, present, counts))
                aggregation._value = merged
                aggregation._sum += total  # type: ignore[assignment] # the SDK's own annotation is off
                if aggregation._record_min_max:
                    aggregation._min = min(aggregation._min, extremes[0])
                    aggregation._max = max(aggregation._max, extremes[1])
        _offer(aggregation, place, exemplars)


def set_last(place: Place, order: int, value: float, exemplars: Sequence[tuple[float, int, Any]]) -> None:
    """Set the last *value* of a gauge, unless the place has one of a higher *order*; offer *exemplars* as :func:`add`."""
    stream, key, attributes, _ = place
    with stream._lock:
        aggregation: Any = stream._get_or_create_aggregation(key, attributes)
        if type(aggregation) is _LastValueAggregation:
            with aggregation._lock:
                if order > getattr(aggregation, "csg_otel_order", -1):
                    last: Any = value
                    aggregation._value = last
                    aggregation.csg_otel_order = order  # type: ignore[attr-defined] # of this module
        _offer(aggregation, place, exemplars)


def is_any_locked(in_places: Sequence[Place]) -> bool:
    """Return whether the stream of a place is in use, perhaps by what a signal handler on this thread has interrupted."""
    return any(place[0]._lock.locked() for place in in_places)


def add_in_order(place: Place, values: Sequence[float], exemplars: Sequence[tuple[float, int, Any]]) -> None:
    """Add *values* one by one, as the SDK does, and offer *exemplars* as :func:`add`."""
    stream, key, attributes, _ = place
    with stream._lock:
        aggregation: Any = stream._get_or_create_aggregation(key, attributes)
        if type(aggregation) is _ExponentialBucketHistogramAggregation:
            _compat_exponential.add(aggregation, values)
            exemplars = [exemplar for exemplar in exemplars if exemplar[0]]  # the SDK keeps none of zeros
        else:
            for value in values:
                aggregation.aggregate(_compat_exponential.Measured(value), False)
        _offer(aggregation, place, exemplars)


def _offer(aggregation: Any, place: Place, exemplars: Sequence[tuple[float, int, Any]]) -> None:
    for value, time_ns, span_context in exemplars:
        context = Context({SPAN_KEY: NonRecordingSpan(span_context)})
        aggregation._reservoir.offer(value, time_ns, place[3], context)


def has_exemplars(provider: MeterProvider) -> bool:
    """Return whether the provider's filter lets measurements in sampled spans become exemplars."""
    return type(provider._sdk_config.exemplar_filter) is not AlwaysOffExemplarFilter
