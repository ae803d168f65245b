"""One span: its times, attributes, exceptions, events, links and log records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from csg_otel.dashboard.terminal.panes.base import Frame, View, request
from csg_otel.dashboard.terminal.rows import Page, Row, Segment, fit, heading, labels, note, pairs, paragraph, text
from csg_otel.dashboard.view.text import milliseconds, stamp
from csg_otel.display import duration

if TYPE_CHECKING:
    from csg_otel.dashboard.model import EventRow, SpanRow, TracePage
    from csg_otel.dashboard.terminal.feed import Request

LEVELS = {"trace": "dim", "debug": "dim", "info": "", "warn": "warning", "error": "critical", "fatal": "critical"}
"""The style of each level of log records."""


class SpanDetail(View):
    """Everything about a span."""

    is_detail = True
    keys = (("l", "logs"),)

    def __init__(self, trace_id: str, span_id: str) -> None:
        super().__init__()
        self._trace_id, self._span_id = trace_id, span_id
        self.title = f"span {span_id[:8]}"

    def requests(self) -> Sequence[Request]:
        """Return the page of the trace."""
        return (request(f"traces/{self._trace_id}"),)

    def enter(self, key: str) -> str:
        """Follow the link that is chosen."""
        return key

    def press(self, name: str, key: str) -> Any:
        """Go to the logs of the span."""
        del key
        return f"logs?trace={self._trace_id}&span={self._span_id}" if name == "l" else None

    def link(self) -> str:
        """Return the permanent link of the span."""
        return f"traces/{self._trace_id}?span={self._span_id}"

    def draw(self, frame: Frame) -> Page:
        """Draw the span."""
        page: TracePage = self.documents[f"traces/{self._trace_id}"]
        span = next((span for span in page["spans"] if span["span_id"] == self._span_id), None)
        if span is None:
            return note("This span is not kept any more.", frame.width)
        row = next((row for row in page["rows"] if row["span_id"] == self._span_id), None)
        facts = [("self time", duration(row["self_s"]))] if row and row["self_s"] is not None else []
        rows = [*_head(span, facts, frame.width)]
        if span["attributes"]:
            rows += [*heading("Attributes", frame.width), *pairs(span["attributes"].items(), frame.width)]
        for event in span["events"]:
            rows += _event(event, frame.width)
        rows += _links(span, frame.width)
        logs = [log for log in page["logs"] if log["span_id"] == self._span_id]
        if logs:
            rows += heading("Logs", frame.width)
        for log in logs:
            body = fit(f"{milliseconds(log['time'])} {log['level']:<5} {log['body']}", frame.width)
            rows.append(Row(text(Segment(body, LEVELS[log["level"]])), f"logs?trace={log['trace_id']}&id={log['id']}"))
        if resource := page["resources"].get(span["service"]):
            rows += [*heading("Resource", frame.width), *pairs(resource.items(), frame.width)]
        return Page(rows)


def _head(span: SpanRow, more: list[tuple[str, str]], width: int) -> list[Row]:
    took = "running" if span["duration_s"] is None else duration(span["duration_s"])
    status = Segment(f"✖ ERROR {span['status_message']}", "critical") if span["status"] == "error" else span["status"]
    facts: list[tuple[str, Any]] = [
        ("status", status),
        ("duration", took),
        *more,
        ("start", stamp(span["start"])),
        ("kind", span["kind"]),
        ("service", span["service"]),
        ("scope", span["scope"]),
        ("span", span["span_id"]),
        ("parent", span["parent_id"] or ""),
    ]
    return [
        *paragraph(span["name"], width, "bold"),
        *pairs([(name, content) for name, content in facts if content], width),
    ]


def _event(event: EventRow, width: int) -> list[Row]:
    attributes = dict(event["attributes"])
    at = milliseconds(event["time"])
    if event["name"] != "exception":
        return [*heading(f"Event {event['name']}", width, at), *pairs(attributes.items(), width)]
    kind, message = attributes.pop("exception.type", ""), attributes.pop("exception.message", "")
    stack = str(attributes.pop("exception.stacktrace", ""))
    return [
        *heading("Exception", width, at),
        *paragraph(f"{kind}: {message}", width, "critical"),
        *paragraph(stack, width, "dim"),
        *pairs(attributes.items(), width),
    ]


def _links(span: SpanRow, width: int) -> list[Row]:
    if not span["links"]:
        return []
    rows = heading("Links", width)
    for link in span["links"]:
        words = f"trace {link['trace_id']} span {link['span_id']} {labels(link['attributes'])}"
        rows.append(
            Row(text(Segment(fit(words, width), "accent")), f"traces/{link['trace_id']}?span={link['span_id']}")
        )
    return rows
