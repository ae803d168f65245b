"""Log records of OTLP as rows of the model, and rows as OTLP's JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.model.words import LEVELS
from csg_otel.dashboard.otlp import values
from csg_otel.dashboard.otlp.ids import SPAN_BYTES, TRACE_BYTES, hexadecimal
from csg_otel.dashboard.store.convert import EXCEPTION, attributes, body, exception, seconds, text
from csg_otel.dashboard.store.items import level

if TYPE_CHECKING:
    from csg_otel.dashboard.model import LogRow

_MOST_SEVERE: Final = 24

_NUMBERS: Final = {
    "trace": 1,
    "debug": 5,
    "info": 9,
    "warn": 13,
    "warning": 13,
    "error": 17,
    "fatal": 21,
    "critical": 21,
}
"""Numbers for programs that send the name of the severity only."""


def rows(resource_logs: Any, service: str) -> Iterator[LogRow | None]:
    """Yield each record of the message *resource_logs* as a row with the id 0; None for a record without a time."""
    for scope_logs in resource_logs.scope_logs:
        scope = text(scope_logs.scope.name)
        for record in scope_logs.log_records:
            yield _row(record, service, scope)


def _row(record: Any, service: str, scope: str) -> LogRow | None:
    time_ns = record.time_unix_nano or record.observed_time_unix_nano
    if not time_ns:
        return None
    kept = attributes(values.mapping(record.attributes))
    severity = record.severity_number or _NUMBERS.get(record.severity_text.lower(), 0)
    severity = severity if 0 <= severity <= _MOST_SEVERE else 0
    failure = exception(kept)
    return {
        "id": 0,
        "time": seconds(time_ns),
        "level": LEVELS[level(severity)],
        "severity": severity,
        "logger": scope,
        "body": body(values.plain(record.body)),
        "service": service,
        "trace_id": hexadecimal(record.trace_id, TRACE_BYTES),
        "span_id": hexadecimal(record.span_id, SPAN_BYTES),
        "attributes": kept,
        "exception": failure,
    }


def log_json(row: LogRow) -> dict[str, Any]:
    """Return *row* as OTLP's JSON, with the exception among its attributes."""
    failure = row["exception"]
    exceptions = (
        dict(zip(EXCEPTION, (failure["type"], failure["message"], failure["stacktrace"]), strict=True))
        if failure
        else {}
    )
    record: dict[str, Any] = {
        "timeUnixNano": values.nanoseconds(row["time"]),
        "severityNumber": row["severity"],
        "body": {"stringValue": row["body"]},
        "attributes": values.key_values({**row["attributes"], **exceptions}),
    }
    if row["severity"]:
        record["severityText"] = row["level"].upper()
    if row["trace_id"]:
        record["traceId"] = row["trace_id"]
    if row["span_id"]:
        record["spanId"] = row["span_id"]
    return record
