"""
The model of the dashboard: the shape of every JSON document of its API, as typed dictionaries. Pure.

The terminal, the web page, the reports and ``csg-otel query`` read these documents only. ``schema`` generates the JSON Schema
from these types. Times are Unix seconds, durations seconds, sizes bytes; a key whose value is not available has None.
"""

from csg_otel.dashboard.model.alerts import AlertmanagerRow, AlertRow, AlertSeries, AlertsPage, ChangedPage, Silence
from csg_otel.dashboard.model.health import CheckRow, FailureRow, HealthPage, MeasurementRow, StateSpan
from csg_otel.dashboard.model.metrics import Chart, ExemplarRow, MetricRow, MetricsPage, Series, SystemPage, Threshold
from csg_otel.dashboard.model.overview import (
    AlertCounts,
    CategoryRow,
    Change,
    Charts,
    Counts,
    DestinationRow,
    ErrorRow,
    Service,
    ServiceRow,
    Status,
    SystemNumbers,
)
from csg_otel.dashboard.model.traces import (
    EventRow,
    ExceptionRow,
    LinkRow,
    LogRow,
    LogsPage,
    SpanRow,
    TracePage,
    TracesPage,
    TraceSummary,
    WaterfallRow,
)
from csg_otel.dashboard.model.words import SCHEMA_VERSION, Attributes, Health

__all__ = [
    "SCHEMA_VERSION",
    "AlertCounts",
    "AlertRow",
    "AlertSeries",
    "AlertmanagerRow",
    "AlertsPage",
    "Attributes",
    "CategoryRow",
    "Change",
    "ChangedPage",
    "Chart",
    "Charts",
    "CheckRow",
    "Counts",
    "DestinationRow",
    "ErrorRow",
    "EventRow",
    "ExceptionRow",
    "ExemplarRow",
    "FailureRow",
    "Health",
    "HealthPage",
    "LinkRow",
    "LogRow",
    "LogsPage",
    "MeasurementRow",
    "MetricRow",
    "MetricsPage",
    "Series",
    "Service",
    "ServiceRow",
    "Silence",
    "SpanRow",
    "StateSpan",
    "Status",
    "SystemNumbers",
    "SystemPage",
    "Threshold",
    "TracePage",
    "TraceSummary",
    "TracesPage",
    "WaterfallRow",
]
