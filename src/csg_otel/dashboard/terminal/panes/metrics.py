"""Metrics: every instrument with its newest values; the chart of one, split by attribute, with exemplars that open traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.terminal.charting import by_unit, chart_rows
from csg_otel.dashboard.terminal.filters import Filter, join_link
from csg_otel.dashboard.terminal.panes.base import Frame, View, request
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
from csg_otel.dashboard.view.text import milliseconds, value

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Chart, ExemplarRow, MetricRow, MetricsPage
    from csg_otel.dashboard.terminal.feed import Request

RANGES: Final = (("5 m", 300), ("1 h", 3600), ("6 h", 21600), ("24 h", 86400))
"""The ranges of charts: name and seconds."""

_SPARK: Final = 20
_COLUMNS: Final = (
    Column("Metric", 28, 0, flexible=True),
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
        """The range that the user has chosen; at first that of the settings, shorter while the program is young."""
        if self._range is not None or self.status is None:
            return 1 if self._range is None else self._range
        window, uptime = self.status["charts"]["time_window_s"], self.status["uptime_s"]
        longest = min(window, window if uptime is None else uptime)
        return next((i for i, (_, seconds) in enumerate(RANGES) if seconds >= longest), len(RANGES) - 1)

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
            return note("No metric matches the filter." if self.parameters else _EMPTY, frame.width)
        return table(_COLUMNS, [(metric["name"], _row(metric, stale=frame.stale)) for metric in metrics], frame.width)

    def enter(self, key: str) -> View:
        """Open the chart."""
        return MetricChart({"name": key})

    def link(self) -> str:
        """Return the link to the list with its filter."""
        return join_link("metrics", self.parameters)


class MetricChart(Ranged):
    """The chart of one instrument; ``name`` and ``by`` are its parameters."""

    keys = (("b", "split by attribute"), ("[ ]", "range"), ("Enter", "trace of an exemplar"))

    def __init__(self, parameters: Filter) -> None:
        super().__init__(parameters)
        self._name = str(parameters["name"])
        self.title = self._name

    def requests(self) -> Sequence[Request]:
        """Return the chart, and the instrument with its attributes."""
        chart = {"name": self._name, **({"by": self.parameters["by"]} if self.parameters.get("by") else {})}
        series = request("metrics/series", chart, range=str(self.seconds), points="200")
        return (series, request("metrics", {"text": self._name}))

    def press(self, name: str, key: str) -> Any:
        """Split by the next attribute, or change the range."""
        if name != "b":
            return super().press(name, key)
        choices = ["", *(self._row["attributes"] if self._row else ())]
        by = str(self.parameters.get("by", ""))
        following = choices[(choices.index(by) + 1) % len(choices)] if by in choices else ""
        self.parameters["by"] = following
        return None

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
        by = str(self.parameters.get("by", ""))
        names = ", ".join(row["attributes"]) if row else ""
        split = f"split by {by}" if by else f"b splits by {names}" if names else "no attributes"
        rows = [Row((*self.ranges(), Segment(f"   {split}", "dim")))]
        if row and row["description"]:
            rows += paragraph(row["description"], frame.width, "dim")
        rows.append(Row(()))
        charts = by_unit(chart)
        height = max(6, min(20, (frame.height - len(rows) - 6) // len(charts) - 3))
        hover = frame.hover[0] if frame.hover else None
        for one in charts:
            rows += chart_rows(one, frame.width, height, hover)
        if chart["exemplars"]:
            rows += heading("Exemplars", frame.width, "Enter opens the trace")
            rows += [_exemplar(exemplar, chart["unit"], frame.width) for exemplar in chart["exemplars"]]
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
