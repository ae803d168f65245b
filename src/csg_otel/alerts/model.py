"""
The input of all compilers, as values: rules, channels, escalations and objectives.

Pure. `spec` reads them from a configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.alerts.catalog import SERVICE
from csg_otel.alerts.escalations import SEVERITIES

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref
    from csg_otel.alerts.escalations import Severity
    from csg_otel.alerts.expr import Matcher
    from csg_otel.alerts.filters import Filter
    from csg_otel.alerts.message import Message

Function = Literal[
    "value",
    "rate",
    "increase",
    "quantile",
    "avg",
    "min",
    "max",
    "changes",
    "resets",
    "delta",
    "derivative",
    "predict",
    "age",
    "promql",
]
GROWING: Final = ("rate", "increase")
"""The functions that count events."""

Aggregation = Literal["sum", "avg", "max", "min", "count"]
INTERVALS: Final = ("outside", "between")
"""The conditions with two limits."""

_OPPOSITES: Final = {
    "less_than": "greater_than_or_equal",
    "greater_than_or_equal": "less_than",
    "greater_than": "less_than_or_equal",
    "less_than_or_equal": "greater_than",
    "equals": "not_equals",
    "not_equals": "equals",
    "outside": "between",
    "between": "outside",
}

BELOW: Final = ("less_than", "less_than_or_equal")
"""The conditions that a small value fulfils."""

NO_DATA: Final = "NoData"
"""End of the name of the alert that missing data raises."""

RULE_LABEL: Final = "csg_rule"
"""Label of an alert: the name of its rule."""

ESCALATION_LABEL: Final = "csg_escalation"
"""Label of an alert that a ``retry_count`` escalation made: the name of the escalation rule."""

ESCALATED_LABEL: Final = "csg_escalated"
"""Label of the same alert: the name of the alert that came back."""

SERVICE_LABEL: Final = "csg_service"
"""Label or tag of everything that a push may change: the service that it belongs to."""


@dataclass(frozen=True, slots=True)
class Operand:
    """
    A value of one metric: *function* of the metric *ref* over *window_s* seconds, one for each combination of the labels *by*.

    *aggregate* combines series with equal labels; where no user named it, *is_worst*, so that each of them is compared.
    *renamed* are labels of the series by those of the value, where an alert has a label of that name itself. The value is that
    of *offset_s* seconds ago, or with the function ``predict`` that in *ahead_s* seconds. With the function ``promql`` it is
    the expression *promql* of the user, and nothing else counts.
    """

    ref: Ref
    function: Function = "value"
    window_s: float = 300.0
    quantile: float = 0.95
    filters: tuple[Filter, ...] = ()
    aggregate: Aggregation = "max"
    by: tuple[str, ...] = ()
    is_worst: bool = False
    renamed: tuple[tuple[str, str], ...] = ()
    offset_s: float = 0.0
    ahead_s: float = 0.0
    promql: str = ""

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The labels of its values; None if they are not known, because a user wrote the expression."""
        return None if self.function == "promql" else self.by

    @property
    def operands(self) -> tuple[Operand, ...]:
        """The value itself."""
        return (self,)


@dataclass(frozen=True, slots=True)
class Formula:
    """Arithmetic of two values, or of a value and a number."""

    operator: Literal["+", "-", "*", "/"]
    left: Term | float
    right: Term | float

    @property
    def is_percent(self) -> bool:
        """Whether it is a share in percent."""
        return (self.operator, self.left) == ("*", 100.0)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The labels of its values: those of the side that has more; None if they are not known."""
        sides = [side.labels for side in (self.left, self.right) if not isinstance(side, (int, float))]
        return None if None in sides else max((side for side in sides if side is not None), key=len)

    @property
    def operands(self) -> tuple[Operand, ...]:
        """The values of metrics in it, from left to right."""
        sides = (side for side in (self.left, self.right) if not isinstance(side, (int, float)))
        return tuple(operand for side in sides for operand in side.operands)


Term = Operand | Formula


def _divisor(term: Term | float) -> Operand | None:
    """Return the first metric of the divisor of *term*; None if it divides by no metric."""
    if not isinstance(term, Formula):
        return None
    if term.operator == "/" and not isinstance(term.right, (int, float)):
        return term.right.operands[0]
    return _divisor(term.left) or _divisor(term.right)


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    A *value* that fulfils *condition* with *threshold*: a number, or the value of another metric.

    The conditions ``outside`` and ``between`` have the limits *threshold* and *upper*. An empty condition holds for each value
    that PromQL of a user returns.
    """

    value: Term
    condition: str
    threshold: float | Operand = 0.0
    upper: float = 0.0

    @property
    def compares_each(self) -> bool:
        """Whether each series is compared before they are combined: the greatest or least of them need not be the worst."""
        term = self.value.right if isinstance(self.value, Formula) and self.value.is_percent else self.value
        ordered = isinstance(term, Operand) and isinstance(self.threshold, (int, float))
        worst = any(operand.is_worst for operand in self.operands)
        return worst and not (ordered and self.condition not in ("equals", "not_equals", *INTERVALS))

    @property
    def is_nothing(self) -> bool:
        """Whether it holds for a count of events that has no series: nothing has happened, and 0 meets the condition."""
        limit, counts = self.threshold, all(one.function in GROWING for one in self.value.operands)
        summed = isinstance(self.value, Operand) or self.value.operator in ("+", "-")
        if not (counts and summed and isinstance(limit, (int, float))):
            return False
        return {
            "less_than": limit > 0,
            "less_than_or_equal": limit >= 0,
            "greater_than": limit < 0,
            "greater_than_or_equal": limit <= 0,
            "equals": limit == 0,
            "not_equals": limit != 0,
            "outside": limit > 0 or self.upper < 0,
            "between": limit <= 0 <= self.upper,
        }.get(self.condition, False)

    @property
    def opposite(self) -> Comparison:
        """The comparison that holds for the other values."""
        return replace(self, condition=_OPPOSITES[self.condition])

    @property
    def operands(self) -> tuple[Operand, ...]:
        """All values of metrics in it; the first is that of the rule."""
        further = () if isinstance(self.threshold, (int, float)) else (self.threshold,)
        return (*self.value.operands, *further)


@dataclass(frozen=True, slots=True)
class Rule:
    """
    A rule: *compared*, all comparisons *also* and none of *unless* hold for *for_s* seconds.

    *alert* is the name of its alert, which goes on to fire for *keep_firing_s* seconds. With *no_data*, a second alert fires
    when data is missing. A rule with levels is one rule for each severity; the alert is muted while the level *above* holds.
    *active* are the hours in which people are notified, None for all. *queries* are what the user wrote for a backend, by its
    name. *path* is the dotted key of the rule in the configuration.
    """

    name: str
    alert: str
    compared: Comparison
    severity: Severity
    message: Message
    description: Message | None = None
    also: tuple[Comparison, ...] = ()
    unless: tuple[Comparison, ...] = ()
    for_s: float = 0.0
    keep_firing_s: float = 0.0
    labels: tuple[tuple[str, str], ...] = ()
    runbook_url: str = ""
    dashboard_url: str = ""
    no_data: bool = False
    percent: bool = False
    above: tuple[Severity, Comparison] | None = None
    active: Any = None
    queries: tuple[tuple[str, str], ...] = ()
    path: str = field(default="", compare=False)

    @property
    def first(self) -> Operand:
        """The first metric of the compared value: messages, missing data and charts are about it."""
        return self.compared.operands[0]

    @property
    def witness(self) -> Operand:
        """The metric that is missing if data is missing: of a quotient the divisor, for what it divides may not have begun."""
        return _divisor(self.compared.value) or self.first

    @property
    def condition(self) -> str:
        """The condition of the compared value."""
        return self.compared.condition

    @property
    def limits(self) -> tuple[float, ...]:
        """The numbers that the value is compared with: one, two of an interval, or none."""
        if not isinstance(self.compared.threshold, (int, float)) or not self.condition:
            return ()
        upper = (self.compared.upper,) if self.condition in INTERVALS else ()
        return (self.compared.threshold, *upper)

    @property
    def is_plain(self) -> bool:
        """Whether the rule compares one metric with one number, and nothing else."""
        further = (self.also, self.unless, self.compared.upper, self.first.offset_s)
        return isinstance(self.compared.value, Operand) and len(self.limits) == 1 and not any(further)

    @property
    def operands(self) -> tuple[Operand, ...]:
        """All values of metrics in the rule; the first one first."""
        return tuple(operand for one in (self.compared, *self.also, *self.unless) for operand in one.operands)

    def query(self, backend: str) -> str:
        """Return what the user wrote for *backend*; empty for nothing."""
        return dict(self.queries).get(backend, "")


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

    *counted* counts the bad events, or with *inverted* the good events; *total* counts all events. No alert fires while fewer
    than *min_events* happened in its long window.
    """

    name: str
    alert: str
    objective: float
    window_s: float
    counted: Counted
    inverted: bool
    total: Counted
    min_events: int = 0
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
