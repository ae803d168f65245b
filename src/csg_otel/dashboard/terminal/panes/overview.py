"""The overview: what is wrong first, then what changed, the numbers of now, destinations, and what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.terminal.panes.base import Frame, View
from csg_otel.dashboard.terminal.panes.changed import change_line
from csg_otel.dashboard.terminal.panes.senders import senders
from csg_otel.dashboard.terminal.rows import (
    Column,
    Page,
    Row,
    Segment,
    fit,
    flow,
    heading,
    note,
    table,
    text,
)
from csg_otel.dashboard.view.block_chart import bar
from csg_otel.dashboard.view.text import MISSING, SHAPES, age, state, value
from csg_otel.display import number, size

if TYPE_CHECKING:
    from csg_otel.dashboard.model import CheckRow, DestinationRow, Status

_CHANGES: Final = 5
_WIDE: Final = 64
"""Cells of a number of the host: label, value, bar, and what there is more to say."""
_TWO_COLUMNS: Final = _WIDE + 25
_Number = tuple[str, "float | None", str, str]
_ATTENTION: Final = (
    Column("", 11),
    Column("Check", 24, 0),
    Column("Message", 30, 0, flexible=True),
    Column("Since", 9, 1, right=True),
)
_ERRORS: Final = (
    Column("", 11, right=True),
    Column("Operation", 24, 0),
    Column("Error", 30, 0, flexible=True),
    Column("Last", 9, 1, right=True),
)
_DESTINATIONS: Final = (
    Column("", 10),
    Column("Destination", 16, flexible=True),
    Column("Delivered", 11, 0, right=True),
    Column("Queued", 9, 2, right=True),
    Column("Spooled", 9, 3, right=True),
    Column("Dropped", 9, 1, right=True),
    Column("Last error", 30, 4),
)
_COUNTED: Final = ("trace", "span", "error", "log")
"""What is kept, and has a plural of its own."""

_DESTINATION_STATES: Final = {"ok": "healthy", "degraded": "warning", "down": "critical"}


class Overview(View):
    """The snapshot of everything."""

    title = "Overview"

    def draw(self, frame: Frame) -> Page:
        """Draw the status."""
        status = self.status
        if status is None:
            return note("Waiting for the first answer of the program ...", frame.width)
        rows = [
            *_summary(status, frame),
            *_attention(status, frame),
            *_errors(status, frame),
            *_changes(status, frame),
            *_numbers(status, frame),
            *_destinations(status, frame),
            *_kept(status, frame),
            *_monitoring(status, frame),
        ]
        return Page(rows)

    def enter(self, key: str) -> str:
        """Rows are links."""
        return key

    def link(self) -> str:
        """Return the link to the pane."""
        return "overview"


def _summary(status: Status, frame: Frame) -> list[Row]:
    if frame.stale:
        return [
            Row(
                text(
                    Segment(f"{state('stale')}  ", "stale"), "The program does not answer; numbers of now are left out."
                )
            )
        ]
    if status["receives_at"]:
        return senders(status, frame.width)
    bad = [check for check in status["checks"] if check["status"] != "healthy"]
    total = len(status["checks"])
    words = (
        f"{len(bad)} of {total} checks not healthy" if bad else f"{total} checks, all healthy" if total else "no checks"
    )
    alerts = status["alerts"]
    if alerts["firing"] or alerts["pending"]:
        words += f" · alerts: {alerts['firing']} firing, {alerts['pending']} pending"
    line = [Segment(state(status["overall"]), status["overall"]), Segment(f"  {words}")]
    if status["maintenance"]:
        line.append(Segment(f" · maintenance: {status['maintenance']}", "warning"))
    if status["bypass"]:
        line.append(Segment(" · telemetry is bypassed", "warning"))
    return [Row(tuple(line))]


def _attention(status: Status, frame: Frame) -> list[Row]:
    bad = [check for check in status["checks"] if check["status"] != "healthy"]
    if not bad:
        return []
    page = table(_ATTENTION, [(f"health?check={check['name']}", _check(check, frame)) for check in bad], frame.width)
    return [*heading("Needs attention", frame.width), *page.rows]


def _check(check: CheckRow, frame: Frame) -> list[str | Segment]:
    word = "stale" if frame.stale else check["status"]
    return [Segment(state(word), word), check["name"], check["message"], Segment(age(check["for_s"]), "dim")]


def _errors(status: Status, frame: Frame) -> list[Row]:
    if not status["errors"]:
        return []
    rows: list[tuple[str, list[str | Segment]]] = [
        (
            f"traces/{error['trace_id']}?span={error['span_id']}",
            [
                Segment(f"{number(error['count'])} time{'s' if error['count'] > 1 else ''}", "critical"),
                error["name"],
                ": ".join(filter(None, (error["type"], error["message"]))),
                Segment(age(status["time"] - error["last"]), "dim"),
            ],
        )
        for error in status["errors"]
    ]
    return [*heading("Errors", frame.width, "in the last 5 minutes"), *table(_ERRORS, rows, frame.width).rows]


def _changes(status: Status, frame: Frame) -> list[Row]:
    if not status["changed"]:
        return []
    rows = heading("What changed", frame.width, "in the last minutes, most first")
    rows += [Row(change_line(change, frame.width), change["link"]) for change in status["changed"][:_CHANGES]]
    return rows


def _numbers(status: Status, frame: Frame) -> list[Row]:
    numbers = status["system"]
    free = numbers["disk_free_bytes"]
    used, total = numbers["memory_used_bytes"], numbers["memory_total_bytes"]
    memory = f"{size(used)} of {size(total)}" if used is not None and total is not None else ""
    host: list[_Number] = [
        ("CPU", numbers["cpu_percent"], "%", ""),
        ("Memory", numbers["memory_percent"], "%", memory),
        ("Disk", numbers["disk_percent"], "%", f"{size(free)} free" if free is not None else ""),
        ("Load, 1 min", numbers["load_1m"], "", ""),
    ]
    process: list[_Number] = [
        ("Process CPU", numbers["process_cpu_percent"], "%", ""),
        ("Process memory", numbers["process_memory_bytes"], "By", ""),
        ("Threads", numbers["process_threads"], "", ""),
        ("Open files", numbers["process_open_files"], "", ""),
    ]
    left, right = ([item for item in items if item[1] is not None] for items in (host, process))
    if not left and not right:
        return []
    lines = [_number(*item, wide=True, stale=frame.stale) for item in left]
    others = [_number(*item, wide=False, stale=frame.stale) for item in right]
    if frame.width >= _TWO_COLUMNS:
        blank = [Segment(" " * _WIDE)]
        lines = [
            (lines[i] if i < len(lines) else blank) + (others[i] if i < len(others) else [])
            for i in range(max(len(lines), len(others)))
        ]
    else:
        lines += others
    return [*heading("Now", frame.width), *(Row(tuple(line)) for line in lines)]


def _number(label: str, amount: float | None, unit: str, more: str, *, wide: bool, stale: bool) -> list[Segment]:
    """Return a label and its value; *wide* adds a bar and what there is more to say."""
    if stale:
        shown = [Segment(fit(label, 15), "dim"), Segment(fit("stale", 10, right=True), "stale")]
        return [*shown, Segment(" " * (_WIDE - 25))] if wide else shown
    shown = [Segment(fit(label, 15), "dim"), Segment(fit(value(amount, unit), 10, right=True))]
    if not wide:
        return shown
    drawn = bar((amount or 0) / 100, 10) if unit == "%" else ""
    return [*shown, Segment("  " + drawn.ljust(10), "bar"), Segment(fit(f"  {more}", _WIDE - 37), "dim")]


def _destinations(status: Status, frame: Frame) -> list[Row]:
    if not status["destinations"]:
        return []
    page = table(_DESTINATIONS, [("", _destination(row, frame)) for row in status["destinations"]], frame.width)
    return [*heading("Destinations", frame.width), Row(page.header), *page.rows]


def _destination(row: DestinationRow, frame: Frame) -> list[str | Segment]:
    word = "stale" if frame.stale else _DESTINATION_STATES[row["state"]]
    label = "stale" if frame.stale else row["state"]
    dropped = sum(row["dropped"].values())
    counts = ["stale" if frame.stale else number(row[key]) for key in ("delivered", "queued", "spooled")]
    return [
        Segment(f"{SHAPES[word]} {label}", "dim" if word == "healthy" else word),
        row["name"] + (f"  {row['address']}" if row["address"] else ""),
        *counts,
        Segment("stale" if frame.stale else number(dropped), "warning" if dropped else ""),
        Segment(row["last_error"], "dim"),
    ]


def _kept(status: Status, frame: Frame) -> list[Row]:
    counts, rows = status["counts"], heading("Kept in the process", frame.width)
    items = (
        *(("trace", counts["traces"]), ("span", counts["spans"]), ("running", counts["running"])),
        *(("error", counts["errors"]), ("log", counts["logs"]), ("series", counts["series"])),
    )
    parts = [
        [
            Segment("stale" if frame.stale else number(count)),
            Segment(f" {word}s" if count != 1 and word in _COUNTED else f" {word}", "dim"),
        ]
        for word, count in items
    ]
    return [*rows, *flow(parts, frame.width)]


def _monitoring(status: Status, frame: Frame) -> list[Row]:
    if status["receives_at"]:
        return []  # nothing of the programs that send is monitored here
    services = [
        ("monitoring", _on(status["monitoring_enabled"])),
        ("Prometheus", "running" if status["prometheus_running"] else _on(status["prometheus_enabled"])),
        ("processing", _on(status["processing_enabled"])),
        ("queue", number(status["queue_size"])),
        ("workers", number(status["workers"])),
        ("notifiers", ", ".join(status["active_notifiers"]) or MISSING),
    ]
    words = [[Segment(f"{label} ", "dim"), Segment("stale" if frame.stale else word)] for label, word in services]
    advice = "s restarts them" if "restart" in status["actions"] else ""
    return [*heading("Monitoring services", frame.width, advice), *flow(words, frame.width)]


def _on(switch: bool) -> str:
    return "on" if switch else "off"
