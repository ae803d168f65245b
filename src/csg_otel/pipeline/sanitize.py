"""
Sanitized spans, log records and metrics: copies with only values that OTLP can carry. Pure; runs on the exporting threads.

A valid item is returned unchanged, after a quick check. Any other item is returned as a copy, whose bad values are replaced by
their text, cut, or left out. Otherwise one item that can't be encoded or decoded would cost its whole batch.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext, SpanKind, Status

from csg_otel import attributes as clean
from csg_otel.names import LONGEST_VALUE, MAX_ATTRIBUTE_LENGTH
from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord

_LARGEST: Final = 2**63
"""The smallest positive integer that OTLP can't carry."""

_LAST_NS: Final = 2**64 - 1
"""The last time that OTLP can carry, in nanoseconds since the epoch."""

_MOST_DROPPED: Final = 2**32 - 1
"""The largest number of dropped items that OTLP can carry."""


def span(original: ReadableSpan) -> ReadableSpan:
    """Return *original*, or a copy that can be encoded."""
    if is_sound_span(_compat.span_contents(original)):
        return original
    start = _time(original.start_time) or 0
    return ReadableSpan(
        name=_text(original.name),
        context=original.get_span_context(),
        parent=original.parent,
        resource=resource(original.resource),
        attributes=_attributes(original.attributes, original.dropped_attributes),
        events=counted_list([_event(event, start) for event in original.events], original.dropped_events),
        links=_links(original),
        kind=_kind(original.kind),
        status=_status(original.status),
        start_time=start,
        end_time=_time(original.end_time) or start,
        instrumentation_scope=original.instrumentation_scope,
    )


def record(original: ReadableLogRecord) -> ReadableLogRecord:
    """Return *original*, or a copy that can be encoded."""
    log = original.log_record
    if _record_is_sound(original):
        return original
    sound = copy.copy(log)
    sound.body = _contained_value(log.body)
    sound.attributes = _attributes(log.attributes, original.dropped_attributes)
    sound.severity_text = None if log.severity_text is None else _text(log.severity_text)
    sound.severity_number = _severity(log.severity_number)
    sound.event_name = None if log.event_name is None else _text(log.event_name)
    sound.observed_timestamp = _time(log.observed_timestamp) or 0
    sound.timestamp = _time(log.timestamp) or sound.observed_timestamp
    sound.trace_id = log.trace_id if _fits(log.trace_id, 128) else 0
    sound.span_id = log.span_id if _fits(log.span_id, 64) else 0
    return replace(original, log_record=sound, resource=resource(original.resource))


def metrics(original: MetricsData) -> tuple[MetricsData, ...]:
    """
    Return *original* as collections of one metric each, with only values that OTLP can carry.

    Used if a collection can't be encoded as a whole, so that only the metric that fails is left out.
    """
    collections = []
    for resource_metrics in original.resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                data: Any = metric.data
                data = replace(data, data_points=[_point(point) for point in data.data_points])
                sound = replace(metric, description=_text(metric.description or ""), data=data)
                scope = replace(scope_metrics, metrics=[sound])
                owner = replace(resource_metrics, resource=resource(resource_metrics.resource), scope_metrics=[scope])
                collections.append(MetricsData([owner]))
    return tuple(collections)


def resource(original: Resource) -> Resource:
    """Return *original*, or a copy that can be encoded, and that can be hashed (the SDK uses resources as keys)."""
    if _resource_is_sound(original):
        return original
    return Resource(clean.clean(original.attributes), _text(original.schema_url or ""))


# -- the check ---------------------------------------------------------------------------------------------------------

_last_sound: list[Resource] = []
"""The resource that passed the last check: nearly always all items have the same one."""


def _resource_is_sound(original: Resource) -> bool:
    if _last_sound and _last_sound[0] is original:
        return True
    sound = all(_is_sound(key, value) and type(value) is not bytes for key, value in original.attributes.items())
    if sound:
        _last_sound[:] = [original]
    return sound


def is_sound_span(contents: Any) -> bool:
    """Return whether a span with *contents* (``_compat.span_contents``) can be encoded as it is."""
    name, _, _, kind, start, end, status, owner, _, attributes, events, links, dropped, _, _ = contents
    if not (
        _is_text(name)
        and isinstance(kind, SpanKind)
        and _resource_is_sound(owner)
        and _is_time(start)
        and _is_time(end)
        and dropped >= 0
    ):
        return False
    description = status.description
    if description is not None and not _is_text(description):
        return False
    for event in events:
        if not (_is_text(event.name) and _is_time(event.timestamp) and _are_sound(event.attributes)):
            return False
    for link in links:
        target = link.context
        if not (_fits(target.trace_id, 128) and _fits(target.span_id, 64) and _are_sound(link.attributes)):
            return False
    return _are_sound(attributes)


def _record_is_sound(original: ReadableLogRecord) -> bool:
    log = original.log_record
    return (
        _is_sound("body", log.body)
        and original.dropped_attributes >= 0
        and _is_time(log.timestamp, optional=True)
        and _is_time(log.observed_timestamp, optional=True)
        and all(text is None or _is_text(text) for text in (log.severity_text, log.event_name))
        and _severity(log.severity_number) is log.severity_number
        and _fits(log.trace_id, 128)
        and _fits(log.span_id, 64)
        and _are_sound(log.attributes)
        and _resource_is_sound(original.resource)
    )


def _are_sound(attributes: Mapping[str, Any] | None) -> bool:
    if not attributes or isinstance(attributes, clean.Sound):
        return True
    for key, value in _compat.plain(attributes).items():
        is_ascii = type(value) is str and value.isascii() and len(value) <= LONGEST_VALUE
        if not (is_ascii and type(key) is str and key.isascii()) and not _is_sound(key, value):
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


def _is_time(value: Any, *, optional: bool = False) -> bool:
    return 0 <= value <= _LAST_NS if type(value) is int else optional and value is None


def _is_text(value: Any) -> bool:
    if type(value) is not str or len(value) > LONGEST_VALUE:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_PLAIN: Final = frozenset((str, int, float, bool, bytes, type(None)))
"""Classes whose values are encoded without a call of the program's code; a subclass may have methods of its own."""


def is_plain_span(original: ReadableSpan) -> bool:
    """Return whether *original* is made of plain values alone, so that neither its check nor its copy calls other code."""
    name, _, _, _, _, _, status, _, _, attributes, events, links, *_ = _compat.span_contents(original)
    if type(name) not in _PLAIN or type(status.description) not in _PLAIN or not _holds_plain(attributes):
        return False
    if not events and not links:
        return True
    parts = (*events, *links)
    return _is_plain([event.name for event in events]) and all(_holds_plain(part.attributes) for part in parts)


def is_plain_record(original: ReadableLogRecord) -> bool:
    """Return the same of a log record."""
    log = original.log_record
    return _is_plain((log.body, log.severity_text, log.event_name)) and _holds_plain(log.attributes)


def _holds_plain(attributes: Any) -> bool:
    if not attributes or isinstance(attributes, clean.Sound):
        return True
    return _is_plain(attributes.copy() if type(attributes) in (BoundedAttributes, MappingProxyType) else attributes)


def _is_plain(value: Any, depth: int = 8) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is dict:
        return _are_plain(value, depth) and _are_plain(value.values(), depth)
    return kind in (list, tuple) and _are_plain(value, depth)


def _are_plain(values: Collection[Any], depth: int) -> bool:
    if _PLAIN.issuperset(map(type, values)):
        return True
    return depth > 0 and len(values) <= clean.MOST_ITEMS and all(_is_plain(value, depth - 1) for value in values)


# -- the copy ----------------------------------------------------------------------------------------------------------


def _attributes(original: Mapping[str, Any] | None, dropped: int) -> Mapping[str, Any]:
    """Return *original* with valid keys and values; *dropped* and attributes without a key are counted as dropped."""
    sound: dict[str, Any] = {}
    for key, value in (original or {}).items():
        if name := _text(key):
            sound[name] = _contained_value(value)
    return counted_attributes(sound, dropped + len(original or ()) - len(sound))


def counted_attributes(attributes: Mapping[str, Any], dropped: int) -> Mapping[str, Any]:
    """Return *attributes*; where others were *dropped*, as the SDK's mapping, which counts these."""
    if not (dropped := _count(dropped)):
        return attributes
    counted = BoundedAttributes(attributes=attributes)
    counted.dropped = dropped
    return counted


def counted_list(items: list[Any], dropped: int) -> Sequence[Any]:
    """Return *items*; where others were *dropped*, as the SDK's list, which counts these."""
    if not (dropped := _count(dropped)):
        return items
    counted = BoundedList.from_seq(None, items)
    counted.dropped = dropped
    return counted


def _count(dropped: int) -> int:
    return max(0, min(dropped, _MOST_DROPPED))


def _contained_value(value: Any) -> Any:
    """Return *value* in a form that OTLP can carry. Even ``SystemExit`` costs the value only: this is a thread of telemetry."""
    try:
        return clean.nested(value, _text)
    except BaseException:  # noqa: BLE001 - any method of an object of the program may raise
        return _text(value)


def _text(value: Any, limit: int = MAX_ATTRIBUTE_LENGTH) -> str:
    """Return *value* as text, as above."""
    try:
        return clean.text(value, limit)
    except BaseException:  # noqa: BLE001 - as above
        return f"<{type(value).__name__}>"


def _kind(value: Any) -> SpanKind:
    return value if isinstance(value, SpanKind) else SpanKind.INTERNAL


def _severity(value: Any) -> SeverityNumber | None:
    return value if isinstance(value, SeverityNumber) else None


def _event(original: Event, start: int) -> Event:
    at_ns = _time(original.timestamp)
    attributes = _attributes(original.attributes, original.dropped_attributes)
    return Event(_text(original.name), attributes, start if at_ns is None else at_ns)


def _links(original: ReadableSpan) -> Sequence[Link]:
    """Return the valid links of *original*; the others count as dropped."""
    links = [link for link in map(_link, original.links) if link is not None]
    return counted_list(links, original.dropped_links + len(original.links) - len(links))


def _link(original: Link) -> Link | None:
    target: Any = original.context
    if not (isinstance(target, SpanContext) and _fits(target.trace_id, 128) and _fits(target.span_id, 64)):
        return None
    return Link(target, _attributes(original.attributes, original.dropped_attributes))


def _status(original: Status) -> Status:
    description = original.description
    return Status(original.status_code, None if description is None else _text(description))


def _point(original: Any) -> Any:
    attributes = clean.clean(original.attributes or {})
    # A sum of integers may have become larger than OTLP can carry.
    if hasattr(original, "value"):
        number = clean.number(original.value)
        return replace(original, attributes=attributes, exemplars=(), value=0.0 if number is None else number)
    return replace(original, attributes=attributes, exemplars=())


def _time(value: Any) -> int | None:
    """Return *value*, nanoseconds since the epoch, limited to what OTLP can carry; None if it is not a number."""
    number = clean.number(value)
    return None if number is None else max(0, min(int(number), _LAST_NS))


def _fits(value: Any, bits: int) -> bool:
    return value is None or (isinstance(value, int) and 0 <= value < 2**bits)
