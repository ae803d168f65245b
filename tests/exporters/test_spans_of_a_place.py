"""Spans of one place in the program: their common part is scrubbed and encoded once, and all are what they are for others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState

from csg_otel import attributes as clean
from csg_otel.config.sections.exporters import OtlpExporter
from csg_otel.exporters.otlp.encoding import spans as encoding
from csg_otel.exporters.otlp.sender import OtlpSender
from csg_otel.pipeline.fanout import SpanFanOut
from csg_otel.pipeline.installed import InstalledTracerProvider
from csg_otel.privacy import Options, Scrubber, active

pytestmark = pytest.mark.fast_path

_SECRET = "ghp_0123456789abcdefABCDEF0123456789abcd"


class Place:
    """A place in a program, and the spans that ended there."""

    def __init__(self, attributes: dict[str, Any], resource: dict[str, Any] | None = None) -> None:
        fan_out = SpanFanOut()
        fan_out.sinks = (self,)
        self.provider = InstalledTracerProvider(fan_out, {})
        self.provider.configure(DEFAULT_ON, Resource(resource or {"service.name": "shop"}), {})
        tracer: Any = self.provider.get_tracer("lib", "1")
        self.shared = clean.Shared(clean.clean(attributes), "load", SpanKind.CLIENT)
        self.start = tracer.span_site(self.shared, tracer.start_span)
        self.spans: list[Any] = []

    def enqueue(self, item: Any) -> None:
        """Keep a span."""
        self.spans.append(item)

    def run(self, change: str = "", parent: Any = None, times: tuple[int, int] = (5, 7)) -> Any:
        """Run through the place once, with a *change* of the span."""
        context = otel_context.Context() if parent is None else trace.set_span_in_context(parent)
        attributes = clean.Sound({**self.shared, "captured": 1}) if change == "captured" else self.shared
        span = self.start(context, attributes, times[0])
        if change == "attribute":
            span.set_attribute("own", "x")
        elif change == "event":
            span.add_event("happened", timestamp=6)
        elif change == "link":
            span.add_link(SpanContext(3, 4, is_remote=True))
        elif change == "status":
            span.set_status(StatusCode.ERROR, "it broke")
        elif change == "name":
            span.update_name("other")
        elif change == "look":
            assert span.attributes is not None
        span.end(times[1])
        return span


def _encoded(spans: list[Any]) -> list[Any]:
    request = ExportTraceServiceRequest.FromString(OtlpSender(OtlpExporter(), "traces").encode(spans))
    return _all(request)


def _all(request: Any) -> list[Any]:
    return [
        (resource.resource, scope.scope, span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


@pytest.fixture
def scrubber() -> Iterator[Scrubber]:
    """Install a new scrubber, and afterwards the one from before."""
    before, new = active.scrubber(), Scrubber()
    active.install(new)
    yield new
    active.install(before)


_CHANGES = st.sampled_from(["", "", "", "captured", "attribute", "event", "link", "status", "name", "look"])
_PARENTS = st.sampled_from(
    [
        None,
        NonRecordingSpan(SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1))),
        NonRecordingSpan(SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags(1))),
        NonRecordingSpan(
            SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("k", "v")]))
        ),
        NonRecordingSpan(SpanContext(0, 0, is_remote=True)),
    ]
)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(["a", "b", "é"]), st.sampled_from(["x", "é", True, 1, 2.5, ("a", "b"), ""]), max_size=3
)
_TIMES = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))


@given(attributes=_ATTRIBUTES, runs=st.lists(st.tuples(_CHANGES, _PARENTS, _TIMES), min_size=1, max_size=12))
def test_each_span_is_what_the_official_encoder_makes_of_it(attributes: dict[str, Any], runs: list[Any]) -> None:
    """Whatever some of them have besides: parents, states, attributes, events, links, statuses, names."""
    place = Place(attributes)
    for run in runs:
        place.run(*run)
    official = _all(encode_spans([span._readable_span() for span in place.spans]))

    for _ in range(2):  # at the second time, the common part is there
        assert _encoded(place.spans) == official


def test_the_common_part_is_encoded_once(scrubber: Scrubber, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first span goes the usual way, and one that has more than the others."""
    place, usual, encode = Place({"a": 1}), list[str](), encoding.encoded

    def count_and_encode(contents: Any) -> Any:
        usual.append(contents[0])
        return encode(contents)

    monkeypatch.setattr(encoding, "encoded", count_and_encode)
    for change in ("", "", "event", "", "attribute"):
        place.run(change)
    _encoded(place.spans)

    assert len(usual) == 3


def test_a_secret_is_redacted_in_every_span(scrubber: Scrubber) -> None:
    """A place whose attributes have a match is scrubbed each time, so that each is counted."""
    place = Place({"token": _SECRET, "a": _SECRET})
    for _ in range(3):
        place.run()
    encoded = _encoded(place.spans)

    assert len(encoded) == 3
    assert _SECRET not in str(encoded)
    assert sum(scrubber.redactions.values()) == 6


def test_another_scrubber_looks_again(scrubber: Scrubber) -> None:
    """What the settings of a second ``instrument()`` redact is redacted from then on, also in the resource."""
    place = Place({"word": "apple"}, {"service.name": "shop", "fruit": "apple"})
    place.run()
    assert str(_encoded(place.spans)).count("apple") == 2
    active.install(Scrubber(Options(extra_patterns=("apple",))))
    place.run()

    assert "apple" not in str(_encoded(place.spans))


def test_a_redacted_resource_is_that_of_every_span(scrubber: Scrubber) -> None:
    """The resource is scrubbed although the spans of the place need no change."""
    place = Place({"a": 1}, {"service.name": "shop", "key": _SECRET})
    for _ in range(2):
        place.run()
    encoded = _encoded(place.spans)

    assert len(encoded) == 2
    assert _SECRET not in str(encoded)


def test_another_resource_is_that_of_later_spans(scrubber: Scrubber) -> None:
    """A second ``instrument()`` may change it while the place stays."""
    place = Place({"a": 1})
    place.run()
    _encoded(place.spans)
    place.provider.configure(DEFAULT_ON, Resource({"service.name": "other"}), {})
    tracer: Any = place.provider.get_tracer("lib", "1")
    place.start = tracer.span_site(place.shared, tracer.start_span)
    place.run()

    names = [resource.attributes[0].value.string_value for resource, _, _ in _encoded(place.spans)]
    assert sorted(names) == ["other", "shop"]
