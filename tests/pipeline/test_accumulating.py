"""Accumulated measurements arrive in every reader as the SDK's own, and each of them counts once."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    LastValueAggregation,
    SumAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from csg_otel import faults
from csg_otel.pipeline import _compat_metrics, self_test
from csg_otel.pipeline.accumulating.series import GaugeSeries, HistogramSeries, SumSeries
from csg_otel.pipeline.installed import InstalledMeterProvider

_BOUNDS = (0.5, 1.0, 10.0)
_DELTA: dict[type, AggregationTemporality] = {
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
}
_VIEWS: dict[str, tuple[View, ...]] = {
    "none": (),
    "keys": (View(instrument_name="*", attribute_keys={"a"}),),
    "buckets": (View(instrument_name="duration", aggregation=ExplicitBucketHistogramAggregation((1.0, 2.0))),),
    "two streams": (
        View(instrument_name="duration", aggregation=ExplicitBucketHistogramAggregation((1.0, 2.0))),
        View(instrument_name="duration", name="other", aggregation=ExplicitBucketHistogramAggregation((3.0,))),
    ),
    "exponential": (View(instrument_name="duration", aggregation=ExponentialBucketHistogramAggregation()),),
    "exponential, few buckets": (
        View(
            instrument_name="duration",
            aggregation=ExponentialBucketHistogramAggregation(max_size=4, max_scale=3, record_min_max=False),
        ),
    ),
    "both histograms": (
        View(instrument_name="duration", aggregation=ExponentialBucketHistogramAggregation()),
        View(instrument_name="duration", name="other", aggregation=ExplicitBucketHistogramAggregation((3.0,))),
    ),
    "exchanged": (
        View(instrument_name="duration", aggregation=SumAggregation()),
        View(instrument_name="requests", aggregation=ExplicitBucketHistogramAggregation((3.0,))),
        View(instrument_name="level", aggregation=ExplicitBucketHistogramAggregation((3.0,))),
        View(instrument_name="queued", aggregation=LastValueAggregation()),
    ),
    "last of several": (View(instrument_name="requests", aggregation=LastValueAggregation(), attribute_keys={"a"}),),
    "drop": (View(instrument_name="requests", aggregation=DropAggregation()),),
    "limit": (View(instrument_name="*", aggregation_cardinality_limit=2),),
    "no extremes": (
        View(
            instrument_name="duration",
            aggregation=ExplicitBucketHistogramAggregation((1.0,), record_min_max=False),
        ),
    ),
}


class _Side:
    """A provider with a cumulative and a delta reader, and its three instruments."""

    def __init__(self, provider: MeterProvider) -> None:
        self.provider = provider
        self.readers = InMemoryMetricReader(), InMemoryMetricReader(preferred_temporality=_DELTA)
        for reader in self.readers:
            provider.add_metric_reader(reader)
        meter = provider.get_meter("test")
        self.record: dict[str, Callable[..., None]] = {
            "requests": meter.create_counter("requests").add,
            "queued": meter.create_up_down_counter("queued").add,
            "duration": meter.create_histogram("duration", "s", explicit_bucket_boundaries_advisory=_BOUNDS).record,
            "level": meter.create_gauge("level").set,
        }

    def collect(self, index: int) -> dict[Any, Any]:
        try:
            return _points(self.readers[index].get_metrics_data())
        except Exception as error:
            # A fault of the SDK: zeros alone, a collection, and a number that lies outside of as many buckets of scale 0.
            if str(error) != "Incorrect merge scale":
                raise
            return {"failed": str(error)}


def _ours(views: tuple[View, ...] = ()) -> _Side:
    provider = InstalledMeterProvider({})
    provider.configure(Resource.get_empty(), views)
    return _Side(provider)


def _official(views: tuple[View, ...] = ()) -> _Side:
    return _Side(MeterProvider(resource=Resource.get_empty(), views=views))


def _points(data: Any) -> dict[Any, Any]:
    """Return what counts of all points, by metric and attributes; times differ between two runs."""
    points = {}
    metrics = [] if data is None else [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
    for metric in metrics:
        for point in metric.data.data_points:
            key = metric.name, tuple(sorted((k, type(v).__name__, v) for k, v in (point.attributes or {}).items()))
            assert key not in points
            fields = {
                name: _rounded(getattr(point, name))
                for name in (
                    "value",
                    "count",
                    "sum",
                    "min",
                    "max",
                    "bucket_counts",
                    "explicit_bounds",
                    "scale",
                    "zero_count",
                )
                if hasattr(point, name)
            }
            fields["exemplars"] = sorted(
                (e.value, e.trace_id, e.span_id, tuple((e.filtered_attributes or {}).items())) for e in point.exemplars
            )
            fields["buckets"] = [(b.offset, list(b.bucket_counts)) for b in _sides(point)]
            if not hasattr(point, "bucket_counts") and not (fields["buckets"] and len(point.exemplars) < 20):
                # Some of many are chosen at random.
                fields["exemplars"] = len(fields["exemplars"])
            points[key] = fields
    return points


def _sides(point: Any) -> list[Any]:
    """Return the positive and the negative buckets of an exponential histogram."""
    return [point.positive, point.negative] if hasattr(point, "scale") else []


def _rounded(value: Any) -> Any:
    return pytest.approx(value) if isinstance(value, float) else value


@contextmanager
def _in_span(flags: int | None) -> Iterator[None]:
    if flags is None:
        yield
        return
    span = NonRecordingSpan(SpanContext(flags + 7, flags + 9, is_remote=False, trace_flags=TraceFlags(flags)))
    with trace.use_span(span):
        yield


_attributes = st.dictionaries(
    st.sampled_from("abc"), st.sampled_from(["x", "y", "", "é", True, 1, 1.0, 0, False]), max_size=2
)
_value = st.one_of(
    st.integers(0, 20),
    st.floats(0, 20, allow_nan=False),
    st.sampled_from(_BOUNDS),
    st.sampled_from([2.0**-1074, 2.0**-1022, 1e-9, 1024, 2**60, 1e300]),
)
_step = st.one_of(
    st.tuples(
        st.sampled_from(["requests", "queued", "duration", "level"]), _value, _attributes, st.sampled_from([None, 0, 1])
    ),
    st.sampled_from([0, 1]),
)


@pytest.mark.parametrize("views", _VIEWS)
@settings(max_examples=40)
@given(steps=st.lists(_step, max_size=40))
def test_every_reader_has_the_points_of_the_official_sdk(views: str, steps: list[Any]) -> None:
    """Sums, buckets, extremes, attributes, exemplars and overflow are those of the SDK, cumulative and delta."""
    ours, official = _ours(_VIEWS[views]), _official(_VIEWS[views])
    step: Any
    for step in [*steps, 0, 1]:
        if isinstance(step, int):
            assert ours.collect(step) == official.collect(step)
            continue
        name, value, attributes, flags = step
        with _in_span(flags):
            for side in (ours, official):
                side.record[name](value, dict(attributes))


@pytest.mark.parametrize("views", ["none", "exponential", "exponential, few buckets", "both histograms", "exchanged"])
def test_more_measurements_than_are_kept_count_all(views: str) -> None:
    """Many measurements of one series are summed up in between, and nothing is lost or counted twice."""
    ours, official = _ours(_VIEWS[views]), _official(_VIEWS[views])
    for number in range(5000):
        for side in (ours, official):
            side.record["requests"](number % 3)
            side.record["duration"](number % 12 * 1.1 ** (number // 500))
            side.record["level"](number % 7)

    assert ours.collect(0) == official.collect(0)
    assert ours.collect(1) == official.collect(1)


def test_a_series_starts_at_its_first_measurement() -> None:
    """The start time of a sum is that of its first measurement, not of the collection."""
    ours = _ours()
    ours.record["requests"](1)
    threading.Event().wait(0.02)
    data = ours.readers[0].get_metrics_data()
    assert data is not None
    point: Any = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]

    assert point.time_unix_nano - point.start_time_unix_nano >= 20_000_000


def test_a_reader_that_comes_later_starts_at_zero() -> None:
    """A reader gets only what is recorded after it was added, while the others go on."""
    ours = _ours()
    ours.record["requests"](5)
    late = InMemoryMetricReader()
    ours.provider.add_metric_reader(late)
    ours.record["requests"](2)

    assert ours.collect(0)["requests", ()]["value"] == 7
    assert _points(late.get_metrics_data())["requests", ()]["value"] == 2


def test_a_reader_that_has_other_buckets_gets_them() -> None:
    """Where a later reader needs another aggregation, measurements go on to both, and none is lost."""
    ours = _ours()
    ours.record["duration"](5)
    late = InMemoryMetricReader(preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()})
    ours.provider.add_metric_reader(late)
    for _ in range(3):
        ours.record["duration"](2.0)

    assert ours.collect(0)["duration", ()]["count"] == 4
    assert _points(late.get_metrics_data())["duration", ()]["count"] == 3


def test_without_a_reader_nothing_is_kept() -> None:
    """What is recorded while nothing collects does not appear later, as in the SDK."""
    provider = InstalledMeterProvider({})
    provider.configure(Resource.get_empty(), ())
    counter = provider.get_meter("test").create_counter("requests")
    counter.add(5)
    reader = InMemoryMetricReader()
    provider.add_metric_reader(reader)
    counter.add(1)

    assert _points(reader.get_metrics_data())["requests", ()]["value"] == 1


@pytest.mark.parametrize("views", ["none", "exponential"])
def test_totals_are_exact_with_many_threads_and_collections(views: str) -> None:
    """Eight threads record in one series while both readers collect without a pause: the deltas add up to the total."""
    ours, rounds, threads = _ours(_VIEWS[views]), 20_000, 8
    done = threading.Event()
    deltas: list[Any] = []

    def collect() -> None:
        while not done.is_set():
            ours.collect(0)
            deltas.append(ours.collect(1))

    def record() -> None:
        for number in range(rounds):
            ours.record["requests"](1, {"a": "x"})
            ours.record["duration"](number % 7)

    collector = threading.Thread(target=collect)
    workers = [threading.Thread(target=record) for _ in range(threads)]
    collector.start()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done.set()
    collector.join()
    deltas.append(ours.collect(1))
    series = "requests", (("a", "str", "x"),)

    assert ours.collect(0)[series]["value"] == rounds * threads
    assert sum(delta[series]["value"] for delta in deltas if series in delta) == rounds * threads
    assert ours.collect(0)["duration", ()]["count"] == rounds * threads
    assert sum(delta["duration", ()]["count"] for delta in deltas if ("duration", ()) in delta) == rounds * threads


@pytest.mark.fast_path  # the SDK's own locks can't be taken by a handler that interrupts their holder
@pytest.mark.parametrize("views", ["none", "exponential"])
def test_a_signal_handler_may_record_at_any_time(views: str) -> None:
    """A handler that interrupts a measurement, a sum or a collection records, and waits for no lock."""
    ours = _ours(_VIEWS[views])
    handled: int = 0

    def handle(*_: object) -> None:
        nonlocal handled
        handled += 1
        for _number in range(300):  # more than are kept one by one
            ours.record["requests"](1)
            ours.record["duration"](1.5)
        signal.setitimer(signal.ITIMER_REAL, 0.02)  # not before: handlers of a slow machine would pile up

    previous = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        for number in range(100_000):
            ours.record["requests"](1)
            ours.record["duration"](1.5)
            if not number % 1000:
                ours.collect(0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)

    assert handled
    points = ours.collect(0)
    assert points["requests", ()]["value"] == points["duration", ()]["count"] == 100_000 + 300 * handled


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_starts_at_zero_and_the_parent_keeps_what_is_pending() -> None:
    """What was recorded before a fork is the parent's, also if it was not collected yet."""
    ours = _ours()
    ours.record["requests"](5)
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        try:
            ours.provider.reset_locks()  # type: ignore[attr-defined] # as the fork's hooks do
            ours.provider.add_metric_reader(reader := InMemoryMetricReader())
            ours.record["requests"](2)
            os.write(write_end, str(_points(reader.get_metrics_data())["requests", ()]["value"]).encode())
        finally:
            os._exit(0)
    os.wait()
    ours.record["requests"](1)

    assert os.read(read_end, 100) == b"2"
    assert ours.collect(0)["requests", ()]["value"] == 6


def test_endless_attribute_sets_do_not_fill_the_memory() -> None:
    """Without a collection, new attribute sets are merged after some thousands: the SDK has them, with its limit."""
    ours, official = _ours(), _official()
    for number in range(12_000):
        for side in (ours, official):
            side.record["requests"](1, {"id": number})

    assert len(ours.provider._merger._changed) < 12_000  # type: ignore[attr-defined]
    assert ours.collect(0) == official.collect(0)


def test_the_last_value_of_a_gauge_is_that_of_the_last_call() -> None:
    """Where a view or the limit makes one series of several, the last value of all of them counts."""
    for views in (_VIEWS["keys"], _VIEWS["limit"]):
        ours, official = _ours(views), _official(views)
        for value, label in enumerate([*"wxyzwyxz", *"zyxw", "y"] * 100):
            for side in (ours, official):
                side.record["level"](value, {"b": label})

        assert ours.collect(0) == official.collect(0)
        assert ours.collect(1) == official.collect(1)


def _is_last(name: str, views: str) -> bool:
    """Return whether the last value of an instrument counts, and not the sum."""
    return name == ("queued" if views == "exchanged" else "level")


def test_huge_and_wrong_numbers_are_treated_as_before() -> None:
    """Integers beyond 64 bits count as numbers, and others are left out."""
    ours = _ours()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("csg_otel.faults.strict", False)
        for value in (2**70, float("nan"), float("inf"), -1, "x"):
            ours.record["requests"](value)

    assert ours.collect(0)["requests", ()]["value"] == pytest.approx(2.0**70)


@pytest.mark.fast_path
@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("name", ["requests", "queued", "duration", "level"])
@pytest.mark.parametrize("views", ["none", "exponential", "both histograms", "exchanged"])
def test_the_setting_decides_whether_measurements_go_one_by_one(
    fast: bool, name: str, views: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `performance.fast_path: false`, and only then, the SDK takes each measurement by its public API."""
    ours = _ours(_VIEWS[views])
    taken: list[float] = []
    ours.provider.configure(Resource.get_empty(), _VIEWS[views], fast=fast)  # type: ignore[attr-defined] # the installed one
    consumer: Any = ours.provider._measurement_consumer
    consume = consumer.consume_measurement

    def count_and_consume(measurement: Any) -> None:
        taken.append(measurement.value)
        consume(measurement)

    monkeypatch.setattr(consumer, "consume_measurement", count_and_consume)
    for value in (1, 2, 3):
        ours.record[name](value)
    point = ours.collect(0)[name, ()]

    assert taken == ([] if fast else [1, 2, 3])
    assert point.get("sum", point.get("value")) == (3 if _is_last(name, views) else 6)


@pytest.mark.fast_path
def test_an_sdk_of_another_form_gets_measurements_one_by_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the self-test fails, everything arrives by the public API, and one warning says so."""
    self_test.problem.cache_clear()
    monkeypatch.setattr(_compat_metrics, "add", lambda *_: None)
    try:
        ours = _ours()
        ours.record["requests"](2)
        ours.record["requests"](3)

        assert ours.collect(0)["requests", ()]["value"] == 5
        assert [record.message.split(";")[0] for record in caplog.records] == [
            "the fast path does not work with this OpenTelemetry SDK, so telemetry takes longer"
        ]
        assert "measurements are [" in self_test.problem()
    finally:
        self_test.problem.cache_clear()


@pytest.mark.fast_path
def test_the_self_test_passes_with_this_sdk() -> None:
    """The SDK that the tests run with has the form that merges need."""
    assert self_test.problem() == ""


@pytest.mark.fast_path
def test_a_broken_span_costs_the_exemplar_only() -> None:
    """A span of the program that raises does not raise into the program, and the measurement counts."""

    class Broken(NonRecordingSpan):
        def get_span_context(self) -> SpanContext:
            raise OSError("no context")

    ours = _ours()
    series = ours.provider.get_meter("test").create_counter("requests").series({})  # type: ignore[attr-defined] # ours
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("csg_otel.faults.strict", False)
        with trace.use_span(Broken(trace.INVALID_SPAN_CONTEXT)):
            ours.record["requests"](1)
            series.put(2)

    assert ours.collect(0)["requests", ()]["value"] == 3


@pytest.mark.fast_path
def test_a_series_that_cannot_be_merged_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is counted, and the rest of the collection arrives."""
    before = faults.counts().get("metrics", 0)
    ours = _ours()
    ours.record["requests"](1)
    ours.record["queued"](2)
    add = _compat_metrics.add

    def add_to_others(place: Any, *arguments: Any) -> None:
        if place[0]._name == "requests":
            raise OSError("no room")
        add(place, *arguments)

    monkeypatch.setattr(_compat_metrics, "add", add_to_others)
    monkeypatch.setattr("csg_otel.faults.strict", False)

    assert ours.collect(0)["queued", ()]["value"] == 2
    assert faults.counts()["metrics"] == before + 1


def test_a_handler_that_logs_about_a_view_may_record() -> None:
    """The SDK logs where views conflict, and a new series on another thread does not wait for the handler of the program."""
    view = View(instrument_name="duration", name="same"), View(instrument_name="other", name="same")
    ours = _ours(view)
    ours.record["duration"](1)
    ours.record["queued"](1)
    other = ours.provider.get_meter("test").create_histogram("other", "s").record
    handled: list[bool] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            thread = threading.Thread(target=ours.record["queued"], args=(1, {"a": "new"}))
            thread.start()
            thread.join(20)
            handled.append(not thread.is_alive())

    handler = Handler()
    logging.getLogger("opentelemetry").addHandler(handler)
    try:
        other(1)
    finally:
        logging.getLogger("opentelemetry").removeHandler(handler)

    assert handled
    assert all(handled)


class _InterruptedError(Exception):
    """What a signal handler of a test raises."""


def _raise(*_: object) -> None:
    raise _InterruptedError


@pytest.mark.fast_path  # the SDK's own loop over readers can be interrupted between two of them
@pytest.mark.parametrize("name", ["requests", "duration"])
def test_a_signal_handler_that_raises_costs_no_measurement_of_before(name: str) -> None:
    """It may come while many are summed up; only the one that it has interrupted may be missing, and none counts twice."""
    ours = _ours()
    recorded = interrupted = 0
    previous = signal.signal(signal.SIGALRM, _raise)
    try:
        while interrupted < 300:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.001)
                for _ in range(1_000_000):  # not for ever: Python drops what is raised in a finalizer
                    ours.record[name](1)
                    recorded += 1
            except _InterruptedError:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    point = ours.collect(0)[name, ()]

    assert recorded <= point.get("count", point.get("value")) <= recorded + interrupted


@pytest.mark.fast_path
@pytest.mark.parametrize(
    ("name", "field", "total"), [("requests", "value", 2 * 257), ("duration", "count", 257), ("level", "value", 2)]
)
def test_a_collection_that_interrupts_a_sum_counts_nothing_twice(
    name: str, field: str, total: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal handler may collect while measurements are summed up; the sum goes on afterwards."""
    ours, kinds = _ours(), (SumSeries, HistogramSeries, GaugeSeries)
    collected: list[Any] = []
    for kind in kinds:
        summed = kind._summed

        def interrupted(series: Any, items: list[Any], summed: Any = summed) -> Any:
            if not collected:
                collected.append(ours.collect(0))
            return summed(series, items)

        monkeypatch.setattr(kind, "_summed", interrupted)
    for _ in range(256):  # so many are summed up at once
        ours.record[name](2)
    assert collected
    ours.record[name](2)

    assert ours.collect(0)[name, ()][field] == total
