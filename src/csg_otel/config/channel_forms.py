"""
The form of channels and routes: each channel complete and with a name of its own, each route to channels that exist.

Pure. The one rule: a name that a route or an escalation uses is the name of one thing only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from csg_otel.config.sections.alerting import SEVERITIES
from csg_otel.config.sections.secret import revealed
from csg_otel.config.tree import join
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from csg_otel.config.root import ConfigRoot

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("smtp_server", "recipients"),
    "slack": ("webhook_url",),
    "webhook": ("url",),
    "pagerduty": ("integration_key",),
    "msteams": ("webhook_url",),
    "discord": ("webhook_url",),
    "telegram": ("bot_token", "chat_id"),
    "opsgenie": ("api_key",),
    "sns": (),
    "victorops": ("api_key", "routing_key"),
    "pushover": ("user_key", "token"),
    "webex": ("token", "room_id"),
}
_KINDS: Final = ("email", "slack", "webhook", "pagerduty")
"""The kinds of which `notifications`, and each receiver of an escalation, has one."""

_URLS: Final = ("webhook_url", "url")
_TARGETS: Final = ("topic_arn", "phone_number", "target_arn")
_FORMS: Final = ("matches", "not_matches", "not")
_CHANNELS: Final = "notifications.channels"


def required(config: ConfigRoot) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Yield (dotted key, section, keys that it must have when it is on) for each channel of *config*."""
    owners: dict[str, Any] = {"notifications": config.notifications}
    owners.update({join("escalation.receivers", name): one for name, one in config.escalation.receivers.items()})
    for path, owner in owners.items():
        yield from ((f"{path}.{kind}", getattr(owner, kind), _REQUIRED[kind]) for kind in _KINDS)
    for at, channel in enumerate(config.notifications.channels):
        yield join(_CHANNELS, at), channel, _REQUIRED[channel.type]


def mistakes(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    """Yield (dotted key, message) for each name that is not unique, and for each route that leads nowhere."""
    yield from _names(config)
    for path, channel, _ in required(config):
        server = getattr(channel, "smtp_server", None) or ""
        if "@" in server or "/" in server:  # never printed, because it may hold a password
            yield (
                f"{path}.smtp_server",
                "is more than a host; write the host alone, and the account as username, password",
            )
    for at, channel in enumerate(config.notifications.channels):
        if channel.type == "sns" and channel.enabled:
            yield from _sns(join(_CHANNELS, at), channel)
    for at, route in enumerate(config.notifications.routes):
        path = join("notifications.routes", at)
        if not route.to:
            yield f"{path}.to", "names no channel; add one, such as [email]"
        for place, name in enumerate(route.to):
            yield from _named(join(f"{path}.to", place), name, config)
        for label, value in route.match.items():
            yield from _match(join(f"{path}.match", label), label, value, config)
    if (watchdog := config.notifications.watchdog) is not None:
        yield from _named("notifications.watchdog", watchdog, config)


def doubles(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    """Yield (dotted key, warning) for each channel that gets the alerts of another one, at the same URL."""
    section = config.notifications
    led_to = {name for route in section.routes for name in route.to} | {rule.target for rule in config.escalation.rules}
    every = [(kind, f"notifications.{kind}", getattr(section, kind)) for kind in _KINDS]
    every += [
        (channel.type, join(_CHANNELS, at), channel)
        for at, channel in enumerate(section.channels)
        if channel.name not in {*led_to, section.watchdog}
    ]
    seen: dict[tuple[str, ...], list[tuple[str, Any]]] = {}
    for kind, path, channel in every:
        url = next((value for key in _URLS if (value := getattr(channel, key, None))), None)
        if url is None or not channel.enabled:
            continue
        others = seen.setdefault((kind, revealed(url), getattr(channel, "channel", None) or ""), [])
        for other, settings in others:
            filters = (set(channel.severity_filter), set(settings.severity_filter))
            if not all(filters) or filters[0] & filters[1]:
                yield (
                    path,
                    f"has the URL of {other}, so alerts arrive there twice; switch one off, or filter severities",
                )
                break
        others.append((path, channel))


def _names(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    receivers, words = config.escalation.receivers, (*SEVERITIES, *config.alerting.severities)
    taken = {f"{name}.{kind}": f"{kind} of the receiver {name!r}" for name in receivers for kind in _KINDS}
    taken |= {name: join("escalation.receivers", name) for name in receivers}
    taken |= dict.fromkeys(("null", *words), "something else: a severity, or no receiver at all")
    taken |= {kind: f"notifications.{kind}" for kind in _KINDS}
    for at, channel in enumerate(config.notifications.channels):
        if (other := taken.setdefault(channel.name, join(_CHANNELS, at))) != join(_CHANNELS, at):
            yield f"{join(_CHANNELS, at)}.name", f"the name {channel.name!r} is that of {other}; choose another"


def _sns(path: str, channel: Any) -> Iterator[tuple[str, str]]:
    targets = [key for key in _TARGETS if getattr(channel, key)]
    if len(targets) != 1:
        yield path, f"needs one of {', '.join(_TARGETS)}, and has {' and '.join(targets) or 'none'}"
    elif channel.phone_number and not channel.region:
        yield path, "needs 'region', because a phone number has none; add it, such as region: eu-central-1"
    if (channel.access_key is None) != (channel.secret_key is None):
        yield path, "needs both 'access_key' and 'secret_key', or neither"


def _named(path: str, name: str, config: ConfigRoot) -> Iterator[tuple[str, str]]:
    """Yield why there is no channel *name* that is on."""
    channels = {kind: getattr(config.notifications, kind) for kind in _KINDS}
    channels.update((channel.name, channel) for channel in config.notifications.channels)
    if name not in channels:
        choices = ", ".join(one for one, channel in channels.items() if channel.enabled) or "none that is on"
        yield path, f"there is no channel {name!r}{suggestion(name, channels) or f' (there is {choices})'}"
    elif not channels[name].enabled:
        yield path, f"the channel {name!r} is off; set its 'enabled' to true, or remove it here"


def _match(path: str, label: str, value: Any, config: ConfigRoot) -> Iterator[tuple[str, str]]:
    """Yield why *value* is no condition on *label*: a value, a list of values, or a mapping with one of `_FORMS`."""
    if isinstance(value, Mapping):
        if len(value) != 1 or next(iter(value)) not in _FORMS:
            hint = suggestion(str(next(iter(value), "")), _FORMS)
            yield path, f"has no condition{hint}; write {{matches: regex}}, {{not_matches: regex}} or {{not: value}}"
            return
        form, value = next(iter(value.items()))
        if form != "not":
            yield from _regex(path, value)
            return
    values = value if isinstance(value, (list, tuple)) else (value,)
    if not values or any(isinstance(one, (Mapping, list, tuple)) or one is None for one in values):
        yield path, "is no value; write a value, a list of values, or {matches: regex}"
    elif label == "severity":
        words = (*SEVERITIES, *config.alerting.severities)
        for one in values:
            if one not in words:
                hint = suggestion(str(one), words) or f" (known: {', '.join(words)})"
                yield path, f"{one!r} is not a severity{hint}"


def _regex(path: str, pattern: Any) -> Iterator[tuple[str, str]]:
    from csg_otel.config.expressions import re2_mistake

    if isinstance(pattern, str) and (mistake := re2_mistake(pattern)):
        yield path, f"{pattern!r} {mistake}"
        return
    try:
        re.compile(pattern)
    except (re.error, TypeError, RecursionError, OverflowError) as error:
        yield path, f"{pattern!r} is no regular expression: {error}"
