"""Health: all checks, worst first; per check its measurements against limits, timeline, last failures and dependencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.terminal.panes.base import Frame, View, request
from csg_otel.dashboard.terminal.rows import (
    Column,
    Page,
    Row,
    Segment,
    fit,
    heading,
    labels,
    note,
    pairs,
    paragraph,
    table,
    text,
)
from csg_otel.dashboard.view.text import MISSING, ORDER, age, ago, clock, percent, state, value
from csg_otel.display import duration

if TYPE_CHECKING:
    from csg_otel.dashboard.model import CheckRow, HealthPage, MeasurementRow, StateSpan
    from csg_otel.dashboard.terminal.feed import Request

_COLUMNS: Final = (
    Column("State", 11),
    Column("Check", 22, 0),
    Column("Message", 30, 0, flexible=True),
    Column("Category", 12, 4),
    Column("Took", 8, 2, right=True),
    Column("For", 7, 1, right=True),
    Column("Ran", 10, 3, right=True),
)
_HEIGHTS: Final = {"healthy": "▁", "warning": "▄", "critical": "█", "unknown": "░"}
_EMPTY: Final = """
    No health checks.

    @csg_otel.health_check("queue")
    def queue(): return len(jobs) < 100
"""


class HealthList(View):
    """All checks."""

    title = "Health"
    keys = (("Enter", "details"),)
    names = ("state",)
    examples = ("text", "state:critical")

    def requests(self) -> Sequence[Request]:
        """Return the page of health."""
        return (request("health"),)

    def draw(self, frame: Frame) -> Page:
        """Draw a row for each check."""
        checks = [check for check in self._page["checks"] if self._matches(check)]
        if not checks:
            return note(_EMPTY if not self._page["checks"] else "No check matches the filter.", frame.width)
        return table(_COLUMNS, [(check["name"], self._row(check, frame)) for check in checks], frame.width)

    def enter(self, key: str) -> View:
        """Open the check."""
        return CheckDetail(key)

    def link(self) -> str:
        """Return the link to the pane."""
        return "health"

    @property
    def _page(self) -> HealthPage:
        page: HealthPage = self.documents["health"]
        return page

    def _matches(self, check: CheckRow) -> bool:
        wanted, words = str(self.parameters.get("state", "")), str(self.parameters.get("text", "")).lower()
        inside = f"{check['name']} {check['message']} {check['category']} {' '.join(check['groups'])}".lower()
        return check["status"].startswith(wanted.lower()) and words in inside

    def _row(self, check: CheckRow, frame: Frame) -> list[str | Segment]:
        word = "stale" if frame.stale else check["status"]
        quiet = "dim" if word == "healthy" else ""
        return [
            Segment(state(word), quiet or word),
            Segment(check["name"] + (" !" if check["critical"] else ""), quiet),
            Segment(check["message"] or (f"skipped: {check['skipped_by']}" if check["skipped_by"] else ""), quiet),
            Segment(check["category"], "dim"),
            Segment(_took(check), "dim"),
            Segment(age(check["for_s"]), "dim"),
            Segment(ago(check["age_s"]), "dim"),
        ]


class CheckDetail(View):
    """One check."""

    is_detail = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.title = name

    def requests(self) -> Sequence[Request]:
        """Return the page of health, which has all that is known of the check."""
        return (request("health"),)

    def enter(self, key: str) -> str:
        """Open the check that is chosen in the tree."""
        return key

    def link(self) -> str:
        """Return the link to the check."""
        return f"health?check={self._name}"

    def draw(self, frame: Frame) -> Page:
        """Draw everything about the check."""
        checks: dict[str, CheckRow] = {check["name"]: check for check in self.documents["health"]["checks"]}
        if (check := checks.get(self._name)) is None:
            return note(f"There is no check {self._name} any more.", frame.width)
        word = "stale" if frame.stale else check["status"]
        rows = [
            Row(text(Segment(state(word), word), Segment(f"  {check['name']}", "bold"))),
            *paragraph(check["message"], frame.width),
            Row(()),
            *pairs(_facts(check), frame.width),
            *_measurements(check["measurements"], frame.width),
            *_timeline(check["timeline"], frame),
            *_failures(check, frame),
            *_tree(check, checks, frame),
        ]
        if check["details"]:
            rows += [*heading("Details", frame.width), *pairs(check["details"].items(), frame.width)]
        return Page(rows)


def _took(check: CheckRow) -> str:
    return MISSING if check["duration_ms"] is None else duration(check["duration_ms"] / 1000)


def _facts(check: CheckRow) -> list[tuple[str, str]]:
    facts = [
        ("category", check["category"]),
        ("groups", ", ".join(check["groups"])),
        ("critical", "yes" if check["critical"] else "no"),
        ("last run", f"{ago(check['age_s'])}, took {_took(check)}: {check['raw']}"),
        ("in this state for", age(check["for_s"])),
        ("availability", "" if check["availability"] is None else percent(check["availability"] * 100)),
        ("error", check["error_type"]),
        ("skipped because of", check["skipped_by"]),
    ]
    return [(name, content) for name, content in facts if content]


def _measurements(measurements: Sequence[MeasurementRow], width: int) -> list[Row]:
    if not measurements:
        return []
    columns = (
        Column("Measured", 22, flexible=True),
        Column("Value", 11, right=True),
        Column("Warning", 11, 1, right=True),
        Column("Critical", 11, 1, right=True),
        Column("", 16, 2),
    )
    items = [("", _measurement(row)) for row in measurements]
    page = table(columns, items, width)
    return [*heading("Measurements and limits", width), Row(page.header), *page.rows]


def _measurement(row: MeasurementRow) -> list[str | Segment]:
    name = f"{row['name']} {labels(row['attributes'])}".strip()
    end = next((limit for limit in (row["maximum"], row["critical"]) if isinstance(limit, (int, float))), None)
    gauge = ""
    if row["value"] is not None and end:
        gauge = _gauge(row["value"] / end, row["warning"], row["critical"], end)
    return [
        name,
        value(row["value"], row["unit"]),
        Segment(_limit(row["warning"], row["unit"]), "warning" if row["warning"] is not None else "dim"),
        Segment(_limit(row["critical"], row["unit"]), "critical" if row["critical"] is not None else "dim"),
        Segment(gauge, "accent"),
    ]


def _gauge(share: float, warning: float | str | None, critical: float | str | None, end: float) -> str:
    cells = list("━" * min(16, max(0, round(share * 16))) + "┄" * 16)[:16]
    for limit in (warning, critical):
        if isinstance(limit, (int, float)) and 0 <= limit <= end:
            cells[min(15, int(limit / end * 16))] = "┃"
    return "".join(cells)


def _limit(limit: float | str | None, unit: str) -> str:
    return limit if isinstance(limit, str) else value(limit, unit)


def _timeline(spans: Sequence[StateSpan], frame: Frame) -> list[Row]:
    if not spans:
        return []
    start, end, width = spans[0]["start"], max(frame.now, spans[-1]["start"] + 1), max(10, frame.width - 2)
    line: list[Segment] = []
    for column in range(width):
        left, right = (start + (end - start) * (column + side) / width for side in (0, 1))
        inside = [s["status"] for s in spans if s["start"] < right and (s["end"] or end) > left]
        worst = min(inside, key=ORDER.index, default="")
        line.append(Segment(_HEIGHTS.get(worst, " "), "dim" if worst == "healthy" else worst))
    first, last = clock(start, frame.now), clock(end, frame.now)
    axis = first + " " * max(1, width - len(first) - len(last)) + last
    legend = "▁ healthy  ▄ warning  █ critical  ░ unknown"
    return [*heading("Timeline", frame.width, legend), Row(tuple(line)), Row(text(Segment(axis, "dim")))]


def _failures(check: CheckRow, frame: Frame) -> list[Row]:
    if not check["failures"]:
        return []
    rows = heading("Last failures", frame.width)
    for failure in check["failures"]:
        moment = clock(failure["time"], frame.now)
        at, word = moment + " " * max(2, 10 - len(moment)), fit(state(failure["status"]), 12)
        room = len(at) + len(word)
        for position, row in enumerate(paragraph(failure["message"], frame.width - room)):
            left = (Segment(at, "dim"), Segment(word, failure["status"])) if position == 0 else (Segment(" " * room),)
            rows.append(Row((*left, *row.line)))
    return rows


def _tree(check: CheckRow, checks: dict[str, CheckRow], frame: Frame) -> list[Row]:
    rows: list[Row] = []
    if check["depends_on"]:
        rows += [*heading("Depends on", frame.width), *_branches(check["depends_on"], checks, "", {check["name"]})]
    users = [name for name, other in checks.items() if check["name"] in other["depends_on"]]
    if users:
        rows += [*heading("Needed by", frame.width), *_branches(users, {n: checks[n] for n in users}, "", set(checks))]
    return rows


def _branches(names: Sequence[str], checks: dict[str, CheckRow], indent: str, above: set[str]) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        last, check = name == names[-1], checks.get(name)
        word = check["status"] if check else "unknown"
        branch = Segment(f"{indent}{'└─ ' if last else '├─ '}", "line")
        quiet = "dim" if word == "healthy" else word
        rows.append(Row((branch, Segment(f"{state(word)}  ", quiet), Segment(name)), f"health?check={name}"))
        if check and name not in above:
            deeper = indent + ("   " if last else "│  ")
            rows += _branches(check["depends_on"], checks, deeper, above | {name})
    return rows
