"""OTLP requests become rows and points: as the official encoders write them, and as hostile programs do."""

from __future__ import annotations

import json
import math
import zlib
from base64 import b64decode
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from csg_otel.dashboard.otlp import json_requests
from csg_otel.dashboard.otlp.errors import InvalidRequestError, TooLargeError
from csg_otel.dashboard.otlp.receiver import Intake
from csg_otel.dashboard.otlp.signals import JSON, LOGS, METRICS, PROTOBUF, SIGNALS, TRACES, decode, decompressed
from csg_otel.dashboard.store.convert import log_row, span_row
from csg_otel.pipeline.points import points
from csg_otel.points import HistogramPoint, NumberPoint
from support.otlp_store import MemoryStore, received

RESOURCE = Resource({"service.name": "shop", "service.instance.id": "shop-1", "host.name": "h"})

IDS = ("traceId", "spanId", "parentSpanId")
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
VALUE = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.lists(TEXT, max_size=3),
    st.lists(st.integers(-9, 9), max_size=3),
)
KEYS = (
    *("resourceSpans", "resourceMetrics", "resource", "scopeSpans", "scopeMetrics", "spans", "metrics", "attributes"),
    *("key", "value", "stringValue", "intValue", "doubleValue", "bytesValue", "arrayValue", "kvlistValue", "values"),
    *("traceId", "spanId", "startTimeUnixNano", "kind", "events", "links", "status", "code"),
    *("sum", "gauge", "histogram", "dataPoints", "asInt", "asDouble", "bucketCounts", "count"),
)
DEEP = b'{"arrayValue": {"values": [' * 300 + b"]}}" * 300
ATTRIBUTES = st.dictionaries(TEXT.filter(bool), VALUE, max_size=4)


def otlp_json(message: Any) -> bytes:
    """Return *message* as OTLP's JSON: protobuf's, with ids in hexadecimal and numbers for enumerations."""
    return json.dumps(_with_hexadecimal_ids(MessageToDict(message, use_integers_for_enums=True))).encode()


def _with_hexadecimal_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: b64decode(item).hex() if key in IDS and isinstance(item, str) else _with_hexadecimal_ids(item)
            for key, item in value.items()
        }
    return [_with_hexadecimal_ids(item) for item in value] if isinstance(value, list) else value


def spans(*, attributes: dict[str, Any], name: str = "pay") -> list[Any]:
    """Return two ended spans of the SDK: a server's, and a failed client's in it."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("shop.orders", "1.2")
    with tracer.start_as_current_span(name, kind=SpanKind.SERVER, attributes=attributes) as outer:
        link = Link(outer.get_span_context(), {"n": 1})
        with tracer.start_as_current_span("call", kind=SpanKind.CLIENT, links=[link]) as inner:
            inner.add_event("retry", {"attempt": 2})
            inner.record_exception(ValueError("no money"))
            inner.set_status(Status(StatusCode.ERROR, "no money"))
    return list(kept.get_finished_spans())


@given(attributes=ATTRIBUTES, name=TEXT)
def test_spans_of_the_official_encoder_become_the_rows_of_the_own_process(
    attributes: dict[str, Any], name: str
) -> None:
    """A span that came by OTLP looks like one of this process, in protobuf and in JSON."""
    ended = spans(attributes=attributes, name=name)
    request = encode_spans(ended)

    expected = [span_row(span, "") for span in ended]

    assert received(TRACES, request).spans == expected
    assert received(TRACES, otlp_json(request)).spans == expected


def test_a_program_is_named_by_its_resource() -> None:
    """Name, instance and all attributes of the resource are kept."""
    program = received(TRACES, encode_spans(spans(attributes={}))).programs["shop"]

    assert (program.instance, program.attributes["host.name"]) == ("shop-1", "h")


def test_a_program_without_a_name_has_openTelemetrys_name_for_it() -> None:
    """A resource without attributes is one of an unknown service."""
    request = encode_spans(spans(attributes={}))
    del request.resource_spans[0].resource.attributes[:]

    store = received(TRACES, request)

    assert list(store.programs) == ["unknown_service"]
    assert {row["service"] for row in store.spans} == {"unknown_service"}


def log_records() -> list[Any]:
    """Return a record of the SDK with everything that a record can have, and one with nothing."""
    kept: Any = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call] # the SDK's own omission
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    failure = {"exception.type": "ValueError", "exception.message": "no money", "exception.stacktrace": "Traceback ..."}
    with TracerProvider().get_tracer("t").start_as_current_span("work"):
        provider.get_logger("shop").emit(
            timestamp=1_700_000_000_123_456_789,
            severity_number=SeverityNumber.ERROR2,
            severity_text="ERROR",
            body="failed for Anna",
            attributes={"order": {"id": 7, "lines": [1, "a", None]}, **failure},
        )
    provider.get_logger("shop").emit(observed_timestamp=1_700_000_000_123_456_789, body={"a": [1, {"b": None}]})
    return list(kept.get_finished_logs())


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_log_records_of_the_official_encoder_become_the_rows_of_the_own_process(encoding: str) -> None:
    """Severity, body, attributes, ids and the exception are those that the own process shows."""
    records = log_records()
    request = encode_logs(records)

    rows = received(LOGS, request if encoding == "protobuf" else otlp_json(request)).logs

    assert rows == [log_row(record, "") for record in records]
    assert (rows[0]["level"], rows[0]["severity"], rows[0]["body"]) == ("error", 18, "failed for Anna")
    assert rows[0]["exception"]["type"] == "ValueError"
    assert rows[0]["attributes"] == {"order": {"id": 7, "lines": [1, "a", None]}}
    assert (len(rows[0]["trace_id"]), rows[1]["trace_id"]) == (32, "")


@pytest.mark.parametrize(
    ("text", "number", "level", "severity"),
    [
        ("", 0, "info", 0),
        ("WARNING", 0, "warn", 13),
        ("", 24, "fatal", 24),
        ("", 99, "info", 0),
        ("odd", 5, "debug", 5),
    ],
)
def test_the_level_comes_from_the_number_or_else_from_the_name(
    text: str, number: int, level: str, severity: int
) -> None:
    """A number out of range counts as none."""
    record = {"severity_text": text, "severity_number": number, "observed_time_unix_nano": 5 * 10**9}
    request = LOGS.request(resource_logs=[{"scope_logs": [{"log_records": [record]}]}])

    row = received(LOGS, request).logs[0]

    assert (row["level"], row["severity"], row["time"]) == (level, severity, 5.0)


def collection(*, exponential: bool = False) -> Any:
    """Return what an SDK with each kind of instrument collects."""
    reader = InMemoryMetricReader()
    views = [View(instrument_name="wait", aggregation=ExponentialBucketHistogramAggregation())] if exponential else []
    provider = MeterProvider([reader], resource=RESOURCE, views=views)
    meter = provider.get_meter("shop.orders")
    meter.create_counter("orders", "1", "Orders.").add(3, {"channel": "web"})
    meter.create_up_down_counter("open").add(-2)
    meter.create_gauge("temperature", "Cel").set(20.5, {"room": 1})
    wait = meter.create_histogram("wait", "s", "Wait.")
    for value in (0.0, 0.3, 7.0, 9000.0):
        wait.record(value)
    data = reader.get_metrics_data()
    provider.shutdown()
    return data


@pytest.mark.parametrize("exponential", [False, True])
@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_metrics_of_the_official_encoder_become_the_points_of_the_own_process(encoding: str, exponential: bool) -> None:
    """Every kind of instrument gives the points that the own process has, with unit and description."""
    data = collection(exponential=exponential)
    request = encode_metrics(data)

    store = received(METRICS, request if encoding == "protobuf" else otlp_json(request))

    assert store.points == points(data)
    assert store.descriptions == {"orders": "Orders.", "wait": "Wait."}
    newest = max(
        point.time_unix_nano
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    )
    assert store.times == [newest / 10**9]
    assert newest / 10**9 - 60 < store.starts[0] <= newest / 10**9


def metric(kind: str, points: list[dict[str, Any]], **fields: Any) -> Any:
    """Return a request with one metric of the field *kind*."""
    metric = {"name": "m", "unit": "s", kind: {"data_points": points, **fields}}
    return METRICS.request(resource_metrics=[{"scope_metrics": [{"metrics": [metric]}]}])


class Deltas:
    """A program that sends differences to one store."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.intake = Intake(self.store)

    def send(self, kind: str, start: int, end: int, **point: Any) -> Any:
        """Send the difference of the period from *start* to *end*, and return the last point that the store has now."""
        fields = {"is_monotonic": True} if kind == "sum" else {}
        times = {"start_time_unix_nano": start, "time_unix_nano": end}
        self.intake.accept(METRICS, metric(kind, [{**times, **point}], aggregation_temporality=1, **fields))
        return self.store.points[-1]


def test_differences_become_totals() -> None:
    """Of counters and histograms; a difference that was sent twice counts once."""
    program = Deltas()

    assert program.send("sum", 1, 2, as_int=3).value == 3
    assert program.send("sum", 2, 3, as_int=4).value == 7
    assert program.send("sum", 2, 3, as_int=4).value == 7
    assert program.send("sum", 3, 4, as_double=0.5).value == 7.5

    program.send("histogram", 1, 2, count=1, sum=1.0, explicit_bounds=[1, 5], bucket_counts=[1, 0, 0])
    point = program.send("histogram", 2, 3, count=2, sum=9.0, explicit_bounds=[1, 5], bucket_counts=[0, 1, 1])
    assert (point.count, point.total, point.bounds, point.counts) == (3, 10.0, (1, 5), (1, 1, 1))
    point = program.send("histogram", 3, 4, count=1, sum=1.0, explicit_bounds=[5], bucket_counts=[1, 0])
    assert (point.count, point.bounds, point.counts) == (4, (5,), (3, 1))


@given(
    st.lists(
        st.tuples(st.integers(-10, 20), st.integers(-(2**31), 2**31 - 1), st.lists(st.integers(0, 9), max_size=5)),
        min_size=1,
        max_size=4,
    )
)
def test_exponential_differences_become_totals(sent: list[tuple[int, int, list[int]]]) -> None:
    """No measurement is lost, whatever scales and offsets are sent; and no offset fills the memory."""
    program = Deltas()
    total = 0
    for number, (scale, offset, counts) in enumerate(sent):
        total += sum(counts) + 1
        buckets = {"offset": offset, "bucket_counts": counts}
        point = program.send(
            "exponential_histogram",
            number,
            number + 1,
            count=sum(counts) + 1,
            scale=scale,
            zero_count=1,
            positive=buckets,
        )

    assert (point.count, sum(point.counts)) == (total, total)
    assert len(point.counts) < 100


def test_the_series_of_differences_are_bounded() -> None:
    """The series that was not sent for the longest time starts again; all others go on."""
    from csg_otel.dashboard.otlp.totals import Totals

    totals = Totals(most_series=2)
    totals.add("a", "number", [1], (1, 2))
    totals.add("b", "number", [1], (1, 2))
    totals.add("a", "number", [1], (2, 3))
    totals.add("c", "number", [1], (1, 2))

    assert totals.add("a", "number", [1], (3, 4)) == [3]
    assert totals.add("b", "number", [1], (3, 4)) == [1]


def test_a_summary_gives_the_series_that_prometheus_has_of_it() -> None:
    """Its quantiles, its sum and its count."""
    quantiles = [{"quantile": 0.5, "value": 2.0}, {"quantile": 0.9, "value": math.nan}]
    store = received(METRICS, metric("summary", [{"count": 4, "sum": 8.0, "quantile_values": quantiles}]))

    assert store.points == [
        NumberPoint("m", "gauge", "s", {"quantile": "0.5"}, 2.0),
        NumberPoint("m.sum", "counter", "s", {}, 8.0),
        NumberPoint("m.count", "counter", "", {}, 4),
    ]


def test_exemplars_lead_to_their_traces() -> None:
    """An exemplar with a trace is kept, one without is not."""
    exemplar = {"as_double": 0.7, "time_unix_nano": 10**9, "trace_id": b"t" * 16, "span_id": b"s" * 8}
    point = {"as_int": 1, "exemplars": [exemplar, {"as_double": 0.8}]}

    store = received(METRICS, metric("sum", [point], is_monotonic=True, aggregation_temporality=2))

    assert store.exemplars == {
        "m": [{"time": 1.0, "value": 0.7, "trace_id": (b"t" * 16).hex(), "span_id": (b"s" * 8).hex(), "attributes": {}}]
    }


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        ("gauge", {"as_double": math.nan}),
        ("gauge", {"as_double": math.inf}),
        ("gauge", {}),
        ("histogram", {"count": 2, "explicit_bounds": [1], "bucket_counts": [2]}),
        ("histogram", {"count": 3, "explicit_bounds": [1], "bucket_counts": [1, 1]}),
        ("histogram", {"count": 2, "explicit_bounds": [2, 1], "bucket_counts": [1, 1, 0]}),
        ("histogram", {"count": 2, "explicit_bounds": [math.nan], "bucket_counts": [1, 1]}),
        ("histogram", {"count": 1, "sum": math.inf}),
        ("exponential_histogram", {"count": 1, "zero_count": 1, "scale": -(2**31)}),
        ("exponential_histogram", {"count": 1, "scale": 3, "positive": {"offset": 1, "bucket_counts": [2]}}),
    ],
)
def test_a_point_that_makes_no_sense_is_rejected_alone(kind: str, point: dict[str, Any]) -> None:
    """The others of the request are kept, and the answer says how many were not."""
    store = MemoryStore()
    request = metric(kind, [point])
    request.resource_metrics[0].scope_metrics[0].metrics.append(
        metrics_pb2.Metric(name="good", gauge=metrics_pb2.Gauge(data_points=[metrics_pb2.NumberDataPoint(as_int=1)]))
    )

    counts = Intake(store).accept(METRICS, request)

    assert (counts.accepted, counts.rejected) == (1, 1)
    assert "data point" in counts.reason
    assert [point.name for point in store.points] == ["good"]


def test_a_span_without_valid_ids_is_rejected_alone() -> None:
    """So is one without a start; a link without valid ids is left out, and an invalid parent is none."""
    good = {
        "trace_id": b"t" * 16,
        "span_id": b"s" * 8,
        "parent_span_id": bytes(8),
        "start_time_unix_nano": 1,
        "links": [{"trace_id": b"t"}],
        "kind": 77,
        "status": {"code": 9},
    }
    bad = [{**good, "trace_id": bytes(16)}, {**good, "span_id": b"s" * 7}, {**good, "start_time_unix_nano": 0}]
    store = MemoryStore()

    counts = Intake(store).accept(TRACES, TRACES.request(resource_spans=[{"scope_spans": [{"spans": [*bad, good]}]}]))

    assert (counts.accepted, counts.rejected) == (1, 3)
    assert "trace id" in counts.reason
    row = store.spans[0]
    assert (row["parent_id"], row["links"], row["kind"], row["status"], row["end"]) == (
        None,
        [],
        "internal",
        "unset",
        None,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b'{"resourceSpans": 1}',
        b'{"resourceSpans": [1]}',
        b'{"resourceSpans": [null]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": 1}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 1}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "-1"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": 1e999}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "' + b"9" * 5000 + b'"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": true}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": 99999999999}]}]}]}',
        b'{"resourceSpans": [{"resource": {"attributes": [{"value": {"bytesValue": "%"}}]}}]}',
        b'{"resourceSpans": [{"resource": {"attributes": [{"value": ' + DEEP + b"}}]}}]}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:60]),
)
def test_hostile_json_is_an_invalid_request_and_nothing_else(body: bytes) -> None:
    """Whatever arrives as JSON is decoded, or refused with the one error."""
    with pytest.raises(InvalidRequestError):
        decode(TRACES, body, JSON)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda children: (
            st.lists(children, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "resourceSpans",
                        "scopeSpans",
                        "spans",
                        "resource",
                        "attributes",
                        "key",
                        "value",
                        "stringValue",
                        "intValue",
                        "doubleValue",
                        "arrayValue",
                        "values",
                        "kvlistValue",
                        "bytesValue",
                        "traceId",
                        "spanId",
                        "startTimeUnixNano",
                        "kind",
                        "events",
                        "links",
                        "status",
                        "code",
                        "resourceMetrics",
                        "scopeMetrics",
                        "metrics",
                        "sum",
                        "gauge",
                        "histogram",
                        "dataPoints",
                        "asInt",
                        "asDouble",
                        "bucketCounts",
                        "count",
                    ]
                ),
                children,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_decoded_or_refused(document: Any) -> None:
    """No document raises another error, in decoding or after it."""
    store = MemoryStore()
    for signal in SIGNALS:
        try:
            request = json_requests.message(document, signal.request)
        except InvalidRequestError:
            continue
        Intake(store).accept(signal, request)
    json.dumps([store.spans, store.logs], allow_nan=False)


@given(st.binary(max_size=200), st.sampled_from(SIGNALS))
def test_any_bytes_are_decoded_or_refused(body: bytes, signal: Any) -> None:
    """So do bytes that are said to be protobuf."""
    try:
        request = decode(signal, body, PROTOBUF)
    except InvalidRequestError:
        return
    Intake(MemoryStore()).accept(signal, request)


def test_unknown_keys_are_ignored_and_names_of_enumerations_understood() -> None:
    """A newer program may send fields that do not exist yet; halves of characters do not cost the request."""
    body = {
        "resourceSpans": [
            {
                "new": 1,
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "AB" * 16,
                                "spanId": "0c" * 8,
                                "startTimeUnixNano": 1e9,
                                "endTimeUnixNano": "2000000000",
                                "name": "\ud800x",
                                "kind": "SPAN_KIND_CLIENT",
                                "parentSpanId": None,
                                "attributes": [
                                    {"key": "b", "value": {"bytesValue": "AQI="}},
                                    {"key": "n", "value": {"doubleValue": "NaN"}},
                                    {"key": "empty", "value": {}},
                                ],
                            }
                        ]
                    }
                ],
            }
        ]
    }

    row = received(TRACES, json.dumps(body).encode()).spans[0]

    assert (row["trace_id"], row["name"], row["kind"], row["duration_s"]) == ("ab" * 16, "?x", "client", 1.0)
    assert row["attributes"] == {"b": "AQI=", "n": "nan", "empty": None}


def test_invalid_utf8_and_deep_values_are_refused_in_protobuf() -> None:
    """As protobuf's own decoder refuses them."""
    request = TRACES.request(resource_spans=[{"scope_spans": [{"spans": [{"name": "ab"}]}]}])
    with pytest.raises(InvalidRequestError, match="not a valid"):
        decode(TRACES, request.SerializeToString().replace(b"ab", b"\xff\xfe"), PROTOBUF)

    deep: dict[str, Any] = {"string_value": "x"}
    for _ in range(30):
        deep = {"array_value": {"values": [deep]}}
    span = {"trace_id": b"t" * 16, "span_id": b"s" * 8, "start_time_unix_nano": 1}
    attributes = [{"key": "deep", "value": deep}]
    row = received(
        TRACES, TRACES.request(resource_spans=[{"scope_spans": [{"spans": [{**span, "attributes": attributes}]}]}])
    )
    assert len(json.dumps(row.spans[0]["attributes"])) < 3000


def test_large_bodies_are_refused() -> None:
    """Also those that are large only once they are decompressed, without decompressing more than the limit."""
    with pytest.raises(TooLargeError):
        decode(TRACES, bytes(8 * 1024 * 1024 + 1), PROTOBUF)
    bomb = zlib.compress(bytes(200 * 1024 * 1024), 9)
    with pytest.raises(TooLargeError):
        decompressed(bomb, "deflate")
    for body, encoding in [(b"x", "gzip"), (zlib.compress(b"abc" * 50)[:-3], "deflate"), (b"", "br")]:
        with pytest.raises(InvalidRequestError):
            decompressed(body, encoding)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_too_many_items_are_refused_before_they_are_decoded(signal: Any) -> None:
    """Empty items are small on the wire, and large as rows."""
    scope: Any = {signal.items: [{} for _ in range(30_000)]}
    request = signal.request(**{signal.resources: [{signal.scopes: [scope]}] * 2})

    with pytest.raises(TooLargeError):
        Intake(MemoryStore()).accept(signal, request)


def test_one_span_keeps_a_bounded_number_of_everything() -> None:
    """Long texts are cut, and attributes, events and links beyond the limits are left out."""
    long = "x" * 100_000
    many = [{"key": f"k{number}", "value": {"string_value": long}} for number in range(300)]
    span = {
        "trace_id": b"t" * 16,
        "span_id": b"s" * 8,
        "start_time_unix_nano": 1,
        "name": long,
        "attributes": many[:3] + [{"key": f"k{number}", "value": {"int_value": 1}} for number in range(300)],
        "events": [{"name": str(number)} for number in range(300)],
        "links": [{"trace_id": b"t" * 16, "span_id": b"s" * 8}] * 300,
    }

    row = received(TRACES, TRACES.request(resource_spans=[{"scope_spans": [{"spans": [span]}]}])).spans[0]

    assert len(row["name"]) < 3000
    assert len(row["attributes"]) <= 128
    assert (len(row["events"]), len(row["links"])) == (50, 20)
    assert row["events"][-1]["name"] == "299"
    assert len(json.dumps(row)) < 20_000


def test_points_are_of_the_classes_that_the_history_takes() -> None:
    """An explicit histogram without bounds is one bucket."""
    store = received(METRICS, metric("histogram", [{"count": 2, "sum": 3.0}], aggregation_temporality=2))

    assert store.points == [HistogramPoint("m", "s", {}, 2, 3.0, (), (2,))]
