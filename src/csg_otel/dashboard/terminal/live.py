"""The screen of the dashboard: it asks for the documents of the open views, and draws these when they change."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.filter import LineFilter, NoColor
from textual.message import Message
from textual.widgets import Input

from csg_otel.clocks import monotonic
from csg_otel.dashboard.terminal import bars, palette
from csg_otel.dashboard.terminal.feed import Acted, Answer, Feed, Request
from csg_otel.dashboard.terminal.navigation import PANES, Navigation
from csg_otel.dashboard.terminal.panes.base import Frame, View
from csg_otel.dashboard.terminal.rows import Page, Row, Segment, paragraph, text
from csg_otel.dashboard.terminal.widgets import RowList, TextLine
from csg_otel.display import cells, clean

if TYPE_CHECKING:
    from rich.style import Style

    from csg_otel.dashboard.model import Status
    from csg_otel.dashboard.source import Source

_STATUS: Final = Request("status")
_WIDE: Final = 100
"""Cells from which the rail is shown, and not the tab line."""
_BESIDE: Final = 140
"""Cells from which details stand beside their list."""
_MESSAGE_S: Final = 5.0
"""Time for which a message is shown."""
_RETRY_S: Final = 1.0
"""Longest time between two attempts while nothing answers."""
_REFRESH: Final = ("r", "refresh")
_RESTART: Final = ("s", "restart")
_ALWAYS: Final = (("?", "help"), ("q", "quit"))


class Arrived(Message):
    """The thread of the feed has an answer."""

    def __init__(self, report: Answer | Acted) -> None:
        self.report = report
        super().__init__()


class LiveApp(App[int]):
    """The screen, and the documents behind it."""

    TITLE = "csg-otel dashboard"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; background: $background; color: $foreground; }
    ModalScreen { background: $background 60%; }
    #status { background: $surface; }
    #tabs { display: none; }
    #rail { width: 17; height: 1fr; }
    #middle { height: 1fr; margin: 1 0 0 0; }
    #list, #detail { margin: 0 1; }
    #detail { display: none; border-left: solid $scrollbar; padding: 0 0 0 1; }
    #filter { display: none; border: none; height: 1; padding: 0 1; background: $surface; }
    .narrow #rail { display: none; }
    .narrow #tabs { display: block; }
    .narrow #middle, .narrow #list { margin: 0; }
    .beside #detail { display: block; }
    """

    def __init__(
        self,
        source: Source,
        *,
        interval_s: float,
        restart: Callable[[], None] | None = None,
        color: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        Prepare; nothing is read before the application runs.

        Args:
            source: The documents that are shown.
            interval_s: Seconds between two requests for what is shown.
            restart: Starts or restarts the monitoring services. Default: the source's action.
            color: Whether the terminal has colours.
            now: Returns Unix seconds.
        """
        super().__init__(ansi_color=None if color else True)
        self._feed = Feed(source, *(lambda report: self.post_message(Arrived(report)),) * 2)
        self._address, self._interval_s, self._restart, self._now = source.address, interval_s, restart, now
        self._color = color
        self._palette = palette.DARK
        self._words = self._palette.styles if color else palette.plain_styles()
        self._status: Status | None = None
        self._connection = bars.Connection()
        self._navigation = Navigation()
        self._message: tuple[str, str, float] = ("", "", 0.0)
        self._asked = 0.0
        self._hover: tuple[int, int] | None = None
        self._drawn: dict[str, View] = {}

    def compose(self) -> ComposeResult:
        """Build the widgets."""
        yield TextLine(self._style, id="status")
        yield TextLine(self._style, id="tabs")
        with Horizontal(id="middle"):
            yield TextLine(self._style, id="rail", vertical=True)
            yield RowList(self._style, id="list")
            yield RowList(self._style, id="detail")
        yield TextLine(self._style, id="keys")
        yield Input(id="filter", compact=True)

    def on_mount(self) -> None:
        """Start to read."""
        for one in palette.PALETTES:
            self.register_theme(one.theme)
        self.theme = self._palette.theme.name
        self._list.focus()
        self._feed.start()
        self.set_interval(min(1.0, self._interval_s), self._tick)
        self._ask()
        self._draw()

    def on_unmount(self) -> None:
        """Stop to read; nothing waits for a request that is running."""
        self._feed.stop()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Take all colours away where the terminal has none."""
        return [*super().get_line_filters(), *(() if self._color else (NoColor(),))]

    # Documents

    def _tick(self) -> None:
        wait = min(_RETRY_S, self._interval_s) if self._connection.lost is not None else self._interval_s
        if monotonic() - self._asked >= wait and not self._feed.busy:
            self._ask()
        self._draw_bars()

    def _ask(self) -> None:
        self._asked = monotonic()
        self._feed.ask(list(dict.fromkeys([_STATUS, *self._wanted()])))

    def _wanted(self) -> list[Request]:
        """Return the requests of the views that are shown; some depend on the status."""
        return [one for view in self._visible() for one in view.requests()]

    def on_arrived(self, message: Arrived) -> None:
        """Take an answer, or the end of an action."""
        report = message.report
        if isinstance(report, Acted):
            self._say(report.error or f"{report.name}: done", "critical" if report.error else "healthy")
            self._ask()
        elif report.request == _STATUS:
            self._take_status(report)
        else:
            views = [view for view in self._navigation.stack if report.request in view.requests()]
            for view in views:
                view.take(report)
            if views:
                self._draw()

    def _take_status(self, answer: Answer) -> None:
        before, lost = self._connection, self._connection.lost is not None
        if answer.error:
            self._connection = bars.Connection(before.since, before.lost or self._now(), answer.error)
        else:
            status: Status = answer.document
            wanted = self._wanted()
            restarted = self._status is not None and self._status["session"] != status["session"]
            self._status, self._connection = status, bars.Connection(self._now())
            self._navigation.use(frozenset(status["features"]))
            if restarted:
                self._navigation.forget()
                self._say("The program was restarted; this is its new process.", "accent")
            elif lost:
                self._say("The program answers again.", "healthy")
            if restarted or lost or self._wanted() != wanted:
                self._ask()
        self._draw()

    # Drawing

    def _style(self, word: str) -> Style:
        return self._words.get(word) or self._words[""]

    @property
    def _list(self) -> RowList:
        return self.query_one("#list", RowList)

    @property
    def _detail(self) -> RowList:
        return self.query_one("#detail", RowList)

    @property
    def _has_widgets(self) -> bool:
        """Whether the screen is complete: an answer may come before it is built, and while it is taken down."""
        return bool(self.screen_stack) and len(self.screen_stack[0].query("RowList, TextLine, Input")) == 7

    def _visible(self) -> list[View]:
        """Return the views that are shown: the deepest, and its list beside details where there is room."""
        stack = self._navigation.stack
        beside = len(stack) > 1 and stack[-1].is_detail and self.size.width >= _BESIDE
        shown = stack[-2:] if beside else stack[-1:]
        for view in shown:
            view.status = self._status
        return shown

    def _draw(self) -> None:
        if not self._has_widgets:
            return
        views = self._visible()
        base = self.screen_stack[0]
        base.set_class(len(views) == 2, "beside")
        base.set_class(self.size.width < _WIDE, "narrow")
        for widget, view in zip((self._list, self._detail), views, strict=False):
            self._draw_view(widget, view)
        if len(views) == 1 and self._detail.has_focus:
            self._list.focus()
        self._draw_bars()

    def _draw_view(self, widget: RowList, view: View) -> None:
        width = widget.width
        if width <= 0:
            return  # not laid out yet: `on_row_list_resized` draws it
        stale = self._connection.lost is not None
        frame = Frame(width, widget.size.height, self._now(), stale, self._hover)
        page = view.page(frame)
        if stale:
            page = Page([*paragraph(self._connection.problem, width), *page.rows], page.header)
        fresh = self._drawn.get(str(widget.id)) is not view
        self._drawn[str(widget.id)] = view
        keys = [row.key for row in page.rows if row.key]
        if not fresh and view.cursor and widget.cursor:
            view.cursor = widget.cursor  # the message that the user has moved it may still be on its way
        cursor = view.follow(keys, watching=view is self._navigation.view)  # nothing moves while details are open
        end = view.newest == "last" and bool(keys) and cursor == keys[-1]
        widget.show(page, cursor, fresh=fresh, end=end, faded=stale)
        if keys:
            view.cursor = widget.cursor

    def _draw_bars(self) -> None:
        if not self._has_widgets:
            return
        base, width, now = self.screen_stack[0], self.size.width, self._now()
        panes = self._navigation.visible
        numbers = {pane.name: number for number, pane in enumerate(PANES, 1)}
        shown = self._navigation.pane
        base.query_one("#status", TextLine).show(bars.status_bar(self._status, self._connection, now, width))
        base.query_one("#rail", TextLine).show(bars.rail(panes, numbers, shown, self._status))
        base.query_one("#tabs", TextLine).show(bars.tabs(panes, numbers, shown, self._status, width))
        base.query_one("#keys", TextLine).show(self._hints(width))

    def _hints(self, width: int) -> list[Row]:
        view = self._navigation.view
        message, style, until = self._message
        rows = [Row(text(Segment(f" {message} ", style)))] if message and monotonic() < until else []
        if view.filter:
            rows.append(Row(text(Segment(f" filter: {view.filter} ", "accent"))))
        if view.unseen:
            side = "Home" if view.newest == "first" else "End"
            rows.append(Row(text(Segment(f" {view.unseen} new: {side} ", "accent"))))
        back = [("Esc", "back")] if len(self._navigation.stack) > 1 else []
        used = sum(cells(clean(segment.text)) for row in rows for segment in row.line)
        beside = [("Right", "scroll")] if len(self._visible()) == 2 else []
        search = [("/", "filter")] if view.names else []
        restart = [_RESTART] if self._can_restart else []
        return [*rows, *bars.keys([*back, *beside, *view.keys, *search, _REFRESH, *restart], _ALWAYS, width - used)]

    @property
    def _can_restart(self) -> bool:
        """Whether there are monitoring services to restart; supposed until the status says otherwise."""
        return self._restart is not None or self._status is None or "restart" in self._status["actions"]

    def _say(self, words: str, style: str) -> None:
        self._message = (words, style, monotonic() + _MESSAGE_S)
        self._draw_bars()

    def on_row_list_resized(self, _: RowList.Resized) -> None:
        """Draw for the new size."""
        self._draw()

    def on_resize(self) -> None:
        """Draw for the new size; what is shown may be more or less."""
        self._draw()
