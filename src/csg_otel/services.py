"""
The seed's service objects, on top of the one telemetry of the process.

Thin by rule: each method is a call on the handle ``instrument()`` returns, under the name the seed's users know.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from opentelemetry._logs import LogRecord, SeverityNumber

from csg_otel import forks, metrics, names, scope, sdk
from csg_otel.alerts import events
from csg_otel.config import Config, load
from csg_otel.config.sections.alerting import Severity
from csg_otel.pipeline.resource import service_name

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

        ``response_times`` has ``overall`` and, by name, ``operations``: each with ``count`` and the configured percentiles
        (``p50``, ``p95``, ``p99``) in seconds.

        Without a running monitor it takes one sample of the host; counters of the program are empty then.
        """
        telemetry = sdk.current()
        if telemetry is not None:
            return telemetry.metrics_snapshot()
        config = self._config or load().config
        percentiles = config.performance.response_time_tracking.percentiles
        return metrics.snapshot(metrics.Sampler(config.system_monitoring).sample_now(), (), None, percentiles)

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


class SentAlert:
    """What became of ``send_alert()``: true if it was taken; :meth:`resolve` says that what it was about is over."""

    def __init__(self, service: AlertingService, event: events.Event | None) -> None:
        """*event* is None for an alert that was not taken."""
        self._service = service
        self._event = event

    def __bool__(self) -> bool:
        """Tell whether the alert was taken."""
        return self._event is not None

    @property
    def id(self) -> str:
        """The label ``csg_event_id`` of the alert; empty if it was not taken."""
        return self._event.id if self._event is not None else ""

    def resolve(self) -> None:
        """Say everywhere the alert went that it is over; idempotent."""
        event, self._event = self._event, None
        if event is not None:
            self._service._resolve(event)  # noqa: SLF001 - the handle is the service's own


class AlertingService:
    """Sends the program's own alerts: to each Alertmanager and Datadog as configured, and as OTel events wherever logs go."""

    def __init__(self, config: Config | None = None) -> None:
        """Use *config*, or that of the running telemetry, or what file and environment say."""
        self._config = config
        self._sent = scope.create(names.ALERTS_SENT)
        self._active = False
        self._reset()
        forks.follow(self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._lasting: dict[str, events.Event] = {}
        self._over = threading.Event()
        self._renewer: threading.Thread | None = None

    def start(self) -> None:
        """Begin to accept alerts; without a running telemetry the program is instrumented."""
        if sdk.current() is None:
            sdk.instrument(config=self._config)
        self._over.clear()
        self._active = True

    def stop(self) -> None:
        """Accept no more alerts; those that are active stay so until their time is over."""
        self._active = False
        with self._lock:
            self._lasting.clear()
            self._renewer = None
        self._over.set()

    def send_alert(self, alert: Alert, *, ttl_s: float | None = None) -> SentAlert:
        """
        Send *alert* and return its handle, which is true if it was taken; never blocks, never raises for who is not there.

        It is active for *ttl_s* seconds (``math.inf``: until it is resolved, or this process ends), at least for as long as
        Alertmanager needs to tell people: twice ``alerting.aggregation_window`` and a little, five minutes or more. Undelivered
        ones are kept on disk, and the next start delivers them. False, with a warning in the log, if the service was not
        started or alerting is off.
        """
        settings = self._settings()
        if not (self._active and settings.alerting.enabled):
            _log.warning("alert %r not sent: alerting is %s", alert.name, "off" if self._active else "not started")
            return SentAlert(self, None)
        now_s, horizon_s = time.time(), events.horizon(settings.alerting.aggregation_window)
        lasts_s = max(ttl_s or 0.0, horizon_s)
        event = events.make(
            alert.name,
            alert.level,
            alert.message,
            service=service_name(settings),
            at=alert.timestamp,
            details=alert.details,
            until=None if math.isinf(lasts_s) else now_s + lasts_s,
        )
        self._emit(event, "emitted")
        if lasts_s > horizon_s:
            self._keep(event, horizon_s)
        return SentAlert(self, event)

    def renew(self, now_s: float) -> int:
        """Send the alerts that last again, at Unix time *now_s*; returns how many those are."""
        horizon_s = events.horizon(self._settings().alerting.aggregation_window)
        with self._lock:
            last = {key: event for key, event in self._lasting.items() if (event.until or math.inf) - now_s > horizon_s}
            self._lasting = last
            for event in last.values():
                self._put(event)
            return len(last)

    def _keep(self, event: events.Event, horizon_s: float) -> None:
        with self._lock:
            self._lasting[event.id] = event
            if self._renewer is None:
                over = self._over = threading.Event()
                self._renewer = threading.Thread(
                    target=self._renew, args=(over, horizon_s / 3), name="csg-otel-alerts", daemon=True
                )
                self._renewer.start()

    def _renew(self, over: threading.Event, every_s: float) -> None:
        while not over.wait(every_s):
            self.renew(time.time())

    def _resolve(self, event: events.Event) -> None:
        with self._lock:  # so that no renewal comes after it
            self._lasting.pop(event.id, None)
            self._emit(event.resolved(time.time()), "resolved")

    def _emit(self, event: events.Event, result: str) -> None:
        details = {f"{names.ALERT_DETAILS}.{key}": value for key, value in event.details}
        over = event.resolved_at is not None
        scope.logger().emit(
            LogRecord(
                timestamp=int((event.resolved_at if event.resolved_at is not None else event.at) * 1e9),
                severity_number=SeverityNumber.INFO if over else _SEVERITY_NUMBERS[event.severity],
                severity_text="INFO" if over else event.severity.upper(),
                body=event.message,
                event_name=names.EVENT_ALERT,
                attributes={
                    names.ALERT_NAME: event.name,
                    names.ALERT_SEVERITY: event.severity,
                    names.ALERT_ID: event.id,
                    names.ALERT_RESOLVED: over,
                    **details,
                },
            )
        )
        self._sent.add(1, {names.RESULT: result})
        self._put(event)

    @staticmethod
    def _put(event: events.Event) -> None:
        telemetry = sdk.current()
        if telemetry is not None:
            telemetry.put_alert(event)

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
