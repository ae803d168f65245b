"""The report as one HTML file: it needs no network and no script, and can be printed. Pure."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.report import health, plot, tables, traces
from csg_otel.dashboard.report.markup import Markup, element
from csg_otel.dashboard.view import text as view_text

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Chart, Status
    from csg_otel.dashboard.model.report import Report

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The browser itself refuses scripts and requests."""


def render(report: Report) -> str:
    """Return *report* as HTML."""
    status = report["status"]
    service = status["service"]["name"]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{service}: report of {view_text.stamp(report['time'])}"),
        element("style", Markup(files(__package__).joinpath("page.css").read_text(encoding="utf-8"))),
    )
    body = element("body", _header(report), element("main", _sections(report)), _footer(report))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _section(title: str, *content: object, note: str = "") -> Markup:
    """Return one part of the page below its heading; *note* says how much it shows."""
    heading = element("h2", title, element("small", note) if note else None)
    return element("section", heading, content)


def _header(report: Report) -> Markup:
    status = report["status"]
    service = status["service"]
    facts = (
        ("Version", service["version"]),
        ("Environment", service["environment"]),
        ("Instance", service["instance"]),
        ("Host", service["host"]),
        ("Process", service["pid"]),
        ("Workers", status["workers"] if status["workers"] > 1 else None),
        ("Uptime", view_text.age(status["uptime_s"]) if status["uptime_s"] is not None else None),
        ("Maintenance", status["maintenance"]),
        ("Report of", view_text.stamp(report["time"])),
    )
    items = [element("div", element("dt", name), element("dd", value)) for name, value in facts if value]
    title = element("div", health.state(status["overall"]), element("h1", service["name"]), class_="title")
    return element("header", title, element("dl", items), class_=f"bar {status['overall']}")


def _sections(report: Report) -> list[Markup]:
    parts = [
        _section("What is wrong", *_problems(report)),
        _section("What changed", tables.changes(report["changed"]), note=tables.window(report["changed"]))
        if report["changed"] is not None
        else None,
        _section("Health", health.checks(report["health"])) if report["health"] is not None else None,
        _section("Alerts", tables.alerts(report["alerts"])) if report["alerts"] is not None else None,
        _charts("System", report["system"]["charts"]) if report["system"] is not None else None,
        _charts("Metrics", report["metrics"]),
        _section("Slowest traces", traces.summaries(report["slowest"])) if report["slowest"] else None,
        _section("Failing traces", traces.summaries(report["failing"])) if report["failing"] else None,
        _section("Traces in detail", [traces.waterfall(page) for page in report["traces"]])
        if report["traces"]
        else None,
        _section("Warnings and errors in the logs", tables.logs(report["logs"])) if report["logs"] else None,
        _section("Destinations", tables.destinations(report["status"]["destinations"]))
        if report["status"]["destinations"]
        else None,
    ]
    return [part for part in parts if part is not None]


def _charts(title: str, charts: list[Chart]) -> Markup | None:
    if not charts:
        return None
    return _section(title, element("div", [plot.chart(each) for each in charts], class_="charts"))


def _problems(report: Report) -> list[Markup]:
    """Return what needs attention, the worst first; one quiet line if there is nothing."""
    problems = [*health.problems(report["health"]), *tables.problems(report)]
    lines = [line for _, line in sorted(problems, key=lambda problem: view_text.ORDER.index(problem[0]))]
    if not lines:
        return [
            element("p", "Nothing: no check fails, no alert fires, every destination takes its data.", class_="empty")
        ]
    return [element("ul", lines, class_="problems")]


def _footer(report: Report) -> Markup:
    status: Status = report["status"]
    kept = status["counts"]
    text = f"{status['service']['sdk']}; {kept['traces']:,} traces and {kept['logs']:,} log records were kept."
    return element("footer", element("p", text))
