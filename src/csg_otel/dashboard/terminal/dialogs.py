"""The dialogs of the terminal dashboard: help, and the acknowledgement of an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from csg_otel import environment
from csg_otel.config.convert import duration
from csg_otel.dashboard.terminal.rows import Page, Row, Segment, fit, heading, labels, text
from csg_otel.dashboard.terminal.widgets import RowList, Styles, TextLine

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from csg_otel.dashboard.terminal.panes.base import Acknowledgement

_KEYS: Final = (
    ("1 to 7, Tab", "go to a pane, to the next pane (Shift+Tab: back)"),
    ("Up, Down, j, k", "select a row; PgUp, PgDn, Home, End"),
    ("Enter", "details: waterfall, span, check, chart, rule"),
    ("Esc, Backspace", "back to the list"),
    ("Left, Right", "focus on the list, on the details beside it"),
    ("/", "filter; Enter keeps it, Esc clears it"),
    ("r", "refresh now"),
    ("s", "start or restart the monitoring services"),
    ("a", "acknowledge an alert: a silence in Alertmanager"),
    ("l, t", "logs of a trace or span; trace of a log record"),
    ("b, [, ]", "split a chart by attribute; shorter, longer range"),
    ("m", "mark start and end in a chart: what changed between them"),
    ("c, y", "copy a subtree of spans as JSON; copy the link"),
    ("d", "dark or light"),
    ("q, Ctrl-C", "quit"),
)
_FILTERS: Final = (
    ("Traces", "slow name:checkout min:250ms error running user.id=42"),
    ("Logs", "refused level:warn logger:app.db trace:ID"),
    ("Health", "disk state:critical"),
    ("Metrics", "duration kind:histogram"),
    ("Alerts", "cpu state:firing severity:critical"),
)
_CSS = """
Help, Acknowledge { align: center middle; }
.box { width: 78; max-width: 100%; background: $surface; border: round $scrollbar; padding: 0 1; }
.box RowList, .box TextLine { background: $surface; }
#help { height: 26; max-height: 100%; }
#acknowledge { height: auto; }
.box Input, .box Input:focus { border: none; height: 1; padding: 0; background: $background; }
"""


class Help(ModalScreen[None]):
    """The list of keys and filters."""

    CSS = _CSS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "dismiss", show=False)]

    def __init__(self, styles: Styles) -> None:
        super().__init__()
        self._look = styles

    def compose(self) -> ComposeResult:
        """Build the box."""
        with Vertical(classes="box", id="help"):
            yield RowList(self._look, id="keys-list")

    def on_mount(self) -> None:
        """Show the keys."""
        rows = [_pair(key, words) for key, words in _KEYS]
        rows += heading("Filters", 70)
        rows += [_pair(pane, words) for pane, words in _FILTERS]
        shown = self.query_one(RowList)
        shown.show(Page([Row(text(Segment("Keys", "bold"), Segment("   Esc closes", "dim"))), *rows]), "")
        shown.focus()


class Acknowledge(ModalScreen[dict[str, Any] | None]):
    """The form of a silence: how long, and why. Its result is the body of the action; None if it was cancelled."""

    CSS = _CSS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, styles: Styles, chosen: Acknowledgement) -> None:
        super().__init__()
        self._look = styles
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        """Build the form."""
        with Vertical(classes="box", id="acknowledge"):
            yield TextLine(self._look, id="question")
            yield TextLine(self._look, id="how-long")
            yield Input("1h", id="duration", compact=True)
            yield TextLine(self._look, id="why")
            yield Input(placeholder="who works on it, and where", id="comment", compact=True)
            yield TextLine(self._look, id="advice")

    def on_mount(self) -> None:
        """Write the labels."""
        series = labels(self._chosen.labels) or "all series"
        question = Row(text(Segment(f"Silence {self._chosen.alert}", "bold"), Segment(f"  {series}", "dim")))
        self.query_one("#question", TextLine).show([question])
        self.query_one("#how-long", TextLine).show([Row(text(Segment("for how long, such as 30m or 2h", "dim")))])
        self.query_one("#why", TextLine).show([Row(text(Segment("comment", "dim")))])
        self._advise("Enter goes to the comment, Esc cancels", "dim")
        self.query_one("#duration", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field, or finish."""
        seconds = duration(self.query_one("#duration", Input).value)
        if not seconds or seconds <= 0:
            self._advise("A duration is needed, such as 30m or 2h.", "critical")
            self.query_one("#duration", Input).focus()
        elif event.input.id == "duration":
            self.set_focus(self.query_one("#comment", Input))
            self._advise("Enter silences, Esc cancels", "dim")
        else:
            self.dismiss(
                {
                    "alert": self._chosen.alert,
                    "labels": self._chosen.labels,
                    "duration_s": seconds,
                    "comment": event.value.strip() or "acknowledged in the dashboard",
                    "author": environment.snapshot().get("USER", "csg-otel"),
                }
            )

    def _advise(self, words: str, style: str) -> None:
        self.query_one("#advice", TextLine).show([Row((Segment(words, style),))])

    def action_cancel(self) -> None:
        """Close without a silence."""
        self.dismiss(None)


def _pair(left: str, right: str) -> Row:
    return Row((Segment(fit(left, 16), "key"), Segment(right)))
