"""The collection of a report from a source: a few requests, each bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.model import SCHEMA_VERSION
from csg_otel.dashboard.source import NotFoundError, Parameters, Source

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Chart, MetricRow, Status, TracePage, TraceSummary
    from csg_otel.dashboard.model.report import Report

DEFAULT_RANGE_S: Final = 3600.0
_TRACES: Final = 10
_WHOLE_TRACES: Final = 3
"""Traces per list that the report has with all spans."""
_LOGS: Final = 40
_CHARTS: Final = 12
_MAIN: Final = ("csg.operation.duration", "csg.files.", "csg.cache.")
"""Prefixes of this package's instruments that are about the program."""
_OTHER: Final = ("system.", "process.", "cpython.", "otel.", "csg.")
"""Prefixes of instruments that the report shows in other parts, or that are about telemetry itself."""
_LEAST_RANGE_S: Final = 300.0
"""A shorter range has steps of 1 s, for which there are values only while a dashboard is watched."""


def collect(source: Source, range_s: float = DEFAULT_RANGE_S) -> Report:
    """
    Return the report about the program of *source*.

    Raises SourceError if the source does not answer.

    Args:
        source: The documents of the program.
        range_s: The length of the charts in seconds, or as long as there are values. Default: 3600.
    """
    status: Status = source.get("status")
    features = set(status["features"])

    def page(feature: str, path: str, parameters: Parameters | None = None) -> Any:
        return source.get(path, parameters) if feature in features else None

    if "system" in features:
        range_s = _recorded(source, range_s)
    slowest, failing = _traces(source) if "traces" in features else ([], [])
    logs = page("logs", "logs", {"level": "warn", "limit": str(_LOGS)})
    return {
        "schema_version": SCHEMA_VERSION,
        "generated_at": status["generated_at"],
        "time": status["time"],
        "range_s": range_s,
        "status": status,
        "health": page("health", "health"),
        "changed": page("trends", "changed"),
        "system": page("system", "system", {"range": f"{range_s:g}"}),
        "metrics": _charts(source, range_s) if "performance" in features else [],
        "alerts": page("alerts", "alerts"),
        "slowest": slowest,
        "failing": failing,
        "traces": _whole(source, [*slowest[:_WHOLE_TRACES], *failing[:_WHOLE_TRACES]]),
        "logs": logs["logs"] if logs is not None else [],
    }


def _recorded(source: Source, range_s: float) -> float:
    """Return *range_s*, or the length of the time that has values if that is less than half of it."""
    page = source.get("system", {"range": f"{range_s:g}"})
    first = min(
        (
            at
            for chart in page["charts"]
            for line in chart["series"]
            for at, value in zip(chart["times"], line["values"], strict=True)
            if value is not None
        ),
        default=page["time"] - range_s,
    )
    recorded_s: float = page["time"] - first
    return range_s if recorded_s > range_s / 2 else max(_LEAST_RANGE_S, recorded_s)


def _traces(source: Source) -> tuple[list[TraceSummary], list[TraceSummary]]:
    """Return the slowest traces that have ended, and the newest with errors; runs of health checks have a part of their own."""
    from csg_otel import names  # late, because it imports OpenTelemetry

    checks = names.CHECK_SPAN.format(name="")
    newest, failing = (
        [
            row
            for row in source.get("traces", {"limit": "1000", **filters})["traces"]
            if not row["name"].startswith(checks)
        ]
        for filters in ({}, {"error": "true"})
    )
    ended = [trace for trace in newest if trace["duration_s"] is not None]
    return sorted(ended, key=lambda trace: -trace["duration_s"])[:_TRACES], failing[:_TRACES]


def _whole(source: Source, summaries: list[TraceSummary]) -> list[TracePage]:
    """Return the traces of *summaries*, each once; one that is not kept any more is left out."""
    pages: list[TracePage] = []
    for trace_id in dict.fromkeys(summary["trace_id"] for summary in summaries):
        try:
            pages.append(source.get(f"traces/{trace_id}"))
        except NotFoundError:
            continue
    return pages


def _charts(source: Source, range_s: float) -> list[Chart]:
    """Return the charts of the main instruments: the program's own, histograms first."""
    rows: list[MetricRow] = source.get("metrics")["metrics"]
    own = [row for row in rows if row["name"].startswith(_MAIN) or not row["name"].startswith(_OTHER)]
    shown = [row for row in own if row["latest"] is not None]
    main = sorted(shown, key=lambda row: (row["kind"] != "histogram", row["name"]))[:_CHARTS]
    charts = [source.get("metrics/series", {"name": row["name"], "range": f"{range_s:g}"}) for row in main]
    return [chart for chart in charts if any(value is not None for line in chart["series"] for value in line["values"])]
