"""Logs: the newest last; one record with its attributes, its exception and the way to its trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.terminal.filters import Filter, join_link
from csg_otel.dashboard.terminal.panes import senders
from csg_otel.dashboard.terminal.panes.base import Frame, View, request
from csg_otel.dashboard.terminal.panes.span import LEVELS
from csg_otel.dashboard.terminal.rows import Column, Page, Row, Segment, heading, note, pairs, paragraph, table, text
from csg_otel.dashboard.view.text import milliseconds, stamp

if TYPE_CHECKING:
    from csg_otel.dashboard.model import LogRow, LogsPage
    from csg_otel.dashboard.terminal.feed import Request

_LIMIT: Final = 300
_COLUMNS: Final = (
    Column("Time", 12, 1),
    Column("Level", 5),
    Column("Logger", 20, 3),
    Column("Message", 24, 0, flexible=True),
    Column("Trace", 8, 2),
)
_EMPTY: Final = """
    No log records yet.

    logging.getLogger(__name__).warning("order %s is late", order_id)
"""


class LogList(View):
    """The newest records, at the end."""

    title = "Logs"
    keys = (("Enter", "details"), ("t", "trace"))
    names = ("level", "logger", "trace", "span")
    examples = ("text", "level:warn", "logger:app.db", "trace:ID")
    newest = "last"

    def __init__(self, parameters: Filter | None = None) -> None:
        super().__init__(parameters)
        self.cursor = str(self.parameters.pop("id", ""))

    def requests(self) -> Sequence[Request]:
        """Return the newest page that the filter lets through."""
        return (request("logs", self.parameters, limit=str(_LIMIT)),)

    def draw(self, frame: Frame) -> Page:
        """Draw a row for each record."""
        page: LogsPage = self.documents["logs"]
        if not page["logs"]:
            return note(
                "No log record matches the filter." if self.parameters else senders.empty(self.status, _EMPTY),
                frame.width,
            )
        return table(_COLUMNS, [(str(log["id"]), _row(log)) for log in reversed(page["logs"])], frame.width)

    def enter(self, key: str) -> View | None:
        """Open the record."""
        log = self._record(key)
        return None if log is None else LogDetail(log)

    def press(self, name: str, key: str) -> Any:
        """Go to the trace of the record."""
        log = self._record(key) if name == "t" else None
        return _trace_of(log) if log else None

    def link(self) -> str:
        """Return the link to the list with its filter."""
        return join_link("logs", self.parameters)

    def _record(self, key: str) -> LogRow | None:
        page: LogsPage | None = self.documents.get("logs")
        return next((log for log in page["logs"] if str(log["id"]) == key), None) if page else None


class LogDetail(View):
    """One record. It does not change, so it is not asked for again."""

    is_detail = True
    keys = (("t", "trace"),)

    def __init__(self, log: LogRow) -> None:
        super().__init__()
        self._log = log
        self.title = f"record {log['id']}"

    def draw(self, frame: Frame) -> Page:
        """Draw the record."""
        log, width = self._log, frame.width
        facts = [
            ("time", stamp(log["time"])),
            ("logger", log["logger"]),
            ("service", log["service"]),
        ]
        rows = [
            Row(
                text(
                    Segment(log["level"].upper(), LEVELS[log["level"]] or "bold"), Segment(f" {log['severity']}", "dim")
                )
            ),
            *paragraph(log["body"], width),
            Row(()),
            *pairs(facts, width),
        ]
        if log["trace_id"]:
            rows.append(Row(text(Segment(f"trace {log['trace_id']}", "accent")), _trace_of(log) or ""))
        if exception := log["exception"]:
            message = f"{exception['type']}: {exception['message']}"
            rows += [*heading("Exception", width), *paragraph(message, width, "critical")]
            rows += paragraph(exception["stacktrace"], width, "dim")
        if log["attributes"]:
            rows += [*heading("Attributes", width), *pairs(log["attributes"].items(), width)]
        return Page(rows)

    def enter(self, key: str) -> str:
        """Follow the link to the trace."""
        return key

    def press(self, name: str, key: str) -> Any:
        """Go to the trace of the record."""
        del key
        return _trace_of(self._log) if name == "t" else None


def _row(log: LogRow) -> list[str | Segment]:
    style = LEVELS[log["level"]]
    body = log["body"] if log["exception"] is None else f"{log['body']}  {log['exception']['type']}"
    return [
        Segment(milliseconds(log["time"]), "dim"),
        Segment(log["level"].upper(), style or "dim"),
        Segment(log["logger"], "dim"),
        Segment(body, style),
        Segment(log["trace_id"][:8], "dim"),
    ]


def _trace_of(log: LogRow) -> str | None:
    if not log["trace_id"]:
        return None
    return f"traces/{log['trace_id']}" + (f"?span={log['span_id']}" if log["span_id"] else "")
