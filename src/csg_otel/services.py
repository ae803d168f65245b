"""
The class-based interface to telemetry: ``SystemMonitor`` for metrics, ``AlertingService`` for the program's own alerts.

The rule: both stay thin. Their methods use the telemetry object that ``instrument()`` returns.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord, SeverityNumber

from csg_otel import attributes, forks, metrics, names, scope, sdk, waits
from csg_otel.alerts import escalations, events
from csg_otel.config import Config, given, load
from csg_otel.errors import ConfigError
from csg_otel.exporters import alert_status
from csg_otel.health.monitor import HealthMonitor
from csg_otel.pipeline import scrub
from csg_otel.pipeline.global_providers import exporters_of_others
from csg_otel.pipeline.resource import service_name
from csg_otel.privacy import active
from csg_otel.sent_alerts import SentAlerts
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger("csg_otel")

_SEVERITY_NUMBERS = {
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "critical": SeverityNumber.ERROR,
    "emergency": SeverityNumber.FATAL,
}
_LATEST_S = datetime.max.replace(tzinfo=timezone.utc).timestamp()
"""The last Unix second that every destination can write as a date."""
_LONGEST_S = 10 * 366 * 86_400.0
"""Longest time of an alert in seconds; a longer one lasts until it is resolved, or the process ends."""
_sent_alerts = SentAlerts()


class SystemMonitor:
    """Samples the host and the process and serves the result; :meth:`start` instruments the program if needed."""

    def __init__(self, config: Config | None = None) -> None:
        """Use *config*; by default the settings of file and environment. Raises ConfigError, also for another object."""
        self._config = given(config)
        self._started: sdk.Telemetry | None = None

    def start(self) -> None:
        """Start sampling and the Prometheus endpoint; idempotent."""
        if sdk.current() is None:
            self._started = sdk.instrument(config=self._config)

    def stop(self) -> None:
        """Shut down the telemetry that :meth:`start` has started; telemetry from before goes on."""
        if self._started is not None:
            self._started.shutdown()
            self._started = None

    def get_metrics_snapshot(self) -> dict[str, Any]:
        """
        Return ``timestamp``, the groups ``system``, ``application`` and ``business``, and ``metrics``.

        The groups have the aliases (``names.ALIASES``), ``metrics`` has their rows, with ``labels``, and every point as it is
        exported.

        ``response_times`` has ``overall`` and, by name, ``operations``: each with ``count`` and the configured percentiles
        (``p50``, ``p95``, ``p99``) in seconds.

        Without running telemetry this takes one sample of the host, and the program's own counters are empty.
        """
        telemetry = sdk.current()
        if telemetry is not None:
            return telemetry.metrics_snapshot()
        config = self._config or load().config
        percentiles = config.performance.response_time_tracking.percentiles
        sample = metrics.Sampler(config.system_monitoring).sample_now()
        return metrics.snapshot(sample, (), None, percentiles, service_name(config))

    def get_status(self) -> dict[str, Any]:
        """
        Return whether monitoring is active, the address of ``/metrics``, the health, the alerts, and each exporter's state.

        ``health`` is that of ``HealthMonitor.get_health_summary()``, ``timestamp`` ISO 8601 in UTC. ``monitoring_enabled``,
        ``prometheus_enabled`` and ``prometheus_running`` say the same as ``monitoring_active`` and ``prometheus``, for scripts
        that read them. ``alerts`` counts what ``AlertingService.send_alert()`` has sent in this process (``total_alerts``,
        ``active_alerts``, of these ``critical_alerts``, ``warning_alerts``, ``info_alerts``; ``latest_alert``, ISO 8601 or
        None); alerts of rules are in their backend. Without telemetry all is off, and ``health`` is empty.
        """
        telemetry = sdk.current()
        monitoring = telemetry.config.system_monitoring if telemetry is not None else None
        is_active = monitoring is not None and monitoring.enabled
        is_served = monitoring is not None and monitoring.prometheus.enabled
        url = telemetry.url if telemetry is not None and is_served else ""
        status = {
            "monitoring_active": is_active,
            "monitoring_enabled": is_active,
            "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "prometheus": {
                "running": bool(url),
                "url": f"{url}{monitoring.prometheus.path}" if url and monitoring else "",
            },
            "prometheus_enabled": is_served,
            "prometheus_running": bool(url),
            "health": {},
            "alerts": _sent_alerts.summary(time.time()),
            "exporters": {},
        }
        if telemetry is not None and monitoring is not None:
            health = HealthMonitor().get_health_summary()
            status["collection_interval"] = monitoring.collection_interval
            status["health"], status["health_status"] = health, health["overall_status"]
            status["exporters"] = {name: exporter.state for name, exporter in telemetry.status().items()}
        return status


@dataclass(frozen=True)
class Alert:
    """
    An alert of the program, for a person to read.

    ``level`` is ``info``, ``warning``, ``critical``, ``emergency`` or a word of ``alerting.severities``, in any case.
    ``message`` and the values of ``details`` may be of any type, such as an exception: they are sent as text. ``timestamp`` is
    in Unix seconds; given as a ``datetime`` or as ISO 8601, with the local zone where it names none, it becomes that, and an
    empty text the present time. A *resolved* alert, when it is sent, is the end of the alert with the same name, level, message
    and details. Raises ValueError for an empty name, and for a timestamp that is no time.
    """

    name: str
    level: str
    message: Any
    details: Mapping[str, Any] = field(default_factory=dict)
    timestamp: float | str = field(default_factory=time.time)
    resolved: bool = False

    def __post_init__(self) -> None:
        if self.name in ("", None):
            raise ValueError("an alert needs a name")
        object.__setattr__(self, "timestamp", _unix(self.timestamp))


def _unix(when: Any) -> float:
    """Return the time *when* in Unix seconds; the present time for None and for an empty text. Raises ValueError."""
    if when is None or (isinstance(when, str) and not when):
        return time.time()
    try:
        if isinstance(when, str):
            when = datetime.fromisoformat(when.removesuffix("Z") + ("+00:00" if when.endswith("Z") else ""))
        unix_s = attributes.number(when.timestamp() if isinstance(when, datetime) else when)
    except (ValueError, OverflowError):  # no ISO 8601, or a year that no clock of the system has
        unix_s = None
    if unix_s is None or not 0 <= unix_s <= _LATEST_S:
        text = attributes.text(when)
        raise ValueError(f"{text!r} is no time; write Unix seconds or ISO 8601, such as 2026-11-26T10:30:00")
    return float(unix_s)


class SentAlert:
    """The handle of a sent alert: true if the alert was accepted, else with a ``reason``. :meth:`resolve` ends the alert."""

    def __init__(self, service: AlertingService, event: events.Event | None, reason: str = "") -> None:
        """*event* is None for an alert that was not emitted; a *reason* says why the alert reaches no person."""
        self._service = service
        self._event = event
        self.reason = reason

    def __bool__(self) -> bool:
        """Return whether the alert was accepted."""
        return self._event is not None and not self.reason

    @property
    def id(self) -> str:
        """The label ``csg_event_id`` of the alert; empty if it was not accepted."""
        return self._event.id if self._event is not None and not self.reason else ""

    def resolve(self) -> None:
        """Send the end of the alert to every destination of the alert; idempotent."""
        event, self._event = self._event, None
        if event is not None:
            self._service._resolve(event)  # noqa: SLF001 - the handle is the service's own


class AlertingService:
    """
    Sends the program's own alerts to Alertmanager and Datadog, or without them to the channels, and as OTel events to logs.
    """

    def __init__(self, config: Config | None = None) -> None:
        """Use *config*; by default that of the running telemetry, or of file and environment. Raises ConfigError."""
        self._config = given(config)
        self._sent = scope.create(names.ALERTS_SENT)
        self._active = False
        self._warned: set[str] = set()
        self._reset()
        forks.follow(self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._renewed: dict[str, events.Event] = {}
        self._stopped = waits.Latch()
        self._renewer: threading.Thread | None = None

    def start(self) -> None:
        """Start to accept alerts; this instruments the program if no telemetry is running."""
        if sdk.current() is None:
            sdk.instrument(config=self._config)
        self._active = True

    def stop(self) -> None:
        """Accept no more alerts; active alerts stay active until their time is over."""
        self._active = False
        with self._lock:
            self._renewed.clear()
            self._renewer = None
        self._stopped.set()

    def send_alert(self, alert: Alert, *, ttl_s: float | None = None) -> SentAlert:
        """
        Send *alert* and return its handle, which is true if the alert was accepted.

        This never blocks and never raises: undelivered alerts are kept on disk, and the next start of the program delivers
        them. A value whose ``str()`` raises is sent as the name of its type. A message is cut at 8 KB and a detail at 2 KB;
        what is more than 128 details, or 128 KB of them, is left out, and the detail ``details_left_out`` has its number.

        Alerts go to every Alertmanager and to Datadog; where none of these is configured, to each channel in ``notifications``
        that takes the severity: then those within ``alerting.aggregation_window`` are one notification, and the same alert
        notifies again only after four hours.

        The handle is false, with a ``reason``, and the log has a warning, if the service was not started, alerting is off, no
        telemetry is running, the level is no severity, no channel takes the severity, or no Alertmanager, no Datadog account,
        no channel and no destination of logs is configured. :meth:`get_notification_status` says what became of accepted
        alerts.

        The alert is active for *ttl_s* seconds; with ``math.inf`` until it is resolved or this process ends. It is active for
        five minutes at least, or for a little more than twice ``alerting.aggregation_window`` if that is longer, because
        Alertmanager needs that long to notify people.
        """
        try:
            settings, severity = self._accepted(alert)
        except (ValueError, ConfigError) as error:
            _log.warning("alert %r is not sent: %s", active.scrubber().text(attributes.text(alert.name)), error)
            return SentAlert(self, None, str(error))
        now_s, horizon_s = time.time(), events.horizon(settings.alerting.aggregation_window)
        active_s = max(_active_s(ttl_s), horizon_s)
        event = scrub.alert(  # here, because the id of an alert is a hash of its content
            events.make(
                alert.name,
                severity,
                alert.message,
                service=service_name(settings),
                at=_unix(alert.timestamp),
                details=alert.details,
                until=None if math.isinf(active_s) else now_s + active_s,
            )
        )
        if not (self._resolve(event) if alert.resolved else self._emit(event, "emitted")):
            return SentAlert(self, event, self._unheard(event))
        if active_s > horizon_s and not alert.resolved:
            self._renew_regularly(event, horizon_s)
        return SentAlert(self, event)

    def _accepted(self, alert: Alert) -> tuple[Config, str]:
        """Return the settings, and the severity of *alert* as they spell it. Raises ValueError or ConfigError for none."""
        if not self._active:
            raise ValueError("call AlertingService.start() first")
        settings = self._settings()
        if not settings.alerting.enabled:
            raise ValueError("alerting.enabled is false")
        return settings, events.severity_in(alert.level, escalations.words(settings))

    def renew(self, now_s: float) -> int:
        """Send every alert again that is still active at Unix time *now_s*, and return the number of these alerts."""
        horizon_s = events.horizon(self._settings().alerting.aggregation_window)
        with self._lock:
            self._renewed = {
                key: event for key, event in self._renewed.items() if (event.until or math.inf) - now_s > horizon_s
            }
            for event in self._renewed.values():
                _send_to_backends(event)
            return len(self._renewed)

    def _renew_regularly(self, event: events.Event, horizon_s: float) -> None:
        with self._lock:
            self._renewed[event.id] = event
            if self._renewer is None:
                stopped = self._stopped = waits.Latch()
                self._renewer = OwnThread(target=self._run, args=(stopped, horizon_s / 3), name="csg-otel-alerts")
                self._renewer.start()

    def _run(self, stopped: waits.Latch, interval_s: float) -> None:
        while not stopped.wait(interval_s):
            self.renew(time.time())

    def _resolve(self, event: events.Event) -> int:
        with self._lock:  # so that no renewal follows
            self._renewed.pop(event.id, None)
            return self._emit(event.resolved(time.time()), "resolved")

    def _unheard(self, event: events.Event) -> str:
        """Return the reason why *event* reaches no person; the first time each reason is logged, too."""
        reason = alert_status.unheard(self._settings(), event.severity, is_running=sdk.current() is not None)
        if reason not in self._warned:
            self._warned.add(reason)
            _log.warning("alert %r reaches no person: %s", event.name, reason)
        return reason

    def _emit(self, event: events.Event, result: str) -> int:
        """Send *event* to every destination, and return the number of those by which it may reach a person."""
        details = {f"{names.ALERT_DETAILS}.{key}": value for key, value in event.details}
        resolved = event.resolved_at is not None
        scope.logger().emit(
            LogRecord(
                timestamp=int((event.resolved_at if event.resolved_at is not None else event.at) * 1e9),
                severity_number=SeverityNumber.INFO
                if resolved
                else _SEVERITY_NUMBERS.get(event.severity, SeverityNumber.WARN),
                severity_text="INFO" if resolved else event.severity.upper(),
                body=event.message,
                event_name=names.EVENT_ALERT,
                attributes={
                    names.ALERT_NAME: event.name,
                    names.ALERT_SEVERITY: event.severity,
                    names.ALERT_ID: event.id,
                    names.ALERT_RESOLVED: resolved,
                    **details,
                },
            )
        )
        self._sent.add(1, {names.RESULT: result})
        if resolved:
            _sent_alerts.resolve(event)
        else:
            _sent_alerts.add(event)
        receivers, with_logs = _send_to_backends(event)
        with_logs += len(exporters_of_others("logs"))
        _sent_alerts.notified(receivers + with_logs, time.time())
        # Where people are notified by channels, a destination of logs takes the place of none of them.
        return receivers if alert_status.is_direct(self._settings()) else receivers + with_logs

    def get_notification_status(self) -> dict[str, Any]:
        """
        Return the destinations of alerts, and for each channel whether it is enabled, its severities, and its notifier.

        ``notified_by`` of a channel is ``Alertmanager`` if ``alerting.alertmanagers`` has one, ``csg-otel`` if this package
        notifies the channel itself, and else None. For the latter ``queue_size`` is the number of alerts that wait for it, in
        memory or on disk, ``state`` that of its destination (``ok``, ``degraded``, ``down``), ``last_success`` and
        ``last_failure`` the times of its last attempts (ISO 8601, UTC) and ``last_error`` the reason of the last failure.
        ``delivered`` counts alerts that are no longer in the queue because the channel has them, or had them before, and
        ``dropped`` those that it refused. Addresses have no passwords, and no secret is contained.

        ``processing_enabled`` says whether alerts are accepted now. ``queue_size`` is the number of alerts that wait for a
        destination, in memory or on disk. ``total_notifications`` counts the alerts and ends of alerts that this process has
        passed to a destination, once for each (destinations of logs included), and ``recent_notifications`` those of the last
        24 hours. ``notification_configs`` is the number of enabled channels; ``active_notifiers`` has those that are notified.
        """
        telemetry, settings = sdk.current(), self._settings()
        statuses = telemetry.status() if telemetry is not None else {}
        passed_on = _sent_alerts.notifications(time.time())
        return {
            "active": self._active,
            "alerting_enabled": settings.alerting.enabled,
            "processing_enabled": self._active and settings.alerting.enabled,
            "total_notifications": passed_on.total,
            "recent_notifications": passed_on.recent,
            **alert_status.of(settings, statuses),
        }

    def _settings(self) -> Config:
        telemetry = sdk.current()
        return self._config or (telemetry.config if telemetry is not None else load().config)


def _active_s(ttl_s: Any) -> float:
    """Return the seconds of *ttl_s*; 0 for what is no number, and infinity for more than ten years."""
    seconds = math.inf if ttl_s == math.inf else attributes.number(ttl_s) or 0.0
    return math.inf if seconds > _LONGEST_S else float(seconds)


def _send_to_backends(event: events.Event) -> tuple[int, int]:
    """Queue *event*; return the number of its receivers, and of the destinations of logs."""
    telemetry = sdk.current()
    return telemetry.put_alert(event) if telemetry is not None else (0, 0)
