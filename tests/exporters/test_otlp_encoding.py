"""Every item is encoded so that a receiver decodes what the official encoder sends, and refused where that one refuses it."""

from __future__ import annotations

import copy
import enum
import itertools
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from csg_otel import clocks
from csg_otel.config.sections.exporters import OtlpExporter
from csg_otel.exporters.delivery import burst
from csg_otel.exporters.otlp.encoding import fields, groups, records, spans, values
from csg_otel.exporters.otlp.encoding.metrics import MetricsEncoder
from csg_otel.exporters.otlp.sender import OtlpSender
from csg_otel.pipeline import _compat
from csg_otel.privacy import Scrubber, active


@pytest.fixture(autouse=True, scope="module")
def _without_logging() -> Iterator[None]:
    """Keep what the encoders log of broken texts out of the tests' reports: pytest-xdist cannot pass a lone surrogate on."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Level(enum.IntEnum):
    """A number with a name."""

    HIGH = 3


class Text(str):
    """A text of a class of the program."""


# -- the items ---------------------------------------------------------------------------------------------------------

texts = st.text(max_size=8) | st.sampled_from(["", "a", "é\U0001f600", "x" * 200])
broken_texts = texts | st.sampled_from(["\ud800", b"bytes", b"\xff", 5, None, Text("b"), ["x"]])
numbers = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, -1, 127, 128, 2**14, 2**63 - 1, -(2**63)])
doubles = st.floats() | st.sampled_from([0.0, -0.0, 1.0, math.inf, math.nan])
scalars = (
    st.none()
    | st.booleans()
    | numbers
    | doubles
    | texts
    | st.binary(max_size=8)
    | st.sampled_from([Level.HIGH, Text("c"), 2**63, -(2**63) - 1, "\ud800", object, bytearray(b"ab"), range(3)])
)
attribute_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(texts | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=8,
)
plain_attributes = st.dictionaries(texts | st.sampled_from(["\ud800", Text("k")]), attribute_values, max_size=4)
attributes = (
    st.none()
    | plain_attributes
    | plain_attributes.map(OrderedDict)
    | st.builds(
        lambda pairs, most: BoundedAttributes(maxlen=most, attributes=pairs, immutable=False),
        st.dictionaries(texts, texts | numbers | st.booleans() | st.lists(texts, max_size=2), max_size=4),
        st.none() | st.integers(0, 3),
    )
)
times = st.integers(0, 2**64 - 1) | st.none()
broken_times = times | st.sampled_from([True, 2**64, -1, 1.5, "1", Level.HIGH])
owners = st.sampled_from(
    [
        Resource({"service.name": "shop", "n": 1}),
        Resource({"service.name": "shop", "n": 1}),  # equal, and another object
        Resource({"service.name": "shop", "n": True}),
        Resource({"n": [1, 2], "e": ""}, "https://schema/1"),
        Resource({}),
    ]
)
scopes = st.sampled_from(
    [
        InstrumentationScope("lib", "1.0"),
        InstrumentationScope("lib", "1.0"),
        InstrumentationScope("lib", "1.0", "https://schema/2", {"a": 1}),
        InstrumentationScope("lib", "1.0", "https://schema/2", {"a": 2}),
        InstrumentationScope(""),
    ]
)
states = st.sampled_from([None, TraceState(), TraceState([("a", "1"), ("b", "2")])])
contexts = st.builds(
    SpanContext,
    st.integers(0, 2**128 - 1),
    st.integers(0, 2**64 - 1),
    st.booleans(),
    st.sampled_from([TraceFlags(0), TraceFlags(1), TraceFlags(255)]),
    states,
)
statuses = st.builds(Status, st.sampled_from(StatusCode), st.none()) | st.builds(
    lambda text: Status(StatusCode.ERROR, text), texts
)


def bounded(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Sequences as the SDK and others have them, some with dropped items."""
    several = st.lists(items, max_size=3)
    return several | several.map(tuple) | st.builds(BoundedList.from_seq, st.none() | st.integers(0, 2), several)


def span_strategy(text: Any, time: Any) -> st.SearchStrategy[ReadableSpan]:
    """Spans with names of *text*, and with *time*."""
    return st.builds(
        ReadableSpan,
        name=text,
        context=contexts,
        parent=st.none() | contexts,
        resource=owners,
        attributes=attributes,
        events=bounded(st.builds(Event, text, attributes, time)),
        links=bounded(st.builds(Link, contexts, attributes)),
        kind=st.sampled_from(SpanKind),
        status=statuses,
        start_time=time,
        end_time=time,
        instrumentation_scope=st.none() | scopes,
    )


def record_strategy(text: Any, time: Any) -> st.SearchStrategy[ReadableLogRecord]:
    """Log records likewise."""
    log = st.builds(
        LogRecord,
        timestamp=time,
        observed_timestamp=time,
        body=attribute_values,
        severity_text=text,
        severity_number=st.none() | st.sampled_from(SeverityNumber),
        attributes=attributes,
        event_name=text,
    )
    ids = st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 255, 2**32]))

    def with_ids(record: LogRecord, chosen: tuple[int, int, int]) -> LogRecord:
        record.trace_id, record.span_id, record.trace_flags = chosen[0], chosen[1], TraceFlags(chosen[2])
        return record

    return st.builds(ReadableLogRecord, st.builds(with_ids, log, ids), owners, st.none() | scopes)


def metric_strategy(text: Any, time: Any, number: Any, count: Any) -> st.SearchStrategy[Metric]:
    """Metrics of every kind, with values of *number* and counts of *count*."""
    exemplars = st.lists(
        st.builds(
            Exemplar,
            attributes,
            number,
            time,
            st.none() | st.integers(0, 2**64 - 1),
            st.none() | st.integers(0, 2**128 - 1),
        ),
        max_size=2,
    )
    common = {"attributes": attributes, "start_time_unix_nano": time, "time_unix_nano": time, "exemplars": exemplars}
    totals = {"count": count, "sum": number, "min": number | st.none(), "max": number | st.none()}
    # A truth value in a histogram's counts is refused by the official encoder only.
    counts = st.lists(count.filter(lambda value: value is not True), max_size=5)
    bounds = st.none() | st.lists(doubles, max_size=4) | st.lists(doubles, max_size=4).map(tuple)
    temporality = st.sampled_from(AggregationTemporality)
    buckets = st.builds(Buckets, st.integers(-(2**31), 2**31 - 1), counts)
    simple = st.lists(st.builds(NumberDataPoint, value=number, **common), max_size=3)
    explicit = st.builds(HistogramDataPoint, bucket_counts=counts, explicit_bounds=bounds, **totals, **common)
    exponential = st.builds(
        ExponentialHistogramDataPoint,
        scale=st.integers(-10, 20),
        zero_count=count,
        positive=buckets,
        negative=buckets,
        flags=st.integers(0, 1),
        **totals,
        **common,
    )
    data = (
        st.builds(Sum, simple, temporality, st.booleans())
        | st.builds(Gauge, simple)
        | st.builds(Histogram, st.lists(explicit, max_size=3), temporality)
        | st.builds(ExponentialHistogram, st.lists(exponential, max_size=2), temporality)
    )
    return st.builds(Metric, text, st.none() | text, st.none() | text, data)


def collection_strategy(metric: st.SearchStrategy[Metric]) -> st.SearchStrategy[MetricsData]:
    """Collections whose resources and scopes differ, as the SDK makes them."""
    of_scope = st.builds(ScopeMetrics, scopes, st.lists(metric, max_size=3), st.just("not used"))
    of_resource = st.builds(
        ResourceMetrics,
        owners,
        st.lists(of_scope, max_size=2, unique_by=lambda group: group.scope),
        st.just("not used"),
    )
    return st.builds(MetricsData, st.lists(of_resource, max_size=2, unique_by=lambda group: group.resource))


good_counts = st.integers(0, 2**64 - 1) | st.integers(0, 300)
broken_counts = good_counts | st.sampled_from([True, 1.0, -1, 2**64, "1", Level.HIGH])
good_numbers = numbers | doubles
broken_numbers = good_numbers | st.sampled_from([True, 2**63, 10**400, "1", Level.HIGH])


# -- the comparison ----------------------------------------------------------------------------------------------------


def decoded(encode: Callable[[], bytes], message: Any) -> Any:
    """Return the decoded request in a form that can be compared, or None if it was refused."""
    try:
        body = encode()
    except Exception:
        return None
    # By its text, because NaN does not equal itself.
    return str(message.FromString(body))


def span_request(items: Sequence[ReadableSpan]) -> bytes:
    return groups.request(spans.encoded(_compat.span_contents(item)) for item in items)


def record_request(items: Sequence[ReadableLogRecord]) -> bytes:
    return groups.request(map(records.encoded, items))


@given(st.lists(span_strategy(texts, times), max_size=5))
def test_spans_decode_to_the_official_ones(items: list[ReadableSpan]) -> None:
    """With events, links, status, flags, dropped counts, trace state, schemas and the order of resources and scopes."""
    expected = encode_spans(items).SerializeToString()

    assert decoded(lambda: span_request(items), ExportTraceServiceRequest) == decoded(
        lambda: expected, ExportTraceServiceRequest
    )


@given(st.lists(record_strategy(texts, times), max_size=5))
def test_records_decode_to_the_official_ones(items: list[ReadableLogRecord]) -> None:
    """With bodies of every kind, severities, ids, flags and event names; a body or flags out of range is refused by both."""
    expected = decoded(lambda: encode_logs(items).SerializeToString(), ExportLogsServiceRequest)

    assert decoded(lambda: record_request(items), ExportLogsServiceRequest) == expected


@given(collection_strategy(metric_strategy(texts, times, good_numbers, good_counts)))
def test_metrics_decode_to_the_official_ones(data: MetricsData) -> None:
    """With sums, gauges, both kinds of histograms, exemplars, start times, and integers told apart from fractions."""
    expected = decoded(lambda: encode_metrics(data).SerializeToString(), ExportMetricsServiceRequest)

    assert decoded(lambda: MetricsEncoder().request(data), ExportMetricsServiceRequest) == expected


@given(span_strategy(broken_texts, broken_times))
def test_a_span_that_the_official_encoder_refuses_is_refused(item: ReadableSpan) -> None:
    """So that it costs itself only, and not its batch at the receiver."""
    expected = decoded(lambda: encode_spans([item]).SerializeToString(), ExportTraceServiceRequest)

    assert decoded(lambda: span_request([item]), ExportTraceServiceRequest) == expected


@given(record_strategy(broken_texts, broken_times))
def test_a_record_that_the_official_encoder_refuses_is_refused(item: ReadableLogRecord) -> None:
    """As a span."""
    expected = decoded(lambda: encode_logs([item]).SerializeToString(), ExportLogsServiceRequest)

    assert decoded(lambda: record_request([item]), ExportLogsServiceRequest) == expected


@given(metric_strategy(broken_texts, broken_times, broken_numbers, broken_counts))
def test_a_metric_that_the_official_encoder_refuses_is_refused(metric: Metric) -> None:
    """So that its points are sanitized and sent."""
    data = collection(metric)
    expected = decoded(lambda: encode_metrics(data).SerializeToString(), ExportMetricsServiceRequest)

    assert decoded(lambda: MetricsEncoder().request(data), ExportMetricsServiceRequest) == expected


def collection(*metrics: Metric) -> MetricsData:
    """Return a collection of one resource and scope."""
    return MetricsData(
        [ResourceMetrics(Resource({}), [ScopeMetrics(InstrumentationScope("a"), list(metrics), "")], "")]
    )


# -- what is kept ------------------------------------------------------------------------------------------------------


def span_with(pairs: Any, resource: Resource | None = None) -> ReadableSpan:
    return ReadableSpan(
        "work",
        SpanContext(1, 2, is_remote=False),
        attributes=pairs,
        resource=resource or Resource({}),
        start_time=1,
        end_time=2,
    )


def attribute_values_of(body: bytes) -> list[str]:
    """Return the kinds of the values of the first span's attributes."""
    (span,) = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    return [str(pair.value.WhichOneof("value")) for pair in span.attributes]


def test_values_that_are_equal_but_of_other_kinds_are_told_apart() -> None:
    """Encoded pairs are kept by key, value and class: True, 1 and 1.0 are equal, and so are 0.0 and -0.0."""
    for value, kind in ((True, "bool_value"), (1, "int_value"), (1.0, "double_value"), (True, "bool_value")):
        assert attribute_values_of(span_request([span_with({"a": value})])) == [kind]

    signs = [span_request([span_with({"a": value})]) for value in (0.0, -0.0)]
    assert signs[0] != signs[1]


def test_keys_and_values_are_kept_only_if_they_are_short_and_only_so_many() -> None:
    """A program whose values are all different fills no memory, and a long value is not held here."""
    caches = (values._kept_pair, fields._kept_text)
    for cache in caches:
        cache.cache_clear()
    span_request([span_with({"secret" * 20: "secret" * 20, "b": "secret" * 20})])
    assert [cache.cache_info().currsize for cache in caches] == [0, 2]  # the key b, and the name of the span

    span_request([span_with({f"key{number}": number}) for number in range(3_000)])
    assert [cache.cache_info().currsize for cache in caches] == [2048, 1024]


def test_a_resource_is_encoded_once_for_all_its_spans() -> None:
    """However many requests there are: its attributes are read once, and equal resources share one message."""

    class Counted(dict[str, Any]):
        copies = 0

        def copy(self) -> dict[str, Any]:
            Counted.copies += 1
            return dict(self)

    resource = Resource({})
    resource._attributes = Counted(a=1)  # type: ignore[assignment]
    for _ in range(3):
        body = span_request([span_with({}, resource), span_with({}, resource), span_with({}, Resource({"a": 1}))])
        assert len(ExportTraceServiceRequest.FromString(body).resource_spans) == 1

    # Once to encode it, and once for its hash; each comparison with the equal one reads it in another way.
    assert Counted.copies == 2


def test_a_series_whose_bounds_change_is_encoded_with_the_new_ones() -> None:
    """What is kept of the collection before is valid for the same attributes and bounds only."""
    encoder, pairs = MetricsEncoder(), {"a": 1}
    for bounds, total in (((1.0,), 5), ((1.0,), 6), ((2.0,), 7)):
        point = HistogramDataPoint(pairs, 1, 2, 1, total, (0, 1), bounds, 5, 5)
        data = collection(Metric("h", "", "s", Histogram([point], AggregationTemporality.DELTA)))

        assert ExportMetricsServiceRequest.FromString(encoder.request(data)) == encode_metrics(data)


def test_a_value_nested_without_end_costs_its_metric_only_its_form() -> None:
    """It contains itself: the metric is sent with the value as text, and the other metric as it is."""
    endless: list[Any] = []
    endless.append(endless)
    points = [NumberDataPoint({"a": endless}, 1, 2, 5), NumberDataPoint({"b": [1, [2]]}, 1, 2, 5)]
    sums = [
        Metric(name, "", "", Sum([point], AggregationTemporality.DELTA, True))
        for name, point in zip("xy", points, strict=True)
    ]
    body = OtlpSender(OtlpExporter(name="a"), "metrics").encode([collection(*sums)])
    request = ExportMetricsServiceRequest.FromString(body)
    sent = [m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics]

    assert [(metric.name, metric.sum.data_points[0].as_int) for metric in sent] == [("x", 5), ("y", 5)]
    assert "[...]" in str(sent[0])


@pytest.mark.parametrize("levels", [1, 10, 40])
def test_nested_values_are_encoded_as_far_as_receivers_decode_them(levels: int) -> None:
    """Equal to the official ones; beyond that they are refused."""
    value: Any = "core"
    for level in range(levels):
        value = [value] if level % 2 else {"k": value} if level < 10 else (value,)

    assert ExportTraceServiceRequest.FromString(span_request([span_with({"a": value})])) == encode_spans(
        [span_with({"a": value})]
    )
    for _ in range(50):
        value = [value]
    with pytest.raises(values.DepthError):
        span_request([span_with({"a": value})])


def test_scopes_that_are_equal_lose_nothing() -> None:
    """Two scopes may be equal once their secrets are redacted: the official encoder sends the last one's metrics only."""
    sums = [
        Metric(name, "", "", Sum([NumberDataPoint({}, 1, 2, 5)], AggregationTemporality.DELTA, True)) for name in "xy"
    ]
    groups = [ScopeMetrics(InstrumentationScope("lib"), [metric], "") for metric in sums]
    body = MetricsEncoder().request(MetricsData([ResourceMetrics(Resource({}), groups, "")]))

    assert body.count(b"lib") == 2
    assert b"x" in body
    assert b"y" in body


def test_a_large_batch_lets_other_threads_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a few items have taken a turn, the interpreter is released; not in a batch that the program may encode."""
    releases: list[float] = []
    now_s = itertools.count()  # each look at the clock is a second later
    monkeypatch.setattr(time, "sleep", releases.append)
    monkeypatch.setattr(clocks, "monotonic", now_s.__next__)
    span_request([span_with({})] * burst._CHUNK_ITEMS)
    assert releases == []

    span_request([span_with({})] * 512)
    assert len(releases) == 512 / burst._CHUNK_ITEMS - 1
    assert set(releases) == {0}

    releases.clear()
    monkeypatch.setattr(clocks, "monotonic", lambda: 0.0)  # the turn is not over
    span_request([span_with({})] * 512)
    assert releases == []


@pytest.mark.parametrize("signal", ["traces", "logs"])
def test_items_of_several_destinations_are_encoded_once(signal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the same bytes; by another scrubber, and for a copy, they are encoded again."""
    record = ReadableLogRecord(LogRecord(body="a"), Resource({}))
    items: list[Any] = [span_with({"a": 1}), span_with({"b": "two"})] if signal == "traces" else [record]
    alone = OtlpSender(OtlpExporter(name="alone"), signal)
    several = [OtlpSender(OtlpExporter(name=name), signal, shares=True) for name in ("a", "b")]
    module: Any = spans if signal == "traces" else records
    encoded, calls = module.encoded, list[Any]()

    def counted(item: Any) -> Any:
        calls.append(item)
        return encoded(item)

    monkeypatch.setattr(module, "encoded", counted)

    expected = alone.encode(items)
    assert [sender.encode(items) for sender in several] == [expected] * 2
    assert len(calls) == 2 * len(items)
    assert several[1].encode_plain(items) == expected

    assert several[0].encode(list(map(copy.copy, items))) == expected
    assert several[0].encode_plain(list(map(copy.copy, items))) == expected
    assert len(calls) == 4 * len(items)

    monkeypatch.setattr(active, "_installed", [Scrubber()])
    assert several[1].encode(items) == expected
    assert len(calls) == 5 * len(items)
