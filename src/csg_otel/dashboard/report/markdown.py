"""The report as Markdown, for issues and chats: the same parts as the page, with numbers in place of charts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.report.tables import window
from csg_otel.dashboard.view import phrases
from csg_otel.dashboard.view import text as view_text
from csg_otel.display import clean, cut

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Chart, TraceSummary
    from csg_otel.dashboard.model.report import Report

_SPECIAL: Final = re.compile(r"[\\`*\[\]<>|&~!$@]|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)|(?<=www)\.")
"""Characters that make markup; an underscore inside a word, and a point that is no link, make none."""
_LONGEST: Final = 300
_LOGS: Final = 20


def render(report: Report) -> str:
    """Return *report* as Markdown."""
    status = report["status"]
    service = status["service"]
    facts = (
        ("version", service["version"]),
        ("environment", service["environment"]),
        ("instance", service["instance"]),
        ("host", service["host"]),
        ("uptime", view_text.age(status["uptime_s"]) if status["uptime_s"] is not None else ""),
        ("maintenance", status["maintenance"]),
    )
    about = ", ".join(f"{name} {escape(value)}" for name, value in facts if value)
    parts = [
        f"# {escape(service['name'])}: {view_text.state(status['overall'])}",
        f"Report of {view_text.stamp(report['time'])}{f': {about}' if about else ''}.",
        _section("What is wrong", _problems(report) or "Nothing."),
        *_changed(report),
        *_health(report),
        *_alerts(report),
        *_charts("System", report["system"]["charts"] if report["system"] is not None else []),
        *_charts("Metrics", report["metrics"]),
        *_traces("Slowest traces", report["slowest"]),
        *_traces("Failing traces", report["failing"]),
        *_logs(report),
        *_destinations(report),
    ]
    return "\n\n".join(parts) + "\n"


def escape(content: object) -> str:
    """Return *content* in one line that Markdown shows as it is, cut after 300 characters."""
    return _SPECIAL.sub(r"\\\g<0>", cut(clean(" ".join(str(content).split())), _LONGEST))


def _section(title: str, content: str) -> str:
    return f"## {title}\n\n{content}"


def _table(heads: str, rows: Iterable[Sequence[object]]) -> str:
    """Return *rows* below *heads*, which are separated by ``|``; a column of numbers has a ``>`` before its head."""
    titles = heads.split("|")
    lines = [
        [title.lstrip(">") for title in titles],
        ["--:" if title.startswith(">") else "---" for title in titles],
        *([escape(cell) for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _problems(report: Report) -> str:
    checks = report["health"]["checks"] if report["health"] is not None else []
    rules = report["alerts"]["rules"] if report["alerts"] is not None else []
    lines = [
        f"- {view_text.state(check['status'])} check {escape(check['name'])}: {escape(check['message'])}"
        for check in checks
        if check["status"] != "healthy"
    ]
    lines += [
        f"- {rule['state'].upper()} alert {escape(rule['alert'])} ({escape(rule['severity'])}): {escape(rule['summary'])}"
        for rule in rules
        if rule["state"] in ("firing", "pending")
    ]
    lines += [
        f"- {row['state'].upper()} destination {escape(row['name'])}: {escape(row['last_error'])}"
        for row in report["status"]["destinations"]
        if row["state"] != "ok"
    ]
    return "\n".join(lines)


def _changed(report: Report) -> Iterable[str]:
    page = report["changed"]
    if page is None or not page["changes"]:
        return
    rows = [
        (
            change["name"],
            phrases.attributes(change["attributes"]),
            view_text.value(change["before"], change["unit"]),
            view_text.value(change["after"], change["unit"]),
            change["text"],
        )
        for change in page["changes"]
    ]
    yield _section("What changed", f"{window(page)}.\n\n{_table('What|Where|>Before|>Then|', rows)}")


def _health(report: Report) -> Iterable[str]:
    page = report["health"]
    if page is None or not page["checks"]:
        return
    rows = [
        (
            view_text.state(check["status"]),
            check["name"],
            check["message"],
            view_text.age(check["for_s"]),
            view_text.value(check["duration_ms"], "ms"),
        )
        for check in page["checks"]
    ]
    yield _section("Health", _table("State|Check|Message|>Since|>Duration", rows))


def _alerts(report: Report) -> Iterable[str]:
    page = report["alerts"]
    if page is None or not page["rules"]:
        return
    rows = [
        (
            rule["state"],
            rule["alert"],
            rule["severity"],
            rule["summary"] if rule["state"] == "unknown" else f"{rule['metric']} {rule['condition']}",
            ", ".join(view_text.value(series["value"], rule["unit"]) for series in rule["series"][:3]),
        )
        for rule in page["rules"]
    ]
    yield _section("Alerts", _table("State|Alert|Severity|Condition|>Values", rows))


def _charts(title: str, charts: Sequence[Chart]) -> Iterable[str]:
    rows = [
        (chart["title"], line["label"], *phrases.numbers(chart, line)) for chart in charts for line in chart["series"]
    ]
    if rows:
        yield _section(title, _table("What|Series|>Last|>Min|>Max", rows))


def _traces(title: str, summaries: Sequence[TraceSummary]) -> Iterable[str]:
    rows = [
        (
            view_text.milliseconds(row["start"]),
            row["name"],
            phrases.length(row["duration_s"]),
            row["spans"],
            row["errors"],
            row["trace_id"],
        )
        for row in summaries
    ]
    if rows:
        yield _section(title, _table("Started|Trace|>Duration|>Spans|>Errors|Id", rows))


def _logs(report: Report) -> Iterable[str]:
    rows = []
    for row in report["logs"][:_LOGS]:
        exception = row["exception"]
        raised = f" ({exception['type']}: {exception['message']})" if exception is not None else ""
        rows.append((view_text.milliseconds(row["time"]), row["level"], row["logger"], f"{row['body']}{raised}"))
    if rows:
        yield _section("Warnings and errors in the logs", _table("Time|Level|Logger|Message", rows))


def _destinations(report: Report) -> Iterable[str]:
    rows = [
        (
            row["state"],
            row["name"],
            f"{row['delivered']:,}",
            f"{row['queued']:,}",
            f"{sum(row['dropped'].values()):,}",
            row["last_error"],
        )
        for row in report["status"]["destinations"]
    ]
    if rows:
        yield _section("Destinations", _table("State|Name|>Delivered|>Queued|>Dropped|Last error", rows))
