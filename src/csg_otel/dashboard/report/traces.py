"""The traces of the HTML report: lists with duration bars on one scale, and waterfalls. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.report.markup import Markup, element
from csg_otel.dashboard.report.tables import named, table
from csg_otel.dashboard.view import axis, phrases
from csg_otel.dashboard.view import text as view_text
from csg_otel.display import cut

if TYPE_CHECKING:
    from csg_otel.dashboard.model import SpanRow, TracePage, TraceSummary, WaterfallRow

_BAR: Final = 140
_ROWS: Final = 60
"""Lines of a waterfall: more are counted below it."""
_WIDTH: Final = 960
_NAMES: Final = 300.0
_ROW: Final = 20
_NAME_CELLS: Final = 44
_EXCEPTIONS: Final = 5


def summaries(rows: list[TraceSummary]) -> Markup:
    """Return *rows* as a list; the bars share one logarithmic scale, because durations spread over magnitudes."""
    longest = max((row["duration_s"] or 0.0 for row in rows), default=0.0)
    shortest = min((row["duration_s"] or longest for row in rows), default=0.0)
    failed = {number for number, row in enumerate(rows) if row["errors"]}
    lines = [_summary(row, shortest, longest) for row in rows]
    return table("Started|Trace|>Spans|>Errors|>Duration|", lines, failed)


def _summary(row: TraceSummary, shortest: float, longest: float) -> Sequence[object]:
    duration = row["duration_s"]
    return (
        element("time", view_text.milliseconds(row["start"])),
        named(row["name"], f"{row['service']}  {row['trace_id']}"),
        f"{row['spans']:,}",
        f"{row['errors']:,}",
        phrases.length(duration),
        _bar(duration, shortest, longest, failed=row["errors"] > 0),
    )


def _bar(duration: float | None, shortest: float, longest: float, *, failed: bool) -> Markup | None:
    if not duration or longest <= 0:
        return None
    low = math.log10(max(shortest, 1e-9)) - 0.5
    share = (math.log10(max(duration, 1e-9)) - low) / (math.log10(longest) - low)
    box = element("rect", x=0, y=2, width=max(1.0, share * _BAR), height=8, class_="critical" if failed else "bar")
    return element("svg", box, viewBox=f"0 0 {_BAR} 12", class_="duration", aria_hidden="true")


def waterfall(page: TracePage) -> Markup:
    """Return the spans of *page* over time; a bar with an open end is still running."""
    summary = page["summary"]
    rows = page["rows"][:_ROWS]
    drawing = _Waterfall(page, len(rows))
    height = (len(rows) + 1) * _ROW + 6
    svg = element(
        "svg",
        drawing.grid(),
        [drawing.row(row, number) for number, row in enumerate(rows)],
        viewBox=f"0 0 {_WIDTH} {height}",
        class_="waterfall",
        role="img",
        aria_label=f"{summary['name']}: {summary['spans']} spans",
    )
    left_out = len(page["rows"]) - len(rows)
    note = element("p", f"{left_out} more lines are not shown.", class_="note") if left_out else None
    duration = phrases.length(summary["duration_s"])
    about = f"{duration}, spans {summary['spans']}, errors {summary['errors']}, {view_text.stamp(summary['start'])}"
    caption = element("figcaption", summary["name"], element("small", f"{about}, {summary['trace_id']}"))
    return element("figure", caption, svg, _exceptions(page), note, class_="trace")


class _Waterfall:
    """The drawing of one trace: its scale of time, and its lines."""

    def __init__(self, page: TracePage, rows: int) -> None:
        self._spans = {span["span_id"]: span for span in page["spans"]}
        self._start = min((span["start"] for span in page["spans"]), default=0.0)
        ends = [span["end"] if span["end"] is not None else page["time"] for span in page["spans"]]
        self._length = max(max(ends, default=0.0) - self._start, 1e-6)
        self._bottom = (rows + 1) * _ROW

    def _x(self, at: float) -> float:
        return _NAMES + (at - self._start) / self._length * (_WIDTH - _NAMES - 90)

    def grid(self) -> Markup:
        """Return the lines of the time since the start."""
        scale = axis.value_axis([0.0, self._length], "s", 4)
        lines = []
        for tick in scale.ticks:
            x = self._x(self._start + tick.value)
            if tick.value <= self._length * 1.001:
                label = element("text", f"{tick.label} {scale.unit}", x=x, y=10, text_anchor="middle")
                lines.append((element("line", x1=x, x2=x, y1=14, y2=self._bottom), label))
        return element("g", lines, class_="grid")

    def row(self, row: WaterfallRow, number: int) -> Markup:
        """Return one line: name, bar and duration."""
        span = self._spans[row["span_id"]]
        y = (number + 1) * _ROW
        indent = min(row["depth"], 12) * 10
        repeats = f" \u00d7 {row['count']}" if row["count"] > 1 else ""
        name = cut(f"{span['name']}{repeats}", max(8, _NAME_CELLS - indent // 6))
        end, running = self._end([span, *(self._spans[key] for key in row["hidden"] if key in self._spans)])
        left, right = self._x(span["start"]), self._x(end)
        total = row["total_s"] if row["count"] > 1 else span["duration_s"]
        marks = {"failed": span["status"] == "error", "path": row["critical"], "running": running}
        return element(
            "g",
            element("title", _title(span)),
            element("text", name, x=4 + indent, y=y + 10),
            element("rect", x=left, y=y + 1, width=max(1.5, right - left), height=11),
            element("text", phrases.length(total), x=right + 5, y=y + 10, class_="length"),
            class_=" ".join(["span", *(name for name, is_set in marks.items() if is_set)]),
        )

    def _end(self, spans: list[SpanRow]) -> tuple[float, bool]:
        """Return where the bar of *spans* ends, and whether one of them is running: then it is the end of the drawing."""
        ends = [span["end"] for span in spans if span["end"] is not None]
        if len(ends) < len(spans):
            return self._start + self._length, True
        return max(ends), False


def _title(span: SpanRow) -> str:
    about = ", ".join(
        filter(None, (span["service"], span["kind"], span["status_message"], phrases.attributes(span["attributes"])))
    )
    return f"{span['name']}: {about}"


def _exceptions(page: TracePage) -> Markup | None:
    """Return the exceptions of the trace's spans with their stack traces."""
    events = [(span, event) for span in page["spans"] for event in span["events"] if event["name"] == "exception"]
    items = [_exception(span["name"], event["attributes"]) for span, event in events[:_EXCEPTIONS]]
    return element("div", items) if items else None


def _exception(span_name: str, facts: dict[str, object]) -> Markup:
    kind, message, stack = (facts.get(f"exception.{key}", "") for key in ("type", "message", "stacktrace"))
    return element("details", element("summary", f"{span_name}: {kind}: {message}"), element("pre", stack))
