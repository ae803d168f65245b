"""
The routes of an alert: its receivers, and when they are notified.

Pure. Alertmanager's configuration is compiled from these routes, and ``csg-otel alerts route`` walks them. The rule: the
routes of channels and escalations are all on one level and have ``continue``, so no route hides another. Only alerts that no
channel may receive, such as the watchdog, end at a route without a receiver.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

from csg_otel.alerts.bundle import WATCHDOG
from csg_otel.alerts.catalog import SERVICE
from csg_otel.alerts.escalations import SEVERITIES, Severity, escalated_severities
from csg_otel.alerts.expr import quoted
from csg_otel.alerts.model import ESCALATION_LABEL
from csg_otel.alerts.text import duration

if TYPE_CHECKING:
    from csg_otel.alerts.model import AlertSpec, Channel

NO_RECEIVER: Final = "null"
"""The receiver that notifies no person; an alert ends here if no route matches it."""

MAINTENANCE: Final = "InMaintenance"
"""The alert that fires while a program reports that it is in maintenance."""

SHORTEST_INTERVAL_S: Final = 10.0
"""Shortest group interval: below it, Alertmanager sends a notification again before it has recorded the first."""

REPEAT_S: Final = 4 * 3600.0
"""Interval of reminders of an alert that still fires; the default of Alertmanager and of Grafana."""

_LONGEST_WAIT_S: Final = 30.0
"""Longest wait for further alerts of a group; Alertmanager's own default."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on the value of *label*; a missing label has an empty value."""

    label: str
    operator: Literal["=", "!=", "=~"]
    value: str

    def __str__(self) -> str:
        """Return the matcher in Alertmanager's syntax."""
        return f"{self.label}{self.operator}{quoted(self.value)}"

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether an alert with *labels* meets the condition."""
        value = labels.get(self.label, "")
        if self.operator == "=~":
            return re.fullmatch(self.value, value) is not None
        return (value == self.value) == (self.operator == "=")


@dataclass(frozen=True, slots=True)
class Route:
    """
    A route: alerts that meet all *matchers* are sent to *receiver*.

    They are sent after *wait_s* seconds (None: the wait of the whole tree), in groups or with *each* one by one, never during
    the time intervals *muted*, and only during the time intervals *active*. After a *last* route no other route is tried.
    *setting* is the setting that the route was compiled from.
    """

    receiver: str
    matchers: tuple[Matcher, ...]
    setting: str = ""
    wait_s: float | None = None
    each: bool = False
    muted: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    last: bool = False

    def when(self) -> str:
        """Return in words when the receiver is notified."""
        words = f"if it lasts {duration(self.wait_s)}" if self.wait_s is not None else "at once"
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
        collected.append(Route(NO_RECEIVER, (Matcher("alertname", "=", WATCHDOG),), last=True))
    collected.extend(_in_maintenance(spec))
    for rule in _escalating(spec, "retry_count"):
        collected.extend(_repeated(spec, rule, muted))
    for channel in spec.channels:
        for severities, names in _split(channel.severities, muted):
            setting = f"notifications.{channel.kind}"
            receiver = own_name(spec, channel.kind)
            collected.append(Route(receiver, (severity_matcher(severities),), setting, muted=names))
    for rule in (*_escalating(spec, "time_based"), *_escalating(spec, "time_window")):
        collected.extend(_timed(spec, rule, muted))
    return tuple(collected)


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


def severity_matcher(severities: Iterable[str]) -> Matcher:
    """Return the matcher of alerts of *severities*."""
    return Matcher("severity", "=~", "|".join(severities))


def targets(spec: AlertSpec, rule: Any) -> tuple[tuple[str, Channel, tuple[Severity, ...]], ...]:
    """
    Return the receivers that the escalation *rule* notifies, each with its channel and the severities it accepts.

    A severity as target stands for the channels that accept it.
    """

    def name(channel: Channel) -> str:
        return own_name(spec, f"{rule.target}.{channel.kind}")

    for receiver in spec.receivers:
        if receiver.name == rule.target:
            channels = receiver.channels
            return tuple((name(channel), channel, channel.severities) for channel in channels)
    return tuple((name(channel), channel, SEVERITIES) for channel in spec.channels if rule.target in channel.severities)


def to_severity(spec: AlertSpec, rule: Any) -> bool:
    """Return whether the target of the escalation *rule* is a severity, to which the rule raises the alert."""
    return rule.target in SEVERITIES and all(receiver.name != rule.target for receiver in spec.receivers)


def in_maintenance(spec: AlertSpec) -> tuple[Any, ...]:
    """Return the escalation rules with the condition ``maintenance_mode``."""
    return tuple(rule for rule in spec.escalations if rule.condition == "maintenance_mode")


def suppressing(spec: AlertSpec, condition: str) -> tuple[Any, ...]:
    """Return the escalation rules of *condition* whose action is ``suppress``."""
    return tuple(rule for rule in spec.escalations if rule.condition == condition and rule.action == "suppress")


def _escalating(spec: AlertSpec, condition: str) -> tuple[Any, ...]:
    return tuple(rule for rule in spec.escalations if rule.condition == condition and rule.action == "escalate")


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
        for severities, names in _split(_both(escalated_severities(rule), accepted), muted):
            yield Route(name, (matcher, severity_matcher(severities)), _setting(rule), muted=names)
    yield Route(NO_RECEIVER, (matcher,), last=True)


def _timed(spec: AlertSpec, rule: Any, muted: Mapping[str, tuple[str, ...]]) -> Iterator[Route]:
    """Yield the routes of *rule*: with ``time_based`` they wait, with ``time_window`` they are active at certain times."""
    waits = rule.condition == "time_based"
    active = () if waits else (own_name(spec, rule.name),)
    wait = rule.threshold * 60 if waits else None
    for name, _, accepted in targets(spec, rule):
        for severities, names in _split(_both(escalated_severities(rule), accepted), muted):
            matchers = (severity_matcher(severities),)
            yield Route(name, matchers, _setting(rule), wait, each=waits, muted=names, active=active)


def _muted(spec: AlertSpec) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the time windows that mute each severity."""
    rules = suppressing(spec, "time_window")
    return {
        severity: tuple(own_name(spec, rule.name) for rule in rules if severity in (rule.severity_filter or SEVERITIES))
        for severity in SEVERITIES
    }


def _split(
    severities: Iterable[str], muted: Mapping[str, tuple[str, ...]]
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return *severities* grouped by the windows that mute them, because a route has one set of windows."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for severity in severities:
        groups.setdefault(muted[severity], []).append(severity)
    return [(tuple(group), names) for names, group in groups.items()]


def _both(filtered: Iterable[str], accepted: Iterable[str]) -> tuple[str, ...]:
    return tuple(severity for severity in SEVERITIES if severity in filtered and severity in accepted)


def _setting(rule: Any) -> str:
    return f"escalation {rule.name}"
