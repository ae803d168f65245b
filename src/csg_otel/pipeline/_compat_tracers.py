"""
Tracers that make fast spans (``_compat_spans``). Private parts of the SDK are used as in ``_compat``.

The SDK's own ``start_span`` serves the rest: links, and samplers of others.
"""

from __future__ import annotations

from random import getrandbits
from time import time_ns
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    AlwaysRecordSampler,
    Decision,
    ParentBased,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
)

from csg_otel import attributes as clean
from csg_otel import interruptions
from csg_otel._compat_context import SPAN_KEY, current
from csg_otel.names import MAX_ATTRIBUTE_LENGTH
from csg_otel.pipeline._compat_spans import NO_STATE, FastSpan
from csg_otel.pipeline.processors import SpanProcessors
from csg_otel.pipeline.safe_spans import is_discarded
from csg_otel.pipeline.sdk_counts import SpanCounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

_FLAGS: Final = tuple(map(TraceFlags, range(4)))
"""The flags of a span: 1 is sampled, 2 has a random trace id."""
_ALL_TRACES: Final = 2**64
_LOW: Final = _ALL_TRACES - 1
_SAMPLED, _RECORDED, _DROPPED = Decision.RECORD_AND_SAMPLE, Decision.RECORD_ONLY, Decision.DROP
_new: Final = object.__new__
_new_tuple: Final[Any] = tuple.__new__


class FastTracer(Tracer):
    """A tracer of the installed provider."""

    def prepare(self, processors: Any, base: type[FastSpan] = FastSpan) -> bool:
        """
        Take *processors*, and the sampler and limits that the tracer has; return False if its spans must be the SDK's.

        Else they are of a subclass of *base*.
        """
        sampler = self.sampler
        self._keeps_all = type(sampler) is AlwaysRecordSampler
        if type(sampler) is AlwaysRecordSampler:
            sampler = sampler._root
        self._follows_parent = type(sampler) is ParentBased
        if type(sampler) is ParentBased:
            if not _is_usual(sampler):
                return False
            sampler = sampler._root
        self._processors, self._own = processors, processors.own
        bound = _bound(sampler)
        limits = self._span_limits
        if bound is None or type(self.id_generator) is not RandomIdGenerator or not limits.max_span_attributes:
            return False
        counts: Any = self._tracer_metrics
        self._counts = counts if type(counts) is SpanCounts else None
        self._sampled_below = bound
        length = limits.max_span_attribute_length
        self._most_attributes = limits.max_span_attributes if length is None or length >= MAX_ATTRIBUTE_LENGTH else 0
        self._span_class: Any = type(
            "FastSpan",
            (base,),
            {
                "__module__": __name__,
                "_limits": limits,
                "_resource": self.resource,
                "_sampler": self.sampler,
                "_span_processor": processors,
                "_instrumentation_info": self.instrumentation_info,
                "_instrumentation_scope": self._instrumentation_scope,
            },
        )
        return True

    def start_span(  # noqa: PLR0917 - the API's
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Start a span."""
        span: Any = None
        if (
            not links
            and (not attributes or (len(attributes) <= self._most_attributes and clean.sound(attributes)))
            and type(name) is str
        ):
            parent_span = (current() if context is None else context).get(SPAN_KEY)
            span = self.begin(self._span_class, parent_span, time_ns() if start_time is None else start_time)
        if span is None:
            return super().start_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        if type(span) is self._span_class:
            span._name, span._kind = name, kind
            span._values = dict(attributes) if attributes else {}
            if not record_exception or not set_status_on_exception:
                span._record_exception, span._set_status_on_exception = record_exception, set_status_on_exception
            if (watcher := self._own.watcher) is not None and not span.discarded:
                watcher.started(span)
            if len(self._processors._span_processors) != 1:
                self._processors.start_others(span, context)
        return cast("Span", span)

    def span_site(self, shared: clean.Shared, otherwise: Callable[..., Span]) -> Callable[..., Span]:
        """Return a function that starts spans of one place, as ``SafeTracer.span_site`` describes it."""
        if len(shared) > self._most_attributes:
            return otherwise
        fields = {"_name": shared.name, "_kind": shared.kind, "_values": shared, "__module__": __name__}
        own_class: Any = type("FastSpan", (self._span_class,), fields)
        own, processors, most, begin = self._own, self._processors, self._most_attributes, self.begin

        def start(context: Context, attributes: clean.Sound, start_time: int) -> Any:
            span: Any = None
            try:
                if attributes is shared or len(attributes) <= most:
                    span = begin(own_class, context.get(SPAN_KEY), start_time)
            except Exception:  # noqa: BLE001 - of the current span, which is one of another vendor
                interruptions.let_through()
            if span is None:
                return otherwise(context, attributes, start_time)
            if type(span) is own_class:
                if attributes is not shared:
                    span._values = attributes
                if own.watcher is not None and not span.discarded:
                    own.watcher.started(span)
                if len(processors._span_processors) != 1:
                    processors.start_others(span, context)
            return span

        return start

    def begin(self, span_class: Any, parent_span: Any, start_time: int) -> Any:
        """
        Return a span of *span_class* below *parent_span*; the caller sets the rest. One of another class does not record.

        Returns None if only the SDK's own way can start the span.
        """
        parent: Any = None if parent_span is None else parent_span.get_span_context()
        if (parent is not None and type(parent) is not SpanContext) or not self._tracer_config.is_enabled:
            return None
        if parent is not None and not parent[5]:  # is_valid; the properties of this tuple take longer
            parent = None
        if parent is not None:
            trace_id, flags, state, origin = parent[0], parent[3] & 2, parent[4], 2 if parent[2] else 1
            sampled = parent[3] & 1 if self._follows_parent else trace_id & _LOW < self._sampled_below
        else:
            trace_id, flags, state, origin = getrandbits(128) or 1, 2, NO_STATE, 0
            sampled = trace_id & _LOW < self._sampled_below
        fields = (trace_id, getrandbits(64) or 1, False, _FLAGS[flags + 1 if sampled else flags], state, True)
        span_context: Any = _new_tuple(SpanContext, fields)
        counts = self._counts
        if counts is None:
            decision = _SAMPLED if sampled else _RECORDED if self._keeps_all else _DROPPED
            count_end: Any = self._tracer_metrics.start_span(parent, decision)
            if count_end is None:
                return NonRecordingSpan(span_context)
        else:
            if sampled:
                started, live = counts.sampled, counts.live_sampled
            elif self._keeps_all:
                started, live = counts.recorded, counts.live_recorded
            else:
                counts.dropped[origin].increment()
                return NonRecordingSpan(span_context)
            started[origin].increment()
            live.began.increment()
            count_end = live.ended.increment
        span = _new(span_class)
        span._context, span._parent, span._start_time = span_context, parent, start_time
        span._record_end_metrics = count_end
        if parent_span is not None and is_discarded(parent_span):
            span.discarded = True
        return span


def make_fast(tracer: Any) -> Any:
    """Make *tracer*, of the SDK, a fast one where it does as the usual tracers do; return it."""
    # Last, because a signal handler may raise before, and the SDK keeps the tracer.
    if (
        type(tracer) is Tracer
        and isinstance(processors := tracer.span_processor, SpanProcessors)
        and FastTracer.prepare(cast("FastTracer", tracer), processors)
    ):
        tracer.__class__ = FastTracer
    return tracer


def _is_usual(sampler: ParentBased) -> bool:
    """Return whether *sampler* does as the parent did, for every parent."""
    return (
        sampler._remote_parent_sampled is sampler._local_parent_sampled is ALWAYS_ON
        and sampler._remote_parent_not_sampled is sampler._local_parent_not_sampled is ALWAYS_OFF
    )


def _bound(sampler: Sampler) -> int | None:
    """Return the number below which the last 64 bits of a trace id are sampled; None if *sampler* decides in another way."""
    if type(sampler) is TraceIdRatioBased:
        return sampler.bound
    if sampler is ALWAYS_ON:
        return _ALL_TRACES
    return 0 if sampler is ALWAYS_OFF else None
