"""
Spans in a tenth of the time of the SDK's, which are otherwise the same. Private parts of the SDK are used as in ``_compat``.

A span holds what varies: its name, ids, times and attributes. What all spans of a tracer share is on their class, and lists
and locks are made when they are needed. The SDK's own ``start_span`` serves the rest: links, and samplers of others.
"""

from __future__ import annotations

import threading
from random import getrandbits
from time import time_ns
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.attributes import BoundedAttributes
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
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from csg_otel import attributes as clean
from csg_otel import faults, interruptions
from csg_otel._compat_context import SPAN_KEY, current
from csg_otel.names import MAX_ATTRIBUTE_LENGTH
from csg_otel.pipeline._compat_ended import EndedSpan
from csg_otel.pipeline.processors import SpanProcessors
from csg_otel.pipeline.safe_spans import SafeSpan, is_discarded
from csg_otel.pipeline.sdk_counts import SpanCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context

_NO_STATE: Final = TraceState()
_FLAGS: Final = tuple(map(TraceFlags, range(4)))
"""The flags of a span: 1 is sampled, 2 has a random trace id."""
_ALL_TRACES: Final = 2**64
_LOW: Final = _ALL_TRACES - 1
_SAMPLED, _RECORDED, _DROPPED = Decision.RECORD_AND_SAMPLE, Decision.RECORD_ONLY, Decision.DROP
_FIELDS: Final = 4
"""The fields of an ended span with nothing but what all spans have: context, parent, start and end."""
_END_OF_TIME: Final = 2**64
"""The first time in nanoseconds that OTLP can't carry."""
_NUMBERS: Final = frozenset((bool, int, float))
_UNSET: Final = Status(StatusCode.UNSET)
_new: Final = object.__new__
_new_tuple: Final[Any] = tuple.__new__


class FastSpan(SafeSpan):
    """A span of a tracer of the installed provider; the tracer has a subclass with what its spans share."""

    _end_time: int | None = None
    _status = _UNSET
    _record_exception = _set_status_on_exception = True
    _trace_config = None
    _context: Any
    _values: dict[str, Any]
    _bounded: BoundedAttributes | None = None
    _own_events: Any = None
    _own_links: Any = None
    _record_end_metrics: Any
    _span_processor: SpanProcessors

    @property
    def _lock(self) -> Any:  # type: ignore[override]
        return self.__dict__.get("_own_lock") or self.__dict__.setdefault("_own_lock", threading.RLock())

    @property
    def _attributes(self) -> BoundedAttributes:
        bounded = self._bounded
        if bounded is None:
            limits = self._limits
            bounded = BoundedAttributes(
                limits.max_span_attributes, None, immutable=False, max_value_len=limits.max_span_attribute_length
            )
            bounded._dict = self._own_values()  # clean already
            bounded._immutable = self._end_time is not None
            bounded = self.__dict__.setdefault("_bounded", bounded)
        return bounded

    @_attributes.setter
    def _attributes(self, attributes: Any) -> None:
        """Set other attributes, as some processors do."""
        limits = self._limits
        if type(attributes) is not BoundedAttributes:
            attributes = BoundedAttributes(
                limits.max_span_attributes, attributes, immutable=False, max_value_len=limits.max_span_attribute_length
            )
        attributes._immutable = self._end_time is not None
        self._bounded = attributes

    def _own_values(self) -> dict[str, Any]:
        """Return the attributes, which can be changed; those of a site are shared."""
        values: dict[str, Any] | None = self.__dict__.get("_values")
        return self.__dict__.setdefault("_values", dict(self._values)) if values is None else values

    @property
    def _events(self) -> Any:
        return self._own_events or self.__dict__.setdefault("_own_events", BoundedList(self._limits.max_events))

    @_events.setter
    def _events(self, events: Any) -> None:
        self._own_events = (
            events if type(events) is BoundedList else BoundedList.from_seq(self._limits.max_events, events)
        )

    @property
    def _links(self) -> Any:
        return self._own_links or self.__dict__.setdefault("_own_links", BoundedList(self._limits.max_links))

    @_links.setter
    def _links(self, links: Any) -> None:
        self._own_links = links if type(links) is BoundedList else BoundedList.from_seq(self._limits.max_links, links)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute; a value that OpenTelemetry does not allow is set as text."""
        own, limits, kind = self.__dict__, self._limits, type(value)
        values, length = self._own_values(), limits.max_span_attribute_length
        if (
            "_bounded" in own
            or "_end_time" in own
            or type(key) is not str
            or not key
            or not ((kind is str and (length is None or len(value) <= length)) or kind in _NUMBERS)
            or (limits.max_span_attributes is not None and len(values) >= limits.max_span_attributes)
        ):
            super().set_attribute(key, value)
            return
        values.pop(key, None)  # the SDK moves it to the end, too
        values[key] = value

    def set_status(self, status: Any, description: str | None = None) -> None:
        """Set the status; an invalid value changes nothing."""
        if type(status) is not Status or description is not None or "_end_time" in self.__dict__:
            super().set_status(status, description)
        elif status._status_code is not StatusCode.UNSET and self._status.status_code is not StatusCode.OK:
            self._status = status

    def _add_event(self, event: Any) -> None:
        if "_end_time" in self.__dict__:
            super()._add_event(event)  # which warns
        else:
            self._events.append(event)

    def csg_otel_values(self) -> dict[str, Any]:
        """Return the attributes of the ended span, to be read only."""
        return self._values if self._bounded is None else self._bounded._dict

    def csg_otel_contents(self) -> tuple[Any, ...]:
        """Return the contents of the ended span, as ``_compat.span_contents`` does."""
        bounded, events, links = self._bounded, self._own_events, self._own_links
        return (
            *(self._name, self._context, self._parent, self._kind, self._start_time, self._end_time, self._status),
            *(self._resource, self._instrumentation_scope),
            self.csg_otel_values(),
            () if events is None else events._dq,
            () if links is None else links._dq,
            *(0 if bounded_list is None else bounded_list.dropped for bounded_list in (bounded, events, links)),
        )

    def csg_otel_varying(self) -> tuple[Any, ...] | None:
        """
        Return what the ended span does not share with those of its place; None if it has more than these.

        It is: what they share, resource, scope, trace id, span id, the parent's span id or 0, whether it is remote, start, end.
        """
        own = self.__dict__
        shared = self._values
        if len(own) != _FIELDS or type(shared) is not clean.Shared:  # the name, the status or another field is its own
            return None
        trace_id, span_id, _, _, state, _ = own["_context"]
        start, end, parent = own["_start_time"], own["_end_time"], own["_parent"]
        if not (type(start) is type(end) is int and 0 <= start < _END_OF_TIME and 0 <= end < _END_OF_TIME) or (
            state is not _NO_STATE and state
        ):
            return None
        resource, library = self._resource, self._instrumentation_scope
        if parent is None:
            return shared, resource, library, trace_id, span_id, 0, False, start, end
        return shared, resource, library, trace_id, span_id, parent[1], parent[2], start, end

    def end(self, end_time: int | None = None) -> None:
        """End the span and queue it; an exception of the program's span processors is contained."""
        try:
            count_end = self._record_end_metrics
            del self._record_end_metrics  # the first of several calls and threads succeeds
        except AttributeError:
            if self._end_time is not None:  # else another thread is ending the span now
                super().end(end_time)  # which warns
            return
        try:
            self._end_time = time_ns() if end_time is None else end_time
            if self._bounded is not None:
                self._bounded._immutable = True
            count_end()
            if not self.discarded:
                processors: Any = self._span_processor._span_processors
                if len(processors) == 1:
                    processors[0].pass_on(self, sampled=self._context[3] & 1)
                else:
                    self._span_processor.pass_on(self, EndedSpan(self), sampled=self._context[3] & 1)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("traces")


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
        fields = {"_name": shared.name, "_kind": shared.kind, "_values": shared}
        own_class: Any = type("FastSpan", (self._span_class,), fields)
        own, processors, most, begin = self._own, self._processors, self._most_attributes, self.begin

        def start(context: Context, captured: Mapping[str, Any] | None, start_time: int) -> Any:
            values = None if captured is None else clean.Sound({**shared, **captured})
            span: Any = None
            try:
                if not values or len(values) <= most:
                    span = begin(own_class, context.get(SPAN_KEY), start_time)
            except Exception:  # noqa: BLE001 - of the current span, which is one of another vendor
                interruptions.let_through()
            if span is None:
                return otherwise(context, captured, start_time)
            if type(span) is own_class:
                if values:
                    span._values = values
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
            trace_id, flags, state, origin = getrandbits(128) or 1, 2, _NO_STATE, 0
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
