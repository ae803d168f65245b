"""The tables of the HTML report: changes, alerts, log records, destinations, and what of them needs attention. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.report.markup import Markup, element
from csg_otel.dashboard.view import axis, phrases
from csg_otel.dashboard.view import text as view_text

if TYPE_CHECKING:
    from csg_otel.dashboard.model import AlertRow, AlertsPage, Change, ChangedPage, DestinationRow, LogRow
    from csg_otel.dashboard.model.report import Report

_ALERT_CLASSES: Final = {"firing": "critical", "pending": "warning", "ok": "healthy"}
_LEVEL_CLASSES: Final = {"warn": "warning", "error": "critical", "fatal": "critical"}
_STATE_CLASSES: Final = {"ok": "healthy", "degraded": "warning", "down": "critical"}
_SHOWN_SERIES: Final = 3


def marked(word: str, state: str) -> Markup:
    """Return *word* with the shape and colour of *state*."""
    return element("span", f"{view_text.SHAPES[state]} {word}", class_=f"state {state}")


def table(heads: str, rows: Iterable[Sequence[object]], failed: Collection[int] = ()) -> Markup:
    """
    Return a table; on a narrow screen each row is a paragraph, in which every number has its head in front.

    Args:
        heads: The heads, separated by ``|``; a column of numbers has a ``>`` before its head.
        rows: The content of the cells of each row, markup or text.
        failed: The positions of the rows with a mark in the left margin. Default: none.
    """
    titles = [(head.lstrip(">"), "number" if head.startswith(">") else None) for head in heads.split("|")]
    lines = [
        element(
            "tr",
            [
                element("td", cell, class_=kind, data_head=title if kind else None)
                for cell, (title, kind) in zip(row, titles, strict=True)
            ],
            class_="failed" if number in failed else None,
        )
        for number, row in enumerate(rows)
    ]
    head = element("thead", element("tr", [element("th", title, class_=kind) for title, kind in titles]))
    return element("table", head, element("tbody", lines), class_="list")


def named(name: str, about: str) -> Markup:
    """Return *name* in bold above the quiet line *about*."""
    return element("div", element("b", name), element("br"), element("small", about), class_="name")


def problems(report: Report) -> list[tuple[str, Markup]]:
    """Return the alerts that fire or are pending, and the destinations that do not take their data: state and line of each."""
    page = report["alerts"]
    rules = page["rules"] if page is not None else []
    alert_lines = [
        (
            _ALERT_CLASSES[rule["state"]],
            element(
                "li",
                _alert_state(rule),
                " alert ",
                element("b", rule["alert"]),
                f" ({rule['severity']}): {rule['summary']}",
            ),
        )
        for rule in rules
        if rule["state"] in ("firing", "pending")
    ]
    return alert_lines + [
        (
            _STATE_CLASSES[row["state"]],
            element(
                "li", _destination_state(row), " destination ", element("b", row["name"]), f": {row['last_error']}"
            ),
        )
        for row in report["status"]["destinations"]
        if row["state"] != "ok"
    ]


# -- changes -----------------------------------------------------------------------------------------------------------


def window(page: ChangedPage | None) -> str:
    """Return the times that are compared."""
    if page is None or len(page["window"]) != 2:
        return ""
    return (
        f"{view_text.clock(page['window'][0])} to {view_text.clock(page['window'][1])}, compared with the time before"
    )


def changes(page: ChangedPage | None) -> Markup:
    """Return the series that moved most, the first one moved most of all."""
    if page is None or not page["changes"]:
        return element("p", "Nothing moved more than usual.", class_="empty")
    return table(">|What|>Before|>Then|Course", [_change(change) for change in page["changes"]])


def _change(change: Change) -> Sequence[object]:
    before, after = (view_text.value(change[key], change["unit"]) for key in ("before", "after"))
    return change["rank"], named(change["name"], _about(change)), before, after, sparkline(change["values"])


def _about(change: Change) -> str:
    return "; ".join(filter(None, (change["text"], phrases.attributes(change["attributes"]))))


def sparkline(values: list[float | None]) -> Markup:
    """Return *values* as a small chart without axes; a gap stays a gap."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return Markup("")
    low, high = min(*numbers, 0.0), max(*numbers, 0.0)
    span = (high - low) or 1.0
    step = 120 / max(1, len(values) - 1)
    places = [22 - ((value or 0.0) - low) / span * 20 for value in values]
    path = "".join("M" + "L".join(f"{at * step:.1f} {places[at]:.1f}" for at in run) for run in axis.runs(values))
    return element("svg", element("path", d=path), viewBox="0 0 120 24", class_="sparkline", aria_hidden="true")


# -- alerts, logs, destinations ----------------------------------------------------------------------------------------


def _alert_state(rule: AlertRow) -> Markup:
    return marked(rule["state"].upper(), _ALERT_CLASSES.get(rule["state"], "unknown"))


def alerts(page: AlertsPage) -> Markup:
    """Return the rules with the value of their worst series against the threshold."""
    if not page["rules"]:
        return element("p", page["problem"] or "No alert rules.", class_="empty")
    return table("State|Alert|Condition|Values|Silence", [_alert(rule) for rule in page["rules"]])


def _alert(rule: AlertRow) -> Sequence[object]:
    count = 1 if rule["state"] == "ok" else _SHOWN_SERIES
    worst = [
        element(
            "div",
            view_text.value(series["value"], rule["unit"]),
            " ",
            element("small", phrases.attributes(series["labels"])),
        )
        for series in rule["series"][:count]
    ]
    silence = rule["silence"]
    more = len(rule["series"]) - len(worst)
    return (
        _alert_state(rule),
        named(rule["alert"], rule["severity"]),
        (element("code", f"{rule['metric']} {rule['condition']}"), element("br"), element("small", rule["summary"])),
        (worst, element("small", f"{more} more") if more > 0 else None),
        f"until {view_text.clock(silence['ends'])}, by {silence['created_by']}: {silence['comment']}"
        if silence
        else None,
    )


def logs(rows: list[LogRow]) -> Markup:
    """Return log records with their exceptions, the newest first."""
    return table("Time|Level|Logger|Message", [_log(row) for row in rows])


def _log(row: LogRow) -> Sequence[object]:
    exception = row["exception"]
    details = None
    if exception is not None:
        stack = element("pre", exception["stacktrace"]) if exception["stacktrace"] else None
        details = element("details", element("summary", f"{exception['type']}: {exception['message']}"), stack)
    facts = phrases.attributes(row["attributes"])
    return (
        element("time", view_text.milliseconds(row["time"])),
        marked(row["level"].upper(), _LEVEL_CLASSES.get(row["level"], "unknown")),
        element("small", row["logger"]),
        element("div", row["body"], element("div", element("small", facts)) if facts else None, details, class_="body"),
    )


def _destination_state(row: DestinationRow) -> Markup:
    return marked(row["state"].upper(), _STATE_CLASSES[row["state"]])


def destinations(rows: list[DestinationRow]) -> Markup:
    """Return the destinations with their counts."""
    return table(
        "State|Destination|>Delivered|>Queued|>Spooled|>Dropped|Last error", [_destination(row) for row in rows]
    )


def _destination(row: DestinationRow) -> Sequence[object]:
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in row["dropped"].items() if count) or "0"
    counts = (f"{count:,}" for count in (row["delivered"], row["queued"], row["spooled"]))
    return _destination_state(row), named(row["name"], row["address"]), *counts, dropped, row["last_error"]
