"""What changed: the rows that moved most in a window, each with its sentence and a small chart, as in the overview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.terminal.filters import join_link
from csg_otel.dashboard.terminal.panes.base import Frame, View, request
from csg_otel.dashboard.terminal.rows import Line, Page, Row, Segment, fit, text
from csg_otel.dashboard.view.block_chart import sparkline
from csg_otel.dashboard.view.text import age, clock
from csg_otel.display import cells, clean

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Change, ChangedPage
    from csg_otel.dashboard.terminal.feed import Request

_SPARK: Final = 20
_GAP: Final = 2


class Changed(View):
    """What changed between two Unix times, against the time before."""

    title = "What changed"
    keys = (("Enter", "chart, traces or logs"),)

    def __init__(self, start: float, end: float) -> None:
        super().__init__()
        self._from, self._to = f"{start:.0f}", f"{end:.0f}"

    def requests(self) -> Sequence[Request]:
        """Return the changes of the window."""
        return (request("changed", {"from": self._from, "to": self._to}, limit="20"),)

    def enter(self, key: str) -> str:
        """Follow the link of the row."""
        return key

    def link(self) -> str:
        """Return the link to the page of the window."""
        return join_link("changed", {"from": self._from, "to": self._to})

    def draw(self, frame: Frame) -> Page:
        """Draw a row for each change."""
        page: ChangedPage = self.documents["changed"]
        (start, end), (before, until) = page["window"], page["baseline"]
        words = f"  {clock(start, frame.now)} to {clock(end, frame.now)}, against the {age(until - before)} before"
        rows = [Row(text(Segment("What changed", "bold"), Segment(words, "dim"))), Row(())]
        if not page["changes"]:
            rows.append(
                Row(text(Segment("No series moved more than usual, or too little is kept to compare with.", "dim")))
            )
        return Page([*rows, *(Row(change_line(change, frame.width), change["link"]) for change in page["changes"])])


def change_line(change: Change, width: int) -> Line:
    """Return the sentence of *change*, with a small chart if there is room for both."""
    sentence = clean(change["text"] or change["name"])
    if cells(sentence) + _GAP + _SPARK > width:
        return text(fit(sentence, width, middle=True))
    return text(fit(sentence, width - _SPARK), Segment(sparkline(change["values"], _SPARK), "accent"))
