"""Spans of the installed provider are the SDK's: the same data, by a shorter way."""

from __future__ import annotations

import copy
import json
import logging
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from csg_otel import _compat_context, faults, names
from csg_otel import attributes as clean
from csg_otel._version import VERSION
from csg_otel.pipeline import _compat, _compat_adopted, fanout, self_test
from csg_otel.pipeline._compat_ended import EndedSpan
from csg_otel.pipeline._compat_spans import FastSpan
from csg_otel.pipeline.fanout import SpanFanOut
from csg_otel.pipeline.installed import InstalledTracerProvider
from csg_otel.pipeline.limits import span_limits
from csg_otel.pipeline.safe_spans import discard_current_span

_RESOURCE = Resource({"service.name": "test"})
_LIMITS = {
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "4",
    "OTEL_SPAN_EVENT_COUNT_LIMIT": "2",
    "OTEL_SPAN_LINK_COUNT_LIMIT": "1",
}


class _Kept:
    """A sink that keeps spans."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def enqueue(self, item: Any) -> None:
        self.spans.append(item)


class _Ours:
    def __init__(self, sampler: Sampler, environ: dict[str, str], *, fast: bool = True) -> None:
        fan_out, self.kept = SpanFanOut(), _Kept()
        fan_out.sinks = (self.kept,)
        self.provider = InstalledTracerProvider(fan_out, {})
        self.provider.configure(sampler, _RESOURCE, environ, fast=fast)
        self.fan_out = fan_out
        self.tracer: Any = self.provider.get_tracer("library", "1.0", attributes={"a": 1})

    def start_at_place(self, name: str, context: Any, now: int, place: Any) -> Any:
        """Start a span as an operation does, with the clean attributes of its place and those of one run."""
        kind, attributes, captured = place
        fixed, own = clean.Shared(clean.clean(attributes), name, kind), clean.clean(captured)
        together = clean.Sound({**fixed, **own}) if own else fixed

        def otherwise(context: Any, attributes: Any, now: int) -> Any:
            return self.tracer.start_span(name, context, kind, attributes, start_time=now)

        return self.tracer.span_site(fixed, otherwise)(context, together, now)

    def ended(self) -> list[ReadableSpan]:
        return self.kept.spans


class _Official:
    """The SDK's own provider."""

    scope: tuple[str, str, Any] = "library", "1.0", {"a": 1}

    def __init__(self, sampler: Sampler, environ: dict[str, str]) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(sampler, _RESOURCE, shutdown_on_exit=False, span_limits=span_limits(environ))
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        name, version, attributes = self.scope
        self.tracer: Any = self.provider.get_tracer(name, version, attributes=attributes)

    def start_at_place(self, name: str, context: Any, now: int, place: Any) -> Any:
        """Start a span with all attributes."""
        kind, attributes, captured = place
        together = {**clean.clean(attributes), **clean.clean(captured)}
        return self.tracer.start_span(name, context, kind, together, start_time=now)

    def ended(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())


class _OfficialOfOurs(_Official):
    """The SDK's own provider, with the tracer of this package."""

    scope = names.SCOPE, VERSION, None


class _Adopted(_OfficialOfOurs):
    """A provider that the program has set before, with the tracer of this package."""

    def __init__(self, sampler: Sampler, environ: dict[str, str]) -> None:
        super().__init__(sampler, environ)
        self.provider.add_span_processor(SpanFanOut())
        _compat_adopted.quicken(self.provider, fast=True)

    def start_at_place(self, name: str, context: Any, now: int, place: Any) -> Any:
        """Start a span as an operation does, where the tracer has another way for it."""
        if not hasattr(self.tracer, "span_site"):
            return super().start_at_place(name, context, now, place)
        return _Ours.start_at_place(self, name, context, now, place)  # type: ignore[arg-type] # it has a tracer, too


def _shown(spans: list[ReadableSpan]) -> list[Any]:
    """Return what spans hold; ids are numbered in the order of their appearance."""
    numbers: dict[int, int] = {}

    def number(context: Any) -> Any:
        if context is None:
            return None
        ids = [numbers.setdefault(id_, len(numbers)) for id_ in (context.trace_id, context.span_id)]
        return *ids, context.is_remote, int(context.trace_flags), dict(context.trace_state), context.is_valid

    return [
        (
            span.name,
            number(span.context),
            number(span.parent),
            span.kind,
            [(key, type(value), value) for key, value in (span.attributes or {}).items()],
            [(event.name, dict(event.attributes or {}), event.timestamp) for event in span.events],
            [(number(link.context), dict(link.attributes or {})) for link in span.links],
            (span.status.status_code, span.status.description),
            (span.dropped_attributes, span.dropped_events, span.dropped_links),
            span.resource,
            span.instrumentation_scope,
            (span.start_time, span.end_time),
        )
        for span in spans
    ]


class _Sees(SpanProcessor):
    """A processor of the program that changes spans, and keeps what it sees of them."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        above = trace.get_current_span(parent_context).is_recording()
        self.seen.append(("start", _shown([span]), span.is_recording(), above))
        span.set_attribute("seen", span.name)

    def _on_ending(self, span: Any) -> None:
        span.set_attribute("too late", 1)
        self.seen.append(("ending", _shown([span]), span.is_recording()))

    def on_end(self, span: Any) -> None:
        public = sorted(name for name in dir(span) if not name.startswith("_"))
        copies = [_shown([copied]) for copied in (copy.copy(span), copy.deepcopy(span))]
        self.seen.append(("end", _shown([span]), public, copies, isinstance(span, trace.Span)))


def _readable(span: ReadableSpan) -> ReadableSpan:
    """Return a span of the SDK's class with the contents of *span*."""
    span = span._of_span if isinstance(span, EndedSpan) else span
    return span._readable_span() if isinstance(span, FastSpan) else span


def _listed(contents: Any) -> list[Any]:
    """Return contents in a form that can be compared."""
    *fields, attributes, events, links, lost_attributes, lost_events, lost_links = contents
    return [fields, dict(attributes), list(events), list(links), lost_attributes, lost_events, lost_links]


_key = st.sampled_from(["a", "b", "c", "d", "é"])
_value: Any = st.one_of(
    st.sampled_from(["x", "", "é", True, 1, 1.5, 0, None, 2**70, b"b"]), st.lists(st.integers(0, 3), max_size=2)
)
_attributes = st.dictionaries(_key, _value, max_size=6)
_step = st.one_of(
    st.tuples(st.just("start"), st.sampled_from(SpanKind), _attributes, st.sampled_from(["child", "root", "remote"])),
    st.tuples(st.just("start at a place"), st.sampled_from(SpanKind), _attributes, _attributes),
    st.tuples(st.just("link"), _attributes),
    st.tuples(st.just("set"), _key, _value),
    st.tuples(st.just("set many"), _attributes),
    st.tuples(st.just("event"), _attributes),
    st.tuples(st.just("status"), st.sampled_from(StatusCode), st.sampled_from([None, "it broke"])),
    st.tuples(st.just("name"), st.sampled_from(["other", ""])),
    st.tuples(st.just("read")),
    st.tuples(st.just("end")),
    st.tuples(st.just("end twice")),
)
_REMOTE = SpanContext(5, 6, is_remote=True, trace_flags=TraceFlags(1), trace_state=trace.TraceState([("k", "v")]))
_UNSAMPLED = SpanContext(8, 9, is_remote=True, trace_flags=TraceFlags(2))
_SAMPLERS: dict[str, Sampler] = {
    "default": fanout.sampler(ratio=1.0, parent_based=True, keep_unsampled=True),
    "all": ALWAYS_ON,
    "none": ParentBased(ALWAYS_OFF),
    "ratio": TraceIdRatioBased(1.0),
    "unusual": ParentBased(ALWAYS_ON, remote_parent_sampled=ALWAYS_OFF),
}


def _run(side: Any, steps: list[Any]) -> list[Any]:
    """Run a program of *steps* on the tracer of *side*; return what its spans hold, and what they say of themselves."""
    spans: list[Any] = []
    said: list[Any] = []
    now = 1_000
    for step, *arguments in [*steps, ("end",), ("end",)]:
        now += 1
        if step == "start":
            kind, attributes, parent = arguments
            above = {"root": None, "child": spans[-1] if spans else None, "remote": NonRecordingSpan(_REMOTE)}[parent]
            context = (
                otel_context.Context() if above is None else trace.set_span_in_context(above, otel_context.Context())
            )
            spans.append(side.tracer.start_span(f"span {len(spans)}", context, kind, attributes, start_time=now))
        elif step == "start at a place":
            context = trace.set_span_in_context(spans[-1]) if spans else otel_context.Context()
            spans.append(side.start_at_place(f"span {len(spans)}", context, now, arguments))
        elif spans:
            _apply(spans, step, arguments, now, said)
    return [*_shown(side.ended()), said]


def _apply(spans: list[Any], step: str, arguments: list[Any], now: int, said: list[Any]) -> None:
    span = spans[-1]
    if step == "set":
        span.set_attribute(*arguments)
    elif step == "set many":
        span.set_attributes(*arguments)
    elif step == "event":
        span.add_event("event", *arguments, timestamp=now)
    elif step == "link":
        span.add_link(_UNSAMPLED, *arguments)
    elif step == "status":
        span.set_status(*arguments)
    elif step == "name":
        span.update_name(*arguments)
    elif step == "read":
        said.append((span.is_recording(), dict(getattr(span, "attributes", {})), getattr(span, "name", "")))
    else:
        for _ in range(1 + (step == "end twice")):
            span.end(now)
        span.set_attribute("late", 1)
        span.add_event("late")
        spans.pop()


@pytest.mark.parametrize("environ", [{}, _LIMITS], ids=["usual limits", "few"])
@pytest.mark.parametrize("sampler", _SAMPLERS)
@settings(max_examples=60)
@given(steps=st.lists(_step, max_size=25), beside=st.booleans())
def test_a_span_has_what_the_official_sdk_would_have_made(
    sampler: str, environ: dict[str, str], steps: list[Any], beside: bool
) -> None:
    """
    Names, kinds, parents, flags, attributes, events, links, statuses, counts of dropped ones and times are the same.

    So is what a processor of the program sees of them, when they start, end and have ended.
    """
    logging.disable(logging.CRITICAL)
    try:
        ours, official = _Ours(_SAMPLERS[sampler], environ), _Official(_SAMPLERS[sampler], environ)
        sees = _Sees(), _Sees()
        if beside:
            ours.provider.add_span_processor(sees[0])
            official.provider.add_span_processor(sees[1])

        assert _run(ours, steps) == _run(official, steps)
        assert sees[0].seen == sees[1].seen
        for ended in ours.ended():
            assert _listed(_compat.span_contents(ended)) == _listed(_compat.span_contents(_readable(ended)))
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("environ", [{}, _LIMITS], ids=["usual limits", "few"])
@pytest.mark.parametrize("sampler", _SAMPLERS)
@settings(max_examples=40)
@given(steps=st.lists(_step, max_size=25))
def test_in_an_adopted_provider_all_processors_see_the_same(
    sampler: str, environ: dict[str, str], steps: list[Any]
) -> None:
    """Spans of this package in the program's own provider are what the SDK would have made, for all processors there."""
    logging.disable(logging.CRITICAL)
    try:
        sides = _Adopted(_SAMPLERS[sampler], environ), _OfficialOfOurs(_SAMPLERS[sampler], environ)
        sees = _Sees(), _Sees()
        for side, processor in zip(sides, sees, strict=True):
            side.provider.add_span_processor(processor)

        assert _run(sides[0], steps) == _run(sides[1], steps)
        assert sees[0].seen == sees[1].seen
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.fast_path
def test_a_tracer_in_an_adopted_provider_is_fast_while_it_is_used() -> None:
    """Another's tracer never is, nor is ours in a provider of another class or after the end."""
    side = _Adopted(_SAMPLERS["default"], {})
    span, other = side.tracer.start_span("x"), side.provider.get_tracer("library").start_span("x")
    _compat_adopted.quicken(side.provider, fast=False)
    later = side.tracer.start_span("x")
    for started in (span, other, later):
        started.end()

    assert isinstance(span, FastSpan)
    assert not isinstance(other, FastSpan)
    assert not isinstance(later, FastSpan)
    assert [type(ended) for ended in side.ended()] == [EndedSpan, ReadableSpan, ReadableSpan]
    assert type(side.tracer) is Tracer


def test_in_an_adopted_provider_a_discarded_span_reaches_the_others() -> None:
    """The program's processors get it, as they get every span, and this package's destinations do not."""
    side, kept = _Adopted(_SAMPLERS["default"], {}), _Kept()
    side.provider._active_span_processor._span_processors[1].sinks = (kept,)  # type: ignore[attr-defined] # our fan-out
    with side.tracer.start_as_current_span("request"):
        discard_current_span()
        side.tracer.start_span("below").end()
    side.tracer.start_span("other").end()

    assert [span.name for span in side.ended()] == ["below", "request", "other"]
    assert [span.name for span in kept.spans] == ["other"]


def test_in_an_adopted_provider_the_resource_of_a_child_counts() -> None:
    """The SDK detects a resource again in a forked child; a span in progress keeps its own."""
    side = _Adopted(_SAMPLERS["default"], {})
    early = side.tracer.start_span("early")
    side.provider._update_resource(Resource({"child": True}))
    side.tracer.start_span("late").end()
    early.end()

    assert [(span.name, "child" in span.resource.attributes) for span in side.ended()] == [
        ("late", True),
        ("early", False),
    ]


@pytest.mark.fast_path
def test_usual_spans_are_fast_ones() -> None:
    """The tracer makes spans that hold only what varies, unless the setting is off."""
    kind = type(_Ours(_SAMPLERS["default"], {}).tracer.start_span("x"))

    assert kind.__mro__[1] is FastSpan
    assert kind.__module__.startswith("csg_otel.")
    assert not isinstance(_Ours(_SAMPLERS["default"], {}, fast=False).tracer.start_span("x"), FastSpan)


@pytest.mark.fast_path
def test_the_spans_of_a_place_share_attributes_and_keep_their_changes_apart() -> None:
    """Spans of one place have one dictionary until an attribute is set."""
    ours = _Ours(_SAMPLERS["default"], {})
    of_place, captured = clean.Shared({"a": 1}, "x", SpanKind.CLIENT), clean.Sound({"a": 1, "b": 2})
    start = ours.tracer.span_site(of_place, ours.tracer.start_span)
    spans = [start(otel_context.Context(), attributes, 5) for attributes in (of_place, of_place, captured)]
    shared = [span._values for span in spans[:2]]
    spans[0].set_attribute("a", 3)
    for span in spans:
        span.end(7)

    assert type(spans[0]).__mro__[2] is FastSpan
    assert shared[0] is shared[1]
    assert [dict(span.attributes or {}) for span in ours.ended()] == [{"a": 3}, {"a": 1}, {"a": 1, "b": 2}]
    assert {(span.name, span.kind, span.start_time, span.end_time) for span in ours.ended()} == {
        ("x", SpanKind.CLIENT, 5, 7)
    }


def test_the_share_of_sampled_traces_is_that_of_the_ratio() -> None:
    """Half of the traces are sampled at a ratio of 0.5, and children follow their parents."""
    ours = _Ours(fanout.sampler(ratio=0.5, parent_based=True, keep_unsampled=False), {})
    for _ in range(2000):
        with ours.tracer.start_as_current_span("parent"):
            ours.tracer.start_span("child").end()
    contexts = [span.context for span in ours.ended() if span.context is not None]

    assert 1600 < len(contexts) < 2400
    assert all(context.trace_flags.sampled for context in contexts)
    assert all(context.trace_id & (2**64 - 1) < 2**63 for context in contexts)
    assert len({context.span_id for context in contexts}) == len(contexts)
    assert len({context.trace_id for context in contexts}) * 2 == len(contexts)


class _Added(SpanProcessor):
    """A processor of the program."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self.calls.append(("start", span.name))
        span.set_attribute("by processor", True)

    def on_end(self, span: ReadableSpan) -> None:
        self.calls.append(("end", span.name))


def test_processors_of_the_program_see_each_span() -> None:
    """A processor that is added later is called for the spans from then on, and for the end of those in progress."""
    ours, added = _Ours(_SAMPLERS["default"], {}), _Added()
    early = ours.tracer.start_span("early")
    ours.provider.add_span_processor(added)
    ours.tracer.start_span("late").end()
    early.end()

    assert added.calls == [("start", "late"), ("end", "late"), ("end", "early")]
    assert [(span.name, dict(span.attributes or {})) for span in ours.ended()] == [
        ("late", {"by processor": True}),
        ("early", {}),
    ]


class _Raises(SpanProcessor):
    """A processor of the program with faults."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        raise OSError("no start")

    def _on_ending(self, span: Any) -> None:
        raise OSError("no ending")

    def on_end(self, span: ReadableSpan) -> None:
        raise OSError("no end")


@pytest.mark.fast_path
def test_spans_beside_processors_of_the_program_are_fast_ones() -> None:
    """They hold only what varies, and processors get them when they have ended, in the order in which they were added."""
    ours, raises, added = _Ours(_SAMPLERS["default"], {}), _Raises(), [_Added(), _Added()]
    order: list[Any] = []
    for processor in (added[0], raises, added[1]):
        ours.provider.add_span_processor(processor)
    added[0].calls = added[1].calls = order
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("csg_otel.faults.strict", False)
        before = faults.counts().get("_Raises", 0)
        shared = clean.Shared({"a": 1}, "x", SpanKind.CLIENT)
        start = ours.tracer.span_site(shared, ours.tracer.start_span)
        spans = [ours.tracer.start_span("x"), start(otel_context.Context(), shared, 5)]
        for span in spans:
            span.end()

    assert all(isinstance(span, FastSpan) for span in spans)
    assert order == [("start", "x")] * 4 + [("end", "x")] * 4
    assert faults.counts()["_Raises"] == before + 6
    assert [dict(span.attributes or {}) for span in ours.ended()] == [
        {"by processor": True},
        {"a": 1, "by processor": True},
    ]


@pytest.mark.fast_path
def test_the_spans_of_a_place_stay_shared_beside_a_processor_that_reads_them() -> None:
    """Reading the attributes copies nothing, so the export can encode the place once."""
    ours = _Ours(_SAMPLERS["default"], {})
    reads = SpanProcessor()
    ours.provider.add_span_processor(reads)
    shared = clean.Shared({"a": 1}, "x", SpanKind.CLIENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reads, "on_end", lambda span: dict(span.attributes))
        ours.tracer.span_site(shared, ours.tracer.start_span)(otel_context.Context(), shared, 5).end(7)
    (ended,) = ours.ended()

    assert isinstance(ended, ReadableSpan)
    assert ended.csg_otel_varying()[0] is shared  # type: ignore[attr-defined] # of fast spans


class _Redacts(SpanProcessor):
    """A processor that redacts in the usual way: public methods cannot change a span that ends."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        span._attributes = BoundedAttributes(attributes={**span.attributes, "started": True}, immutable=False)
        span._events = [Event("started", timestamp=3)]
        span._links = [trace.Link(_REMOTE)]

    def _on_ending(self, span: Any) -> None:
        span._attributes = {**span.attributes, "ending": True}

    def on_end(self, span: Any) -> None:
        span._attributes = {**span.attributes, "secret": "[redacted]"}
        span._events = (*span.events, Event("ended", timestamp=9))
        span._name = "renamed"


def test_what_a_processor_sets_in_private_fields_is_exported() -> None:
    """Some processors redact by setting fields of the SDK's spans, which works with fast spans, too."""
    sides = _Ours(_SAMPLERS["default"], {}), _Official(_SAMPLERS["default"], {})
    ended: list[list[ReadableSpan]] = []
    for side in sides:
        side.provider.add_span_processor(_Redacts())
        span = side.tracer.start_span("x", attributes={"secret": "abc"}, start_time=1)
        span.set_attribute("later", 1)
        span.add_event("event", timestamp=4)
        span.add_link(_UNSAMPLED)
        span.end(5)
        ended.append(side.ended())
    ours = ended[0][0]

    assert _shown(ended[0]) == _shown(ended[1])
    assert json.loads(ours.to_json())["attributes"] == dict(ours.attributes or {})
    assert list(_compat.span_contents(ours)[9].items()) == list((ours.attributes or {}).items())
    assert (ours.name, (ours.attributes or {})["secret"]) == ("renamed", "[redacted]")


def test_a_span_that_many_threads_end_is_queued_once() -> None:
    """Only the first end counts."""
    ours = _Ours(_SAMPLERS["default"], {})
    for _ in range(200):
        span, barrier = ours.tracer.start_span("x"), threading.Barrier(4)

        def end(span: Any = span, barrier: Any = barrier) -> None:
            barrier.wait()
            span.end()

        threads = [threading.Thread(target=end) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(ours.ended()) == 200


def test_an_attribute_that_the_program_changes_later_is_as_at_the_start() -> None:
    """A dictionary that the program uses again does not change spans that have started with it."""
    ours, attributes = _Ours(_SAMPLERS["default"], {}), {"a": 1}
    span = ours.tracer.start_span("x", attributes=attributes)
    attributes["a"] = 2
    span.end()

    assert dict(ours.ended()[0].attributes or {}) == {"a": 1}


def test_limits_of_length_hold() -> None:
    """A limit below the length of usual texts cuts them as the SDK does."""
    ours = _Ours(_SAMPLERS["default"], {"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3"})
    ours.tracer.start_span("x", attributes={"a": "abcdef"}).end()

    assert dict(ours.ended()[0].attributes or {}) == {"a": "abc"}


def test_an_exception_is_recorded_as_by_the_sdk() -> None:
    """An exception's type, message and stack are an event of the span."""
    sides = _Ours(_SAMPLERS["default"], {}), _Official(_SAMPLERS["default"], {})
    for side in sides:
        with pytest.raises(ValueError, match="no"), side.tracer.start_as_current_span("x"):
            raise ValueError("no")
    ours, official = (side.ended()[0] for side in sides)

    assert ours.status.status_code is official.status.status_code is StatusCode.ERROR
    assert ours.status.description == official.status.description
    assert (ours.events[0].attributes or {}).keys() == (official.events[0].attributes or {}).keys()


@pytest.mark.fast_path
def test_an_sdk_of_another_form_makes_the_spans_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the self-test fails, spans are the SDK's own, and the reason is kept for the doctor."""
    self_test.problem.cache_clear()
    monkeypatch.setattr(FastSpan, "_attributes", property(lambda _: {}))
    try:
        span = _Ours(_SAMPLERS["default"], {}).tracer.start_span("x", attributes={"a": 1})

        assert not isinstance(span, FastSpan)
        assert self_test.problem()
    finally:
        self_test.problem.cache_clear()


@pytest.mark.fast_path
def test_an_interruption_of_the_first_use_costs_no_later_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler that raises while a tracer is made fast leaves the SDK's own, which works."""
    ours = _Ours(_SAMPLERS["default"], {})

    def interrupted(_sampler: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("csg_otel.pipeline._compat_tracers._bound", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ours.provider.get_tracer("another")
    ours.provider.get_tracer("another").start_span("x").end()

    assert [span.name for span in ours.ended()] == ["x"]


def test_a_runtime_context_of_the_program_is_asked_by_the_public_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the usual runtime context is read directly; one that ``OTEL_PYTHON_CONTEXT`` names is not."""

    class Own:
        def get_current(self) -> otel_context.Context:
            return otel_context.Context({"own": True})

    public = otel_context.get_current, otel_context.attach
    assert not set(_compat_context._functions()) & set(public)
    monkeypatch.setattr(otel_context, "_RUNTIME_CONTEXT", Own())

    assert _compat_context._functions() == public
    assert _compat_context._functions()[0]().get("own") is True


@pytest.mark.fast_path
def test_an_end_during_another_end_does_nothing() -> None:
    """The second end comes when the first has begun and has set no time yet, as on another thread."""
    ours = _Ours(_SAMPLERS["default"], {})
    span: Any = ours.tracer.start_span("x")
    del span._record_end_metrics
    span.end()

    assert (span.is_recording(), ours.ended()) == (True, [])
