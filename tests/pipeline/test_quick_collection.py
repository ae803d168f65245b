"""Quick collections: the points are those of the SDK's own collections, and no measurement is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import Counter, MeterProvider, ObservableCounter, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics._internal import exemplar
from opentelemetry.sdk.metrics._internal.exemplar import SimpleFixedSizeExemplarReservoir
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from csg_otel.pipeline import _compat_collection
from csg_otel.pipeline.installed import InstalledMeterProvider

IN_SPAN = NonRecordingSpan(SpanContext(7, 5, False, TraceFlags(TraceFlags.SAMPLED)))
NAMES = ("counter", "level", "took", "narrow", "sizes", "gauge")
NUMBERS = st.sampled_from([0, 1, 3, 0.1, 0.2, 7.5, 2**70])
KEYS = st.sampled_from([1, True, 1.0, "x"])
ROUND = st.lists(
    st.tuples(st.sampled_from(NAMES), KEYS, NUMBERS, st.booleans()), max_size=12, unique_by=lambda m: m[:2]
)
"""Measurements between two collections: of a sum one in a series at most, because the SDK chooses an exemplar by chance."""


class Readers:
    """A provider with two readers of one temporality: one collects as the SDK does, the other one quickly."""

    def __init__(self, temporality: AggregationTemporality = AggregationTemporality.CUMULATIVE) -> None:
        preferred: Any = dict.fromkeys((Counter, ObservableCounter), temporality)
        self.usual, self.quick = (InMemoryMetricReader(preferred_temporality=preferred) for _ in range(2))
        views = [
            View(instrument_name="sizes", aggregation=ExponentialBucketHistogramAggregation()),
            View(instrument_name="narrow", attribute_keys=set()),
        ]
        self.provider = MeterProvider(
            [self.usual, self.quick], Resource({}), TraceBasedExemplarFilter(), views=views, shutdown_on_exit=False
        )
        _compat_collection.quicken(self.provider, self.quick)
        meter = self.provider.get_meter("m")
        self.observed: dict[Any, float] = {}
        meter.create_observable_counter("observed", [self._observe])
        self.measure: dict[str, Callable[[Any, Any], None]] = {
            "counter": meter.create_counter("counter").add,
            "level": meter.create_up_down_counter("level").add,
            "took": meter.create_histogram("took", explicit_bucket_boundaries_advisory=(0.1, 5)).record,
            "narrow": meter.create_histogram("narrow", explicit_bucket_boundaries_advisory=()).record,
            "sizes": meter.create_histogram("sizes").record,
            "gauge": meter.create_gauge("gauge").set,
        }

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, {"k": key}) for key, value in self.observed.items()]

    def points(self, reader: InMemoryMetricReader) -> list[tuple[Any, ...]]:
        """Collect, and return all points without their times, which differ between two readers."""
        data = reader.get_metrics_data()
        return [
            (metric.name, type(metric.data), type(point), {**vars(point), **without_times(point)})
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]


def without_times(point: Any) -> dict[str, Any]:
    """Return the fields with times, and that they are in order; exemplars as a list, and attributes with their types."""
    assert (point.start_time_unix_nano or 0) <= point.time_unix_nano
    return {
        "attributes": repr(point.attributes),
        "start_time_unix_nano": None,
        "time_unix_nano": None,
        "exemplars": list(point.exemplars),
    }


@pytest.fixture
def readers() -> Iterator[Readers]:
    """The two readers."""
    made = Readers()
    yield made
    made.provider.shutdown()


@given(
    st.sampled_from([AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA]),
    st.lists(ROUND, max_size=4),
    st.data(),
)
def test_the_points_are_those_of_the_sdk(
    temporality: AggregationTemporality, rounds: list[list[tuple[str, Any, Any, bool]]], draw: st.DataObject
) -> None:
    """Of every instrument, with views, exemplars and series at rest; also of deltas, which are not collected quickly."""
    readers = Readers(temporality)
    for measurements in [*rounds, []]:
        for name, key, number, in_span in measurements:
            with trace.use_span(IN_SPAN) if in_span else nullcontext():
                readers.measure[name](number, {"k": key})
        readers.observed = draw.draw(st.dictionaries(st.sampled_from("ab"), st.integers(0, 9)))
        assert readers.points(readers.quick) == readers.points(readers.usual)
    readers.provider.shutdown()


def test_totals_are_exact_while_threads_measure(readers: Readers) -> None:
    """Eight threads add, and a ninth collects all the time."""
    done = threading.Barrier(9)

    def work() -> None:
        for _ in range(2000):
            readers.measure["counter"](1, {"k": 1})
            readers.measure["took"](1, {"k": 1})
        done.wait()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    while done.n_waiting < 8:
        readers.points(readers.quick)
    done.wait()
    for thread in threads:
        thread.join()
    points = {name: point for name, _, _, point in readers.points(readers.quick)}

    assert (points["counter"]["value"], points["took"]["count"], points["took"]["sum"]) == (16000, 16000, 16000)
    assert points["took"]["bucket_counts"] == (0, 16000, 0)


def test_empty_reservoirs_are_not_looked_at(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which shows that the parts of this release of the SDK have the names that are used."""
    looks: list[object] = []
    collect = SimpleFixedSizeExemplarReservoir.collect

    def count(reservoir: Any, attributes: Any) -> Any:
        looks.append(attributes)
        return collect(reservoir, attributes)

    monkeypatch.setattr(SimpleFixedSizeExemplarReservoir, "collect", count)
    for key in range(10):
        readers.measure["counter"](1, {"k": key})
    readers.points(readers.quick)
    assert looks == []

    with trace.use_span(IN_SPAN):
        readers.measure["counter"](1, {"k": 3})
    readers.points(readers.quick)
    assert looks == [{"k": 3}]


def test_another_release_collects_by_itself(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that has another name there costs the speed, and no measurement."""
    readers.measure["counter"](1, {})
    assert readers.points(readers.quick) == readers.points(readers.usual)
    monkeypatch.delattr(exemplar, "SimpleFixedSizeExemplarReservoir")
    readers.measure["counter"](2, {})
    readers.observed = {"a": 1}
    assert readers.points(readers.quick) == readers.points(readers.usual)
    assert {name: point["value"] for name, _, _, point in readers.points(readers.quick)} == {
        "counter": 3,
        "observed": 1,
    }


@pytest.mark.fast_path
def test_the_own_readers_collect_quickly() -> None:
    """Those that are attached to this package's provider; a reader of the program stays as it is."""
    provider, own, other = InstalledMeterProvider({}), InMemoryMetricReader(), InMemoryMetricReader()
    provider.configure(Resource({}), ())
    provider.attach(own)
    provider.add_metric_reader(other)
    storages = provider._measurement_consumer._reader_storages
    quick = [type(storages[reader]).__module__.endswith("_compat_collection") for reader in (own, other)]
    provider.shutdown()

    assert quick == [True, False]


@pytest.mark.fast_path
def test_with_the_fast_path_off_the_sdk_collects() -> None:
    """`performance.fast_path: false` holds for readers in use, too, and sums go on."""
    provider, reader = InstalledMeterProvider({}), InMemoryMetricReader()
    provider.configure(Resource({}), ())
    provider.attach(reader)
    counter = provider.get_meter("m").create_counter("counter")
    sums, quick = [], []
    for fast in (True, False, True):
        provider.configure(Resource({}), (), fast=fast)
        counter.add(1)
        data: Any = reader.get_metrics_data()
        sums.append(data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0].value)
        storage: Any = provider._measurement_consumer._reader_storages[reader]
        streams = next(iter(storage._instrument_view_instrument_matches.values()))
        quick.append({type(part).__module__.endswith("_compat_collection") for part in (storage, *streams)})
    provider.shutdown()

    assert (sums, quick) == ([1, 2, 3], [{True}, {False}, {True}])
