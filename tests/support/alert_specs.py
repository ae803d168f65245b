"""Specifications of alerting settings that are written as a mapping, as in the file."""

from __future__ import annotations

from typing import Any

from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.spec import load
from csg_otel.config import load as load_config
from csg_otel.exporters.prometheus import family_name, label_name

CATALOG = Catalog(series=family_name, label=label_name)


EVERYTHING: dict[str, Any] = {
    "notifications": {
        "email": {"enabled": True, "smtp_server": "mail", "from_email": "me@x.org", "recipients": ["a@x.org"]},
        "slack": {
            "enabled": True,
            "webhook_url": "https://s.example/T",
            "channel": "#alerts",
            "severity_filter": ["warning"],
        },
        "webhook": {
            "enabled": True,
            "url": "https://hook.example/in",
            "method": "PUT",
            "headers": {"Authorization": "Bearer s3cret", "X-Team": "ops"},
        },
        "pagerduty": {"enabled": True, "integration_key": "k3y", "severity_filter": ["critical"]},
    },
    "escalation": {
        "rules": [
            {"name": "later", "condition": "time_based", "threshold": 15, "target": "boss"},
            {
                "name": "night",
                "condition": "time_window",
                "action": "suppress",
                "start": "22:00",
                "end": "06:30",
                "days": ["saturday", "sunday"],
                "severity_filter": ["warning"],
            },
        ],
        "receivers": {"boss": {"email": {"recipients": ["boss@x.org"]}}},
    },
    "slos": [
        {
            "name": "checks",
            "objective": 99.9,
            "bad": 'csg.health.check.executions{csg.health.state="critical"}',
            "total": "csg.health.check.executions",
        }
    ],
}
"""Sections of a file with every channel, an escalation, a quiet time and an objective."""


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
    """Return the specification of *rules* and other *sections* of a file; the service is called shop."""
    config = {"service": {"name": "shop"}, "alerting": {"rules": list(rules)}, **sections}
    return load(load_config(config).config, CATALOG)
