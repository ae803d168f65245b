"""
Who is told of an alert: the routes of a specification, as Alertmanager walks them.

Pure. Compiled by ``alertmanager``, and walked here for ``csg-otel alerts route``. The rule: channels and escalations are
siblings that all go on, so none hides another; only what concerns no channel at all ends at a route of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.alerts.bundle import WATCHDOG
from csg_otel.alerts.expr import quoted
from csg_otel.alerts.spec import SEVERITIES, Severity
from csg_otel.alerts.text import duration

if TYPE_CHECKING:
    from csg_otel.alerts.spec import AlertSpec, Channel

NOBODY: Final = "null"
"""The receiver that tells nobody; where an alert ends that no route is about."""

ESCALATION: Final = "csg_escalation"
"""Label of an alert that a ``retry_count`` escalation made: the escalation's name."""

MAINTENANCE: Final = "InMaintenance"
"""The alert that fires while a program says that it is in maintenance."""

SHORTEST_INTERVAL_S: Final = 10.0
"""Below it Alertmanager can't tell in time what it has sent already, and sends it twice."""

REPEAT_S: Final = 4 * 3600.0
"""After it people are told again of what still fires."""

ESCALATED: Final[tuple[Severity, ...]] = ("critical",)
"""What escalates where a rule does not say."""

_LONGEST_WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on the label *label*; a label that is missing is empty."""

    label: str
    operator: Literal["=", "!=", "=~"]
    value: str

    def __str__(self) -> str:
        """Return it as Alertmanager reads it."""
        return f"{self.label}{self.operator}{quoted(self.value)}"

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether an alert with *labels* meets it."""
        held = labels.get(self.label, "")
        if self.operator == "=~":
            return re.fullmatch(self.value, held) is not None
        return (held == self.value) == (self.operator == "=")


@dataclass(frozen=True, slots=True)
class Route:
    """
    Alerts that meet all *matchers* are told to *receiver*.

    After *wait_s* seconds (None: as soon as others can join them), with *each* on its own and not grouped; never in the time
    intervals *muted*, only in those *active*. *last* ends the walk. *why* is the setting it comes from.
    """

    receiver: str
    matchers: tuple[Matcher, ...]
    why: str = ""
    wait_s: float | None = None
    each: bool = False
    muted: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    last: bool = False

    def when(self) -> str:
        """Return in words when the receiver is told."""
        told = f"if it lasts {duration(self.wait_s)}" if self.wait_s is not None else "at once"
        told += f", only during {', '.join(self.active)}" if self.active else ""
        return told + (f", not during {', '.join(self.muted)}" if self.muted else "")


def wait_s(spec: AlertSpec) -> float:
    """Return how many seconds an alert waits for others that join its notification."""
    return min(_LONGEST_WAIT_S, spec.window_s / 10)


def interval_s(spec: AlertSpec) -> float:
    """Return after how many seconds people are told that a group of alerts has changed."""
    return max(SHORTEST_INTERVAL_S, spec.window_s)


def repeat_s(spec: AlertSpec) -> float:
    """Return after how many seconds people are told again of what still fires."""
    return max(REPEAT_S, interval_s(spec))


def routes(spec: AlertSpec) -> tuple[Route, ...]:
    """Return the routes below the root, in the order they are walked."""
    muted = _muted(spec)
    named = (Matcher("alertname", "=", name) for name in (WATCHDOG,) if spec.watchdog)
    found = [Route(NOBODY, (matcher,), last=True) for matcher in named]
    found.extend(_in_maintenance(spec))
    for rule in _escalating(spec, "retry_count"):
        found.extend(_repeated(spec, rule, muted))
    for channel in spec.channels:
        for severities, names in _split(channel.severities, muted):
            found.append(Route(channel.kind, (severity(severities),), f"notifications.{channel.kind}", muted=names))
    for rule in (*_escalating(spec, "time_based"), *_escalating(spec, "time_window")):
        lasting = rule.condition == "time_based"
        active = () if lasting else (rule.name,)
        wait = rule.threshold * 60 if lasting else None
        for name, _, target in targets(spec, rule):
            for severities, names in _split(_both(rule.severity_filter or ESCALATED, target), muted):
                matchers = (severity(severities),)
                found.append(Route(name, matchers, _why(rule), wait, each=lasting, muted=names, active=active))
    return tuple(found)


def told(spec: AlertSpec, labels: Mapping[str, str]) -> tuple[Route, ...]:
    """Return the routes an alert with *labels* takes, the root where none of them is about it."""
    found = []
    for route in routes(spec):
        if all(matcher.matches(labels) for matcher in route.matchers):
            found.append(route)
            if route.last:
                break
    return tuple(found) or (Route(NOBODY, ()),)


def severity(wanted: Iterable[str]) -> Matcher:
    """Return the matcher of alerts of the severities *wanted*."""
    return Matcher("severity", "=~", "|".join(wanted))


def targets(spec: AlertSpec, rule: Any) -> tuple[tuple[str, Channel, tuple[Severity, ...]], ...]:
    """
    Return whom the escalation *rule* tells: a receiver's name, its channel, and which severities that takes.

    A severity as target means the channels that take it.
    """
    for receiver in spec.receivers:
        if receiver.name == rule.target:
            return tuple((f"{rule.target}.{one.kind}", one, one.severities) for one in receiver.channels)
    return tuple(
        (f"{rule.target}.{one.kind}", one, SEVERITIES) for one in spec.channels if rule.target in one.severities
    )


def to_severity(spec: AlertSpec, rule: Any) -> bool:
    """Tell whether the escalation *rule* raises the severity of what it escalates, because that is its target."""
    return rule.target in SEVERITIES and all(receiver.name != rule.target for receiver in spec.receivers)


def in_maintenance(spec: AlertSpec) -> tuple[Any, ...]:
    """Return the escalations that are about maintenance."""
    return tuple(rule for rule in spec.escalations if rule.condition == "maintenance_mode")


def suppressing(spec: AlertSpec, condition: str) -> tuple[Any, ...]:
    """Return the escalations of *condition* that suppress."""
    return tuple(rule for rule in spec.escalations if rule.condition == condition and rule.action == "suppress")


def _escalating(spec: AlertSpec, condition: str) -> tuple[Any, ...]:
    return tuple(rule for rule in spec.escalations if rule.condition == condition and rule.action == "escalate")


def _in_maintenance(spec: AlertSpec) -> Iterator[Route]:
    """Yield the routes of the alert that says so: to those who want to know, and then no further."""
    matcher = Matcher("alertname", "=", MAINTENANCE)
    for rule in _escalating(spec, "maintenance_mode"):
        wait = rule.threshold * 60 if rule.threshold else None
        for name, _, _ in targets(spec, rule):
            yield Route(name, (matcher,), _why(rule), wait, each=True)
    if in_maintenance(spec):
        yield Route(NOBODY, (matcher,), last=True)


def _repeated(spec: AlertSpec, rule: Any, muted: Mapping[str, tuple[str, ...]]) -> Iterator[Route]:
    """Yield the routes of the alert that *rule* makes; one that raises the severity takes those of its severity."""
    if to_severity(spec, rule):
        return
    matcher = Matcher(ESCALATION, "=", rule.name)
    for name, _, target in targets(spec, rule):
        for severities, names in _split(_both(rule.severity_filter or ESCALATED, target), muted):
            yield Route(name, (matcher, severity(severities)), _why(rule), muted=names)
    yield Route(NOBODY, (matcher,), last=True)


def _muted(spec: AlertSpec) -> Mapping[str, tuple[str, ...]]:
    """Return the time windows that suppress each severity."""
    rules = suppressing(spec, "time_window")
    return {
        one: tuple(rule.name for rule in rules if one in (rule.severity_filter or SEVERITIES)) for one in SEVERITIES
    }


def _split(
    severities: Iterable[str], muted: Mapping[str, tuple[str, ...]]
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return *severities* in parts that the same windows suppress, because a route has one set of them."""
    parts: dict[tuple[str, ...], list[str]] = {}
    for one in severities:
        parts.setdefault(muted[one], []).append(one)
    return [(tuple(found), names) for names, found in parts.items()]


def _both(asked: Iterable[str], taken: Iterable[str]) -> tuple[str, ...]:
    return tuple(one for one in SEVERITIES if one in asked and one in taken)


def _why(rule: Any) -> str:
    return f"escalation {rule.name}"
