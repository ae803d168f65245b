"""
Spans, log records and changed metric points as JSON for other programs, one object per line. Pure.

The rule: every line is valid JSON, whatever values the program uses. NaN, lone surrogates and objects without a JSON form
become text that JSON allows.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import format_span_id, format_trace_id

from csg_otel.exporters.console.spans import failure_of, record_ns
from csg_otel.plain_values import json_value

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

    from csg_otel.exporters.console.series import Change

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


def span_json(span: ReadableSpan) -> str:
    """Return *span* as one line of JSON; durations are in seconds, times in UTC."""
    failure = failure_of(span)
    return _line(
        {
            "ts": _timestamp(span.start_time),
            "signal": "span",
            "name": span.name,
            "trace_id": format_trace_id(span.context.trace_id),
            "span_id": format_span_id(span.context.span_id),
            "parent_id": format_span_id(span.parent.span_id) if span.parent is not None else None,
            "kind": span.kind.name.lower(),
            "duration_s": (span.end_time - span.start_time) / 1e9 if span.end_time and span.start_time else None,
            "status": span.status.status_code.name.lower(),
            "error": {"type": failure.type, "message": failure.message, "place": failure.place} if failure else None,
            "attributes": dict(span.attributes or {}),
            "events": [
                {"ts": _timestamp(event.timestamp), "name": event.name, "attributes": dict(event.attributes or {})}
                for event in span.events
            ],
            "scope": span.instrumentation_scope.name if span.instrumentation_scope is not None else None,
        }
    )


def record_json(record: ReadableLogRecord) -> str:
    """Return one log record as one line of JSON."""
    log = record.log_record
    return _line(
        {
            "ts": _timestamp(record_ns(record)),
            "signal": "log",
            "name": log.event_name,
            "trace_id": format_trace_id(log.trace_id) if log.trace_id else None,
            "span_id": format_span_id(log.span_id) if log.span_id else None,
            "severity": log.severity_text or (log.severity_number.name if log.severity_number is not None else None),
            "body": log.body,
            "attributes": dict(log.attributes or {}),
            "scope": record.instrumentation_scope.name if record.instrumentation_scope is not None else None,
        }
    )


def change_json(change: Change) -> str:
    """Return a changed metric point as one line of JSON; ``previous`` is null if the series is new."""
    point, before = change.after, change.before
    return _line(
        {
            "ts": _timestamp(point.at_ns),
            "signal": "metric",
            "name": point.name,
            "kind": point.kind,
            "unit": point.unit,
            "value": point.value,
            "previous": before.value if before is not None else None,
            "sum": point.total if point.kind == "histogram" else None,
            "attributes": dict(point.attributes),
            "scope": point.scope,
        }
    )


def _line(item: dict[str, Any]) -> str:
    return json.dumps(json_value(item), ensure_ascii=True, allow_nan=False)


def _timestamp(at_ns: int | None) -> str | None:
    """Return nanoseconds since the epoch in the form of RFC 3339, in UTC, with microseconds."""
    if at_ns is None:
        return None
    try:
        at = _EPOCH + timedelta(microseconds=at_ns // 1000)
    except OverflowError:
        return None
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
