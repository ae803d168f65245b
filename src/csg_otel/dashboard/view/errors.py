"""
The errors of failed traces: which spans failed first, with what, and how often. Pure.

A span that fails because one inside it has failed is no error of its own; failed health checks are rows of the health pane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel import names
from csg_otel.dashboard.store.items import pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from csg_otel.dashboard.model import ErrorRow
    from csg_otel.dashboard.store.items import KeptSpan

_LONGEST: Final = 200
"""Characters of a text in a list."""


def causes(spans: Sequence[KeptSpan]) -> list[KeptSpan]:
    """Return the failed *spans* of one trace in which no other span has failed, by their start."""
    failed = [span for span in spans if span.is_error]
    parents = {span.parent_id for span in failed}
    return sorted((span for span in failed if span.span_id not in parents), key=lambda span: span.start)


def text(spans: Sequence[KeptSpan]) -> str:
    """Return the error of one trace in a line: ``RuntimeError: database is gone``; empty without one."""
    for span in causes(spans):
        kind, message = _error(span)
        return ": ".join(filter(None, (kind, message)))[:_LONGEST] or "error"
    return ""


def rows(traces: Iterable[Sequence[KeptSpan]], since: float, limit: int) -> list[ErrorRow]:
    """Return the errors that ended at *since* (Unix seconds) or later, by operation and kind, the most frequent first."""
    errors: dict[tuple[str, str, str], ErrorRow] = {}
    for spans in traces:
        for span in causes(spans):
            if span.end is None or span.end < since or names.CHECK_NAME in span.attributes[::2]:
                continue
            kind, message = _error(span)
            row = errors.get((span.service, span.name, kind))
            if row is None or span.end > row["last"]:
                errors[span.service, span.name, kind] = {
                    "service": span.service,
                    "name": span.name,
                    "type": kind,
                    "message": message[:_LONGEST],
                    "count": 0 if row is None else row["count"],
                    "last": span.end,
                    "trace_id": span.trace_id,
                    "span_id": span.span_id,
                }
            errors[span.service, span.name, kind]["count"] += 1
    return sorted(errors.values(), key=lambda row: (-row["count"], -row["last"]))[:limit]


def _error(span: KeptSpan) -> tuple[str, str]:
    """Return kind and message of the error of *span*: of its newest exception, or else what its status and attributes say."""
    for event in reversed(span.events):
        if event["name"] == "exception":
            attributes = event["attributes"]
            return str(attributes.get("exception.type", "")), str(attributes.get("exception.message", ""))
    return str(pairs(span.attributes).get(names.ERROR_TYPE, "")), span.status_message
