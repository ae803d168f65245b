"""The application: the keys and the mouse, on top of the live screen."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import Any, ClassVar, Final

from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.widgets import Input

from csg_otel.dashboard.terminal import palette
from csg_otel.dashboard.terminal.dialogs import Acknowledge, Help
from csg_otel.dashboard.terminal.live import LiveApp
from csg_otel.dashboard.terminal.navigation import PANES
from csg_otel.dashboard.terminal.panes.base import Acknowledgement, Copy, View
from csg_otel.dashboard.terminal.widgets import RowList, TextLine

_INTERRUPTED: Final = 130
"""Exit code of a program that Ctrl-C has ended."""
_TERMINATED: Final = 143
"""That of one that SIGTERM has ended."""


class DashboardApp(LiveApp):
    """The dashboard in the terminal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),  # in a field, too
        Binding("r", "refresh_now", show=False),
        Binding("s", "restart", show=False),
        Binding("slash", "filter", show=False, priority=True),  # so that the keys typed after it reach the field
        Binding("tab", "pane(1)", show=False, priority=True),
        Binding("shift+tab", "pane(-1)", show=False, priority=True),
        Binding("escape,backspace", "close", show=False),
        Binding("left", "side(0)", show=False),
        Binding("right", "side(1)", show=False),
        Binding("question_mark", "help", show=False),
        Binding("d", "theme", show=False),
        Binding("y", "copy_link", show=False),
        *(Binding(str(number), f"show({pane.name!r})", show=False) for number, pane in enumerate(PANES, 1)),
        *(Binding(key, f"press({name!r})", show=False) for key, name in zip("abclmt", "abclmt", strict=True)),
        Binding("left_square_bracket", "press('[')", show=False),
        Binding("right_square_bracket", "press(']')", show=False),
    ]

    def on_mount(self) -> None:
        """Let SIGTERM leave the terminal as it was; the live screen has its own ``on_mount``, which runs, too."""
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: self.exit(return_code=_TERMINATED))

    def on_text_line_clicked(self, event: TextLine.Clicked) -> None:
        """Show the pane that was clicked."""
        self.action_show(event.key)

    def on_row_list_entered(self, event: RowList.Entered) -> None:
        """Open the row that was chosen."""
        if event.widget in (self._list, self._detail):
            self._go(self._view_of(event.widget).enter(event.key))

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        """Let the details follow the list."""
        if event.widget not in (self._list, self._detail):
            return
        views, view = self._visible(), self._view_of(event.widget)
        view.cursor = event.widget.cursor
        if event.last and view.older():
            self._ask()
        if len(views) == 2 and view is views[0] and isinstance(following := view.enter(view.cursor), View):
            self._go(following)
        else:
            self._draw_bars()

    def on_row_list_hovered(self, event: RowList.Hovered) -> None:
        """Show the values under the mouse."""
        hover = None if event.index < 0 else (event.x, event.index)
        if hover != self._hover:
            self._hover = hover
            if any(view.hovers for view in self._visible()):
                self._draw()

    def _view_of(self, widget: RowList) -> View:
        return self._visible()[0 if widget.id == "list" else -1]

    def _go(self, step: Any) -> None:
        """Take a step (see ``panes.base.Step``)."""
        navigation = self._navigation
        if isinstance(step, View):
            step.documents.update({**navigation.view.documents, **step.documents})
            navigation.open(step)
        elif isinstance(step, Copy):
            self.copy_to_clipboard(step.content)
            self._say(step.message, "accent")
            return
        elif isinstance(step, Acknowledgement):
            self._acknowledge(step)
            return
        elif isinstance(step, str) and not navigation.go(step):
            self._say("This pane is switched off (dashboard.features).", "warning")
            return
        self._ask()
        self._draw()

    def _acknowledge(self, chosen: Acknowledgement) -> None:
        page = self._navigation.view.documents.get("alerts")
        if not page or not page["can_acknowledge"]:
            self._say(
                (page or {}).get("problem") or "No Alertmanager is configured: alerting.alertmanagers.", "warning"
            )
            return

        def finish(body: dict[str, Any] | None) -> None:
            if body is not None:
                self._feed.post(f"silence of {body['alert']}", "alerts/acknowledge", body)

        self.push_screen(Acknowledge(self._style, chosen), finish)

    def action_press(self, name: str) -> None:
        """Send a key to the view."""
        widget = self._detail if self._detail.has_focus else self._list
        view = self._view_of(widget)
        self._go(view.press(name, view.cursor))

    def action_show(self, name: str) -> None:
        """Show a pane."""
        if self._navigation.show(name):
            self._shown()

    def action_pane(self, step: int) -> None:
        """Show the next pane; in a dialog, go to the next field."""
        if len(self.screen_stack) > 1:
            self.screen.focus_next() if step > 0 else self.screen.focus_previous()
            return
        self._navigation.step(step)
        self._shown()

    def _shown(self) -> None:
        self._close_filter()
        self._hover = None
        self._ask()
        self._draw()

    def action_interrupt(self) -> None:
        """Quit as Ctrl-C ends a program."""
        self.exit(return_code=_INTERRUPTED)

    def action_refresh_now(self) -> None:
        """Ask for everything that is shown."""
        self._say("refreshed", "dim")
        self._ask()

    def action_restart(self) -> None:
        """Start or restart the monitoring services."""
        if not self._can_restart:
            self._say("There are no monitoring services here.", "warning")
            return
        self._say("restarting the monitoring services ...", "accent")
        if self._restart is not None:
            self._feed.act("restart of the monitoring services", self._restart)
        else:
            self._feed.post("restart of the monitoring services", "services/restart", {})

    def action_close(self) -> None:
        """Close the filter, or the deepest view, or clear the filter of the list."""
        view = self._navigation.view
        if self._filter.display:
            view.set_filter("")
            self._shown()
        elif view.cancel():
            self._draw()
        elif self._navigation.back():
            self._shown()
        elif view.filter:
            view.set_filter("")
            self._shown()

    def action_side(self, side: int) -> None:
        """Focus on the list, or on the details beside it; a view alone may use the keys itself."""
        if len(self._visible()) == 2:
            (self._detail if side else self._list).focus()
        else:
            self.action_press("right" if side else "left")

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(Help(self._style))

    def action_theme(self) -> None:
        """Change between dark and light."""
        if not self._color:
            return
        self._palette = next(one for one in palette.PALETTES if one is not self._palette)
        self._words = self._palette.styles
        self.theme = self._palette.theme.name
        for widget in self.query(RowList):
            widget.restyle()
        for line in self.query(TextLine):
            line.refresh()

    def action_copy_link(self) -> None:
        """Copy the address of the web page that shows the same."""
        link = f"{self._address.rstrip('/')}/#/{self._navigation.view.link()}"
        self._go(Copy(link, f"copied: {link}"))

    def action_filter(self) -> None:
        """Open the filter of the list."""
        if isinstance(self.focused, Input) or len(self.screen_stack) > 1:
            raise SkipAction  # it is a character of the text
        stack = self._navigation.stack
        while len(stack) > 1 and not stack[-1].names:
            stack.pop()
        if not self._navigation.view.names:
            return
        field = self._filter
        field.value = self._navigation.view.filter
        field.placeholder = "filter " + " ".join(self._navigation.view.examples)
        self._show_filter(True)
        self.screen.set_focus(field)  # at once: the keys that follow belong to the field

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the user types."""
        if event.input is self._filter and event.input.display:
            self._use_filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        if event.input is self._filter:
            self._use_filter(event.value)
            self._close_filter()

    def _use_filter(self, line: str) -> None:
        view = self._navigation.view
        if line != view.filter:
            view.set_filter(line)
            self._ask()
            self._draw()

    @property
    def _filter(self) -> Input:
        return self.screen_stack[0].query_one("#filter", Input)

    def _show_filter(self, shown: bool) -> None:
        self._filter.display = shown
        self.query_one("#keys", TextLine).display = not shown

    def _close_filter(self) -> None:
        self._show_filter(False)
        self.screen.set_focus(self._list)
