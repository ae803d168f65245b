"""The configuration of the monitoring guide, the document csg_otel continues, loads with its secrets as variables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.config import load, load_lenient

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


def test_the_guides_literal_secrets_are_the_only_problems(guide: Path) -> None:
    """The guide's file as it is has four problems: its four literal secrets, each located."""
    problems = load_lenient(guide, environ={}).problems

    assert len(problems) == len(SECRETS)
    assert all(re.search(r":\d+:\d+: .*a secret must not be written in the file", problem) for problem in problems)
