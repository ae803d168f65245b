"""
The seed's service objects, on top of the one telemetry of the process.

Thin by rule: each method is a call on the handle ``instrument()`` returns, under the name the seed's users know.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from opentelemetry._logs import LogRecord, SeverityNumber

from csg_otel import handles, metrics, names, sdk
from csg_otel.config import Config, load
from csg_otel.config.model import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger("csg_otel")

_LEVELS = get_args(Severity)
_SEVERITY_NUMBERS = {
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "critical": SeverityNumber.ERROR,
    "emergency": SeverityNumber.FATAL,
}
_CHANNELS = ("email", "slack", "webhook", "pagerduty")


class SystemMonitor:
    """Samples the host and the process and serves the result; starting it instruments the program if nothing has yet."""

    def __init__(self, config: Config | None = None) -> None:
        """Use *config*, or what file and environment say."""
        self._config = config
        self._started: sdk.Telemetry | None = None

    def start(self) -> None:
        """Start sampling and the Prometheus endpoint; idempotent."""
        if sdk.current() is None:
            self._started = sdk.instrument(config=self._config)

    def stop(self) -> None:
        """Stop what :meth:`start` started; telemetry that ran before goes on."""
        if self._started is not None:
            self._started.shutdown()
            self._started = None

    def get_metrics_snapshot(self) -> dict[str, Any]:
        """
        Return ``timestamp``, ``system``, ``application``, ``business`` (the seed's names) and ``metrics`` (all points).

        Without a running monitor it takes one sample of the host; counters of the program are empty then.
        """
        telemetry = sdk.current()
        if telemetry is not None:
            return telemetry.metrics_snapshot()
        settings = (self._config or load().config).system_monitoring
        return metrics.snapshot(metrics.Sampler(settings).sample_now(), (), None)

    def get_status(self) -> dict[str, Any]:
        """Return whether monitoring is active, where Prometheus finds it, the overall health, and each exporter's state."""
        telemetry = sdk.current()
        if telemetry is None:
            return {"monitoring_active": False, "prometheus": {"running": False, "url": ""}, "exporters": {}}
        monitoring = telemetry.config.system_monitoring
        return {
            "monitoring_active": monitoring.enabled,
            "collection_interval": monitoring.collection_interval,
            "prometheus": {
                "running": bool(telemetry.url) and monitoring.prometheus.enabled,
                "url": f"{telemetry.url}{monitoring.prometheus.path}" if telemetry.url else "",
            },
            "health_status": telemetry.health.snapshot().overall.name,
            "exporters": {name: status.state for name, status in telemetry.status().items()},
        }


@dataclass(frozen=True)
class Alert:
    """
    Something a person should know of.

    ``level`` is ``info``, ``warning``, ``critical`` or ``emergency`` in any case; ``timestamp`` is Unix seconds.
    Raises ValueError for another level or an empty name.
    """

    name: str
    level: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    timestamp: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("an alert needs a name")
        if self.level.lower() not in _LEVELS:
            raise ValueError(f"{self.level!r} is not a level (known: {', '.join(_LEVELS)})")


class AlertingService:
    """Sends the program's own alerts as OTel events, so that they reach every destination logs go to."""

    def __init__(self, config: Config | None = None) -> None:
        """Use *config*, or that of the running telemetry, or what file and environment say."""
        self._config = config
        self._sent = handles.create(names.ALERTS_SENT)
        self._active = False

    def start(self) -> None:
        """Begin to accept alerts; without a running telemetry the program is instrumented."""
        if sdk.current() is None:
            sdk.instrument(config=self._config)
        self._active = True

    def stop(self) -> None:
        """Accept no more alerts."""
        self._active = False

    def send_alert(self, alert: Alert) -> bool:
        """Emit *alert*; False, with a warning in the log, if the service was not started or alerting is off."""
        if not (self._active and self._settings().alerting.enabled):
            _log.warning("alert %r not sent: alerting is %s", alert.name, "off" if self._active else "not started")
            return False
        level = alert.level.lower()
        details = {f"csg.alert.details.{key}": str(value) for key, value in alert.details.items()}
        handles.logger().emit(
            LogRecord(
                timestamp=int(alert.timestamp * 1e9),
                severity_number=_SEVERITY_NUMBERS[level],
                severity_text=level.upper(),
                body=alert.message,
                event_name="csg.alert",
                attributes={"csg.alert.name": alert.name, "csg.alert.severity": level, **details},
            )
        )
        self._sent.add(1, {names.RESULT: "emitted"})
        return True

    def get_notification_status(self) -> dict[str, Any]:
        """Return, by channel, whether it is enabled and which severities it takes; never an address or a secret."""
        notifications = self._settings().notifications
        channels = {name: getattr(notifications, name) for name in _CHANNELS}
        return {
            "active": self._active,
            "alerting_enabled": self._settings().alerting.enabled,
            "channels": {
                name: {"enabled": channel.enabled, "severity_filter": list(channel.severity_filter)}
                for name, channel in channels.items()
            },
        }

    def _settings(self) -> Config:
        telemetry = sdk.current()
        return self._config or (telemetry.config if telemetry is not None else load().config)
