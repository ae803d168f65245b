"""
The channels of a configuration: where people are notified, and of which severities.

Pure.
"""

from __future__ import annotations

from typing import Any, Literal

from csg_otel.alerts.escalations import SEVERITIES
from csg_otel.alerts.model import Channel


def channels(section: Any, *, escalated: bool = False) -> tuple[Channel, ...]:
    """Return the enabled channels of *section*; with *escalated* also the others, because an escalation names the section."""
    enabled = []
    kinds: tuple[Literal["email", "slack", "webhook", "pagerduty"], ...] = ("email", "slack", "webhook", "pagerduty")
    for kind in kinds:
        settings = getattr(section, kind)
        if settings is not None and (settings.enabled or escalated):
            accepted = settings.severity_filter or SEVERITIES
            enabled.append(Channel(kind, settings, tuple(severity for severity in SEVERITIES if severity in accepted)))
    return tuple(enabled)


def sections(notifications: Any) -> tuple[tuple[str, Any], ...]:
    """Return the settings of every channel in *notifications* by its name, also of those that are not enabled."""
    return tuple((kind, getattr(notifications, kind)) for kind in ("email", "slack", "webhook", "pagerduty"))
