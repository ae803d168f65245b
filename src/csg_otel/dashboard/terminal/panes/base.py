"""The view: one level of a pane, such as a list, or the details of one of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from csg_otel.dashboard.terminal.feed import Answer, Request
from csg_otel.dashboard.terminal.filters import Filter, parse, write
from csg_otel.dashboard.terminal.rows import Page, Row, Segment, note, text

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Status


class Frame(NamedTuple):
    """
    What a view is drawn for.

    Attributes:
        width: Cells.
        height: Rows that are visible.
        now: Unix seconds.
        stale: The numbers are out of date: nothing answers.
        hover: Cell and row under the mouse; None without one.
    """

    width: int
    height: int
    now: float
    stale: bool = False
    hover: tuple[int, int] | None = None


class Copy(NamedTuple):
    """Text for the clipboard, and the message that says so."""

    content: str
    message: str


class Acknowledgement(NamedTuple):
    """An alert that is to be silenced: all of its series, or those with *labels*."""

    alert: str
    labels: dict[str, str]


Step = "View | str | Copy | Acknowledgement | None"
"""The effect of a key: open a view, go to a link, copy, acknowledge, or nothing."""


class View:
    """
    One level of a pane.

    Attributes:
        title: The name of what is shown.
        keys: The keys of this view, each with one word of help.
        names: The named parameters of its filter; empty if it has no filter.
        examples: What the filter understands, as the user sees it.
        newest: Where new rows come in: ``first``, ``last``, or empty for a list that is not ordered by time.
        is_detail: Belongs beside its list where there is room, and follows its cursor.
        hovers: Shows the values under the mouse.
        filter: The filter as the user types it.
        status: The newest snapshot.
        cursor: The key of the selected row.
        unseen: Number of rows that came while another row than the newest was selected.
    """

    title = ""
    keys: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    newest = ""
    is_detail = False
    hovers = False

    def __init__(self, parameters: Filter | None = None) -> None:
        self.parameters: Filter = dict(parameters or {})
        self.filter = write({name: value for name, value in self.parameters.items() if name in (*self.names, *_SENT)})
        self.documents: dict[str, Any] = {}
        self.problem = ""
        self.status: Status | None = None
        self.cursor = ""
        self.unseen = 0
        self._newest = ""

    def requests(self) -> Sequence[Request]:
        """Return the documents that the view needs; the first one is the one it can't do without."""
        return ()

    def take(self, answer: Answer) -> None:
        """Keep the document of one of the requests."""
        self.problem = answer.error
        if not answer.error:
            self.documents[answer.request.path] = answer.document

    def page(self, frame: Frame) -> Page:
        """Return the rows that are shown: a message while there is nothing else to show."""
        wanted = self.requests()
        if wanted and wanted[0].path not in self.documents:
            return note(self.problem or "Loading ...", frame.width)
        drawn = self.draw(frame)
        if self.problem and not frame.stale:
            return Page([Row(text(Segment(self.problem, "warning"))), *drawn.rows], drawn.header)
        return drawn

    def draw(self, frame: Frame) -> Page:
        """Return the rows of the documents."""
        raise NotImplementedError

    def follow(self, keys: Sequence[str], *, watching: bool) -> str:
        """
        Return the key to select: the newest, if the newest was selected before; else the selected one.

        Args:
            keys: The keys of the rows.
            watching: Whether the list may move, because nothing is open above it.
        """
        if not self.newest or not keys:
            return self.cursor
        ordered = keys if self.newest == "first" else list(reversed(keys))
        if not self.cursor or (watching and self.cursor == self._newest) or self.cursor not in keys:
            self.cursor = ordered[0]
        if self.cursor == ordered[0] or self._newest not in keys:
            self._newest = ordered[0]
        self.unseen = ordered.index(self._newest)
        return self.cursor

    def older(self) -> bool:
        """Ask for more rows, because the oldest is selected. Return whether there may be more."""
        return False

    def enter(self, key: str) -> Any:
        """Return the step for a row that is chosen (see ``Step``)."""
        del key
        return None

    def press(self, name: str, key: str) -> Any:
        """Return the step for the key *name*, while the row *key* is selected (see ``Step``)."""
        del name, key
        return None

    def cancel(self) -> bool:
        """End what the user has begun in the view. Return whether there was something to end."""
        return False

    def link(self) -> str:
        """Return the fragment of the web page that shows the same."""
        return ""

    def set_filter(self, line: str) -> None:
        """Show what *line* lets through."""
        self.filter, self.parameters = line, parse(line, self.names)
        self.problem, self.cursor = "", ""


_SENT = ("text", "min_ms", "max_ms")


def request(path: str, parameters: Filter | None = None, **more: str) -> Request:
    """Return a request for *path* with the parameters of a filter, and *more*."""
    return Request(path, (*sorted((parameters or {}).items()), *more.items()))
