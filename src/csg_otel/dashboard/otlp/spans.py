"""Spans of OTLP as rows of the model, and rows as OTLP's JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.otlp import values
from csg_otel.dashboard.otlp.ids import SPAN_BYTES, TRACE_BYTES, hexadecimal
from csg_otel.dashboard.store.convert import MOST_EVENTS, MOST_LINKS, attributes, seconds, text

if TYPE_CHECKING:
    from csg_otel.dashboard.model import EventRow, LinkRow, SpanRow

_KINDS: Final = ("internal", "internal", "server", "client", "producer", "consumer")
_STATUSES: Final = ("unset", "ok", "error")


def rows(resource_spans: Any, service: str) -> Iterator[SpanRow | None]:
    """Yield each span of the message *resource_spans* as a row; None for a span without valid ids or start."""
    for scope_spans in resource_spans.scope_spans:
        scope = text(scope_spans.scope.name)
        for span in scope_spans.spans:
            yield _row(span, service, scope)


def _row(span: Any, service: str, scope: str) -> SpanRow | None:
    trace_id, span_id = hexadecimal(span.trace_id, TRACE_BYTES), hexadecimal(span.span_id, SPAN_BYTES)
    if not (trace_id and span_id and span.start_time_unix_nano):
        return None
    # A span without an end was running when it was written.
    start = seconds(span.start_time_unix_nano)
    end = seconds(span.end_time_unix_nano) if span.end_time_unix_nano else None
    kind, status = span.kind, span.status
    return {
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_id": hexadecimal(span.parent_span_id, SPAN_BYTES) or None,
        "name": text(span.name),
        "kind": _KINDS[kind] if kind < len(_KINDS) else "internal",
        "service": service,
        "scope": scope,
        "start": start,
        "end": end,
        "duration_s": None if end is None else max(0.0, end - start),
        "status": _STATUSES[status.code] if status.code < len(_STATUSES) else "unset",
        "status_message": text(status.message),
        "attributes": attributes(values.mapping(span.attributes)),
        "events": [_event(event) for event in span.events[-MOST_EVENTS:]],
        "links": [link for each in islice(span.links, MOST_LINKS) if (link := _link(each))],
    }


def _event(event: Any) -> EventRow:
    return {
        "time": seconds(event.time_unix_nano),
        "name": text(event.name),
        "attributes": attributes(values.mapping(event.attributes)),
    }


def _link(link: Any) -> LinkRow | None:
    trace_id, span_id = hexadecimal(link.trace_id, TRACE_BYTES), hexadecimal(link.span_id, SPAN_BYTES)
    if not (trace_id and span_id):
        return None
    return {"trace_id": trace_id, "span_id": span_id, "attributes": attributes(values.mapping(link.attributes))}


def span_json(row: SpanRow) -> dict[str, Any]:
    """Return *row* as OTLP's JSON; a running span has no end."""
    span: dict[str, Any] = {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "name": row["name"],
        "kind": _KINDS.index(row["kind"], 1),
        "startTimeUnixNano": values.nanoseconds(row["start"]),
        "attributes": values.key_values(row["attributes"]),
        "events": [
            {
                "timeUnixNano": values.nanoseconds(event["time"]),
                "name": event["name"],
                "attributes": values.key_values(event["attributes"]),
            }
            for event in row["events"]
        ],
        "links": [
            {
                "traceId": link["trace_id"],
                "spanId": link["span_id"],
                "attributes": values.key_values(link["attributes"]),
            }
            for link in row["links"]
        ],
        "status": {"code": _STATUSES.index(row["status"]), "message": row["status_message"]},
    }
    if row["parent_id"]:
        span["parentSpanId"] = row["parent_id"]
    if row["end"] is not None:
        span["endTimeUnixNano"] = values.nanoseconds(row["end"])
    return span
