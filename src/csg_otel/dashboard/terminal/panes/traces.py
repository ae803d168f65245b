"""The list of traces: newest first, with bars on one logarithmic scale; running traces have an open end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.terminal.filters import Filter, join_link
from csg_otel.dashboard.terminal.panes import senders
from csg_otel.dashboard.terminal.panes.base import Frame, View, request
from csg_otel.dashboard.terminal.panes.waterfall import Waterfall
from csg_otel.dashboard.terminal.rows import Cell, Column, Page, Segment, note, table
from csg_otel.dashboard.view.block_chart import bar
from csg_otel.dashboard.view.text import milliseconds
from csg_otel.display import duration

if TYPE_CHECKING:
    from csg_otel.dashboard.model import TracesPage, TraceSummary
    from csg_otel.dashboard.terminal.feed import Request

_FIRST: Final = 200
_MOST: Final = 1000
_BAR: Final = 16
_COLUMNS: Final = (
    Column("", 1),
    Column("Time", 12, 1),
    Column("Name", 20, 0, flexible=True),
    Column("Service", 16, 4),
    Column("Duration", 9, 0, right=True),
    Column("", _BAR, 3),
    Column("Spans", 5, 2, right=True),
    Column("Errors", 6, 2, right=True),
    Column("Logs", 5, 5, right=True),
)
_EMPTY: Final = """
    No traces yet.

    with csg_otel.observe("import orders"):
        ...
"""


class TraceList(View):
    """The newest traces."""

    title = "Traces"
    keys = (("Enter", "waterfall"), ("l", "logs"))
    names = ("name", "service", "min", "max", "error", "running", "attr")
    examples = ("text", "name:checkout", "min:250ms", "error", "running", "user.id=42")
    newest = "first"

    def __init__(self, parameters: Filter | None = None) -> None:
        super().__init__(parameters)
        self._limit = _FIRST

    def requests(self) -> Sequence[Request]:
        """Return the newest page that the filter lets through."""
        return (request("traces", self.parameters, limit=str(self._limit)),)

    def draw(self, frame: Frame) -> Page:
        """Draw a row for each trace."""
        page: TracesPage = self.documents["traces"]
        traces = page["traces"]
        if not traces:
            return note(
                "No trace matches the filter." if self.parameters else senders.empty(self.status, _EMPTY), frame.width
            )
        longest = max((trace["duration_s"] or 0.0 for trace in traces), default=0.0)
        return table(_COLUMNS, [(t["trace_id"], _row(t, longest)) for t in traces], frame.width)

    def enter(self, key: str) -> View:
        """Open the waterfall."""
        return Waterfall(key)

    def press(self, name: str, key: str) -> Any:
        """Open the logs of the trace."""
        return f"logs?trace={key}" if name == "l" and key else None

    def older(self) -> bool:
        """Ask for the longest page."""
        page: TracesPage | None = self.documents.get("traces")
        if page is None or page["next"] is None or self._limit >= _MOST:
            return False
        self._limit = _MOST
        return True

    def link(self) -> str:
        """Return the link to the list with its filter."""
        return join_link("traces", self.parameters)


def _row(trace: TraceSummary, longest: float) -> list[Cell]:
    failed, running = trace["errors"] > 0, trace["running"] > 0
    mark = Segment("✖", "critical") if failed else Segment("▷" if running else " ", "accent")
    took = trace["duration_s"]
    return [
        mark,
        Segment(milliseconds(trace["start"]), "dim"),
        (Segment(trace["name"]), Segment(f"  {trace['error']}" if trace["error"] else "", "critical")),
        Segment(trace["service"], "dim"),
        Segment("running" if took is None else duration(took), "accent" if took is None else ""),
        Segment(
            "░" * (_BAR - 1) + "▷" if took is None else bar(_share(took, longest), _BAR),
            "accent" if took is None else "bar",
        ),
        Segment(str(trace["spans"]), "dim"),
        Segment(str(trace["errors"]) if failed else "", "critical"),
        Segment(str(trace["logs"] or ""), "dim"),
    ]


def _share(took: float, longest: float) -> float:
    """Return the place of a duration on a logarithmic scale of four decades below the longest."""
    if took <= 0 or longest <= 0:
        return 0.0
    return max(0.02, 1 + math.log10(took / longest) / 4)
