"""
The channels of a configuration: where people are notified, of which severities, and which alerts are routed to which of them.

Pure. The rule: a named channel that a route, an escalation or the watchdog names gets what they send to it, and nothing else.
All other channels get every alert that no route takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from csg_otel.alerts import matchers
from csg_otel.alerts.model import Channel, ChannelRoute

_KINDS: Final = ("email", "slack", "webhook", "pagerduty")
"""The kinds of which a section has one each."""


def channels(section: Any, words: tuple[str, ...], path: str, *, escalated: bool = False) -> tuple[Channel, ...]:
    """
    Return the enabled channels of a section.

    Args:
        section: the section.
        words: the severities of the configuration.
        path: dotted key of the section.
        escalated: whether to return the others, too, because an escalation names the section. Default: no.
    """
    every = [(kind, kind, getattr(section, kind), f"{path}.{kind}") for kind in _KINDS]
    for at, named in enumerate(getattr(section, "channels", ())):
        every.append((named.type, named.name, named, f"{path}.channels[{at}]"))
    return tuple(
        Channel(kind, name, settings, _accepted(settings, words), where)
        for kind, name, settings, where in every
        if settings is not None and (settings.enabled or escalated)
    )


def _accepted(settings: Any, words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in words if word in (settings.severity_filter or words))


def routes(section: Any) -> Iterator[ChannelRoute]:
    """Yield the routes of the *section* ``notifications``."""
    for at, route in enumerate(section.routes):
        yield ChannelRoute(
            matchers=tuple(matchers.of(route.match)),
            to=tuple(dict.fromkeys(route.to)),
            goes_on=route.continue_,
            send_resolved=route.send_resolved,
            group_by=route.group_by,
            wait_s=route.group_wait,
            interval_s=route.group_interval,
            repeat_s=route.repeat_interval,
            path=f"notifications.routes[{at}]",
        )


def reserved(config: Any) -> frozenset[str]:
    """Return the names of the named channels that get only what a route, an escalation or the watchdog sends to them."""
    section = config.notifications
    used = {name for route in section.routes for name in route.to}
    used |= {rule.target for rule in config.escalation.rules if rule.enabled and rule.action == "escalate"}
    used.add(section.watchdog)
    return frozenset(channel.name for channel in section.channels if channel.name in used)
