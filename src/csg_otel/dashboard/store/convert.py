"""
Conversion of the SDK's spans and log records into rows of the model, on the dashboard's own thread.

The rules: a row is JSON that every parser accepts, whatever values the program uses; no secret is in it; and no row is longer
than the limits below. What other programs send gets into the store by the same functions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.semconv.attributes import exception_attributes
from opentelemetry.trace import format_span_id, format_trace_id

from csg_otel.dashboard.model.words import LEVELS
from csg_otel.dashboard.store.items import level
from csg_otel.plain_values import json_value
from csg_otel.privacy import active

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

    from csg_otel.dashboard.model import Attributes, EventRow, ExceptionRow, LinkRow, LogRow, SpanRow

_MOST_CHARS: Final = 2000
"""Characters of one text that are kept; the destinations get up to 16,384."""

_MOST_STACK: Final = 8000
"""Characters of a stack trace; its end, which has the cause, is kept."""

_INTEGERS: Final = range(-(2**63), 2**63)

MOST_EVENTS: Final = 50
MOST_LINKS: Final = 20

EXCEPTION: Final = (
    exception_attributes.EXCEPTION_TYPE,
    exception_attributes.EXCEPTION_MESSAGE,
    exception_attributes.EXCEPTION_STACKTRACE,
)


def seconds(nanoseconds: int) -> float:
    """Return a time in seconds, as the nearest float; dividing by a float would round twice."""
    return nanoseconds / 1_000_000_000


def span_row(span: ReadableSpan, service: str) -> SpanRow:
    """Return *span*, which may still be running, as a row; *service* is used if its resource has no name."""
    context = span.context
    start, end = seconds(span.start_time or 0), seconds(span.end_time) if span.end_time is not None else None
    return {
        "trace_id": format_trace_id(context.trace_id),
        "span_id": format_span_id(context.span_id),
        "parent_id": format_span_id(span.parent.span_id) if span.parent is not None else None,
        "name": text(span.name),
        "kind": span.kind.name.lower(),  # type: ignore[typeddict-item] # the names are the literals
        "service": _service(span.resource, service),
        "scope": _scope(span.instrumentation_scope),
        "start": start,
        "end": end,
        "duration_s": None if end is None else max(0.0, end - start),
        "status": span.status.status_code.name.lower(),  # type: ignore[typeddict-item]
        "status_message": text(span.status.description or ""),
        "attributes": attributes(span.attributes),
        "events": [_event(event) for event in tuple(span.events)[-MOST_EVENTS:]],
        "links": [_link(link) for link in tuple(span.links)[:MOST_LINKS]],
    }


def _event(event: Any) -> EventRow:
    return {"time": seconds(event.timestamp), "name": text(event.name), "attributes": attributes(event.attributes)}


def _link(link: Any) -> LinkRow:
    return {
        "trace_id": format_trace_id(link.context.trace_id),
        "span_id": format_span_id(link.context.span_id),
        "attributes": attributes(link.attributes),
    }


def log_row(record: ReadableLogRecord, service: str) -> LogRow:
    """Return *record* as a row with the id 0; *service* is used if its resource has no name."""
    log = record.log_record
    severity = log.severity_number.value if log.severity_number is not None else 0
    values = attributes(log.attributes)
    failure = exception(values)
    return {
        "id": 0,
        "time": seconds(log.timestamp or log.observed_timestamp or 0),
        "level": LEVELS[level(severity)],
        "severity": severity,
        "logger": _scope(record.instrumentation_scope),
        "body": body(log.body) if log.body is not None else text(str(log.event_name or "")),
        "service": _service(record.resource, service),
        "trace_id": format_trace_id(log.trace_id) if log.trace_id else "",
        "span_id": format_span_id(log.span_id) if log.span_id else "",
        "attributes": values,
        "exception": failure,
    }


def exception(values: Attributes) -> ExceptionRow | None:
    """Return the exception in *values*, and remove it from them; None without one."""
    kind, message, stacktrace = (str(values.pop(key, "")) for key in EXCEPTION)
    if not (kind or stacktrace):
        return None
    return {"type": kind, "message": message, "stacktrace": stacktrace}


def body(raw: Any) -> str:
    """Return the body of a log record as text."""
    value = active.scrubber().value("", json_value(raw))
    if value is None:
        return ""
    return _cut(value if isinstance(value, str) else str(value))


def attributes(values: Mapping[str, Any] | None) -> Attributes:
    """Return *values* as JSON can hold them, without secrets; long texts are cut."""
    plain: Attributes = {}
    for key, value in (dict(values) if values else {}).items():
        kind = type(value)
        # The usual keys and values need none of the calls, which take longer than all else here.
        is_sound = value.isascii() if kind is str else kind is bool or (kind is int and value in _INTEGERS)
        name = key if type(key) is str and key.isascii() else str(json_value(str(key)))
        plain[name] = value if is_sound else json_value(value)
    scrubbed = active.scrubber().mapping(plain)  # before anything is cut: half a secret does not look like one
    return {
        key if len(key) <= _MOST_CHARS else _cut(key): value
        if type(value) is str and len(value) <= _MOST_CHARS
        else _short(key, value)
        for key, value in scrubbed.items()
    }


def _short(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return value[-_MOST_STACK:] if key == exception_attributes.EXCEPTION_STACKTRACE else _cut(value)
    if isinstance(value, (list, dict)) and len(written := json.dumps(value, ensure_ascii=False)) > _MOST_CHARS:
        return _cut(written)
    return value


def text(value: str) -> str:
    """Return *value* without secrets, cut to the longest text that is kept."""
    return _cut(active.scrubber().text(value if value.isascii() else str(json_value(value))))


def _cut(value: str) -> str:
    return value if len(value) <= _MOST_CHARS else f"{value[:_MOST_CHARS]} ..."


def _scope(scope: Any) -> str:
    return text(str(scope.name)) if scope is not None else ""


def _service(resource: Any, default: str) -> str:
    name = resource.attributes.get("service.name") if resource is not None else None
    return str(name) if name else default
