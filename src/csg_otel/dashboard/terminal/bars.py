"""The bars around the panes: the status in word, shape and colour; the rail; the keys. Pure: rows from values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from csg_otel.dashboard.terminal.rows import Row, Segment, fit
from csg_otel.dashboard.view.text import SHAPES, age, clock, state
from csg_otel.display import cells, clean, number

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Status
    from csg_otel.dashboard.terminal.navigation import Pane

RAIL_WIDTH: Final = 17


class Connection(NamedTuple):
    """
    The connection to the program.

    Attributes:
        since: When the last snapshot came, in Unix seconds; None before the first one.
        lost: When the connection was lost; None while it holds.
        problem: Why, and what to do.
    """

    since: float | None = None
    lost: float | None = None
    problem: str = ""


def status_bar(status: Status | None, connection: Connection, now: float, width: int) -> list[Row]:
    """Return the parts of the status bar that fit *width*, the least important left out."""
    if connection.lost is not None:
        badge = Segment(f" {state('stale')} ", "stale-bar")
    elif status is None:
        badge = Segment(" … CONNECTING ", "unknown-bar")
    else:
        badge = Segment(f" {state(status['state'])} ", f"{status['state']}-bar")
    parts = _lost(connection, now) if connection.lost is not None else []
    if status is not None:
        parts[:0] = [_name(status)]
        if connection.lost is None:
            parts += _facts(status, connection, now)
    rows, left = [Row((badge,))], width - cells(badge.text)
    for part in parts:
        content = clean(part.text)
        if left < 8 or (cells(content) + 2 > left and part is not parts[0]):
            if part.style == "problem" and left > 20:
                rows.append(Row((Segment("  " + fit(content, left - 2), "stale"),)))
            break
        shown = content if cells(content) + 2 <= left else fit(content, left - 2)
        rows.append(Row((Segment("  " + shown, {"problem": "stale"}.get(part.style, part.style)),)))
        left -= cells(shown) + 2
    return rows


def _name(status: Status) -> Segment:
    service = status["service"]
    words = [service["name"], service["version"], service["environment"]]
    return Segment(" ".join(word for word in words if word), "bold")


def _lost(connection: Connection, now: float) -> list[Segment]:
    since = connection.since
    last = "no data yet" if since is None else f"last data {clock(since, now)}, {age(now - since)} ago"
    return [Segment(last, "stale"), Segment(connection.problem, "problem")]


def _facts(status: Status, connection: Connection, now: float) -> list[Segment]:
    service = status["service"]
    if status["receives_at"]:
        return [Segment(f"{number(status['counts'][key])} {key}", "dim") for key in ("traces", "logs", "series")]
    waited = 0.0 if connection.since is None else max(0.0, now - connection.since)
    data = None if status["data_age_s"] is None else status["data_age_s"] + waited
    uptime = None if status["uptime_s"] is None else status["uptime_s"] + waited
    facts = [
        Segment(f"data {age(data)} old", "dim") if data is not None else Segment("no data yet", "dim"),
        Segment(f"up {age(uptime)}", "dim"),
    ]
    if status["workers"] > 1:
        facts.append(Segment(f"{status['workers']} workers", "dim"))
    if status["maintenance"]:
        facts.append(Segment(f"maintenance: {status['maintenance']}", "warning"))
    if status["bypass"]:
        facts.append(Segment("bypass", "warning"))
    process = f" pid {service['pid']}" if service["pid"] is not None else ""
    facts.append(Segment(f"{service['host']}{process}", "dim"))
    return facts


def rail(panes: Sequence[Pane], numbers: dict[str, int], shown: str, status: Status | None) -> list[Row]:
    """Return the rail: a row for each pane, with what is wrong in it."""
    rows = []
    for pane in panes:
        mark, style = _mark(pane.name, status)
        chosen = pane.name == shown
        left = "▌" if chosen else " "
        label = fit(f"{numbers[pane.name]} {pane.icon} {pane.title}", RAIL_WIDTH - 4)
        line = (Segment(left, "accent"), Segment(label, "bold" if chosen else "dim"), Segment(fit(mark, 3), style))
        rows.append(Row(line, pane.name))
    return rows


def tabs(panes: Sequence[Pane], numbers: dict[str, int], shown: str, status: Status | None, width: int) -> list[Row]:
    """Return the same as one line, for narrow terminals; the words are left out where there is no room for them."""
    for titled in (True, False):
        rows = []
        for pane in panes:
            mark, style = _mark(pane.name, status)
            chosen = pane.name == shown
            word = pane.title if titled or chosen else pane.title[:3]
            label = Segment(f" {numbers[pane.name]} {word}", "key" if chosen else "dim")
            rows.append(Row((label, Segment(f" {mark[:1] or ' '}", style)), pane.name))
        if sum(cells(segment.text) for row in rows for segment in row.line) <= width:
            break
    return rows


def _mark(pane: str, status: Status | None) -> tuple[str, str]:
    """Return shape and number of what is wrong in a pane."""
    if status is None:
        return "", ""
    if pane == "health":
        bad = [check["status"] for check in status["checks"] if check["status"] != "healthy"]
        worst = next((word for word in ("critical", "warning", "unknown") if word in bad), "")
        return (f"{SHAPES[worst]}{len(bad)}", worst) if worst else ("", "")
    if pane == "alerts" and status["alerts"]["firing"]:
        return f"{SHAPES['critical']}{status['alerts']['firing']}", "critical"
    if pane == "alerts" and status["alerts"]["pending"]:
        return f"{SHAPES['warning']}{status['alerts']['pending']}", "warning"
    return "", ""


def keys(hints: Sequence[tuple[str, str]], always: Sequence[tuple[str, str]], width: int) -> list[Row]:
    """Return the keys that fit *width*, each with a word; those of *always* come last and stay."""
    left = width - sum(map(_need, always))
    rows = []
    for hint in hints:
        left -= _need(hint)
        if left < 0:
            break
        rows.append(_key(*hint))
    return [*rows, *(_key(*hint) for hint in always)]


def _need(hint: tuple[str, str]) -> int:
    return cells(hint[0]) + cells(hint[1]) + 3


def _key(key: str, word: str) -> Row:
    return Row((Segment(f" {key}", "key"), Segment(f" {word} ", "dim")))
