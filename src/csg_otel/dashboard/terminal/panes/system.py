"""The system: CPU, memory, disk, network, the process and its control group, as charts side by side where there is room."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.terminal.charting import by_unit, chart_rows
from csg_otel.dashboard.terminal.panes.base import Frame, request
from csg_otel.dashboard.terminal.panes.metrics import Ranged
from csg_otel.dashboard.terminal.rows import Line, Page, Row, Segment, note
from csg_otel.display import cells, clean

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Status, SystemPage
    from csg_otel.dashboard.terminal.feed import Request

_TWO_COLUMNS: Final = 110
_HEIGHT: Final = 6
_GAP: Final = 3


class SystemCharts(Ranged):
    """The charts of host and process."""

    title = "System"
    keys = (("[ ]", "range"),)

    def requests(self) -> Sequence[Request]:
        """Return the charts in their range."""
        return (request("system", None, range=str(self.seconds)),)

    def _since(self, status: Status) -> float | None:
        """Return the start of the program: the values of the host are not kept over a restart."""
        return None if status["uptime_s"] is None else status["time"] - status["uptime_s"]

    def link(self) -> str:
        """Return the link to the pane."""
        return "system"

    def draw(self, frame: Frame) -> Page:
        """Draw the charts."""
        page: SystemPage = self.documents["system"]
        if not page["charts"]:
            return note("No values of the system yet. The first ones come within 10 s.", frame.width)
        columns = 2 if frame.width >= _TWO_COLUMNS else 1
        width = (frame.width - _GAP * (columns - 1)) // columns
        rows = [Row(tuple(self.ranges())), Row(())]
        charts = [one for chart in page["charts"] for one in by_unit(chart)]
        for start in range(0, len(charts), columns):
            beside = charts[start : start + columns]
            rows += _beside([chart_rows(chart, width, _HEIGHT, _column(frame, width)) for chart in beside], width)
            rows.append(Row(()))
        return Page(rows)


def _column(frame: Frame, width: int) -> int | None:
    """Return the cell of a chart that the mouse is over: all charts show the values of the same time."""
    x = -1 if frame.hover is None else frame.hover[0] % (width + _GAP)
    return x if 0 <= x < width else None


def _beside(charts: Sequence[Sequence[Row]], width: int) -> list[Row]:
    rows = []
    for lines in itertools.zip_longest(*charts, fillvalue=Row(())):
        joined: list[Segment] = []
        for position, row in enumerate(lines):
            joined += row.line
            if position < len(lines) - 1:
                joined.append(Segment(" " * (width - _width(row.line) + _GAP)))
        rows.append(Row(tuple(joined)))
    return rows


def _width(line: Line) -> int:
    return sum(cells(clean(segment.text)) for segment in line)
