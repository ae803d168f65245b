"""The private parts of the SDK that are touched: these tests fail when a release changes them."""

from __future__ import annotations

import copy
import functools
import os
import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context
from opentelemetry.exporter.prometheus import _mapping
from opentelemetry.sdk import version
from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics._internal import _view_instrument_match, metric_reader_storage
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision
from opentelemetry.trace import Link, SpanContext

from csg_otel.pipeline import _compat


def value(reader: InMemoryMetricReader, name: str = "c") -> object:
    """Collect and return the one value of *name*."""
    data = reader.get_metrics_data()
    found = [
        getattr(point, "value", None)
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    ]
    return found[0] if found else None


def test_telemetrys_own_threads_record_nothing() -> None:
    """The key is the API's own, at which instrumentations of HTTP and gRPC clients look; other threads stay as they are."""
    seen = []

    def work() -> None:
        _compat.suppress_instrumentation()
        seen.append(context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [True]
    assert context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY) is None


def test_old_versions_get_a_limit_of_series(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the SDK has no limit of its own, ours holds with views and several threads, and no measurement is lost."""
    match_class = _view_instrument_match._ViewInstrumentMatch
    for replaced in ("consume_measurement", "_get_or_create_aggregation"):  # put back afterwards
        monkeypatch.setattr(match_class, replaced, getattr(match_class, replaced))
    monkeypatch.setattr(version, "__version__", "1.45.1")
    monkeypatch.setattr(metric_reader_storage, "_DEFAULT_CARDINALITY_LIMIT", 10**6, raising=False)
    _compat.limit_cardinality(20)
    reader = InMemoryMetricReader()
    views = [View(instrument_name="viewed", attribute_keys={"user"})]
    provider = MeterProvider([reader], views=views, shutdown_on_exit=False)
    counters = [provider.get_meter("m").create_counter(name) for name in ("plain", "viewed")]

    def work() -> None:
        for user in range(100):
            for counter in counters:
                counter.add(1, {"user": user, "other": user})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = reader.get_metrics_data()
    provider.shutdown()

    assert data is not None
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        points: Any = metric.data.data_points
        assert len(points) == 21
        assert dict(points[-1].attributes) == {"otel.metric.overflow": True}
        assert sum(point.value for point in points) == 400


def test_a_reader_goes_on_where_another_stopped() -> None:
    """Sums and open levels are neither lost nor sent twice."""
    provider = MeterProvider([old := InMemoryMetricReader()], shutdown_on_exit=False)
    counter = provider.get_meter("m").create_up_down_counter("c")
    counter.add(5)
    assert value(old) == 5
    new = InMemoryMetricReader()
    _compat.hand_over(provider, old, new)
    counter.add(2)

    assert value(new) == 7
    assert provider.force_flush()


def test_delta_goes_on_too() -> None:
    """The new reader does not send again what the old one has sent."""
    delta = dict.fromkeys(_kinds(), AggregationTemporality.DELTA)
    old, new = InMemoryMetricReader(preferred_temporality=delta), InMemoryMetricReader(preferred_temporality=delta)
    provider = MeterProvider([old], shutdown_on_exit=False)
    counter = provider.get_meter("m").create_counter("c")
    counter.add(5)
    value(old)
    counter.add(1)
    _compat.hand_over(provider, old, new)
    counter.add(1)

    assert value(new) == 2


def _kinds() -> tuple[type, ...]:
    from opentelemetry.sdk.metrics import Counter

    return (Counter,)


def test_resource_and_views_change_under_a_living_provider() -> None:
    """The sums stay, the resource and the buckets of what is new are the new ones."""
    provider = MeterProvider([reader := InMemoryMetricReader()], shutdown_on_exit=False)
    provider.get_meter("m").create_counter("c").add(5)
    view = View(instrument_name="h", aggregation=ExplicitBucketHistogramAggregation((1.0, 2.0)))
    _compat.reconfigure_metrics(provider, Resource({"service.name": "new"}), (view,))
    provider.get_meter("m").create_histogram("h").record(1)
    data = reader.get_metrics_data()
    assert data is not None
    (resource,) = data.resource_metrics
    by_name = {metric.name: metric.data.data_points[0] for metric in resource.scope_metrics[0].metrics}

    assert resource.resource.attributes["service.name"] == "new"
    assert by_name["c"].value == 5  # type: ignore[union-attr]
    assert by_name["h"].explicit_bounds == (1.0, 2.0)  # type: ignore[union-attr]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_begins_at_0_even_amid_a_collection() -> None:
    """While the parent holds every lock of a collection, the child counts and collects its own."""
    provider = MeterProvider([reader := InMemoryMetricReader()], shutdown_on_exit=False)
    inside, release = threading.Event(), threading.Event()

    def hold(_options: object) -> list[object]:
        inside.set()
        release.wait(10)
        return []

    meter = provider.get_meter("m")
    meter.create_observable_gauge("holder", [hold])  # type: ignore[list-item]
    counter = meter.create_counter("c")
    counter.add(35)
    collecting = threading.Thread(target=reader.collect)
    collecting.start()
    inside.wait(5)
    pid = os.fork()
    if pid == 0:
        _compat.reset_after_fork(provider, [reader])
        release.set()
        counter.add(15)
        os._exit(0 if value(reader) == 15 else 1)
    _, status = os.waitpid(pid, 0)
    release.set()
    collecting.join()

    assert os.waitstatus_to_exitcode(status) == 0
    assert value(reader) == 35


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_an_instance_of_its_own() -> None:
    """With an id the SDK knows as this process's, even if its lock was held; an id the program was given stays."""
    # In a process of its own: providers of other tests would ask for the lock in the SDK's own fork handlers.
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(FORKED)], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr


FORKED = """
    import os
    from opentelemetry.sdk import resources
    from csg_otel.pipeline import _compat

    mine, given = resources.Resource.create({"a": "b"}), resources.Resource.create({"service.instance.id": "seven"})
    with resources._service_instance_id_lock:
        pid = os.fork()
    if pid == 0:
        detected = [_compat.has_detected_instance_id(resource) for resource in (mine, given)]
        child = _compat.with_own_instance_id(mine)
        renewed = child.attributes["service.instance.id"] != mine.attributes["service.instance.id"]
        known = child == resources.Resource.create({"a": "b"})
        os._exit(0 if renewed and known and detected == [True, False] else 1)
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


DEFAULTS = """
    from opentelemetry import _logs, metrics, trace
    from opentelemetry.sdk.trace import TracerProvider
    from csg_otel.pipeline import _compat

    getters = (trace.get_tracer_provider, metrics.get_meter_provider, _logs.get_logger_provider)
    assert all(isinstance(get(), _compat.API_DEFAULT_PROVIDERS) for get in getters)
    trace.set_tracer_provider(TracerProvider())
    assert not isinstance(trace.get_tracer_provider(), _compat.API_DEFAULT_PROVIDERS)
"""


def test_the_default_providers_of_the_api_are_recognised_by_their_class() -> None:
    """All three are there before a program sets a provider, and no provider that it sets counts as one of them."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(DEFAULTS)], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr


def test_names_of_the_base_package() -> None:
    """Its private functions are there and do what the name says."""
    assert _compat.prometheus_name("1st.name") == "_st_name"
    assert _compat.prometheus_label("http.method") == "http_method"
    assert [_compat.prometheus_unit(unit) for unit in ("By", "{order}", "1")] == ["bytes", "", ""]


@functools.cache
def _names_alone() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, _mapping.__name__)
        return _compat._prometheus_names.__wrapped__()


@given(st.text(max_size=30), st.text(max_size=10))
def test_names_without_the_package_are_those_of_the_package(name: str, unit: str) -> None:
    """The module of names that is loaded by itself gives what the imported package gives."""
    alone = _names_alone()

    assert alone is not _mapping
    assert alone.sanitize_full_name(name) == _mapping.sanitize_full_name(name)
    assert alone.sanitize_attribute(name) == _mapping.sanitize_attribute(name)
    assert alone.map_unit(unit) == _mapping.map_unit(unit)


def test_names_load_no_server() -> None:
    """The first name loads neither prometheus_client nor TLS, which the package of the official exporter does."""
    source = """
import sys
from csg_otel.pipeline import _compat
old = set(sys.modules)
_compat.prometheus_name("a.b")
print(*sorted(set(sys.modules) - old))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)

    assert {name.split(".")[0] for name in done.stdout.split()} <= {"opentelemetry"}
    assert "opentelemetry.exporter.prometheus" not in done.stdout.split()


def test_the_settings_of_providers_in_use_change() -> None:
    """Tracers and loggers created afterwards have them; processors stay."""
    tracers, loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    before, log_before = tracers.get_tracer("t"), loggers.get_logger("t")
    resource, limits = Resource({"service.name": "new"}), SpanLimits(max_span_attributes=1)
    _compat.reconfigure_traces(tracers, ALWAYS_OFF, resource, limits)
    _compat.reconfigure_logs(loggers, resource, LogRecordLimits(max_attributes=1))
    after, log_after = tracers.get_tracer("t"), loggers.get_logger("t")

    assert before.start_span("a").is_recording()
    assert not after.start_span("b").is_recording()
    assert after._span_limits.max_span_attributes == 1  # type: ignore[attr-defined]
    assert (tracers.resource, loggers.resource, log_after.resource) == (resource, resource, resource)  # type: ignore[attr-defined]
    assert log_after is not log_before
    assert _compat.resource_of(tracers) == resource
    assert _compat.resource_of(MeterProvider(resource=resource, shutdown_on_exit=False)) == resource
    assert _compat.resource_of(object()) is None


def test_processors_and_readers_are_removed() -> None:
    """From the SDK's providers; another's provider is left alone, and an unknown reader changes nothing."""
    tracers, loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    spans = SimpleSpanProcessor(exporter := InMemorySpanExporter())
    tracers.add_span_processor(spans)
    records = SimpleLogRecordProcessor(kept := InMemoryLogRecordExporter())  # type: ignore[no-untyped-call]
    loggers.add_log_record_processor(records)
    meters = MeterProvider(shutdown_on_exit=False)
    meters.add_metric_reader(reader := InMemoryMetricReader())
    removed = [_compat.remove_processor(*pair) for pair in ((tracers, spans), (loggers, records), (object(), spans))]
    for _ in range(2):
        _compat.forget_reader(meters, reader)
    tracers.get_tracer("t").start_span("a").end()
    loggers.get_logger("t").emit(body="a")
    meters.get_meter("m").create_counter("c").add(1)

    assert removed == [True, True, False]
    assert (exporter.get_finished_spans(), kept.get_finished_logs(), value(reader)) == ((), (), None)
    meters.add_metric_reader(reader)
    meters.get_meter("m").create_counter("c").add(1)
    assert value(reader) == 1


def test_the_sdk_asks_a_provider_to_handle_a_fork_by_this_method() -> None:
    """The installed providers override it."""
    for provider in (TracerProvider, LoggerProvider, MeterProvider):
        assert callable(provider._handle_fork)


def test_spans_records_and_collections_are_counted_in_place_of_the_sdks_counts() -> None:
    """The SDK calls the counts of a tracer for spans that are not sampled, too, and those of readers added later."""
    calls: list[object] = []

    class Counts:
        def start_span(self, parent: object, decision: object) -> None:
            calls.append((parent, decision))

        def emit_log(self) -> None:
            calls.append("record")

    tracer = _compat.count_spans(TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("t"), Counts())
    tracer.start_span("dropped").end()
    loggers = LoggerProvider(shutdown_on_exit=False)
    _compat.count_records(loggers, Counts())
    loggers.get_logger("t").emit(body="hello")
    reader, seconds = InMemoryMetricReader(), list[float]()
    _compat.time_collections(reader, seconds.append)
    MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    reader.collect()

    assert calls == [(None, Decision.DROP), "record"]
    assert len(seconds) == 1


@pytest.mark.parametrize("limit", [None, 1])
def test_the_contents_of_a_span_are_those_of_its_public_attributes(limit: int | None) -> None:
    """A span of the SDK is read through its private attributes, and any other one through the public ones: the same results."""

    class Other(ReadableSpan):
        """As a library may hand it over."""

    ended = InMemorySpanExporter()
    limits = SpanLimits(max_span_attributes=limit, max_events=limit, max_links=limit)
    tracers = TracerProvider(span_limits=limits, shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(ended))
    target = SpanContext(1, 2, is_remote=True)
    with tracers.get_tracer("t").start_as_current_span("parent"):
        attributes: dict[str, Any] = {"a": 1, "b": (1, 2)}
        links = [Link(target), Link(target)]
        span = tracers.get_tracer("t").start_span("x", attributes=attributes, links=links)
        span.add_event("one", {"c": 1})
        span.add_event("two")
        span.end()
    private = ended.get_finished_spans()[0]
    public = copy.copy(private)
    public.__class__ = Other
    contents, others = _compat.span_contents(private), _compat.span_contents(public)

    assert contents[:9] == others[:9]
    assert type(contents[9]) is dict
    assert (contents[9], *map(tuple, contents[10:12])) == (dict(others[9]), *others[10:12])
    assert contents[12:] == others[12:] == (0 if limit is None else 1,) * 3
    assert type(_compat.plain(contents[10][-1].attributes)) is dict
