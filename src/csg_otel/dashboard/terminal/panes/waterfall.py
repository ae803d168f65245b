"""One trace: a waterfall with minimap, repeats in one line, the critical path, and logs and exceptions at their time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.terminal.panes.base import Copy, Frame, View, request
from csg_otel.dashboard.terminal.panes.span import SpanDetail
from csg_otel.dashboard.terminal.rows import SERIES_STYLES, Line, Page, Row, Segment, fit, joined, text
from csg_otel.dashboard.view.text import stamp
from csg_otel.display import clean, cut, duration

if TYPE_CHECKING:
    from csg_otel.dashboard.model import LogRow, SpanRow, TracePage, WaterfallRow
    from csg_otel.dashboard.terminal.feed import Request

_TOOK: Final = 10
_MAP: Final = " ▁▂▃▄▅▆▇█"


class Waterfall(View):
    """The spans of one trace over time."""

    keys = (("Enter", "span"), ("l", "logs"), ("c", "copy as JSON"), ("y", "copy link"))

    def __init__(self, trace_id: str, span_id: str = "") -> None:
        super().__init__()
        self._trace_id = trace_id
        self.cursor = span_id
        self.title = f"trace {trace_id[:8]}"

    def requests(self) -> Sequence[Request]:
        """Return the page of the trace."""
        return (request(f"traces/{self._trace_id}"),)

    def enter(self, key: str) -> View:
        """Open the span."""
        return SpanDetail(self._trace_id, key)

    def press(self, name: str, key: str) -> Any:
        """Go to the logs, or copy the selected span with those below it."""
        if name == "l":
            return f"logs?trace={self._trace_id}"
        page: TracePage | None = self.documents.get(f"traces/{self._trace_id}")
        if name == "c" and page and key:
            spans = subtree(page["spans"], key)
            return Copy(json.dumps(spans, ensure_ascii=False, indent=2), f"{len(spans)} spans copied as JSON")
        return None

    def link(self) -> str:
        """Return the permanent link of the trace."""
        return f"traces/{self._trace_id}" + (f"?span={self.cursor}" if self.cursor else "")

    def draw(self, frame: Frame) -> Page:
        """Draw the trace."""
        page: TracePage = self.documents[f"traces/{self._trace_id}"]
        scale = _Scale(page, frame)
        spans = {span["span_id"]: span for span in page["spans"]}
        rows = [*_head(page, frame), *_minimap(page["spans"], scale)]
        for row in page["rows"]:
            if span := spans.get(row["span_id"]):
                logs = [log for log in page["logs"] if log["span_id"] in (row["span_id"], *row["hidden"])]
                rows.append(Row(_line(row, span, logs, scale, page), row["span_id"]))
        return Page(rows)


class _Scale:
    """The width of the names, and the cell of each time."""

    def __init__(self, page: TracePage, frame: Frame) -> None:
        self.names = min(48, max(18, frame.width * 2 // 5))
        self.width = max(8, frame.width - self.names - _TOOK - 2)
        self.start = min((span["start"] for span in page["spans"]), default=page["summary"]["start"])
        ends = [span["end"] if span["end"] is not None else frame.now for span in page["spans"]]
        self.end = max([*ends, self.start + 1e-9])

    def cell(self, at: float) -> int:
        """Return the cell of the time *at*."""
        share = (at - self.start) / (self.end - self.start)
        return min(self.width - 1, max(0, int(share * self.width)))


def subtree(spans: Sequence[SpanRow], root: str) -> list[SpanRow]:
    """Return the span *root* and all spans below it."""
    ids, size = {root}, 0
    while size != len(ids):  # spans may come in any order
        size = len(ids)
        ids |= {span["span_id"] for span in spans if span["parent_id"] in ids}
    return [span for span in spans if span["span_id"] in ids]


def _head(page: TracePage, frame: Frame) -> list[Row]:
    summary = page["summary"]
    took = "running" if summary["duration_s"] is None else duration(summary["duration_s"])
    facts = f"  {took}  {summary['spans']} spans  {', '.join(page['services'])}"
    errors = f"  ✖ {summary['errors']} errors" if summary["errors"] else ""
    name = cut(clean(summary["name"]), max(10, frame.width // 2))
    return [
        Row(text(Segment(name, "bold"), Segment(facts), Segment(errors, "critical"))),
        Row(text(Segment(f"{stamp(summary['start'])}  trace {summary['trace_id']}", "dim"))),
    ]


def _minimap(spans: Sequence[SpanRow], scale: _Scale) -> list[Row]:
    """Return the density of spans over the time, and the axis below it."""
    counts, failed = [0] * scale.width, [False] * scale.width
    for span in spans:
        first, last = scale.cell(span["start"]), scale.cell(span["end"] if span["end"] is not None else scale.end)
        for cell in range(first, last + 1):
            counts[cell] += 1
            failed[cell] |= span["status"] == "error"
    most = max(counts, default=0) or 1
    density = [
        Segment(_MAP[-(-count * 8 // most)], "critical" if bad else "dim")
        for count, bad in zip(counts, failed, strict=True)
    ]
    left = " " * (scale.names + _TOOK + 2)
    total = scale.end - scale.start
    marks = [duration(total * part / 4) if part else "0" for part in range(5)]
    axis, cells = [" "] * scale.width, [scale.width * part // 4 for part in range(5)]
    for mark, cell in sorted(zip(marks, cells, strict=True), key=lambda pair: pair[1] % (scale.width // 2)):
        begin = min(cell, scale.width - len(mark))
        if not "".join(axis[max(0, begin - 1) : begin + len(mark) + 1]).strip():  # none touches another
            axis[begin : begin + len(mark)] = mark
    return [Row((Segment(left), *density)), Row(text(Segment(left + "".join(axis)[: scale.width], "dim")))]


def _line(row: WaterfallRow, span: SpanRow, logs: Sequence[LogRow], scale: _Scale, page: TracePage) -> Line:
    failed = span["status"] == "error"
    color = (
        f"series{page['services'].index(span['service']) % SERIES_STYLES}"
        if span["service"] in page["services"]
        else ""
    )
    name = span["name"] + (f" x {row['count']}" if row["count"] > 1 else "")
    took = row["total_s"] if row["count"] > 1 else span["duration_s"]
    label = "running" if took is None else duration(took)
    indent = "  " * min(row["depth"], scale.names // 4)
    style = "critical" if failed else "bold" if row["critical"] else ""
    return (
        Segment("✖" if failed else " ", "critical"),
        Segment(fit(indent + name, scale.names - 1), style),
        Segment(fit(label, _TOOK, right=True) + "  ", "accent" if took is None else ""),
        *_bar(row, span, logs, scale, "critical" if failed else color),
    )


def _bar(row: WaterfallRow, span: SpanRow, logs: Sequence[LogRow], scale: _Scale, style: str) -> list[Segment]:
    """Return the bar: full for the critical path, lower for others, open for a running span; ◆ exceptions, • logs."""
    end = span["end"]
    if row["count"] > 1 and row["total_s"] is not None:
        end = None if end is None else max(end, min(scale.end, span["start"] + row["total_s"]))
    first, last = scale.cell(span["start"]), scale.cell(scale.end if end is None else end)
    block = "█" if row["critical"] else "▄"
    cells = [(" ", "")] * scale.width
    cells[first : last + 1] = [(block, style)] * (last + 1 - first)
    if end is None:
        cells[last] = ("▷", style)
    elif end - span["start"] < (scale.end - scale.start) / scale.width / 2:
        cells[first] = ("▏", style)
    for log in logs:
        cells[scale.cell(log["time"])] = ("•", "critical" if log["level"] in ("error", "fatal") else "bold")
    for event in span["events"]:
        if event["name"] == "exception":
            cells[scale.cell(event["time"])] = ("◆", "critical")
    return joined(cells)
