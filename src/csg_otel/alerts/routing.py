"""
The routes of an alert: its receivers, and when they are notified.

Pure. Alertmanager's configuration is compiled from these routes, and ``csg-otel alerts route`` walks them. The rule: the
routes of channels and escalations are all on one level and have ``continue``, so no route hides another. Only alerts that no
other channel may receive, such as the watchdog or those that a route of the user takes, end at a route. What the user routes
comes after the escalations, which hold for all alerts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from csg_otel.alerts import windows
from csg_otel.alerts.bundle import WATCHDOG
from csg_otel.alerts.catalog import SERVICE
from csg_otel.alerts.escalations import Severity, escalated_severities
from csg_otel.alerts.expr import Matcher
from csg_otel.alerts.model import ESCALATION_LABEL, RULE_LABEL
from csg_otel.alerts.text import as_pattern, duration

if TYPE_CHECKING:
    from csg_otel.alerts.model import AlertSpec, Channel, ChannelRoute

NO_RECEIVER: Final = "null"
"""The receiver that notifies no person; an alert ends here if no route matches it."""

MAINTENANCE: Final = "InMaintenance"
"""The alert that fires while a program reports that it is in maintenance."""

SHORTEST_INTERVAL_S: Final = 10.0
"""Shortest group interval: below it, Alertmanager sends a notification again before it has recorded the first."""

REPEAT_S: Final = 4 * 3600.0
"""Interval of reminders of an alert that still fires; the default of Alertmanager and of Grafana."""

WATCHDOG_INTERVAL_S: Final = 30.0
"""Group interval of the watchdog: at the end of each, Alertmanager sends what is due again."""

WATCHDOG_REPEAT_S: Final = 50.0
"""
Time after which the watchdog is due again at its channel, which sounds the alarm when it stops.

It is sent every minute: with 60 s it would be a moment too early at the end of the second interval, and wait for the third.
"""

_LONGEST_WAIT_S: Final = 30.0
"""Longest wait for further alerts of a group; Alertmanager's own default."""


@dataclass(frozen=True, slots=True)
class Route:
    """
    A route: alerts that meet all *matchers* are sent to *receiver*.

    They are sent after *wait_s* seconds, in groups by the labels *group_by* or with *each* one by one, never during the time
    intervals *muted*, and only during the time intervals *active*. A group that has changed is sent again after *interval_s*
    seconds, and one that has not after *repeat_s* seconds. None and an empty *group_by* stand for what the whole tree has.
    After a *last* route no other route is tried. *setting* is the setting that the route was compiled from.
    """

    receiver: str
    matchers: tuple[Matcher, ...]
    setting: str = ""
    wait_s: float | None = None
    each: bool = False
    muted: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    last: bool = False
    group_by: tuple[str, ...] = ()
    interval_s: float | None = None
    repeat_s: float | None = None

    def when(self) -> str:
        """Return in words when the receiver is notified."""
        words = f"if it lasts {duration(self.wait_s)}" if self.each and self.wait_s is not None else "at once"
        words += f", only during {', '.join(self.active)}" if self.active else ""
        return words + (f", not during {', '.join(self.muted)}" if self.muted else "")


def own_name(spec: AlertSpec, name: str) -> str:
    """Return *name*, of a receiver or a time interval, with that of the service in front: services may share a backend."""
    return f"{spec.service}.{name}" if spec.service else name


def service_matcher(spec: AlertSpec) -> Matcher | None:
    """Return the matcher of the service's alerts; None if the service has no name."""
    return Matcher(SERVICE, "=", spec.service) if spec.service else None


def wait_s(spec: AlertSpec) -> float:
    """Return the seconds for which a new group waits for further alerts before it is sent."""
    return min(_LONGEST_WAIT_S, spec.window_s / 10)


def interval_s(spec: AlertSpec) -> float:
    """Return the seconds between two notifications of a group that has changed."""
    return max(SHORTEST_INTERVAL_S, spec.window_s)


def repeat_s(spec: AlertSpec) -> float:
    """Return the seconds after which a notification of alerts that still fire is repeated."""
    return max(REPEAT_S, interval_s(spec))


def relay_path(receiver: str) -> str:
    """Return the path at which the relay accepts notifications for *receiver*."""
    return "/" + quote(receiver, safe="")


def relay_url(base_url: str, receiver: str) -> str:
    """Return the URL at which the relay at *base_url* accepts notifications for *receiver*."""
    return base_url.rstrip("/") + relay_path(receiver)


def routes(spec: AlertSpec) -> tuple[Route, ...]:
    """Return the routes below that of the service, in the order in which they are walked."""
    muted = _muted(spec)
    collected: list[Route] = []
    if spec.watchdog:
        collected.append(_watchdog(spec))
    collected.extend(_in_maintenance(spec))
    for rule in _escalating(spec, "retry_count"):
        collected.extend(_repeated(spec, rule, muted))
    rules = (*_escalating(spec, "time_based"), *_escalating(spec, "time_window"))
    timed = [route for rule in rules for route in _timed(spec, rule, muted)]
    collected.extend(timed if spec.routes else ())
    for chosen in spec.routes:
        collected.extend(_routed(spec, chosen, muted))
    for channel in spec.common_channels:
        for severities, names in _split(channel.severities, muted):
            receiver = own_name(spec, channel.name)
            collected.append(Route(receiver, (severity_matcher(severities),), channel.path, muted=names))
    return tuple(_in_hours(spec, (*collected, *(() if spec.routes else timed))))


def limited_hours(spec: AlertSpec) -> Mapping[str, Any]:
    """Return the hours of each rule that notifies people at certain times only, by the name of the rule."""
    limited = {rule.name: rule.active for rule in spec.rules if rule.active is not None}
    return {name: hours for name, hours in limited.items() if windows.other_hours(hours)}


def hours_name(rule: str) -> str:
    """Return the name of the time interval in which the *rule* notifies no person, without that of the service."""
    return f"outside the hours of {rule}"


def _in_hours(spec: AlertSpec, every: Iterable[Route]) -> Iterator[Route]:
    """Yield *every* route, and before each a copy for the alerts of a rule with hours of its own, muted outside of these."""
    limited = limited_hours(spec)
    others = Matcher(RULE_LABEL, "!~", "|".join(map(as_pattern, limited)))
    for route in every:
        if not limited or route.receiver == NO_RECEIVER or any(one.label == "alertname" for one in route.matchers):
            yield route
            continue
        for name in limited:
            muted = (*route.muted, own_name(spec, hours_name(name)))
            yield replace(route, matchers=(*route.matchers, Matcher(RULE_LABEL, "=", name)), muted=muted)
        yield replace(route, matchers=(*route.matchers, others))


def matching(spec: AlertSpec, labels: Mapping[str, str]) -> tuple[Route, ...]:
    """Return the routes that an alert with *labels* takes; the root if no other route matches."""
    own = service_matcher(spec)
    matched = []
    for route in routes(spec) if own is None or own.matches(labels) else ():
        if all(matcher.matches(labels) for matcher in route.matchers):
            matched.append(route)
            if route.last:
                break
    return tuple(matched) or (Route(NO_RECEIVER, ()),)


def channels_of(spec: AlertSpec, labels: Mapping[str, str]) -> tuple[Channel, ...]:
    """Return the channels that an alert with *labels* is sent to at once, for a backend that knows no routes."""
    chosen: dict[str, Channel] = {}

    def add(channels: Iterable[Channel | None]) -> bool:
        accepting = {one.name: one for one in channels if one is not None and labels["severity"] in one.severities}
        chosen.update(accepting)
        return bool(accepting)

    for route in spec.routes:
        is_meant = all(matcher.matches(labels) for matcher in route.matchers)
        if is_meant and add(map(spec.channel, route.to)) and not route.goes_on:
            return tuple(chosen.values())
    add(spec.common_channels)
    return tuple(chosen.values())


def severity_matcher(severities: Iterable[str]) -> Matcher:
    """Return the matcher of alerts of *severities*."""
    return Matcher("severity", "=~", "|".join(severities))


def targets(spec: AlertSpec, rule: Any) -> tuple[tuple[str, Channel, tuple[Severity, ...]], ...]:
    """
    Return the receivers that the escalation *rule* notifies, each with its channel and the severities it accepts.

    A severity as target stands for the channels that accept it.
    """

    def name(channel: Channel) -> str:
        return own_name(spec, f"{rule.target}.{channel.name}")

    for receiver in spec.receivers:
        if receiver.name == rule.target:
            channels = receiver.channels
            return tuple((name(channel), channel, channel.severities) for channel in channels)
    if (named := spec.channel(rule.target)) is not None:
        return ((own_name(spec, f"{named.name}.escalated"), named, named.severities),)
    accepting = (channel for channel in spec.common_channels if rule.target in channel.severities)
    return tuple((name(channel), channel, spec.severities) for channel in accepting)


def to_severity(spec: AlertSpec, rule: Any) -> bool:
    """Return whether the target of the escalation *rule* is a severity, to which the rule raises the alert."""
    return rule.target in spec.severities and all(receiver.name != rule.target for receiver in spec.receivers)


def in_maintenance(spec: AlertSpec) -> tuple[Any, ...]:
    """Return the escalation rules with the condition ``maintenance_mode``."""
    return tuple(rule for rule in spec.escalations if rule.condition == "maintenance_mode")


def suppressing(spec: AlertSpec, condition: str) -> tuple[Any, ...]:
    """Return the escalation rules of *condition* whose action is ``suppress``."""
    return tuple(rule for rule in spec.escalations if rule.condition == condition and rule.action == "suppress")


def _escalating(spec: AlertSpec, condition: str) -> tuple[Any, ...]:
    return tuple(rule for rule in spec.escalations if rule.condition == condition and rule.action == "escalate")


def receiver_name(spec: AlertSpec, channel: Channel, *, send_resolved: bool | None) -> str:
    """Return the receiver of *channel* that notifies of the end of alerts if *send_resolved*; None: as the channel is set."""
    if send_resolved in (None, channel.settings.send_resolved):
        return own_name(spec, channel.name)
    return own_name(spec, f"{channel.name}.{'resolved' if send_resolved else 'firing'}")


def _watchdog(spec: AlertSpec) -> Route:
    """Return the route of the watchdog: to its channel alone, again and again; to no receiver if it has no channel."""
    matcher = Matcher("alertname", "=", WATCHDOG)
    if (channel := spec.channel(spec.watchdog_channel)) is None:
        return Route(NO_RECEIVER, (matcher,), last=True)
    # Its end must not be sent: the receiver would take it for a sign of life.
    name = receiver_name(spec, channel, send_resolved=False)
    return Route(
        name,
        (matcher,),
        "notifications.watchdog",
        wait_s=0.0,
        last=True,
        interval_s=WATCHDOG_INTERVAL_S,
        repeat_s=WATCHDOG_REPEAT_S,
    )


def _routed(spec: AlertSpec, chosen: ChannelRoute, muted: Mapping[str, tuple[str, ...]]) -> Iterator[Route]:
    """Yield the routes to the channels of a route of the user; what one of them accepts goes no further, unless it goes on."""
    channels = [channel for name in chosen.to if (channel := spec.channel(name)) is not None]
    accepted = tuple(word for word in spec.severities if any(word in channel.severities for channel in channels))
    split = [(channel, part) for channel in channels for part in _split(channel.severities, muted)]
    ends = False
    for at, (channel, (severities, names)) in enumerate(split):
        # The last one can end the walk only if it takes all that any of them takes.
        ends = not chosen.goes_on and at == len(split) - 1 and severities == accepted
        yield Route(
            receiver_name(spec, channel, send_resolved=chosen.send_resolved),
            (*chosen.matchers, severity_matcher(severities)),
            chosen.path,
            chosen.wait_s,
            muted=names,
            last=ends,
            group_by=chosen.group_by,
            interval_s=chosen.interval_s,
            repeat_s=chosen.repeat_s,
        )
    if accepted and not (ends or chosen.goes_on):
        yield Route(NO_RECEIVER, (*chosen.matchers, severity_matcher(accepted)), chosen.path, last=True)


def _in_maintenance(spec: AlertSpec) -> Iterator[Route]:
    """Yield the routes of the maintenance alert: to the targets of its escalations only."""
    matcher = Matcher("alertname", "=", MAINTENANCE)
    for rule in _escalating(spec, "maintenance_mode"):
        wait = rule.threshold * 60 if rule.threshold else None
        for name, _, _ in targets(spec, rule):
            yield Route(name, (matcher,), _setting(rule), wait, each=True)
    if in_maintenance(spec):
        yield Route(NO_RECEIVER, (matcher,), last=True)


def _repeated(spec: AlertSpec, rule: Any, muted: Mapping[str, tuple[str, ...]]) -> Iterator[Route]:
    """Yield the routes of the alert of a ``retry_count`` *rule*; none if it raises the severity, which has routes already."""
    if to_severity(spec, rule):
        return
    matcher = Matcher(ESCALATION_LABEL, "=", rule.name)
    for name, _, accepted in targets(spec, rule):
        for severities, names in _split(_both(spec, escalated_severities(rule, spec.severities), accepted), muted):
            yield Route(name, (matcher, severity_matcher(severities)), _setting(rule), muted=names)
    yield Route(NO_RECEIVER, (matcher,), last=True)


def _timed(spec: AlertSpec, rule: Any, muted: Mapping[str, tuple[str, ...]]) -> Iterator[Route]:
    """Yield the routes of *rule*: with ``time_based`` they wait, with ``time_window`` they are active at certain times."""
    waits = rule.condition == "time_based"
    active = () if waits else (own_name(spec, rule.name),)
    wait = rule.threshold * 60 if waits else None
    for name, _, accepted in targets(spec, rule):
        for severities, names in _split(_both(spec, escalated_severities(rule, spec.severities), accepted), muted):
            matchers = (severity_matcher(severities),)
            yield Route(name, matchers, _setting(rule), wait, each=waits, muted=names, active=active)


def _muted(spec: AlertSpec) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the time windows that mute each severity."""
    rules = suppressing(spec, "time_window")
    return {
        severity: tuple(
            own_name(spec, one.name) for one in rules if severity in escalated_severities(one, spec.severities)
        )
        for severity in spec.severities
    }


def _split(
    severities: Iterable[str], muted: Mapping[str, tuple[str, ...]]
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return *severities* grouped by the windows that mute them, because a route has one set of windows."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for severity in severities:
        groups.setdefault(muted[severity], []).append(severity)
    return [(tuple(group), names) for names, group in groups.items()]


def _both(spec: AlertSpec, filtered: Iterable[str], accepted: Iterable[str]) -> tuple[str, ...]:
    return tuple(severity for severity in spec.severities if severity in filtered and severity in accepted)


def _setting(rule: Any) -> str:
    return f"escalation {rule.name}"
