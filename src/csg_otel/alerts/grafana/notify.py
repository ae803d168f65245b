"""
Grafana's notifications: contact points, routes of the notification policy, mute timings, and the template of a message.

Pure. The routes are children of Grafana's own root policy and match the alerts of this service only, so all other policies keep
working. The rule: the file contains the name of each secret, and the push writes the value in place of the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from csg_otel.alerts import routing, windows
from csg_otel.alerts.escalations import escalated_severities
from csg_otel.alerts.grafana import kinds
from csg_otel.alerts.model import RULE_LABEL, SERVICE_LABEL
from csg_otel.alerts.text import as_pattern, digest, duration

if TYPE_CHECKING:
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.model import AlertSpec, Channel, ChannelRoute

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


class SecretPlace(str):
    """The name of a variable that holds a secret."""

    __slots__ = ()


def service(spec: AlertSpec) -> str:
    """Return the value of the label that names the service of an alert."""
    return spec.service or "none"


# -- contact points -----------------------------------------------------------------------------------------------------


def _points(spec: AlertSpec) -> Iterable[tuple[str, str, Channel, bool]]:
    """Yield the name of each contact point, that of the receiver at the relay, the channel, and whether ends are notified."""
    used = set(_receivers(routes(spec)))
    for channel in spec.channels:
        relayed, ends = routing.own_name(spec, channel.name), channel.settings.send_resolved
        if (name := _name(spec, channel.name)) in used or channel.name not in spec.reserved:
            yield name, relayed, channel, ends
        if (other := _point(spec, channel, send_resolved=not ends)) in used:
            yield other, relayed, channel, not ends
    for receiver in spec.receivers:
        for channel in receiver.channels:
            relayed = routing.own_name(spec, f"{receiver.name}.{channel.kind}")
            ends = channel.settings.send_resolved
            yield _name(spec, f"{receiver.name} {channel.kind}"), relayed, channel, ends


def _receivers(policies: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the names of the contact points of *policies* and those below them."""
    for policy in policies:
        yield policy["receiver"]
        yield from _receivers(policy.get("routes", ()))


def _point(spec: AlertSpec, channel: Channel, *, send_resolved: bool | None) -> str:
    """Return the contact point of *channel* that notifies of the end of alerts if *send_resolved*; None: as it is set."""
    if send_resolved in (None, channel.settings.send_resolved):
        return _name(spec, channel.name)
    return _name(spec, f"{channel.name} {'resolved' if send_resolved else 'firing'}")


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
                    "type": kinds.TYPES.get(channel.kind, channel.kind),
                    "settings": _settings(name, receiver, channel, options),
                    "disableResolveMessage": not ends,
                }
            ],
        }
        for name, receiver, channel, ends in _points(spec)
    ]


def secrets(spec: AlertSpec) -> dict[str, str]:
    """Return the secret values of the variables that contact points name; for the push only."""
    values: dict[str, str] = {}
    for name, _, channel, _ in _points(spec):
        if channel.kind != "webhook":
            fields = kinds.secrets_of(channel.kind, channel.settings)
        else:
            hidden = {"url": channel.settings.url, **channel.settings.headers}
            fields = {field: value.reveal() for field, value in hidden.items() if hasattr(value, "reveal")}
        values.update((_variable(name, field), value) for field, value in fields.items())
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
    if channel.kind != "webhook":
        return kinds.settings_of(channel.kind, settings, lambda field: _variable(name, field))
    headers = {
        key: value if isinstance(value, str) else _variable(name, key)
        for key, value in (settings.headers or {}).items()
    }
    if settings.method in ("POST", "PUT"):
        is_secret = settings.url is not None and not isinstance(settings.url, str)
        url = {"url": _variable(name, "url") if is_secret else settings.url or "", "httpMethod": settings.method}
        return {**url, **({"headers": headers} if headers else {}), **kinds.texts(settings)}
    # The relay reads the method and the headers from the same configuration.
    return {"url": routing.relay_url(options.relay_url, receiver), "httpMethod": "POST"}


# -- routes -------------------------------------------------------------------------------------------------------------


def routes(spec: AlertSpec) -> list[dict[str, Any]]:
    """Return the routes to each channel, then those to the targets of escalations; routes of the user come after these."""
    escalated = _escalated(spec)
    collected = escalated if spec.routes else []
    collected = [*collected, *(policy for chosen in spec.routes for policy in _routed(spec, chosen))]
    for channel in spec.common_channels:
        collected += _to_channel(spec, channel, _name(spec, channel.name))
    return _in_hours(spec, collected if spec.routes else [*collected, *escalated])


def _in_hours(spec: AlertSpec, policies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *policies*, each after a copy for the alerts of every rule with hours of its own, muted outside of these."""
    limited = routing.limited_hours(spec)
    result = []
    for policy in policies if limited else ():
        if "routes" in policy:
            result.append({**policy, "routes": _in_hours(spec, policy["routes"])})
            continue
        for name in limited:
            mutes = [*policy.get("mute_time_intervals", ()), _name(spec, routing.hours_name(name))]
            own = [*policy["object_matchers"], [RULE_LABEL, "=", name]]
            result.append({**policy, "object_matchers": own, "mute_time_intervals": mutes})
        others = [*policy["object_matchers"], [RULE_LABEL, "!~", "|".join(map(as_pattern, limited))]]
        result.append({**policy, "object_matchers": others})
    return result if limited else list(policies)


def _to_channel(spec: AlertSpec, channel: Channel, name: str) -> list[dict[str, Any]]:
    """Return the routes to the contact point *name* of *channel*: one for each set of mute timings."""
    muted: dict[tuple[str, ...], list[str]] = {}
    for severity in channel.severities:
        muted.setdefault(_mutes(spec, severity), []).append(severity)
    return [
        _route(spec, name, severities, wait_s=routing.wait_s(spec), group_by=(SERVICE_LABEL,), mutes=mutes)
        for mutes, severities in muted.items()
    ]


def _routed(spec: AlertSpec, chosen: ChannelRoute) -> Iterator[dict[str, Any]]:
    """Yield the policy of a route of the user: below it are its channels, and it ends unless it goes on."""
    channels = [channel for name in chosen.to if (channel := spec.channel(name)) is not None]
    accepted = [word for word in spec.severities if any(word in channel.severities for channel in channels)]
    times = {"group_wait": chosen.wait_s, "group_interval": chosen.interval_s, "repeat_interval": chosen.repeat_s}
    own: dict[str, Any] = {key: duration(seconds) for key, seconds in times.items() if seconds is not None}
    own |= {"group_by": list(chosen.group_by)} if chosen.group_by else {}
    points = {channel.name: _point(spec, channel, send_resolved=chosen.send_resolved) for channel in channels}
    children = [
        {**policy, **own} for channel in channels for policy in _to_channel(spec, channel, points[channel.name])
    ]
    if children:
        base = _route(spec, children[0]["receiver"], accepted, wait_s=routing.wait_s(spec), group_by=(SERVICE_LABEL,))
        matchers = [[one.label, one.operator, one.value] for one in chosen.matchers]
        above = {"object_matchers": [*base["object_matchers"], *matchers], "continue": chosen.goes_on}
        yield {**base, **own, **above, "routes": children}


def _escalated(spec: AlertSpec) -> list[dict[str, Any]]:
    """Return the routes to the targets of escalations."""
    collected = []
    for rule in spec.escalations:
        if rule.action == "escalate" and rule.condition in ("time_based", "retry_count"):
            later_s = (rule.threshold or 1) * (60 if rule.condition == "time_based" else spec.window_s)
            collected += [
                _route(spec, name, escalated_severities(rule, spec.severities), wait_s=later_s, group_by=("...",))
                for name in _targets(spec, str(rule.target))
            ]
    return collected


def _route(
    spec: AlertSpec,
    name: str,
    severities: Iterable[str],
    *,
    wait_s: float,
    group_by: Iterable[str],
    mutes: Iterable[str] = (),
) -> dict[str, Any]:
    """
    Return a route of this service's alerts.

    Args:
        spec: the specification, which names the service.
        name: name of the contact point.
        severities: severities of the alerts.
        wait_s: seconds before the first notification of a group.
        group_by: labels by which alerts are grouped; "..." for each alert on its own.
        mutes: names of the mute timings; by default none.
    """
    muted = {"mute_time_intervals": list(mutes)} if mutes else {}
    return {
        "receiver": name,
        "object_matchers": [[SERVICE_LABEL, "=", service(spec)], ["severity", "=~", "|".join(severities)]],
        "continue": True,
        "group_by": list(group_by),
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
    if (named := spec.channel(target)) is not None:
        return [_name(spec, named.name)]
    return [_name(spec, channel.name) for channel in spec.common_channels if target in channel.severities]


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
        {"orgId": 1, "name": _name(spec, name), "time_intervals": intervals}
        for name, intervals in (
            *((rule.name, windows.intervals(rule)) for rule in _windows(spec)),
            *(
                (routing.hours_name(name), windows.other_hours(own))
                for name, own in routing.limited_hours(spec).items()
            ),
        )
    ]
