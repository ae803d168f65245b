"""
Datadog's notifications: channels as handles, the webhooks that they call, escalations, and downtimes.

Pure. Settings without an equivalent in Datadog are reported, never ignored silently. The rule: a secret is a variable of
Datadog's Webhooks integration; the file has its name, and the push writes its value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import routing, windows
from csg_otel.alerts.escalations import escalated_severities

if TYPE_CHECKING:
    from csg_otel.alerts.model import AlertSpec, Channel

_CHANNELS: Final = "notifications"
"""The receiver name of the channels in the section ``notifications``."""

_INTEGRATIONS: Final[Mapping[str, str]] = {"msteams": "teams", "opsgenie": "opsgenie"}
"""Datadog's handles by kind; behind each is the name that the account has in Datadog: that of the channel."""

_MISSING: Final = ("discord", "telegram", "pushover", "webex")
"""The kinds that Datadog has no handle for."""

_PAYLOAD: Final = {
    "alert": "$ALERT_TITLE",
    "id": "$ALERT_ID",
    "link": "$LINK",
    "message": "$TEXT_ONLY_MSG",
    "priority": "$ALERT_PRIORITY",
    "status": "$ALERT_TRANSITION",
    "tags": "$TAGS",
}


def channel_handles(spec: AlertSpec, labels: Mapping[str, str]) -> list[str]:
    """Return the handles of the channels that get an alert with *labels*."""
    channels = routing.channels_of(spec, {**dict(spec.service_labels), **labels})
    return [handle for channel in channels for handle in _handles(spec, channel, _owner(channel))]


def _owner(channel: Channel) -> str:
    """Return the name by which the webhooks of *channel* are called: its own, or that of all of `notifications`."""
    return _CHANNELS if channel.name == channel.kind else channel.name


def _handles(spec: AlertSpec, channel: Channel, receiver: str) -> list[str]:
    """Return what mentions *channel*; nothing if Datadog has no integration of its kind, see :func:`left_out`."""
    settings, handle = channel.settings, ""
    if channel.kind == "email":
        return [f"@{_plain(address)}" for address in settings.recipients]
    if channel.kind == "webhook":
        handle = f"webhook-{_webhook(spec, receiver)}"
    elif channel.kind == "slack":
        handle = f"slack-{settings.channel.lstrip('#')}" if settings.channel else ""
    elif channel.kind == "pagerduty":
        handle = "pagerduty" if channel.name == channel.kind else f"pagerduty-{channel.name}"
    elif channel.kind == "victorops":
        handle = f"victorops-{settings.routing_key}"
    elif channel.kind == "sns" and settings.topic_arn:
        handle = f"sns-{settings.topic_arn.rpartition(':')[2]}"
    elif channel.kind in _INTEGRATIONS:
        handle = f"{_INTEGRATIONS[channel.kind]}-{channel.name}"
    return [f"@{_plain(handle)}"] if handle else []


def left_out(spec: AlertSpec, labels: frozenset[str]) -> list[str]:
    """Return the channels and routes that have no equivalent in Datadog; *labels* are those that the rules set."""
    lines = []
    for channel in spec.channels:
        settings = channel.settings
        if channel.kind in _MISSING or (channel.kind == "sns" and not settings.topic_arn):
            lines.append(f"channel {channel.name!r}: Datadog does not notify {channel.kind} this way; use a webhook")
        if not settings.send_resolved:
            lines.append(f"channel {channel.name!r}: Datadog always notifies when an alert is over")
        if settings.title is not None or settings.text is not None:
            lines.append(f"channel {channel.name!r}: Datadog sends the text of the monitor, without a title of its own")
    for route in spec.routes:
        unset = sorted({matcher.label for matcher in route.matchers} - labels)
        if unset:
            lines.append(f"{route.path}: Datadog routes by the labels that rules set, and none sets {', '.join(unset)}")
        if route.group_by or {route.wait_s, route.interval_s, route.repeat_s, route.send_resolved} != {None}:
            lines.append(f"{route.path}: Datadog has no grouping, times or notices of its own for a route")
    if spec.watchdog_channel:
        lines.append("notifications.watchdog: Datadog evaluates itself, and has no alert that always fires")
    return lines


def _plain(text: str) -> str:
    """Return *text* without characters that end a handle or begin a template."""
    return re.sub(r"[\s{}]", "", text)


def escalated(spec: AlertSpec, severity: str) -> tuple[dict[str, Any], list[str]]:
    """Return the options of repeated notifications for monitors of *severity*, and the handles that a repeated one mentions."""
    options: dict[str, Any] = {}
    handles: list[str] = []
    for rule in spec.escalations:
        if rule.action != "escalate" or severity not in escalated_severities(rule, spec.severities):
            continue
        if rule.condition == "time_based":
            options["renotify_interval"] = max(1, round(rule.threshold or 0))
            options.setdefault("renotify_occurrences", 1)
        elif rule.condition == "retry_count":
            options.setdefault("renotify_interval", max(1, round(spec.window_s / 60)))
            options["renotify_occurrences"] = max(1, round(rule.threshold or 1))
        else:
            continue
        handles += _targets(spec, str(rule.target))
    return options, list(dict.fromkeys(handles))


def _targets(spec: AlertSpec, target: str) -> list[str]:
    """Return the handles of the receiver *target*, or of the channels that accept the severity *target*."""
    for receiver in spec.receivers:
        if receiver.name == target:
            return [handle for channel in receiver.channels for handle in _handles(spec, channel, receiver.name)]
    if (named := spec.channel(target)) is not None:
        return _handles(spec, named, _owner(named))
    accepting = (channel for channel in spec.common_channels if target in channel.severities)
    return [handle for channel in accepting for handle in _handles(spec, channel, _owner(channel))]


# -- webhooks -----------------------------------------------------------------------------------------------------------


def webhooks(spec: AlertSpec) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """Return the webhooks, the variables of their secrets, and the settings without an equivalent in Datadog."""
    hooks, variables, left_out = [], [], []
    for receiver, channel in _all_channels(spec):
        if channel.kind == "slack" and not channel.settings.channel:
            left_out.append(f"slack of {receiver}: Datadog sends through its own Slack integration; set channel")
        if channel.kind != "webhook":
            continue
        settings = channel.settings
        if settings.method != "POST":
            left_out.append(
                f"webhook of {receiver}: Datadog sends POST only; {settings.method} needs a forwarder of your own"
            )
        headers, secret = _headers(spec, receiver, settings.headers)
        url, secret_url = _headers(spec, receiver, {"url": settings.url or ""})
        hooks.append(
            {
                "name": _webhook(spec, receiver),
                "url": url["url"],
                "encode_as": "json",
                "payload": json.dumps(_PAYLOAD, sort_keys=True),
                **({"custom_headers": json.dumps(headers, ensure_ascii=False, sort_keys=True)} if headers else {}),
            }
        )
        variables += secret_url + secret
    return hooks, variables, left_out


def secrets(spec: AlertSpec) -> dict[str, str]:
    """Return the secret values of the variables that :func:`webhooks` names; for the push only."""
    return {
        _variable(spec, receiver, header): value.reveal()
        for receiver, channel in _all_channels(spec)
        if channel.kind == "webhook"
        for header, value in {"url": channel.settings.url or "", **channel.settings.headers}.items()
        if not isinstance(value, str)
    }


def _all_channels(spec: AlertSpec) -> Iterable[tuple[str, Channel]]:
    yield from ((_owner(channel), channel) for channel in spec.channels)
    yield from ((receiver.name, channel) for receiver in spec.receivers for channel in receiver.channels)


def _headers(spec: AlertSpec, receiver: str, headers: Mapping[str, Any]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    headers_text: dict[str, str] = {}
    variables = []
    for name, value in headers.items():
        if isinstance(value, str):
            headers_text[name] = value
        else:
            variable = _variable(spec, receiver, name)
            headers_text[name] = f"${variable}"
            variables.append({"name": variable, "is_secret": True})
    return headers_text, variables


def _webhook(spec: AlertSpec, receiver: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", f"csg-otel {spec.service} {receiver}").strip("-").lower()


def _variable(spec: AlertSpec, receiver: str, header: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", f"csg otel {spec.service} {receiver} {header}").strip("_").upper()


# -- downtimes ----------------------------------------------------------------------------------------------------------


def downtimes(
    spec: AlertSpec, own: tuple[str, ...], hours: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """
    Return the downtimes of monitors with the tags *own*, and the escalations without an equivalent in Datadog.

    Args:
        spec: the specification.
        own: the tags.
        hours: the hours of rules that notify people in these only, by a further tag of their monitors.
    """
    recurring, left_out = [], []
    for rule in spec.escalations:
        if rule.condition == "maintenance_mode":
            left_out.append(
                f"escalation {rule.name!r}: a metric can't mute a Datadog monitor; schedule a downtime for each maintenance"
            )
        elif rule.condition == "time_window" and rule.action == "escalate":
            left_out.append(f"escalation {rule.name!r}: Datadog notifies the same people at any time of day")
        elif rule.condition == "time_window":
            window = [_recurrence(rule.days, rule.start, rule.end)]
            for severity in escalated_severities(rule, spec.severities):
                message = f"csg_otel {own[1]}: {rule.name} ({severity})"
                recurring.append(_downtime(message, (*own, f"severity:{severity}"), rule.timezone, window))
    for tag, active in hours.items():
        others = [
            _recurrence(part.get("weekdays", ()), gap["start_time"], gap["end_time"])
            for part in windows.other_hours(active)
            for gap in part["times"]
        ]
        recurring.append(_downtime(f"csg_otel {own[1]}: {tag}", (*own, tag), active.timezone, others))
    return recurring, left_out


def _downtime(message: str, tags: Iterable[str], timezone: str, recurrences: list[dict[str, Any]]) -> dict[str, Any]:
    """
    Return a downtime.

    Args:
        message: its text, by which a push recognizes it.
        tags: the tags of the monitors that it mutes.
        timezone: the time zone of its times.
        recurrences: its times of the week.
    """
    return {
        "message": message,
        "scope": "*",
        "monitor_identifier": {"monitor_tags": list(tags)},
        "schedule": {"timezone": timezone, "recurrences": recurrences},
    }


def _recurrence(weekdays: Iterable[str], starts: str, ends: str) -> dict[str, Any]:
    """
    Return a part of the week.

    Args:
        weekdays: the days on which it begins; all of them if there are none.
        starts: the time at which it begins, HH:MM.
        ends: the time at which it ends; one before the start is on the next day.
    """
    days = ",".join(day[:2].upper() for day in weekdays)
    start, end = windows.minute(starts) % 1440, windows.minute(ends)
    length = (end - start - 1) % (24 * 60) + 1
    return {
        "rrule": f"FREQ=WEEKLY;INTERVAL=1;BYDAY={days}" if days else "FREQ=DAILY;INTERVAL=1",
        "start": f"2024-01-01T{start // 60:02}:{start % 60:02}",
        "duration": f"{length}m",
    }
