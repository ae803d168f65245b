"""The dashboard for Grafana as tests read it: its panels, its queries with the variables filled in, and its specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from csg_otel import names
from csg_otel.alerts import bundle
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.spec import load
from csg_otel.config import load as load_config
from csg_otel.exporters.prometheus import family_name, label_name

CONFIG: dict[str, Any] = {
    "service": {"name": "snapshot-generator"},
    "alerting": {
        "rules": [
            {
                "name": "cpu_busy",
                "metric": "system_cpu_usage_percent",
                "condition": ">",
                "threshold": 85,
                "severity": "warning",
                "message": "CPU at {value} %",
                "runbook_url": "https://runbooks.example/cpu",
            },
            {
                "name": "orders_stall",
                "metric": "orders.placed",
                "condition": "<",
                "threshold": 0.01,
                "severity": "critical",
                "message": "{value} orders a second",
            },
        ]
    },
    "slos": [
        {
            "name": "transcripts",
            "objective": 99,
            "good": 'csg.files.processed{outcome="ok"}',
            "total": "csg.files.processed",
            "description": "Of a hundred transcripts ninety-nine become a snapshot.",
        }
    ],
}
"""A configuration with rules on shipped and on declared metrics, and an objective."""

DECLARED = (
    names.Metric("orders.placed", "counter", "{order}", "Orders taken, by channel.", ("channel",)),
    names.Metric("orders.waiting", "gauge", "{order}", "Orders that wait for a worker."),
)
"""The instruments of ``examples/async_service.py``."""


def catalog() -> Catalog:
    """Return the metrics of this package and those of the example."""
    return Catalog(DECLARED, series=family_name, label=label_name)


def specification(metrics: Catalog, config: dict[str, Any] | None = None) -> AlertSpec:
    """Return the specification of *config* and of the rules that come with the package."""
    return load(load_config(CONFIG if config is None else config, environ={}).config, metrics, **bundle.shipped())


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every panel that is no row, those of collapsed rows, too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def targets(dashboard: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each query with the title of its panel."""
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            yield panel["title"], target


def filled(expr: str, dashboard: dict[str, Any], rate_interval: str) -> str:
    """Return *expr* as Grafana sends it for the service of CONFIG, with the job and the instance at any value."""
    expr = expr.replace("$service", CONFIG["service"]["name"])
    for variable in dashboard["templating"]["list"]:
        if "allValue" in variable:
            expr = expr.replace(f"${variable['name']}", variable["allValue"])
    return expr.replace("$__rate_interval", rate_interval)
