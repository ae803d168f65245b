"""The section `alerting`: alert rules, which Prometheus, Grafana or Datadog evaluate."""

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Final, Literal

from csg_otel.config.sections.concealed import WithSecrets
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.secret import Address
from csg_otel.config.sections.section import section

Condition = Literal["greater_than", "less_than", "greater_than_or_equal", "less_than_or_equal", "equals", "not_equals"]
SEVERITIES: Final = ("info", "warning", "critical", "emergency")
"""The severities that every configuration has, in ascending order."""

if TYPE_CHECKING:
    Severity = str
else:

    class Severity(str):
        """The type of a setting that is one of `SEVERITIES`, or one of the words in `alerting.severities`."""

        __slots__ = ()


OPERATORS: Mapping[str, str] = {
    ">": "greater_than",
    "<": "less_than",
    ">=": "greater_than_or_equal",
    "<=": "less_than_or_equal",
    "==": "equals",
    "!=": "not_equals",
}


@section(frozen=True, kw_only=True)
class FilterForm(Printed):
    """A filter of a rule that is more than one value."""

    matches: str | None = setting(None, "A regular expression (RE2) that the whole value matches.", free="re2")
    not_matches: str | None = setting(None, "A regular expression that the value does not match.", free="re2")
    not_: str | tuple[str, ...] | None = setting(None, "A value, or values, that it is not.", key="not")
    in_: tuple[str, ...] = setting((), "Values of which it is one.", key="in")


@section(frozen=True, kw_only=True)
class MetricPart(Printed):
    """One metric as a part of a formula: its series, and how they become one value."""

    metric: str = setting("", "The metric, by its instrument's name or by an alias such as `system_cpu_usage_percent`.")
    window: float | None = setting(
        None, "Window of its rate, quantile or function; by default that of the rule.", unit="s", low=0.001
    )
    quantile: float | None = setting(None, "The quantile of a histogram that is compared.", low=0, high=1)
    filters: Mapping[str, str | tuple[str, ...] | FilterForm | None] = (
        setting(  # None must not widen the rule in silence
            dict,
            "Use only series with these attributes: a value, a list of values, `{matches: regex}`, `{not: value or list}`,"
            " `{not_matches: regex}`.",
            several="write a value, a list of values, or {matches: regex}, {not: value}, {not_matches: regex}",
        )
    )
    aggregate: Literal["sum", "avg", "max", "min", "count"] | None = setting(
        None,
        "How its series become one value for each combination of the labels `by`; alone, one value in all.",
        noun="aggregation",
    )
    by: tuple[str, ...] | None = setting(
        None, "The labels that distinguish its values; `[]` for one value. By default job, instance and its attributes."
    )
    without: tuple[str, ...] = setting((), "Labels that do not distinguish its values, instead of `by`.")
    age: bool = setting(False, "Compare the time since the value, a time in Unix seconds.")
    changes: bool = setting(False, "Compare how often the value changed within `window`.")
    resets: bool = setting(False, "Compare how often a counter started from 0 again within `window`.")
    delta: bool = setting(False, "Compare by how much a gauge changed within `window`.")
    derivative: bool = setting(
        False, "Compare by how much a gauge changes per second (linear regression over `window`)."
    )
    predict: float | None = setting(
        None,
        "Compare the value that a gauge will have after this time (linear regression over `window`).",
        unit="s",
        above=0,
    )
    offset: float | None = setting(None, "Compare the value of this long ago.", unit="s", above=0)


@section(frozen=True, kw_only=True)
class Ratio(Printed):
    """A ratio of two metrics."""

    of: MetricPart = setting(doc="The part.", like="alerting.rules[]")
    to: MetricPart = setting(doc="The whole.", like="alerting.rules[]")


@section(frozen=True, kw_only=True)
class Comparison(MetricPart):
    """A value and the limit that it is compared with."""

    metric: str = setting(
        "",
        "The metric, by its instrument's name or by an alias such as `system_cpu_usage_percent`; a function of it, such as"
        " `increase(x)` or `p99(x)`; or a formula of `parts` or metrics, such as `a / (a + b)`.",
    )
    ratio: Ratio | None = setting(
        None, "Compare the ratio of two metrics, instead of `metric`.", like="alerting.rules[]"
    )
    parts: Mapping[str, MetricPart] = setting(
        dict, "The named parts of a formula in `metric`.", like="alerting.rules[]"
    )
    percent: bool = setting(False, "Multiply the value by 100: the threshold of a ratio is a percentage.")
    condition: Condition | None = setting(
        None, "The comparison; also written `> < >= <= == !=`.", noun="condition", aliases=OPERATORS
    )
    threshold: float | str | MetricPart | None = setting(
        None,
        "The limit the value is compared with, in the metric's unit or with a unit (`80%`, `2GiB`, `500ms`); or another"
        " metric: `{metric: x}`.",
        free="quantity",
    )
    outside: tuple[float | str, ...] = setting(
        (), "Instead of `condition`: fires below the first and above the second limit.", free="quantity"
    )
    between: tuple[float | str, ...] = setting(
        (), "Instead of `condition`: fires from the first to the second limit.", free="quantity"
    )


@section(frozen=True, kw_only=True)
class ActiveHours(Printed):
    """The hours of the week in which a rule notifies people."""

    days: tuple[str, ...] = setting((), "Weekdays on which it begins (`monday`, `sat`); by default all.")
    start: str = setting("00:00", "The time it begins, `HH:MM`.")
    end: str = setting("24:00", "The time it ends, `HH:MM`.")
    timezone: str = setting("UTC", "The time zone of start and end.")


@section(frozen=True, kw_only=True)
class AlertRule(Comparison):
    """One rule: a metric, a condition and a message."""

    name: str = setting(doc="Its name; unique.")
    severity: Severity = setting("warning", "The severity of the alert.", noun="severity")
    levels: Mapping[str, float | str] = setting(
        dict,
        "Thresholds by severity, such as `{warning: 80, critical: 90}`, instead of `threshold` and `severity`; the higher"
        " one mutes the lower one.",
        free="quantity",
    )
    message: str = setting(
        "",
        "The text of the alert; `{value}`, `{value:percent}`, `{value:bytes}`, `{value:duration}`, `{value:.2f}`,"
        " `{threshold}` and `{labels.x}` are replaced.",
        also=("summary",),
    )
    description: str = setting("", "A longer text of the alert, with the same places.")
    for_: float = setting(0.0, "Time the condition must hold before the alert fires.", unit="s", low=0, key="for")
    keep_firing_for: float = setting(
        0.0, "Time for which the alert goes on to fire after its condition ended.", unit="s", low=0
    )
    window: float = setting(
        300.0,
        "Window for the rate of a counter, the quantile of a histogram, and functions over time.",
        unit="s",
        low=0.001,
    )
    quantile: float = setting(0.95, "The quantile of a histogram that is compared.", low=0, high=1)
    and_: tuple[Comparison, ...] = setting(
        (), "Further conditions that must hold, too, such as one on traffic.", key="and", like="alerting.rules[]"
    )
    unless: tuple[Comparison, ...] = setting((), "Conditions that must not hold.", like="alerting.rules[]")
    active: ActiveHours | None = setting(None, "Notify people only in these hours.")
    labels: Mapping[str, str] = setting(dict, "Labels to put on the alert.")
    runbook_url: str | None = setting(None, "URL of a page with instructions for this alert.")
    dashboard_url: str | None = setting(None, "URL of a dashboard for this alert.")
    no_data: Literal["auto", "alert", "ignore"] = setting(
        "auto",
        "Fire when data is missing; `auto` does so for conditions that missing data would hide (less than).",
        noun="no_data",
    )
    promql: str = setting("", "The whole condition, or with `condition` the value, in PromQL; instead of `metric`.")
    datadog_query: str = setting(
        "", "The monitor's query for Datadog, such as `avg(last_5m):avg:x{*} > 5`, of a rule with `promql`."
    )
    grafana: str = setting("", "PromQL of this rule for Grafana; by default `promql`.")
    enabled: bool = setting(True, "Compile this rule.")
    location: str = field(default="", compare=False)


@section(frozen=True, kw_only=True)
class Alerting(WithSecrets):
    """Alert rules; they are compiled for Prometheus, Grafana and Datadog, which evaluate them."""

    enabled: bool = setting(True, "Compile rules, and send alerts from the program.", env=("ENABLE_ALERTING",))
    aggregation_window: float = setting(
        300.0, "Alerts within this time are sent as one notification.", unit="s", above=0
    )
    selector: str = setting(
        "job",
        "How Prometheus' series of this service are selected: by `job` or `service_name`, whose value is the service's name,"
        ' or by a label and its value, such as `job="shop-web"`.',
    )
    alertmanagers: tuple[Address, ...] = setting(
        (), "URLs of the Alertmanagers that alerts from the program are sent to."
    )
    severities: tuple[str, ...] = setting((), "Words of your own for severities, besides the four: `[page, ticket]`.")
    rules: tuple[AlertRule, ...] = setting((), "The rules.")
