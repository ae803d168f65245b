"""Every item that came through the SDK can be encoded, and decoded by a receiver."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import _logs
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from csg_otel import attributes as clean
from csg_otel.pipeline import sanitize
from support.capture import capture

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, exclude_categories=()))  # lone surrogates, too
    | st.binary()
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(scalars, inner) | st.tuples(inner), max_leaves=30
)
CONTEXT = SpanContext(1, 2, is_remote=False)


@given(anything, anything, anything, st.dictionaries(scalars, anything))
def test_any_span_can_be_encoded(name: Any, start: Any, end: Any, attributes: dict[Any, Any]) -> None:
    """And comes out of the decoder with the same name, if that was text."""
    span = ReadableSpan(name, CONTEXT, attributes=attributes, start_time=start, end_time=end, resource=Resource({}))
    body = encode_spans([sanitize.span(span)]).SerializeToString()
    (found,) = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans

    assert found.name == clean.text(name)
    assert len(found.attributes) <= len(attributes)


@given(anything, anything, st.dictionaries(scalars, anything))
def test_any_record_can_be_encoded(body: Any, at: Any, attributes: dict[Any, Any]) -> None:
    """Through the whole of our API: what is emitted is there, once, and nothing raises."""
    with capture() as captured:
        _logs.get_logger("any").emit(_logs.LogRecord(timestamp=at, body=body, attributes=attributes))
        (emitted,) = captured._logs.get_finished_logs()

    encode_logs([sanitize.record(emitted)]).SerializeToString()


@given(st.dictionaries(scalars, anything), anything)
def test_a_sanitized_span_is_sound(attributes: dict[Any, Any], name: Any) -> None:
    """The second time nothing is changed: the very same object is returned."""
    span = ReadableSpan(name, CONTEXT, attributes=attributes, start_time=1, end_time=2, resource=Resource({}))
    once = sanitize.span(span)
    flat = all(not isinstance(value, (dict, bytes)) for value in (once.attributes or {}).values())

    assert sanitize.span(once).attributes == once.attributes or "nan" in repr(once.attributes)
    assert (
        sanitize.span(once) is once or not flat or any(isinstance(v, tuple) for v in (once.attributes or {}).values())
    )


@pytest.mark.parametrize("levels", [7, 300])
def test_nesting_is_kept_as_far_as_receivers_take_it(levels: int) -> None:
    """Protobuf's decoders refuse a request that is nested a hundred levels deep, with all that is in it."""
    value: Any = "core"
    for _ in range(levels):
        value = (value,)
    span = ReadableSpan("x", CONTEXT, attributes={"deep": value}, start_time=1, end_time=2, resource=Resource({}))
    body = encode_spans([sanitize.span(span)]).SerializeToString()

    assert (b"core" in body) == (levels == 7)
    assert ExportTraceServiceRequest.FromString(body)


def test_the_counts_of_dropped_items_survive() -> None:
    """A copy of a span or a record has the counts of the original, and counts what it could not take over itself."""
    limits = SpanLimits(max_events=2, max_links=2, max_span_attributes=2, max_event_attributes=1, max_link_attributes=1)
    spans = InMemorySpanExporter()
    tracers = TracerProvider(span_limits=limits, shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    span = tracers.get_tracer("t").start_span("\ud800")  # which makes a copy necessary
    for number in range(5):
        span.set_attribute(f"key{number}", [number, number + 1])
        span.add_event("event", {"a": 1, "b": 2, "c": 3})
        span.add_link(CONTEXT, {"a": 1, "b": 2})
    span.end()
    (original,) = spans.get_finished_spans()
    copy = sanitize.span(original)
    body = ExportTraceServiceRequest.FromString(encode_spans([copy]).SerializeToString())
    (sent,) = body.resource_spans[0].scope_spans[0].spans

    assert copy is not original
    assert (sent.dropped_attributes_count, sent.dropped_events_count, sent.dropped_links_count) == (3, 3, 3)
    assert [event.dropped_attributes_count for event in sent.events] == [2, 2]
    assert [link.dropped_attributes_count for link in sent.links] == [1, 1]
    assert [value.int_value for value in sent.attributes[0].value.array_value.values] == [3, 4]


def test_a_record_keeps_its_count_and_adds_an_attribute_without_a_key() -> None:
    """The attribute that can't be taken over is counted as well."""
    attributes = BoundedAttributes(maxlen=2, attributes={"a": 1, "b": 2, "\ud800": [1, 2]}, immutable=False)
    attributes._dict[""] = 5  # as an SDK may let it through
    record = ReadableLogRecord(_logs.LogRecord(body="\ud800", timestamp=1, attributes=attributes), Resource({}))
    log = encode_logs([sanitize.record(record)]).resource_logs[0].scope_logs[0].log_records[0]

    assert log.dropped_attributes_count == 2
    assert [value.int_value for value in log.attributes[-1].value.array_value.values] == [1, 2]
