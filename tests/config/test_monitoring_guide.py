"""The configuration of the monitoring guide, the document csg_otel continues, loads with its secrets as variables."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.config import load, load_lenient
from csg_otel.config.sections.dashboard import DashboardFeatures
from csg_otel.errors import ConfigError

# The YAML snippets of the monitoring guide that configure monitoring, word for word.
SNIPPETS = """\
system_monitoring:
  enabled: true
  collection_interval: 10  # seconds

  prometheus:
    enabled: true
    port: 8081

  metrics:
    system_metrics: true
    application_metrics: true
    business_metrics: true
---
system_monitoring:
  prometheus:
    enabled: true
    port: 8081
    path: "/metrics"
---
alerting:
  rules:
    - name: "high_cpu_usage"
      metric: "system_cpu_usage_percent"
      condition: "greater_than"
      threshold: 85.0
      severity: "warning"
      message: "High CPU usage detected"
---
notifications:
  email:
    enabled: true
    smtp_server: "smtp.gmail.com"
    smtp_port: 587
    username: "alerts@example.com"
    password: "app_password"
    recipients:
      - "admin@example.com"
---
notifications:
  slack:
    enabled: true
    webhook_url: "https://hooks.slack.com/services/..."
    channel: "#alerts"
    severity_filter: ["warning", "critical"]
---
notifications:
  webhook:
    enabled: true
    url: "https://api.external-system.com/alerts"
    method: "POST"
    headers:
      Content-Type: "application/json"
      Authorization: "Bearer token"
---
escalation:
  rules:
    - name: "critical_escalation"
      condition: "time_based"
      threshold: 15  # minutes
      action: "escalate"
      target: "emergency"
---
system_monitoring:
  collection_interval: 30  # Increase for lower resource usage
---
system_monitoring:
  metrics_retention: 3600  # 1 hour instead of 24 hours
---
performance:
  benchmarking:
    enabled: false  # Disable if not needed
---
alerting:
  aggregation_window: 600  # 10 minutes (longer window = fewer alerts)
---
security:
  api_auth:
    enabled: true
    method: "token"
    tokens:
      - "secure_monitoring_token"
"""
SECRETS = {
    "app_password": "${SMTP_PASSWORD}",
    "https://hooks.slack.com/services/...": "${SLACK_WEBHOOK_URL}",
    "Bearer token": "Bearer ${WEBHOOK_TOKEN}",
    "secure_monitoring_token": "${MONITORING_TOKEN}",
}
ENVIRON = {"SMTP_PASSWORD": "p", "SLACK_WEBHOOK_URL": "https://x", "WEBHOOK_TOKEN": "t", "MONITORING_TOKEN": "m"}


def deep(base: Any, over: Any) -> Any:
    """Return *over* merged into *base*."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: deep(base.get(key), value) for key, value in over.items()}}
    return over


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    """Write the guide's snippets, merged, as one file and return it."""
    merged: Any = {}
    for snippet in yaml.safe_load_all(SNIPPETS):
        merged = deep(merged, snippet)
    path = tmp_path / "monitoring_config.yaml"
    path.write_text(yaml.safe_dump(merged), encoding="utf-8")
    return path


def test_the_guides_file_loads_with_its_secrets_elsewhere(guide: Path) -> None:
    """With its secrets as ``${...}`` the guide's configuration has no problem and no warning, and every value arrives."""
    text = guide.read_text(encoding="utf-8")
    for literal, form in SECRETS.items():
        assert literal in text
        text = text.replace(literal, form)
    guide.write_text(text, encoding="utf-8")
    loaded = load(guide, environ=ENVIRON)
    config = loaded.config

    assert loaded.warnings == ()
    assert config.notifications.email.password is not None
    assert config.notifications.email.password.reveal() == "p"
    assert config.notifications.webhook.headers["Content-Type"] == "application/json"
    assert config.notifications.webhook.headers["Authorization"].reveal() == "Bearer t"  # type: ignore[union-attr]
    assert config.alerting.rules[0].condition == "greater_than"
    assert (config.system_monitoring.collection_interval, config.system_monitoring.metrics_retention) == (30.0, 3600.0)
    assert config.escalation.rules[0].threshold == 15.0


def test_the_guides_file_loads_as_it_is(guide: Path) -> None:
    """With four warnings: its four literal secrets, each located."""
    warnings = load(guide, environ={}).warnings

    assert len(warnings) == len(SECRETS)
    assert all(re.search(r":\d+:\d+: .*a secret stands in the file", warning) for warning in warnings)


FORMS = {
    "an empty password": "notifications: {email: {enabled: true, smtp_server: m.example.com, from_email: a@example.com,"
    ' username: "", password: "", recipients: [ops@example.com]}}',
    "an empty token": 'security: {api_auth: {enabled: false, tokens: [""]}}',
    "a disabled channel": 'notifications: {slack: {enabled: false, webhook_url: "${SLACK_WEBHOOK_URL}"}}',
    "a channel disabled by a variable": 'notifications: {slack: {enabled: "${SLACK:-no}", webhook_url: "${SLACK_HOOK}"}}',
    "a channel that is off by default": 'integrations: {external_monitoring: {datadog: {api_key: "${DATADOG_API_KEY}"}}}',
    "the panes as a mapping": "dashboard: {features: {health_overview: true, system_metrics: true, performance_charts: true,"
    " alert_history: true, log_viewer: false}}",
    "the panes as a list": "dashboard: {features: [health_overview, system_metrics, performance_charts]}",
    "the panes in an environment": "environments: {staging: {dashboard: {features: {log_viewer: false}}}}",
    "sizes in megabytes": "performance: {benchmarking: {test_sizes: [0.5, 1.0, 2.0]}}",
    "OAuth": "security: {api_auth: {enabled: false, method: oauth}}",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_guides_author_load(tmp_path: Path, form: str) -> None:
    """Placeholders, parts that are off, and his names."""
    (tmp_path / "c.yaml").write_text(FORMS[form], encoding="utf-8")

    assert load_lenient("c.yaml", environ={}, cwd=tmp_path).problems == ()


def test_the_guides_names_of_panes_are_those_of_the_declaration(tmp_path: Path) -> None:
    """Each switches its pane; a list shows what it names alone; two names of one pane, and a wrong one, are problems."""

    def features(text: str) -> DashboardFeatures:
        (tmp_path / "c.yaml").write_text(f"dashboard: {{features: {text}}}", encoding="utf-8")
        return load("c.yaml", environ={}, cwd=tmp_path).config.dashboard.features

    assert features("{health_overview: false, log_viewer: false}") == DashboardFeatures(health=False, logs=False)
    everything_off = dict.fromkeys((field.name for field in fields(DashboardFeatures)), False)
    assert features("[alert_history, traces]") == DashboardFeatures(
        **{**everything_off, "alerts": True, "traces": True}
    )
    with pytest.raises(ConfigError, match="says the same as 'health'; keep one of the two"):
        features("{health_overview: false, health: true}")
    with pytest.raises(ConfigError, match=r"helth_overview: unknown setting \(did you mean 'health_overview'\?\)"):
        features("[helth_overview]")


def test_oauth_is_warned_of(tmp_path: Path) -> None:
    """Tokens are asked for instead."""
    (tmp_path / "c.yaml").write_text("security: {api_auth: {method: oauth}}", encoding="utf-8")
    loaded = load("c.yaml", environ={}, cwd=tmp_path)

    assert loaded.config.security.api_auth.method == "token"
    (warning,) = loaded.warnings
    assert "OAuth is not spoken here" in warning
