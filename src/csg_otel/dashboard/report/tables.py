"""The tables of the HTML report: changes, alerts, log records, destinations, and what of them needs attention. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel.dashboard.report.markup import Markup, element
from csg_otel.dashboard.view import text as view_text

if TYPE_CHECKING:
    from csg_otel.dashboard.model import AlertRow, AlertsPage, Change, ChangedPage, DestinationRow, LogRow
    from csg_otel.dashboard.model.report import Report

_ALERT_CLASSES = {"firing": "critical", "pending": "warning", "ok": "healthy"}
_LEVEL_CLASSES = {"warn": "warning", "error": "critical", "fatal": "critical"}
_STATE_CLASSES = {"ok": "healthy", "degraded": "warning", "down": "critical"}
_SHOWN_SERIES = 3


def marked(word: str, state: str) -> Markup:
    """Return *word* with the shape and colour of *state*."""
    return element("span", f"{view_text.SHAPES[state]} {word}", class_=f"state {state}")


def attributes(values: dict[str, object] | dict[str, str]) -> str:
    """Return attributes as ``key=value`` in one line."""
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _table(heads: tuple[str, ...], rows: list[Markup]) -> Markup:
    return element("table", element("tr", [element("th", head) for head in heads]), rows, class_="list")


def problems(report: Report) -> list[Markup]:
    """Return one line per alert that fires or is pending, and per destination that does not take its data."""
    page = report["alerts"]
    rules = page["rules"] if page is not None else []
    lines = [
        element("span", _alert_state(rule), " alert ", element("b", rule["alert"]), f": {rule['summary']}")
        for rule in rules
        if rule["state"] in ("firing", "pending")
    ]
    lines += [
        element("span", _destination_state(row), " destination ", element("b", row["name"]), f": {row['last_error']}")
        for row in report["status"]["destinations"]
        if row["state"] != "ok"
    ]
    return lines


# -- changes -----------------------------------------------------------------------------------------------------------


def window(page: ChangedPage | None) -> str:
    """Return the times that are compared."""
    if page is None or len(page["window"]) != 2:
        return ""
    return f"{view_text.clock(page['window'][0])} to {view_text.clock(page['window'][1])}, compared with the time before"


def changes(page: ChangedPage | None) -> Markup:
    """Return the series that moved most, the first one moved most of all."""
    if page is None or not page["changes"]:
        return element("p", "Nothing moved more than usual.", class_="empty")
    heads = ("", "What", "Before", "Then", "Course")
    return _table(heads, [_change(change) for change in page["changes"]])


def _change(change: Change) -> Markup:
    return element(
        "tr",
        element("td", str(change["rank"]), class_="number"),
        element("td", element("b", change["name"]), element("br"), element("small", _about(change))),
        element("td", view_text.value(change["before"], change["unit"]), class_="number"),
        element("td", view_text.value(change["after"], change["unit"]), class_="number"),
        element("td", sparkline(change["values"])),
    )


def _about(change: Change) -> str:
    return "; ".join(filter(None, (change["text"], attributes(change["attributes"]))))


def sparkline(values: list[float | None]) -> Markup:
    """Return *values* as a small chart without axes; a gap stays a gap."""
    from csg_otel.dashboard.view.axis import runs

    numbers = [value for value in values if value is not None]
    if not numbers:
        return Markup("")
    low, high = min(*numbers, 0.0), max(*numbers, 0.0)
    span = (high - low) or 1.0
    step = 120 / max(1, len(values) - 1)
    places = [22 - ((value or 0.0) - low) / span * 20 for value in values]
    path = "".join("M" + "L".join(f"{at * step:.1f} {places[at]:.1f}" for at in run) for run in runs(values))
    return element("svg", element("path", d=path), viewBox="0 0 120 24", class_="sparkline", aria_hidden="true")


# -- alerts, logs, destinations ----------------------------------------------------------------------------------------


def _alert_state(rule: AlertRow) -> Markup:
    return marked(rule["state"].upper(), _ALERT_CLASSES.get(rule["state"], "unknown"))


def alerts(page: AlertsPage) -> Markup:
    """Return the rules with the value of their worst series against the threshold."""
    if not page["rules"]:
        return element("p", page["problem"] or "No alert rules. `csg-otel alerts compile` writes them.", class_="empty")
    heads = ("State", "Alert", "Condition", "Values", "Silence")
    return _table(heads, [_alert(rule) for rule in page["rules"]])


def _alert(rule: AlertRow) -> Markup:
    worst = [
        element("div", view_text.value(series["value"], rule["unit"]), " ", element("small", attributes(series["labels"])))
        for series in rule["series"][:_SHOWN_SERIES]
    ]
    silence = rule["silence"]
    silenced = f"until {view_text.clock(silence['ends'])}, by {silence['created_by']}: {silence['comment']}" if silence else ""
    more = len(rule["series"]) - len(worst)
    return element(
        "tr",
        element("td", _alert_state(rule)),
        element("td", element("b", rule["alert"]), element("br"), element("small", rule["severity"])),
        element("td", element("code", rule["condition"]), element("br"), element("small", rule["summary"])),
        element("td", worst, element("small", f"{more} more") if more > 0 else None),
        element("td", silenced),
    )


def logs(rows: list[LogRow]) -> Markup:
    """Return log records with their exceptions, the newest first."""
    return _table(("Time", "Level", "Logger", "Message"), [_log(row) for row in rows])


def _log(row: LogRow) -> Markup:
    exception = row["exception"]
    trace = element("pre", exception["stacktrace"]) if exception is not None and exception["stacktrace"] else None
    details = None
    if exception is not None:
        summary = element("summary", f"{exception['type']}: {exception['message']}")
        details = element("details", summary, trace)
    facts = attributes(row["attributes"])
    return element(
        "tr",
        element("td", element("time", view_text.milliseconds(row["time"])), class_="number"),
        element("td", marked(row["level"].upper(), _LEVEL_CLASSES.get(row["level"], "unknown"))),
        element("td", element("small", row["logger"])),
        element("td", row["body"], element("div", element("small", facts)) if facts else None, details),
    )


def _destination_state(row: DestinationRow) -> Markup:
    return marked(row["state"].upper(), _STATE_CLASSES[row["state"]])


def destinations(rows: list[DestinationRow]) -> Markup:
    """Return the destinations with their counts."""
    heads = ("State", "Destination", "Delivered", "Queued", "Spooled", "Dropped", "Last error")
    return _table(heads, [_destination(row) for row in rows])


def _destination(row: DestinationRow) -> Markup:
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in row["dropped"].items() if count) or "0"
    return element(
        "tr",
        element("td", _destination_state(row)),
        element("td", element("b", row["name"]), element("br"), element("small", row["address"])),
        [element("td", f"{count:,}", class_="number") for count in (row["delivered"], row["queued"], row["spooled"])],
        element("td", dropped, class_="number"),
        element("td", row["last_error"]),
    )
