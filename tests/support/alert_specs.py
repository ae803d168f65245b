"""Alerting settings, as a mapping like the file's, made into what the compilers take."""

from __future__ import annotations

from typing import Any

from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.spec import AlertSpec, load
from csg_otel.config import load as load_config
from csg_otel.exporters.prometheus import _label_name, family_name

CATALOG = Catalog(series=family_name, label=_label_name)


def rule(metric: str = "system_cpu_usage_percent", threshold: float = 85, **more: Any) -> dict[str, Any]:
    """Return a rule of a configuration file."""
    return {
        "name": "high_cpu_usage",
        "metric": metric,
        "condition": "greater_than",
        "threshold": threshold,
        "severity": "warning",
        "message": "CPU at {value} %",
        **more,
    }


def spec(*rules: dict[str, Any], **sections: Any) -> AlertSpec:
    """Return what the compilers take of *rules* and other *sections* of a file; the service is called shop."""
    config = {"service": {"name": "shop"}, "alerting": {"rules": list(rules)}, **sections}
    return load(load_config(config, allow_literal_secrets=True).config, CATALOG)
