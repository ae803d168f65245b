"""
Every setting of csg_otel: the root `Config`, and all section classes by name.

Frozen dataclasses whose field names are the keys of ``monitoring_config.yaml``; calling one makes it with its defaults.
They hold values only; where a value came from is in `Loaded`. The one rule: a setting exists once, here.
"""

# ruff: noqa: RUF009 - setting() makes a dataclass field, not a shared value

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csg_otel.config.alert_rules import (
    OPERATORS,
    Alerting,
    AlertRule,
    Condition,
    EmailChannel,
    Escalation,
    EscalationRule,
    Notifications,
    PagerDutyChannel,
    Receiver,
    Severity,
    SlackChannel,
    Slo,
    WebhookChannel,
)
from csg_otel.config.delivery import (
    SIGNALS,
    ConsoleExporter,
    DatadogExporter,
    Exporters,
    OtlpExporter,
    Queue,
    Sampling,
    Scrubbing,
    Signal,
    Spool,
    Temporality,
    Tls,
)
from csg_otel.config.monitoring import (
    Application,
    CheckDefinition,
    Checks,
    Dependencies,
    Group,
    Groups,
    HealthMonitoring,
    MetricGroups,
    PerformanceChecks,
    PrometheusEndpoint,
    Service,
    SystemMonitoring,
    SystemResources,
    Target,
)
from csg_otel.config.operation import (
    AccessLogging,
    ApiAuth,
    Benchmarking,
    Dashboard,
    DashboardCharts,
    DashboardFeatures,
    DatadogAccount,
    ElasticApm,
    ExternalMonitoring,
    Grafana,
    Integrations,
    LogFile,
    Logging,
    MemoryOptimization,
    NewRelic,
    Performance,
    PrometheusPush,
    RateLimiting,
    ResponseTimeTracking,
    Security,
)
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.secret import Secret

__all__ = [
    "OPERATORS",
    "SIGNALS",
    "AccessLogging",
    "AlertRule",
    "Alerting",
    "ApiAuth",
    "Application",
    "Benchmarking",
    "CheckDefinition",
    "Checks",
    "Condition",
    "Config",
    "ConsoleExporter",
    "Dashboard",
    "DashboardCharts",
    "DashboardFeatures",
    "DatadogAccount",
    "DatadogExporter",
    "Dependencies",
    "ElasticApm",
    "EmailChannel",
    "Escalation",
    "EscalationRule",
    "Exporters",
    "ExternalMonitoring",
    "Grafana",
    "Group",
    "Groups",
    "HealthMonitoring",
    "Integrations",
    "LogFile",
    "Logging",
    "MemoryOptimization",
    "MetricGroups",
    "NewRelic",
    "Notifications",
    "OtlpExporter",
    "PagerDutyChannel",
    "Performance",
    "PerformanceChecks",
    "PrometheusEndpoint",
    "PrometheusPush",
    "Queue",
    "RateLimiting",
    "Receiver",
    "ResponseTimeTracking",
    "Sampling",
    "Scrubbing",
    "Secret",
    "Security",
    "Service",
    "Severity",
    "Signal",
    "SlackChannel",
    "Slo",
    "Spool",
    "SystemMonitoring",
    "SystemResources",
    "Target",
    "Temporality",
    "Tls",
    "WebhookChannel",
]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting, with its value; `csg_otel.config.load` makes one from file, environment and code."""

    disabled: bool = setting(False, "Do nothing at all; every instrument is a no-op.", env=("OTEL_SDK_DISABLED",))
    service: Service = setting(Service, "Who the telemetry is about.")
    health_monitoring: HealthMonitoring = setting(HealthMonitoring, "Health checks.")
    system_monitoring: SystemMonitoring = setting(SystemMonitoring, "Metrics of the host and the process.")
    exporters: Exporters = setting(Exporters, "Where telemetry goes.")
    sampling: Sampling = setting(Sampling, "Which traces are kept.")
    scrubbing: Scrubbing = setting(Scrubbing, "What is taken out of telemetry.")
    alerting: Alerting = setting(Alerting, "Alert rules.")
    slos: tuple[Slo, ...] = setting((), "Service level objectives.")
    notifications: Notifications = setting(Notifications, "How people are told.")
    escalation: Escalation = setting(Escalation, "What happens to alerts that last.")
    logging: Logging = setting(Logging, "The program's log.")
    performance: Performance = setting(Performance, "What is measured about the program's work.")
    dashboard: Dashboard = setting(Dashboard, "The dashboard.")
    integrations: Integrations = setting(Integrations, "Other systems.")
    security: Security = setting(Security, "Access to the endpoints.")
    environments: Mapping[str, Any] = setting(
        dict, "By the name of an environment, settings that are merged over the rest of the file.", free="environments"
    )

    @property
    def enable_monitoring(self) -> bool:
        """Tell whether health checks or system metrics are on; the seed's name for it."""
        return not self.disabled and (self.health_monitoring.enabled or self.system_monitoring.enabled)

    @classmethod
    def get_default(cls) -> "Config":
        """Return the defaults with the environment over them, and no file; raises `ConfigError` for bad variables."""
        from csg_otel.config.load import load

        return load({}).config

    @classmethod
    def load(cls, path: str | Path) -> "Config":
        """Return the settings of the file *path* with the environment over them; raises `ConfigError`."""
        from csg_otel.config.load import load

        return load(path).config
