"""
Spans in a tenth of the time of the SDK's, which are otherwise the same. Private parts of the SDK are used as in ``_compat``.

A span holds what varies: its name, ids, times and attributes. What all spans of a tracer share is on their class, and lists
and locks are made when they are needed.
"""

from __future__ import annotations

import threading
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import (
    Status,
    StatusCode,
    TraceState,
)

from csg_otel import attributes as clean
from csg_otel import faults
from csg_otel.pipeline._compat_ended import EndedSpan
from csg_otel.pipeline.safe_spans import SafeSpan

if TYPE_CHECKING:
    from csg_otel.pipeline.processors import SpanProcessors

NO_STATE: Final = TraceState()
"""The trace state of a span without one."""
_FIELDS: Final = 4
"""The fields of an ended span with nothing but what all spans have: context, parent, start and end."""
_END_OF_TIME: Final = 2**64
"""The first time in nanoseconds that OTLP can't carry."""
_NUMBERS: Final = frozenset((bool, int, float))
_UNSET: Final = Status(StatusCode.UNSET)


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
            state is not NO_STATE and state
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
