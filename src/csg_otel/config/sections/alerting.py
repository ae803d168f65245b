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
class AlertRule(Printed):
    """One rule: a metric, a condition and a message."""

    name: str = setting(doc="Its name; unique.")
    metric: str = setting(doc="The metric, by its instrument's name or by an alias such as `system_cpu_usage_percent`.")
    condition: Condition = setting(
        doc="The comparison; also written `> < >= <= == !=`.", noun="condition", aliases=OPERATORS
    )
    threshold: float = setting(doc="The limit the value is compared with, in the metric's unit.")
    severity: Severity = setting("warning", "The severity of the alert.", noun="severity")
    message: str = setting("", "The text of the alert; `{value}`, `{threshold}` and `{labels.x}` are replaced.")
    for_: float = setting(0.0, "Time the condition must hold before the alert fires.", unit="s", low=0, key="for")
    window: float = setting(
        300.0, "Window for the rate of a counter and the quantile of a histogram.", unit="s", above=0
    )
    quantile: float = setting(0.95, "The quantile of a histogram that is compared.", low=0, high=1)
    filters: Mapping[str, str | None] = setting(  # None: no value, which must not widen the rule in silence
        dict, "Use only series with these labels.", several="write one value, and a rule for each value"
    )
    labels: Mapping[str, str] = setting(dict, "Labels to put on the alert.")
    runbook_url: str | None = setting(None, "URL of a page with instructions for this alert.")
    no_data: Literal["auto", "alert", "ignore"] = setting(
        "auto",
        "Fire when data is missing; `auto` does so for conditions that missing data would hide (less than).",
        noun="no_data",
    )
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
