"""
Items that OTLP can carry, from whatever came through the SDK. Pure; runs on the threads that export.

An item that is sound comes out as it is, after a look that costs next to nothing. Another comes out as a copy with the bad
parts told by their text, cut or left out, because one that can't be encoded, or that no receiver can decode, costs its batch.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status

from csg_otel import attributes as clean
from csg_otel.pipeline.limits import LONGEST_VALUE

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord

_LARGEST: Final = 2**63
_LAST_NS: Final = 2**64 - 1
_DEEPEST: Final = 8
"""Levels of a nested value; protobuf's decoders refuse a whole request for a hundred."""

_MOST: Final = 4 * LONGEST_VALUE
"""Characters and items of one nested value together."""


def span(given: ReadableSpan) -> ReadableSpan:
    """Return *given*, or a copy of it that can be encoded."""
    if _span_is_sound(given):
        return given
    start = _time(given.start_time) or 0
    return ReadableSpan(
        name=clean.text(given.name),
        context=given.get_span_context(),
        parent=given.parent,
        resource=resource(given.resource),
        attributes=_attributes(given.attributes),
        events=[_event(event, start) for event in given.events],
        links=[link for link in map(_link, given.links) if link is not None],
        kind=_kind(given.kind),
        status=_status(given.status),
        start_time=start,
        end_time=_time(given.end_time) or start,
        instrumentation_scope=given.instrumentation_scope,
    )


def record(given: ReadableLogRecord) -> ReadableLogRecord:
    """Return *given*, or a copy of it that can be encoded."""
    log = given.log_record
    if _record_is_sound(given):
        return given
    fixed = copy.copy(log)
    fixed.body = _told(log.body)
    fixed.attributes = _attributes(log.attributes)
    fixed.severity_text = None if log.severity_text is None else clean.text(log.severity_text)
    fixed.severity_number = _severity(log.severity_number)
    fixed.event_name = None if log.event_name is None else clean.text(log.event_name)
    fixed.observed_timestamp = _time(log.observed_timestamp) or 0
    fixed.timestamp = _time(log.timestamp) or fixed.observed_timestamp
    fixed.trace_id = log.trace_id if _fits(log.trace_id, 128) else 0
    fixed.span_id = log.span_id if _fits(log.span_id, 64) else 0
    return replace(given, log_record=fixed, resource=resource(given.resource))


def metrics(given: MetricsData) -> tuple[MetricsData, ...]:
    """
    Return *given* as collections of one metric each, with values OTLP can carry.

    For a collection that can't be encoded as a whole, so that the metric at fault can be left out alone.
    """
    found = []
    for of_resource in given.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                data: Any = metric.data
                data = replace(data, data_points=[_point(point) for point in data.data_points])
                fixed = replace(metric, description=clean.text(metric.description or ""), data=data)
                scope = replace(of_scope, metrics=[fixed])
                whose = replace(of_resource, resource=resource(of_resource.resource), scope_metrics=[scope])
                found.append(MetricsData([whose]))
    return tuple(found)


def resource(given: Resource) -> Resource:
    """Return *given*, or one like it that can be encoded, and be hashed as the SDK does it."""
    if _whose_is_sound(given):
        return given
    return Resource(clean.clean(given.attributes), clean.text(given.schema_url or ""))


# -- what is sound -----------------------------------------------------------------------------------------------------

_last_sound: list[Resource] = []
"""The resource seen last: nearly always the one of all items."""


def _whose_is_sound(given: Resource) -> bool:
    if _last_sound and _last_sound[0] is given:
        return True
    found = all(_is_sound(key, value) and type(value) is not bytes for key, value in given.attributes.items())
    if found:
        _last_sound[:] = [given]
    return found


def _span_is_sound(given: ReadableSpan) -> bool:
    if not (_is_text(given.name) and _kind(given.kind) is given.kind and _whose_is_sound(given.resource)):
        return False
    if not (_is_time(given.start_time) and _is_time(given.end_time)) or given.dropped_attributes < 0:
        return False
    said = given.status.description
    if said is not None and not _is_text(said):
        return False
    parts = [given.attributes]
    for event in given.events:
        if not (_is_text(event.name) and _is_time(event.timestamp)):
            return False
        parts.append(event.attributes)
    for link in given.links:
        if not (_fits(link.context.trace_id, 128) and _fits(link.context.span_id, 64)):
            return False
        parts.append(link.attributes)
    return all(map(_are_sound, parts))


def _record_is_sound(given: ReadableLogRecord) -> bool:
    log = given.log_record
    return (
        _is_sound("body", log.body)
        and given.dropped_attributes >= 0
        and _is_time(log.timestamp, optional=True)
        and _is_time(log.observed_timestamp, optional=True)
        and all(text is None or _is_text(text) for text in (log.severity_text, log.event_name))
        and _severity(log.severity_number) is log.severity_number
        and _fits(log.trace_id, 128)
        and _fits(log.span_id, 64)
        and _are_sound(log.attributes)
        and _whose_is_sound(given.resource)
    )


def _are_sound(attributes: Mapping[str, Any] | None) -> bool:
    if not attributes:
        return True
    # A copy is one plain dictionary; the SDK's own takes a lock and a call for every item.
    found = attributes.copy() if hasattr(attributes, "copy") else attributes
    for key, value in found.items():
        plain = type(value) is str and value.isascii() and len(value) <= LONGEST_VALUE
        if not (plain and type(key) is str and key.isascii()) and not _is_sound(key, value):
            return False
    return True


def _is_sound(key: Any, value: Any) -> bool:
    if not _is_text(key):
        return False
    kind = type(value)
    if kind is str:
        return _is_text(value)
    if kind is int:
        return bool(-_LARGEST <= value < _LARGEST)
    if kind is tuple and len(value) <= clean.MOST_ITEMS:
        return all(type(item) is not tuple and _is_sound(key, item) for item in value)
    return kind is bool or kind is float or value is None


def _is_time(given: Any, *, optional: bool = False) -> bool:
    return 0 <= given <= _LAST_NS if type(given) is int else optional and given is None


def _is_text(given: Any) -> bool:
    if type(given) is not str or len(given) > LONGEST_VALUE:
        return False
    if given.isascii():
        return True
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return True


# -- what is made of the rest ------------------------------------------------------------------------------------------


def _attributes(given: Mapping[str, Any] | None) -> dict[str, Any]:
    found = {}
    for key, value in (given or {}).items():
        if name := clean.text(key):
            found[name] = _told(value)
    return found


def _told(given: Any) -> Any:
    try:
        return _value(given, [_MOST], 0)
    except Exception:  # noqa: BLE001 - an object of the program may fail at anything
        return clean.text(given)


def _value(given: Any, left: list[int], depth: int) -> Any:
    """Return *given* as OTLP can carry it; *left* is what may still be told of the whole value."""
    left[0] -= 1
    if given is None or isinstance(given, (bool, int, float)):
        fits = not isinstance(given, int) or -_LARGEST <= given < _LARGEST
        return given if fits else clean.text(given)
    if isinstance(given, (str, bytes)):
        most = max(0, min(len(given), LONGEST_VALUE, left[0]))
        left[0] -= most
        return given[:most] if isinstance(given, bytes) else clean.text(given, most)
    if depth >= _DEEPEST or not isinstance(given, (Mapping, Sequence)):
        return clean.text(given)
    if isinstance(given, Mapping):
        pairs = itertools.takewhile(lambda _: left[0] > 0, given.items())
        return {clean.text(key): _value(value, left, depth + 1) for key, value in pairs}
    return tuple(_value(item, left, depth + 1) for item in itertools.takewhile(lambda _: left[0] > 0, given))


def _kind(given: Any) -> SpanKind:
    return given if isinstance(given, SpanKind) else SpanKind.INTERNAL


def _severity(given: Any) -> SeverityNumber | None:
    return given if isinstance(given, SeverityNumber) else None


def _event(given: Event, start: int) -> Event:
    at_ns = _time(given.timestamp)
    return Event(clean.text(given.name), _attributes(given.attributes), start if at_ns is None else at_ns)


def _link(given: Link) -> Link | None:
    to: Any = given.context
    if not (isinstance(to, SpanContext) and _fits(to.trace_id, 128) and _fits(to.span_id, 64)):
        return None
    return Link(to, _attributes(given.attributes))


def _status(given: Status) -> Status:
    said = given.description
    return Status(given.status_code, None if said is None else clean.text(said))


def _point(given: Any) -> Any:
    attributes = clean.clean(given.attributes or {})
    # A sum of whole numbers may have grown beyond what OTLP can carry.
    if hasattr(given, "value"):
        number = clean.number(given.value)
        return replace(given, attributes=attributes, exemplars=(), value=0.0 if number is None else number)
    return replace(given, attributes=attributes, exemplars=())


def _time(given: Any) -> int | None:
    """Return nanoseconds since the epoch that OTLP can carry; None for what are none."""
    number = clean.number(given)
    return None if number is None else max(0, min(int(number), _LAST_NS))


def _fits(given: Any, bits: int) -> bool:
    return given is None or (isinstance(given, int) and 0 <= given < 2**bits)
