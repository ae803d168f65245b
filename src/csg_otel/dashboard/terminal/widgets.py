"""The widgets of the terminal dashboard: a list with a cursor, and a line of text. Both draw only lines that have changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment as Drawn
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from csg_otel.dashboard.terminal.rows import Line, Page, Row
from csg_otel.display import cells, clean

if TYPE_CHECKING:
    from textual import events

Styles = Callable[[str], Style]
"""Return the style of a word of ``rows.Segment.style``."""


def strip(line: Line, width: int, styles: Styles, over: Style | None = None) -> Strip:
    """Return *line*, escaped, in exactly *width* cells; *over* is laid over the style of every segment."""
    base = styles("") if over is None else styles("") + over
    drawn = [Drawn(clean(text), styles(style) if over is None else styles(style) + over) for text, style in line]
    return Strip(drawn).adjust_cell_length(width, base)


class TextLine(Widget):
    """Text without a cursor, one row beside or below the other; rows that have a key answer to the mouse."""

    DEFAULT_CSS = "TextLine { height: 1; width: 1fr; }"

    class Clicked(Message):
        """A row was clicked."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    def __init__(self, styles: Styles, *, id: str, vertical: bool = False) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._styles_of = styles
        self._vertical = vertical
        self._rows: tuple[Row, ...] = ()

    def show(self, rows: Sequence[Row]) -> None:
        """Show *rows*."""
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self.refresh()

    @property
    def lines(self) -> list[str]:
        """The text that is shown."""
        return ["".join(clean(segment.text) for segment in line) for line in self._lines()]

    def _lines(self) -> list[Line]:
        if self._vertical:
            return [row.line for row in self._rows]
        return [tuple(segment for row in self._rows for segment in row.line)]

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        lines = self._lines()
        drawn = strip(lines[y] if y < len(lines) else (), self.size.width, self._styles_of)
        return drawn.apply_style(self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Report the row that was clicked."""
        right = 0
        for y, row in enumerate(self._rows):
            right += sum(cells(clean(segment.text)) for segment in row.line)
            if row.key and (y == event.y if self._vertical else event.x < right):
                self.post_message(self.Clicked(row.key))
                return


class RowList(ScrollView):
    """
    A list of rows with a cursor on those that have a key.

    When rows come and go, the row under the cursor stays where it is on the screen.
    """

    DEFAULT_CSS = """
    RowList { width: 1fr; height: 1fr; overflow-x: hidden; scrollbar-gutter: stable; scrollbar-size: 0 1; }
    """
    can_focus = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "edge(-1)", show=False),
        Binding("end,G", "edge(1)", show=False),
        Binding("enter", "enter", show=False),
    ]

    class Moved(Message):
        """The user has moved the cursor; *last* when it is on the last row."""

        def __init__(self, widget: RowList, *, last: bool) -> None:
            self.widget, self.last = widget, last
            super().__init__()

    class Entered(Message):
        """The row under the cursor was chosen."""

        def __init__(self, widget: RowList, key: str) -> None:
            self.widget, self.key = widget, key
            super().__init__()

    class Hovered(Message):
        """The mouse is over cell *x* of the row *index*; -1 when it has left."""

        def __init__(self, x: int, index: int) -> None:
            self.x, self.index = x, index
            super().__init__()

    class Resized(Message):
        """The list has another size, and its rows are to be drawn again."""

    def __init__(self, styles: Styles, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._styles_of = styles
        self._page = Page([])
        self._at = -1
        self._cache: dict[Line, Strip] = {}
        self._faded = False

    @property
    def width(self) -> int:
        """The cells of a row, beside the scroll bar."""
        return self.scrollable_content_region.width

    @property
    def cursor(self) -> str:
        """The key of the row under the cursor; empty if no row has a key."""
        return self._page.rows[self._at].key if 0 <= self._at < len(self._page.rows) else ""

    @property
    def lines(self) -> list[str]:
        """The text of the header, if there is one, and of all rows."""
        lines = [self._page.header] if self._page.header else []
        lines += [row.line for row in self._page.rows]
        return ["".join(clean(segment.text) for segment in line) for line in lines]

    def show(self, page: Page, cursor: str, *, fresh: bool = False, end: bool = False, faded: bool = False) -> None:
        """
        Show *page*.

        Args:
            page: The content.
            cursor: The key to select; if no row has it, the first that has a key is selected.
            fresh: This is other content than before: show it from its top.
            end: Scroll to the end.
            faded: Draw everything in one quiet style, because it is out of date.
        """
        before, top, old = self._page, self._at - self.scroll_offset.y, self._at
        changed = faded != self._faded or page.header != before.header or len(page.rows) != len(before.rows)
        if faded != self._faded:
            self._cache.clear()
        self._page, self._faded = page, faded
        self._at = self._place(cursor, old)
        self.virtual_size = Size(self.width, len(page.rows) + bool(page.header))
        if fresh:
            self._scroll(0)
        if end:
            self._scroll(self.virtual_size.height)
        elif not fresh and old >= 0 and self._at != old and 0 <= top < self.size.height:
            self._scroll(self._at - top)
        self._reveal()
        if changed or fresh:
            self.refresh()
            return
        for index, (was, now) in enumerate(zip(before.rows, page.rows, strict=True)):
            if was != now or (old != self._at and index in (old, self._at)):
                self._refresh_row(index)

    def _place(self, key: str, near: int) -> int:
        """Return the row with *key*, the nearest one if there are several; else the first row that has a key."""
        rows = [index for index, row in enumerate(self._page.rows) if row.key and row.key == key]
        if rows:
            return min(rows, key=lambda index: abs(index - near))
        return next((index for index, row in enumerate(self._page.rows) if row.key), -1)

    def restyle(self) -> None:
        """Draw everything again, in the colours of another theme."""
        self._cache.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        return self._line(y).apply_style(self.rich_style)

    def _line(self, y: int) -> Strip:
        width = self.width
        if self._page.header:
            if y == 0:
                return strip(self._page.header, width, self._styles_of)
            y -= 1
        index = self.scroll_offset.y + y
        if index >= len(self._page.rows):
            return Strip.blank(width, self._styles_of(""))
        row = self._page.rows[index]
        if index == self._at and self.has_focus:
            return strip(row.line, width, self._styles_of, self._styles_of("cursor"))
        drawn = self._cache.get(row.line)
        if drawn is None or drawn.cell_length != width:
            over = self._styles_of("faded") if self._faded else None
            if len(self._cache) > 4000:
                self._cache.clear()
            drawn = self._cache[row.line] = strip(row.line, width, self._styles_of, over)
        return drawn

    def action_move(self, step: int) -> None:
        """Select the next row that has a key; without such rows, scroll."""
        keys = self._keys()
        following = [index for index in keys if (index > self._at if step > 0 else index < self._at)]
        if following:
            self._select(following[0] if step > 0 else following[-1])
        else:  # no row to select: show the lines before the first or after the last
            self._scroll(self.scroll_offset.y + step)

    def action_page(self, pages: int) -> None:
        """Move by the height of the list."""
        step = pages * max(1, self.size.height - 1 - bool(self._page.header))
        keys, target = self._keys(), self._at + step
        self._scroll(self.scroll_offset.y + step)
        if keys:
            self._select(min(keys, key=lambda index: abs(index - target)))

    def action_edge(self, side: int) -> None:
        """Go to the first or the last row."""
        if keys := self._keys():
            self._select(keys[0] if side < 0 else keys[-1])
        self._scroll(0 if side < 0 else self.virtual_size.height)

    def action_enter(self) -> None:
        """Choose the row under the cursor."""
        if self.cursor:
            self.post_message(self.Entered(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        """Select the row that is clicked; choose it if it was selected."""
        index = self._row_at(event.y)
        if not 0 <= index < len(self._page.rows) or not self._page.rows[index].key:
            return
        if index == self._at:
            self.action_enter()
        else:
            self._select(index)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Report the cell under the mouse."""
        self.post_message(self.Hovered(event.x, self._row_at(event.y)))

    def on_leave(self) -> None:
        """Report that the mouse has left."""
        self.post_message(self.Hovered(-1, -1))

    def on_resize(self) -> None:
        """Report the size."""
        self.post_message(self.Resized())

    def watch_has_focus(self, _: bool) -> None:
        """Draw the cursor only in the list that has the focus."""
        self._refresh_row(self._at)

    def _keys(self) -> list[int]:
        return [index for index, row in enumerate(self._page.rows) if row.key]

    def _row_at(self, y: int) -> int:
        header = bool(self._page.header)
        return -1 if header and y == 0 else self.scroll_offset.y + y - header

    def _select(self, index: int) -> None:
        before, self._at = self._at, index
        self._refresh_row(before)
        self._refresh_row(index)
        self._reveal()
        self.post_message(self.Moved(self, last=index == self._keys()[-1]))

    def _reveal(self) -> None:
        """Scroll until the row under the cursor is visible."""
        height = max(1, self.size.height - bool(self._page.header))
        if self._at < 0:
            return
        if self._at < self.scroll_offset.y:
            self._scroll(self._at)
        elif self._at >= self.scroll_offset.y + height:
            self._scroll(self._at - height + 1)

    def _scroll(self, y: int) -> None:
        self.scroll_to(y=max(0, y), animate=False, immediate=True, force=True)

    def _refresh_row(self, index: int) -> None:
        y = index - self.scroll_offset.y + bool(self._page.header)
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.width, 1))
