"""
Grafana's notifications: contact points, routes of the notification policy, mute timings, and the template of a message.

Pure. The routes are children of Grafana's own root policy and match the alerts of this service only, so all other policies keep
working. The rule: the file contains the name of each secret, and the push writes the value in place of the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from csg_otel.alerts import routing, windows
from csg_otel.alerts.escalations import escalated_severities
from csg_otel.alerts.model import SERVICE_LABEL
from csg_otel.alerts.text import digest, duration

if TYPE_CHECKING:
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.model import AlertSpec, Channel

DEFAULT: Final = "grafana-default-email"
"""Grafana's own contact point, which receives the alerts that no route matches."""

TEMPLATE: Final = {
    "orgId": 1,
    "name": "csg_otel",
    "template": (
        '{{ define "csg_otel.message" }}{{ range .Alerts }}[{{ .Status }}] {{ .Labels.severity }}: '
        "{{ .Annotations.summary }}\n{{ with .Annotations.runbook_url }}{{ . }}\n{{ end }}{{ end }}{{ end }}"
    ),
}
_MESSAGE: Final = '{{ template "csg_otel.message" . }}'


class SecretPlace(str):
    """The name of a variable that holds a secret."""

    __slots__ = ()


def service(spec: AlertSpec) -> str:
    """Return the value of the label that names the service of an alert."""
    return spec.service or "none"


# -- contact points -----------------------------------------------------------------------------------------------------


def _points(spec: AlertSpec) -> Iterable[tuple[str, str, Channel]]:
    """Yield the name of each contact point, the name of the same receiver at the relay, and the channel."""
    for channel in spec.channels:
        yield _name(spec, channel.kind), routing.own_name(spec, channel.kind), channel
    for receiver in spec.receivers:
        for channel in receiver.channels:
            relayed = routing.own_name(spec, f"{receiver.name}.{channel.kind}")
            yield _name(spec, f"{receiver.name} {channel.kind}"), relayed, channel


def prefix(spec: AlertSpec) -> str:
    """Return the beginning of the names of this service's resources; no resource of another service begins with it."""
    return f"csg_otel/{quote(service(spec), safe='')}/"


def _name(spec: AlertSpec, rest: str) -> str:
    return f"{prefix(spec)}{rest}"


def contact_points(spec: AlertSpec, options: Options) -> list[dict[str, Any]]:
    """Return one contact point per channel."""
    return [
        {
            "orgId": 1,
            "name": name,
            "receivers": [
                {
                    "uid": f"csg-{digest(name)}",
                    "type": channel.kind,
                    "settings": _settings(name, receiver, channel, options),
                    "disableResolveMessage": False,
                }
            ],
        }
        for name, receiver, channel in _points(spec)
    ]


def secrets(spec: AlertSpec) -> dict[str, str]:
    """Return the secret values of the variables that contact points name; for the push only."""
    values: dict[str, str] = {}
    for name, _, channel in _points(spec):
        if channel.kind == "webhook":
            fields = {"url": channel.settings.url, **channel.settings.headers}
        else:
            fields = {field: getattr(channel.settings, field, None) for field in ("webhook_url", "integration_key")}
        values.update(
            (_variable(name, field), value.reveal())
            for field, value in fields.items()
            if value is not None and not isinstance(value, str)
        )
    return values


def _variable(point: str, field: str) -> SecretPlace:
    return SecretPlace(re.sub(r"[^A-Za-z0-9]+", "_", f"{point} {field}").strip("_").upper())


def _settings(name: str, receiver: str, channel: Channel, options: Options) -> dict[str, Any]:
    """
    Return the settings of a contact point.

    Args:
        name: name of the contact point.
        receiver: name of the same receiver at the relay.
        channel: the channel.
        options: addresses of the backends.
    """
    settings = channel.settings
    if channel.kind == "email":
        return {"addresses": ";".join(settings.recipients), "message": _MESSAGE}
    if channel.kind == "slack":
        optional = {"recipient": settings.channel, "username": settings.username, "icon_emoji": settings.icon_emoji}
        filled = {key: value for key, value in optional.items() if value}
        return {"url": _variable(name, "webhook_url"), **filled, "text": _MESSAGE}
    if channel.kind == "pagerduty":
        return {"integrationKey": _variable(name, "integration_key"), "summary": _MESSAGE}
    headers = {
        key: value if isinstance(value, str) else _variable(name, key)
        for key, value in (settings.headers or {}).items()
    }
    if settings.method in ("POST", "PUT"):
        is_secret = settings.url is not None and not isinstance(settings.url, str)
        url = {"url": _variable(name, "url") if is_secret else settings.url or "", "httpMethod": settings.method}
        return {**url, "headers": headers} if headers else url
    # The relay reads the method and the headers from the same configuration.
    return {"url": routing.relay_url(options.relay_url, receiver), "httpMethod": "POST"}


# -- routes -------------------------------------------------------------------------------------------------------------


def routes(spec: AlertSpec) -> list[dict[str, Any]]:
    """Return the routes to each channel, then those to the targets of escalations."""
    collected = []
    for channel in spec.channels:
        muted: dict[tuple[str, ...], list[str]] = {}
        for severity in channel.severities:
            muted.setdefault(_mutes(spec, severity), []).append(severity)
        collected += [
            _route(
                spec,
                _name(spec, channel.kind),
                severities,
                wait_s=routing.wait_s(spec),
                group_by=SERVICE_LABEL,
                mutes=mutes,
            )
            for mutes, severities in muted.items()
        ]
    for rule in spec.escalations:
        if rule.action == "escalate" and rule.condition in ("time_based", "retry_count"):
            later_s = (rule.threshold or 1) * (60 if rule.condition == "time_based" else spec.window_s)
            collected += [
                _route(spec, name, escalated_severities(rule, spec.severities), wait_s=later_s, group_by="...")
                for name in _targets(spec, str(rule.target))
            ]
    return collected


def _route(
    spec: AlertSpec,
    name: str,
    severities: Iterable[str],
    *,
    wait_s: float,
    group_by: str,
    mutes: Iterable[str] = (),
) -> dict[str, Any]:
    """
    Return a route of this service's alerts.

    Args:
        spec: the specification, which names the service.
        name: name of the contact point.
        severities: severities of the alerts.
        wait_s: seconds before the first notification of a group.
        group_by: label by which alerts are grouped; "..." for each alert on its own.
        mutes: names of the mute timings; by default none.
    """
    muted = {"mute_time_intervals": list(mutes)} if mutes else {}
    return {
        "receiver": name,
        "object_matchers": [[SERVICE_LABEL, "=", service(spec)], ["severity", "=~", "|".join(severities)]],
        "continue": True,
        "group_by": [group_by],
        "group_wait": duration(wait_s),
        "group_interval": duration(spec.window_s),
        "repeat_interval": duration(routing.REPEAT_S),
        **muted,
    }


def _targets(spec: AlertSpec, target: str) -> list[str]:
    """Return the contact points of the receiver *target*, or of the channels that accept the severity *target*."""
    for receiver in spec.receivers:
        if receiver.name == target:
            return [_name(spec, f"{receiver.name} {channel.kind}") for channel in receiver.channels]
    return [_name(spec, channel.kind) for channel in spec.channels if target in channel.severities]


# -- mute timings -------------------------------------------------------------------------------------------------------


def _windows(spec: AlertSpec) -> list[Any]:
    return [rule for rule in spec.escalations if rule.condition == "time_window" and rule.action == "suppress"]


def _mutes(spec: AlertSpec, severity: str) -> tuple[str, ...]:
    return tuple(
        _name(spec, rule.name) for rule in _windows(spec) if severity in escalated_severities(rule, spec.severities)
    )


def mute_timings(spec: AlertSpec) -> list[dict[str, Any]]:
    """Return the mute timings, in which no notification is sent."""
    return [
        {"orgId": 1, "name": _name(spec, rule.name), "time_intervals": windows.intervals(rule)}
        for rule in _windows(spec)
    ]
