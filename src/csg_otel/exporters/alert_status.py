"""
What becomes of the program's own alerts, in words: who notifies which channel, what waits, and why an alert reaches no person.

The rule: this reads the settings and the counts of the queues, as they are at this moment; it assumes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from csg_otel.alerts import channels
from csg_otel.exporters import alert_events

if TYPE_CHECKING:
    from csg_otel.config import Config
    from csg_otel.exporters.delivery.destination import DestinationStatus


def is_direct(config: Config) -> bool:
    """Return whether the channels are notified by this package: some are enabled, and nothing else is there to do it."""
    return any(receiver.channel for receiver in alert_events.receivers(config, None))


def of(config: Config, statuses: Mapping[str, DestinationStatus]) -> dict[str, Any]:
    """Return the part of ``get_notification_status()`` about channels and queues; *statuses* are those of the telemetry."""
    receivers = alert_events.receivers(config, None)
    by_channel = {receiver.channel: receiver.name for receiver in receivers if receiver.channel}
    reachable = {receiver.channel for receiver in receivers if receiver.is_reachable}
    enabled = {channel.name for channel in alert_events.direct_spec(config).channels}
    by_alertmanager = config.alerting.enabled and bool(config.alerting.alertmanagers)
    notified_by = {
        name: "Alertmanager"
        if by_alertmanager
        else "csg-otel"
        if name in reachable and by_channel.get(name) in statuses
        else None
        for name in enabled
    }
    shown = {}
    for channel in channels.channels(config.notifications, (), "notifications", escalated=True):
        name, settings = channel.name, channel.settings
        status = statuses.get(by_channel.get(name, ""))
        shown[name] = {
            "enabled": settings.enabled,
            "severity_filter": list(settings.severity_filter),
            "notified_by": notified_by.get(name),
            **(_delivery(status) if status is not None else {}),
        }
    present = [statuses[receiver.name] for receiver in receivers if receiver.name in statuses]
    return {
        "queue_size": sum(status.queued + status.spooled for status in present),
        "active_notifiers": [name for name in shown if notified_by.get(name)],
        "notification_configs": len(enabled),
        "destinations": [receiver.name for receiver in receivers],
        "channels": shown,
    }


def unheard(config: Config, severity: str, *, is_running: bool) -> str:
    """Return why an alert of *severity* reaches no person, as a part of a sentence."""
    if not is_running:
        return "no telemetry is running; call csg_otel.instrument()"
    if config.disabled:
        return "telemetry is switched off (disabled: true)"
    if enabled := alert_events.direct_spec(config).channels:
        takers = "; ".join(f"{channel.name} takes {', '.join(channel.severities)}" for channel in enabled)
        routed = ", and no route in notifications leads it to one" if config.notifications.routes else ""
        return f"no channel takes the severity {severity!r} ({takers}){routed}"
    return (
        "no Alertmanager (alerting.alertmanagers), no Datadog account, no channel (notifications) and no destination of logs "
        "is configured"
    )


def _delivery(status: DestinationStatus) -> dict[str, Any]:
    return {
        "queue_size": status.queued + status.spooled,
        "state": status.state,
        "delivered": status.delivered,
        "dropped": sum(status.dropped.values()),
        "last_success": _iso(status.last_success),
        "last_failure": _iso(status.last_failure),
        "last_error": status.last_error,
    }


def _iso(at_s: float | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, timezone.utc).isoformat(timespec="milliseconds")
