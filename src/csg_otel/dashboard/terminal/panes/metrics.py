"""Metrics: every instrument with its newest values; the chart of one, split by attribute, with exemplars that open traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.terminal.charting import by_unit, chart_rows
from csg_otel.dashboard.terminal.filters import Filter, join_link
from csg_otel.dashboard.terminal.panes import senders
from csg_otel.dashboard.terminal.panes.base import Frame, View, request
from csg_otel.dashboard.terminal.panes.changed import Changed
from csg_otel.dashboard.terminal.rows import (
    Column,
    Page,
    Row,
    Segment,
    fit,
    heading,
    labels,
    note,
    paragraph,
    table,
    text,
)
from csg_otel.dashboard.view.block_chart import sparkline
from csg_otel.dashboard.view.text import clock, milliseconds, value

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Chart, ExemplarRow, MetricRow, MetricsPage, Status
    from csg_otel.dashboard.terminal.feed import Request

RANGES: Final = (
    *(("1 m", 60), ("5 m", 300), ("15 m", 900), ("30 m", 1800)),
    *(("1 h", 3600), ("6 h", 21600), ("24 h", 86400)),
)
"""The ranges of charts: name and seconds."""

_MOVES: Final = {"left": -1, "right": 1, "[": -10, "]": 10}
"""Steps of a mark by key; a hundred are the whole chart, or fewer where it has fewer values."""

_SPARK: Final = 20
_EXEMPLARS: Final = 6
"""Rows that are left for exemplars below a chart."""
_COLUMNS: Final = (
    Column("Metric", 28, 0, flexible=True, middle=True),
    Column("Kind", 9, 4),
    Column("Latest", 15, 0, right=True),
    Column("", _SPARK, 1),
    Column("Series", 6, 2, right=True),
    Column("Exemplars", 9, 3),
)
_EMPTY: Final = """
    No metrics yet. The first values come within 10 s.

    csg_otel.counter("orders.placed").add(1)
"""


class Ranged(View):
    """A view whose charts have a range: ``[`` and ``]`` change it."""

    hovers = True

    def __init__(self, parameters: Filter | None = None) -> None:
        super().__init__(parameters)
        self._range: int | None = None

    @property
    def _at(self) -> int:
        """The range that the user has chosen; at first the shortest that shows all that is kept."""
        if self._range is not None:
            return self._range
        longest, since = 3600.0, None
        if self.status is not None:
            longest, since = self.status["charts"]["time_window_s"], self._since(self.status)
        if self.status is not None and since is not None:
            longest = min(longest, self.status["time"] - since)
        return next((i for i, (_, seconds) in enumerate(RANGES) if seconds >= longest), len(RANGES) - 1)

    def _since(self, status: Status) -> float | None:
        """Return the Unix time from which there are values; None if that is not known."""
        return status["kept_since"]

    @property
    def seconds(self) -> int:
        """The range of the charts."""
        return RANGES[self._at][1]

    def press(self, name: str, key: str) -> Any:
        """Take a shorter or a longer range."""
        del key
        if step := {"[": -1, "]": 1}.get(name, 0):
            self._range = min(len(RANGES) - 1, max(0, self._at + step))
        return None

    def ranges(self) -> list[Segment]:
        """Return the ranges, the one that is shown marked."""
        marked = [Segment(f" {name} ", "key" if i == self._at else "dim") for i, (name, _) in enumerate(RANGES)]
        return [Segment("[ ", "line"), *marked, Segment(" ]", "line")]


class MetricList(View):
    """All instruments."""

    title = "Metrics"
    keys = (("Enter", "chart"),)
    names = ("kind",)
    examples = ("text", "kind:histogram")

    def requests(self) -> Sequence[Request]:
        """Return the instruments that the filter lets through."""
        words = str(self.parameters.get("text", ""))
        return (request("metrics", {"text": words} if words else None),)

    def draw(self, frame: Frame) -> Page:
        """Draw a row for each instrument."""
        page: MetricsPage = self.documents["metrics"]
        kind = str(self.parameters.get("kind", ""))
        metrics = [metric for metric in page["metrics"] if metric["kind"].startswith(kind)]
        if not metrics:
            return note(
                "No metric matches the filter." if self.parameters else senders.empty(self.status, _EMPTY), frame.width
            )
        return table(_COLUMNS, [(metric["name"], _row(metric, stale=frame.stale)) for metric in metrics], frame.width)

    def enter(self, key: str) -> View:
        """Open the chart."""
        return MetricChart({"name": key})

    def link(self) -> str:
        """Return the link to the list with its filter."""
        return join_link("metrics", self.parameters)


class MetricChart(Ranged):
    """The chart of one instrument; ``name`` and ``by`` are its parameters."""

    keys = (("b", "split"), ("[ ]", "range"), ("m", "what changed in a window"), ("Enter", "exemplar's trace"))

    def __init__(self, parameters: Filter) -> None:
        super().__init__(parameters)
        self._name = str(parameters["name"])
        self.title = self._name
        self._marks: tuple[float, ...] = ()

    def requests(self) -> Sequence[Request]:
        """Return the chart, and the instrument with its attributes."""
        chart = {"name": self._name, **({"by": self.parameters["by"]} if self.parameters.get("by") else {})}
        series = request("metrics/series", chart, range=str(self.seconds), points="200")
        return (series, request("metrics", {"text": self._name}))

    def press(self, name: str, key: str) -> Any:
        """Split by the next attribute, mark a window, or change the range."""
        if name == "m":
            return self._mark()
        if self._marks and name in _MOVES:
            self._move(_MOVES[name])
            return None
        if name != "b":
            return super().press(name, key)
        choices = ["", *(self._row["attributes"] if self._row else ())]
        by = str(self.parameters.get("by", ""))
        following = choices[(choices.index(by) + 1) % len(choices)] if by in choices else ""
        self.parameters["by"] = following
        return None

    def _mark(self) -> View | None:
        """Begin to mark at the newest value, set the start, or set the end and ask what changed."""
        chart: Chart | None = self.documents.get("metrics/series")
        if not chart or not chart["times"] or self.status is None or "trends" not in self.status["features"]:
            return None
        if len(self._marks) < 2:
            self._marks = (*self._marks, self._marks[-1] if self._marks else chart["times"][-1])
            return None
        start, end = sorted(self._marks)
        if start == end:
            return None  # the end is still to be moved
        self._marks = ()
        return Changed(start, end)

    def _move(self, steps: int) -> None:
        """Move the last mark by *steps* of the chart, and not out of it."""
        chart: Chart = self.documents["metrics/series"]
        times = chart["times"]
        moved = self._marks[-1] + steps * max(chart["step_s"], (times[-1] - times[0]) / 100)
        self._marks = (*self._marks[:-1], min(times[-1], max(times[0], moved)))

    def cancel(self) -> bool:
        """End the marking."""
        marked, self._marks = bool(self._marks), ()
        return marked

    def _hint(self) -> Segment:
        if len(self._marks) == 1:
            words = f"start {clock(self._marks[0])}: Left, Right, [ ] move it, m sets it, Esc ends"
            return Segment(words, "accent")
        if self._marks:
            words = " to ".join(clock(mark) for mark in self._marks)
            return Segment(f"{words}: move the end, m shows what changed", "accent")
        by, row = str(self.parameters.get("by", "")), self._row
        names = ", ".join(row["attributes"]) if row else ""
        return Segment(f"{f'split by {by}' if by else f'b splits by {names}' if names else 'no attributes'}", "dim")

    def enter(self, key: str) -> str:
        """Open the trace of an exemplar."""
        return key

    def link(self) -> str:
        """Return the link to the chart."""
        return join_link("metrics", {"name": self._name, "by": self.parameters.get("by", "")})

    def draw(self, frame: Frame) -> Page:
        """Draw the chart and its exemplars."""
        chart: Chart = self.documents["metrics/series"]
        row = self._row
        rows = [Row(tuple(self.ranges())), Row((self._hint(),))]
        if row and row["description"]:
            rows += paragraph(row["description"], frame.width, "dim")
        rows.append(Row(()))
        charts = by_unit(chart)
        below = min(_EXEMPLARS, len(chart["exemplars"]) + 2) if chart["exemplars"] else 0
        height = max(6, min(20, (frame.height - len(rows) - below) // len(charts) - 4))
        hover = frame.hover[0] if frame.hover else None
        for one in charts:
            rows += chart_rows(one, frame.width, height, hover, self._marks)
        if chart["exemplars"]:
            rows += heading("Exemplars", frame.width, "Enter opens the trace")
            newest = sorted(chart["exemplars"], key=lambda exemplar: -exemplar["time"])
            room = max(_EXEMPLARS - 2, frame.height - len(rows))
            rows += [_exemplar(exemplar, chart["unit"], frame.width) for exemplar in newest[:room]]
        return Page(rows)

    @property
    def _row(self) -> MetricRow | None:
        page: MetricsPage | None = self.documents.get("metrics")
        return next((row for row in page["metrics"] if row["name"] == self._name), None) if page else None


def _row(metric: MetricRow, *, stale: bool) -> list[str | Segment]:
    unit = f"{metric['unit']}/s" if metric["kind"] == "counter" else metric["unit"]
    return [
        metric["name"],
        Segment(metric["kind"].removesuffix("_counter").replace("_", "/"), "dim"),
        Segment("stale", "stale") if stale else value(metric["latest"], unit),
        Segment(sparkline(metric["values"], _SPARK), "accent"),
        Segment(str(metric["series"]), "dim"),
        Segment("◆" if metric["exemplars"] else "", "dim"),
    ]


def _exemplar(exemplar: ExemplarRow, unit: str, width: int) -> Row:
    words = f"{milliseconds(exemplar['time'])}  {fit(value(exemplar['value'], unit), 11, right=True)}"
    trace = f"  ◆ trace {exemplar['trace_id'][:8]}  {labels(exemplar['attributes'])}"
    link = f"traces/{exemplar['trace_id']}?span={exemplar['span_id']}" if exemplar["trace_id"] else ""
    return Row(text(Segment(words), Segment(fit(trace, max(0, width - len(words))), "accent")), link)
