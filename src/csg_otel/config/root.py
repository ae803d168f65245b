"""
The root of the configuration: one field per top-level key of ``monitoring_config.yaml``.

Frozen dataclasses hold the values, and their field names are the keys of the file. The root holds values only:
`csg_otel.config.load.Config` adds the ways to load one. The one rule: each setting is declared once, in its section.
"""

from collections.abc import Mapping
from typing import Any

from csg_otel.config.sections.alerting import Alerting
from csg_otel.config.sections.dashboard import Dashboard
from csg_otel.config.sections.escalation import Escalation
from csg_otel.config.sections.exporters import Exporters
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.health_monitoring import HealthMonitoring
from csg_otel.config.sections.integrations import Integrations
from csg_otel.config.sections.logging import Logging
from csg_otel.config.sections.notifications import Notifications
from csg_otel.config.sections.performance import Performance
from csg_otel.config.sections.sampling import Sampling
from csg_otel.config.sections.scrubbing import Scrubbing
from csg_otel.config.sections.section import section
from csg_otel.config.sections.security import Security
from csg_otel.config.sections.service import Service
from csg_otel.config.sections.slos import Slo
from csg_otel.config.sections.system_monitoring import SystemMonitoring


@section(frozen=True, kw_only=True)
class ConfigRoot:
    """Every setting with its value; a setting that is not given has its default."""

    disabled: bool = setting(False, "Switch everything off; every instrument does nothing.", env=("OTEL_SDK_DISABLED",))
    service: Service = setting(Service, "The identity of the program in its telemetry.")
    health_monitoring: HealthMonitoring = setting(HealthMonitoring, "Health checks.")
    system_monitoring: SystemMonitoring = setting(SystemMonitoring, "Metrics of the host and the process.")
    exporters: Exporters = setting(Exporters, "The destinations of telemetry.")
    sampling: Sampling = setting(Sampling, "Which traces are kept.")
    scrubbing: Scrubbing = setting(Scrubbing, "Secrets and personal data that are removed from telemetry.")
    alerting: Alerting = setting(Alerting, "Alert rules.")
    slos: tuple[Slo, ...] = setting((), "Service level objectives.")
    notifications: Notifications = setting(Notifications, "The channels that alerts are sent through.")
    escalation: Escalation = setting(Escalation, "Alerts that last are sent to more receivers, or suppressed.")
    logging: Logging = setting(Logging, "The program's log.")
    performance: Performance = setting(Performance, "Durations of operations, benchmarks and the growth of memory.")
    dashboard: Dashboard = setting(Dashboard, "The dashboard in the terminal and in the browser.")
    integrations: Integrations = setting(Integrations, "Pushgateway, Grafana, and vendors of monitoring.")
    security: Security = setting(Security, "Access to the HTTP endpoints.")
    environments: Mapping[str, Any] = setting(
        dict, "Sections by the name of an environment; they are merged over the rest of the file.", free="environments"
    )

    @property
    def enable_monitoring(self) -> bool:
        """Return whether health checks or system metrics are on."""
        return not self.disabled and (self.health_monitoring.enabled or self.system_monitoring.enabled)
