"""
The input of all compilers, as values: rules, channels, escalations and objectives.

Pure. `spec` reads them from a configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.alerts.catalog import SERVICE
from csg_otel.alerts.escalations import SEVERITIES

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref
    from csg_otel.alerts.escalations import Severity
    from csg_otel.alerts.filters import Filter
    from csg_otel.alerts.matchers import Matcher
    from csg_otel.alerts.message import Message

Function = Literal["value", "rate", "increase", "quantile", "avg", "min", "max"]
RULE_LABEL: Final = "csg_rule"
"""Label of an alert: the name of its rule."""

ESCALATION_LABEL: Final = "csg_escalation"
"""Label of an alert that a ``retry_count`` escalation made: the name of the escalation rule."""

ESCALATED_LABEL: Final = "csg_escalated"
"""Label of the same alert: the name of the alert that came back."""

SERVICE_LABEL: Final = "csg_service"
"""Label or tag of everything that a push may change: the service that it belongs to."""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    A rule: *function* of the metric *ref* over *window_s* seconds fulfils *condition* with *threshold* for *for_s* seconds.

    *alert* is the name of its alert. With *no_data*, a second alert fires when data is missing. *path* is the dotted key of the
    rule in the configuration.
    """

    name: str
    alert: str
    ref: Ref
    function: Function
    window_s: float
    quantile: float
    filters: tuple[Filter, ...]
    condition: str
    threshold: float
    severity: Severity
    message: Message
    for_s: float = 0.0
    labels: tuple[tuple[str, str], ...] = ()
    runbook_url: str = ""
    no_data: bool = False
    path: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Counted:
    """The events that an objective counts: the metric *ref* with *filters*, or *promql* that contains ``[window]``."""

    ref: Ref | None
    filters: tuple[Filter, ...] = ()
    promql: str = ""


@dataclass(frozen=True, slots=True)
class Objective:
    """
    A service level objective: the share *objective* (0 to 1) of the events over *window_s* seconds is good.

    *counted* counts the bad events, or with *inverted* the good events; *total* counts all events.
    """

    name: str
    alert: str
    objective: float
    window_s: float
    counted: Counted
    inverted: bool
    total: Counted
    description: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    runbook_url: str = ""
    service: str = ""
    path: str = field(default="", compare=False)

    @property
    def series_labels(self) -> tuple[tuple[str, str], ...]:
        """The labels of its recorded series, besides the job."""
        return (*(((SERVICE, self.service),) if self.service else ()), ("slo", self.name))


@dataclass(frozen=True, slots=True)
class Channel:
    """
    A channel on which people are notified.

    *kind* is the word of its setting ``type``; a section that is called as its kind has that as *name*, too. *settings* is its
    section of the configuration, and *path* the dotted key of that.
    """

    kind: str
    name: str
    settings: Any
    severities: tuple[Severity, ...]
    """The severities that it accepts, in order; all of them if the section has no filter."""
    path: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ChannelRoute:
    """
    A route of the configuration: alerts that meet all *matchers* go to the channels *to*.

    Unless it *goes_on*, no other route and no other channel gets them. *send_resolved* is None for what each channel is set to;
    the times in seconds are None for those of all routes. *group_by* is empty for the labels of all routes.
    """

    matchers: tuple[Matcher, ...]
    to: tuple[str, ...]
    goes_on: bool = False
    send_resolved: bool | None = None
    group_by: tuple[str, ...] = ()
    wait_s: float | None = None
    interval_s: float | None = None
    repeat_s: float | None = None
    path: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver that escalations notify on its channels."""

    name: str
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class AlertSpec:
    """The input of the compilers."""

    service: str = ""
    selector: str = "job"
    """The setting ``alerting.selector``: how the scraped series of the service are selected."""
    rules: tuple[Rule, ...] = ()
    objectives: tuple[Objective, ...] = ()
    channels: tuple[Channel, ...] = ()
    escalations: tuple[Any, ...] = ()
    """The enabled rules of the section ``escalation.rules``."""
    receivers: tuple[Receiver, ...] = ()
    routes: tuple[ChannelRoute, ...] = ()
    reserved: frozenset[str] = frozenset()
    """Names of the channels that get only what a route, an escalation or the watchdog sends to them."""
    watchdog_channel: str = ""
    """Name of the channel that gets the watchdog; empty for none."""
    severities: tuple[Severity, ...] = SEVERITIES
    """All severities; those of the user follow the four that every configuration has."""
    window_s: float = 300.0
    """Alerts within this window, in seconds, become one notification."""
    watchdog: str = ""
    """Runbook of an alert that always fires, so that its absence reveals broken alerting; empty for no such alert."""
    left_out: tuple[str, ...] = ()
    """Alerts of the package's rules that are left out, because the service has no name by which to find its targets."""

    @property
    def common_channels(self) -> tuple[Channel, ...]:
        """The channels of the alerts that no route takes."""
        return tuple(channel for channel in self.channels if channel.name not in self.reserved)

    def channel(self, name: str) -> Channel | None:
        """Return the channel *name*; None if there is none, or if it is off."""
        return next((channel for channel in self.channels if channel.name == name), None)

    @property
    def service_labels(self) -> tuple[tuple[str, str], ...]:
        """The label that every alert of the service has; none if the service has no name."""
        return ((SERVICE, self.service),) if self.service else ()
