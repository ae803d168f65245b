"""Alerts: the rules, those that fire first; per rule its value against the threshold, its silence and its runbook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.terminal.panes.base import Acknowledgement, Frame, View, request
from csg_otel.dashboard.terminal.rows import (
    Column,
    Page,
    Row,
    Segment,
    heading,
    labels,
    note,
    pairs,
    paragraph,
    table,
    text,
)
from csg_otel.dashboard.view.text import SHAPES, age, clock, clock_or_day, value

if TYPE_CHECKING:
    from csg_otel.dashboard.model import AlertRow, AlertSeries, AlertsPage
    from csg_otel.dashboard.terminal.feed import Request

_COLUMNS: Final = (
    Column("State", 11),
    Column("Alert", 20, 0, flexible=True),
    Column("Severity", 9, 2),
    Column("Value", 12, 0, right=True),
    Column("Condition", 12, 1, right=True),
    Column("Fires in", 9, 3, right=True),
    Column("Silenced until", 14, 4),
)
_SERIES: Final = (
    Column("State", 11),
    Column("Series", 20, 0, flexible=True),
    Column("Value", 12, 0, right=True),
    Column("Fires in", 9, 1, right=True),
)
_HEALTH: Final = {"firing": "critical", "pending": "warning", "ok": "healthy", "no data": "unknown"}
_EMPTY: Final = """
    No alert rules.

    alerting:
      rules: ...            csg-otel alerts --help
"""


class AlertList(View):
    """All rules."""

    title = "Alerts"
    keys = (("Enter", "details"), ("a", "acknowledge"))
    names = ("state", "severity")
    examples = ("text", "state:firing", "severity:critical")

    def requests(self) -> Sequence[Request]:
        """Return the page of alerts."""
        return (request("alerts"),)

    def draw(self, frame: Frame) -> Page:
        """Draw a row for each rule."""
        page: AlertsPage = self.documents["alerts"]
        rules = [rule for rule in page["rules"] if self._matches(rule)]
        problems = [Row(text(Segment(page["problem"], "warning")))] if page["problem"] else []
        for manager in page["alertmanagers"]:
            if not manager["reachable"]:
                words = f"Alertmanager {manager['address']} does not answer: {manager['error']}"
                problems.append(Row(text(Segment(words, "warning"))))
        if not rules:
            empty = note(_EMPTY if not page["rules"] else "No rule matches the filter.", frame.width)
            return Page([*problems, *empty.rows])
        rows = table(_COLUMNS, [(_key(rule), _row(rule, frame)) for rule in rules], frame.width)
        return Page([*problems, *rows.rows], rows.header)

    def enter(self, key: str) -> View:
        """Open the rule."""
        rule = self._of(key)
        return AlertDetail(rule["alert"], rule["severity"]) if rule is not None else AlertDetail(key)

    def press(self, name: str, key: str) -> Any:
        """Acknowledge the alert with all of its series."""
        rule = self._of(key)
        return Acknowledgement(rule["alert"], {}) if name == "a" and rule is not None else None

    def _of(self, key: str) -> AlertRow | None:
        page: AlertsPage | None = self.documents.get("alerts")
        return next((rule for rule in page["rules"] if _key(rule) == key), None) if page else None

    def link(self) -> str:
        """Return the link to the pane."""
        return "alerts"

    def _matches(self, rule: AlertRow) -> bool:
        wanted = {name: str(self.parameters.get(name, "")).lower() for name in ("text", "state", "severity")}
        inside = f"{rule['alert']} {rule['summary']} {rule['metric']}".lower()
        return (
            wanted["text"] in inside
            and rule["state"].startswith(wanted["state"])
            and rule["severity"].lower().startswith(wanted["severity"])
        )


class AlertDetail(View):
    """One rule."""

    is_detail = True
    keys = (("a", "acknowledge"),)

    def __init__(self, alert: str, severity: str = "") -> None:
        super().__init__()
        self._alert = alert
        self._severity = severity
        self.title = alert

    def requests(self) -> Sequence[Request]:
        """Return the page of alerts, which has all that is known of the rule."""
        return (request("alerts"),)

    def press(self, name: str, key: str) -> Any:
        """Acknowledge the series that is selected."""
        if name != "a" or (rule := self._rule()) is None:
            return None
        chosen = [series["labels"] for series in rule["series"] if labels(series["labels"]) == key]
        return Acknowledgement(self._alert, chosen[0] if chosen else {})

    def draw(self, frame: Frame) -> Page:
        """Draw the rule."""
        if (rule := self._rule()) is None:
            return note(f"There is no rule {self._alert} any more.", frame.width)
        word = "stale" if frame.stale else rule["state"]
        facts: list[tuple[str, Any]] = [
            ("severity", rule["severity"]),
            ("metric", rule["metric"]),
            ("condition", f"{_condition(rule)} for {age(rule['for_s'])}"),
            *([("runbook", Segment(rule["runbook_url"], "accent"))] if rule["runbook_url"] else []),
        ]
        if silence := rule["silence"]:
            words = f"until {clock(silence['ends'], frame.now)} by {silence['created_by']}: {silence['comment']}"
            facts.append(("silenced", words))
        rows = [
            Row(text(Segment(_state(word), _style(word)), Segment(f"  {rule['alert']}", "bold"))),
            *paragraph(rule["summary"], frame.width),
            Row(()),
            *pairs(facts, frame.width),
        ]
        if rule["series"]:
            names = _differing(rule["series"])
            lines = [(labels(one["labels"]), _series(one, names, rule, frame)) for one in rule["series"]]
            page = table(_SERIES, lines, frame.width)
            rows += [*heading("Series", frame.width), Row(page.header), *page.rows]
        return Page(rows)

    def _rule(self) -> AlertRow | None:
        page: AlertsPage | None = self.documents.get("alerts")
        rules = [rule for rule in page["rules"] if rule["alert"] == self._alert] if page else []
        return next((rule for rule in rules if self._severity in ("", rule["severity"])), None)


def _key(rule: AlertRow) -> str:
    """Return the key of the row: a rule with levels has one of each severity."""
    return f"{rule['alert']} {rule['severity']}"


def _row(rule: AlertRow, frame: Frame) -> list[str | Segment]:
    word = "stale" if frame.stale else rule["state"]
    quiet = "dim" if word == "ok" else ""
    worst = _worst(rule)
    silence = rule["silence"]
    return [
        Segment(_state(word), quiet or _style(word)),
        Segment(rule["alert"], quiet),
        Segment(rule["severity"], quiet or ("critical" if rule["severity"] == "critical" else "")),
        Segment("stale" if frame.stale else value(worst["value"] if worst else None, rule["unit"]), quiet),
        Segment(_condition(rule), "dim"),
        Segment(_remaining(worst), "warning"),
        Segment(clock_or_day(silence["ends"], frame.now) if silence else "", "dim"),
    ]


def _differing(series: Sequence[AlertSeries]) -> set[str]:
    """Return the labels that tell the series apart; all of a single one."""
    names = {name for one in series for name in one["labels"]}
    return {name for name in names if len(series) == 1 or len({one["labels"].get(name) for one in series}) > 1}


def _series(series: AlertSeries, names: set[str], rule: AlertRow, frame: Frame) -> list[str | Segment]:
    word = "stale" if frame.stale else series["state"]
    return [
        Segment(_state(word), "dim" if word == "ok" else _style(word)),
        labels({name: content for name, content in series["labels"].items() if name in names}) or "all",
        "stale" if frame.stale else value(series["value"], rule["unit"]),
        Segment(_remaining(series), "warning"),
    ]


def _worst(rule: AlertRow) -> AlertSeries | None:
    order = ("firing", "pending", "ok")
    return min(rule["series"], key=lambda series: order.index(series["state"]), default=None)


def _remaining(series: AlertSeries | None) -> str:
    pending = series is not None and series["state"] == "pending" and series["remaining_s"] is not None
    return age(series["remaining_s"]) if pending and series else ""


def _condition(rule: AlertRow) -> str:
    """Return the condition with its threshold, whether the document has both in one text or not."""
    threshold = value(rule["threshold"], rule["unit"])
    return f"{rule['condition']} {threshold}" if rule["condition"].strip("<>=! ") == "" else rule["condition"]


def _style(word: str) -> str:
    return _HEALTH.get(word, word if word in SHAPES else "unknown")


def _state(word: str) -> str:
    return f"{SHAPES[_style(word)]} {word.upper()}"
