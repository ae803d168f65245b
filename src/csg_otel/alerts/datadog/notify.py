"""
Whom Datadog tells: channels as handles, the webhook they call, escalation, and when nobody is told.

Pure. What Datadog can't do is said, never left out in silence. The rule: a secret's place is a variable of Datadog's Webhooks
integration, named here and filled in by the push.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts.spec import escalated_severities

if TYPE_CHECKING:
    from csg_otel.alerts.spec import AlertSpec, Channel

_FIRST: Final = "notifications"
_PAYLOAD: Final = {
    "alert": "$ALERT_TITLE",
    "id": "$ALERT_ID",
    "link": "$LINK",
    "message": "$TEXT_ONLY_MSG",
    "priority": "$ALERT_PRIORITY",
    "status": "$ALERT_TRANSITION",
    "tags": "$TAGS",
}


def channel_handles(spec: AlertSpec, severity: str) -> list[str]:
    """Return the handles of those channels that take *severity*."""
    return [
        handle
        for channel in spec.channels
        if severity in channel.severities
        for handle in _handles(spec, channel, _FIRST)
    ]


def _handles(spec: AlertSpec, channel: Channel, receiver: str) -> list[str]:
    settings = channel.settings
    if channel.kind == "email":
        return [f"@{_plain(address)}" for address in settings.recipients]
    if channel.kind == "slack":
        return [f"@slack-{_plain(settings.channel.lstrip('#'))}"] if settings.channel else []
    return ["@pagerduty"] if channel.kind == "pagerduty" else [f"@webhook-{_webhook(spec, receiver)}"]


def _plain(text: str) -> str:
    """Return *text* without what would end a handle or begin a template."""
    return re.sub(r"[\s{}]", "", text)


def escalated(spec: AlertSpec, severity: str) -> tuple[dict[str, Any], list[str]]:
    """Return how a monitor of *severity* that goes on firing repeats itself, and whom it tells then."""
    options: dict[str, Any] = {}
    told: list[str] = []
    for rule in spec.escalations:
        if rule.action != "escalate" or severity not in escalated_severities(rule):
            continue
        if rule.condition == "time_based":
            options["renotify_interval"] = max(1, round(rule.threshold or 0))
            options.setdefault("renotify_occurrences", 1)
        elif rule.condition == "retry_count":
            options.setdefault("renotify_interval", max(1, round(spec.window_s / 60)))
            options["renotify_occurrences"] = max(1, round(rule.threshold or 1))
        else:
            continue
        told += _targets(spec, str(rule.target))
    return options, list(dict.fromkeys(told))


def _targets(spec: AlertSpec, target: str) -> list[str]:
    """Return the handles of the receiver *target*, or of the channels that take the severity of that name."""
    for receiver in spec.receivers:
        if receiver.name == target:
            return [handle for channel in receiver.channels for handle in _handles(spec, channel, receiver.name)]
    return channel_handles(spec, target)


# -- webhooks -----------------------------------------------------------------------------------------------------------


def webhooks(spec: AlertSpec) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """Return the webhooks that are called, the variables their secrets go into, and what can't be had."""
    made, variables, left_out = [], [], []
    for receiver, channel in _all_channels(spec):
        if channel.kind == "slack" and not channel.settings.channel:
            left_out.append(f"slack of {receiver}: Datadog posts through its own Slack integration; name a channel")
        if channel.kind != "webhook":
            continue
        settings = channel.settings
        if settings.method != "POST":
            left_out.append(f"webhook of {receiver}: Datadog's webhooks POST, {settings.method} needs a forwarder")
        headers, secret = _headers(spec, receiver, settings.headers)
        made.append(
            {
                "name": _webhook(spec, receiver),
                "url": settings.url or "",
                "encode_as": "json",
                "payload": json.dumps(_PAYLOAD, sort_keys=True),
                **({"custom_headers": json.dumps(headers, ensure_ascii=False, sort_keys=True)} if headers else {}),
            }
        )
        variables += secret
    return made, variables, left_out


def secrets(spec: AlertSpec) -> dict[str, str]:
    """Return the values of the variables that :func:`webhooks` names; for the push alone."""
    return {
        _variable(spec, receiver, header): value.reveal()
        for receiver, channel in _all_channels(spec)
        if channel.kind == "webhook"
        for header, value in channel.settings.headers.items()
        if not isinstance(value, str)
    }


def _all_channels(spec: AlertSpec) -> Iterable[tuple[str, Channel]]:
    yield from ((_FIRST, channel) for channel in spec.channels)
    yield from ((receiver.name, channel) for receiver in spec.receivers for channel in receiver.channels)


def _headers(spec: AlertSpec, receiver: str, headers: Mapping[str, Any]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    shown: dict[str, str] = {}
    variables = []
    for name, value in headers.items():
        if isinstance(value, str):
            shown[name] = value
        else:
            variable = _variable(spec, receiver, name)
            shown[name] = f"${variable}"
            variables.append({"name": variable, "is_secret": True})
    return shown, variables


def _webhook(spec: AlertSpec, receiver: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", f"csg-otel {spec.service} {receiver}").strip("-").lower()


def _variable(spec: AlertSpec, receiver: str, header: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", f"csg otel {spec.service} {receiver} {header}").strip("_").upper()


# -- downtimes ----------------------------------------------------------------------------------------------------------


def downtimes(spec: AlertSpec, own: tuple[str, ...]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the recurring downtimes of the monitors with the tags *own*, and what of *spec* has no place in Datadog."""
    made, left_out = [], []
    for rule in spec.escalations:
        if rule.condition == "maintenance_mode":
            left_out.append(
                f"escalation {rule.name!r}: no metric mutes a Datadog monitor; schedule a downtime for a maintenance"
            )
        elif rule.condition == "time_window" and rule.action == "escalate":
            left_out.append(f"escalation {rule.name!r}: Datadog tells the same people at any time of the day")
        elif rule.condition == "time_window":
            made += [_downtime(rule, severity, own) for severity in escalated_severities(rule)]
    return made, left_out


def _downtime(rule: Any, severity: str, own: tuple[str, ...]) -> dict[str, Any]:
    days = ",".join(day[:2].upper() for day in rule.days)
    rrule = f"FREQ=WEEKLY;INTERVAL=1;BYDAY={days}" if days else "FREQ=DAILY;INTERVAL=1"
    start, end = _minutes(rule.start) % 1440, _minutes(rule.end)
    length = (end - start - 1) % (24 * 60) + 1  # one that ends before it begins ends on the next day
    return {
        "message": f"csg_otel {own[1]}: {rule.name} ({severity})",
        "scope": "*",
        "monitor_identifier": {"monitor_tags": [*own, f"severity:{severity}"]},
        "schedule": {
            "timezone": rule.timezone,
            "recurrences": [
                {"rrule": rrule, "start": f"2024-01-01T{start // 60:02}:{start % 60:02}", "duration": f"{length}m"}
            ],
        },
    }


def _minutes(written: str) -> int:
    """Return the minutes since midnight of a time ``HH:MM``, which has no mistakes."""
    hours, _, minutes = written.partition(":")
    return 60 * int(hours) + int(minutes)
