"""The status: the snapshot of everything in one document. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, cast

from csg_otel.dashboard.model import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from csg_otel.config import Config
    from csg_otel.dashboard.model import DestinationRow, Health, SystemNumbers
    from csg_otel.dashboard.program import Senders
    from csg_otel.exporters.delivery.destination import DestinationStatus

_CHANNELS: Final = ("email", "slack", "webhook", "pagerduty")

_WORSE: Final = ("healthy", "unknown", "warning", "critical")

NO_NUMBERS: Final[SystemNumbers] = {
    "cpu_percent": None,
    "memory_percent": None,
    "memory_used_bytes": None,
    "memory_total_bytes": None,
    "disk_percent": None,
    "disk_free_bytes": None,
    "load_1m": None,
    "process_cpu_percent": None,
    "process_memory_bytes": None,
    "process_threads": None,
    "process_open_files": None,
}

_SILENT_S: Final = 300.0
"""Seconds without an arrival after which a dashboard waits."""


def features(config: Config) -> list[str]:
    """Return the panes that are switched on."""
    chosen = config.dashboard.features
    switches = {
        "health": chosen.health,
        "system": chosen.system,
        "performance": chosen.performance,
        "alerts": chosen.alerts,
        "traces": chosen.traces,
        "logs": chosen.logs,
        "trends": chosen.trends,
    }
    return [name for name, is_on in switches.items() if is_on]


def head(now: float, session: str) -> dict[str, object]:
    """Return the first keys of a status at *now* (Unix seconds), of the *session* of the process."""
    generated = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds")
    return {"schema_version": SCHEMA_VERSION, "generated_at": generated, "time": now, "session": session}


def worst(overall: Health, severities: Iterable[str]) -> Health:
    """Return the worst of the state of the checks and of the *severities* of rules that fire."""
    firing = {"critical": "critical", "warning": "warning"}
    states = [overall, *(firing[severity] for severity in severities if severity in firing)]
    return cast("Health", max(states, key=_WORSE.index))


def destinations(statuses: Mapping[str, DestinationStatus]) -> list[DestinationRow]:
    """Return the rows of all destinations, those with a problem first."""
    order = {"down": 0, "degraded": 1, "ok": 2}
    rows: list[DestinationRow] = [
        {
            "name": name,
            "address": status.address,
            "state": status.state,
            "emitted": status.emitted,
            "adopted": status.adopted,
            "delivered": status.delivered,
            "queued": status.queued,
            "spooled": status.spooled,
            "dropped": dict(status.dropped),
            "last_error": status.last_error,
            "failing_s": status.failing_s,
        }
        for name, status in statuses.items()
    ]
    return sorted(rows, key=lambda row: (order[row["state"]], row["name"]))


def switches(config: Config, statuses: Mapping[str, DestinationStatus], served: str) -> dict[str, object]:
    """
    Return the keys that scripts of the first version read: what is on, and the alerts that wait.

    Args:
        config: The configuration.
        statuses: The state of each destination; those of alerts count in ``queue_size``.
        served: The address of ``/metrics`` without a path; empty while it is not served.
    """
    prometheus = config.system_monitoring.prometheus
    notified = bool(config.alerting.alertmanagers)
    channels = [name for name in _CHANNELS if getattr(config.notifications, name).enabled]
    channels += [channel.name for channel in config.notifications.channels if channel.enabled]
    alerts = [status for name, status in statuses.items() if name.startswith(("alertmanager ", "datadog events"))]
    return {
        "monitoring_enabled": config.enable_monitoring,
        "prometheus_enabled": prometheus.enabled,
        "prometheus_running": prometheus.enabled and bool(served),
        "processing_enabled": config.alerting.enabled,
        "queue_size": sum(status.queued + status.spooled for status in alerts),
        "active_notifiers": channels if notified else [],
        "metrics_url": f"{served}{prometheus.path}" if prometheus.enabled and served else "",
    }


def senders(programs: Senders | None, now: float) -> dict[str, object]:
    """Return the keys about the *programs* that send, at *now* (Unix seconds), with state and age in place of a program's."""
    if programs is None:
        return {"services": [], "receives_at": {}}
    rows = sorted(programs.services(), key=lambda row: (-row["errors"], row["name"]))
    age_s = min((max(0.0, now - row["last"]) for row in rows), default=None)
    return {
        "services": rows,
        "receives_at": programs.addresses(),
        "state": "waiting" if age_s is None or age_s > _SILENT_S else "receiving",
        "data_age_s": age_s,
    }
