"""The report: one document with everything that a person wants to read later. Pure."""

from typing import TypedDict

from csg_otel.dashboard.model.alerts import AlertsPage, ChangedPage
from csg_otel.dashboard.model.health import HealthPage
from csg_otel.dashboard.model.metrics import Chart, SystemPage
from csg_otel.dashboard.model.overview import Status
from csg_otel.dashboard.model.traces import LogRow, TracePage, TraceSummary


class Report(TypedDict):
    """
    ``csg-otel dashboard --mode report --output report.json``.

    ``slowest`` and ``failing`` are traces that are kept, the slowest or newest first; ``traces`` has some of them whole.
    ``logs`` has warnings and worse, the newest first. A part whose feature is off is empty, or None.
    """

    schema_version: str
    generated_at: str
    time: float
    range_s: float
    status: Status
    health: HealthPage | None
    changed: ChangedPage | None
    system: SystemPage | None
    metrics: list[Chart]
    alerts: AlertsPage | None
    slowest: list[TraceSummary]
    failing: list[TraceSummary]
    traces: list[TracePage]
    logs: list[LogRow]
