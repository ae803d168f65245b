"""The programs that send to a dashboard, for its overview: how they do, or how one begins to send. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.terminal.filters import join_link
from csg_otel.dashboard.terminal.rows import Column, Row, Segment, heading, table, text
from csg_otel.dashboard.view.text import age, state, value
from csg_otel.display import cells, number

if TYPE_CHECKING:
    from csg_otel.dashboard.model import ServiceRow, Status

_COLUMNS: Final = (
    Column("Program", 20, 0, flexible=True),
    Column("Per second", 12, 2, right=True),
    Column("Spans", 9, 1, right=True),
    Column("Failed", 9, 0, right=True),
    Column("Newest", 9, 1, right=True),
)


def senders(status: Status, width: int) -> list[Row]:
    """Return what stands first where other programs fill the dashboard."""
    services = status["services"]
    word = status["state"]
    if not services:
        lines = ["OpenTelemetry in any language sends here, by one of these:"]
        for protocol, address in status["receives_at"].items():
            parts = (f"  OTEL_EXPORTER_OTLP_PROTOCOL={protocol}", f"OTEL_EXPORTER_OTLP_ENDPOINT={address}")
            lines += [" ".join(parts)] if cells(" ".join(parts)) <= width else [f"{parts[0]} \\", f"  {parts[1]}"]
        head = text(Segment(state(word), word), "  No program has sent anything yet")
        return [Row(head), *(Row(text(Segment(line, "dim"))) for line in lines)]
    sent = f"{len(services)} programs send here" if len(services) > 1 else "1 program sends here"
    at = ", ".join(f"{address} ({protocol})" for protocol, address in status["receives_at"].items())
    rows = [(join_link("traces", {"service": each["name"]}), _cells(each, status["time"])) for each in services]
    page = table(_COLUMNS, rows, width)
    return [
        Row(text(Segment(state(word), word), f"  {sent}")),
        Row(text(Segment(f"to {at}", "dim"))),
        *heading("Programs", width, "spans of the last 5 minutes"),
        Row(page.header),
        *page.rows,
    ]


def empty(status: Status | None, advice: str) -> str:
    """Return what a list without rows says: *advice* for a program with this package, or where to see what others need."""
    receives = status is not None and status["receives_at"]
    return "Nothing has arrived yet. The overview (1) says what a program needs." if receives else advice


def _cells(service: ServiceRow, now: float) -> list[str | Segment]:
    return [
        service["name"],
        value(service["rate"], "1/s"),
        number(service["spans"]),
        Segment(number(service["errors"]), "critical" if service["errors"] else "dim"),
        Segment(age(now - service["last"]), "dim"),
    ]
