"""The section `alerting`: alert rules, which Prometheus, Grafana or Datadog evaluate."""

# ruff: noqa: RUF009 - setting() makes a dataclass field, not a shared value

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from csg_otel.config.sections.fields import setting

Condition = Literal["greater_than", "less_than", "greater_than_or_equal", "less_than_or_equal", "equals", "not_equals"]
Severity = Literal["info", "warning", "critical", "emergency"]

OPERATORS: Mapping[str, str] = {
    ">": "greater_than",
    "<": "less_than",
    ">=": "greater_than_or_equal",
    "<=": "less_than_or_equal",
    "==": "equals",
    "!=": "not_equals",
}


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """One rule: a metric, a condition and what to say."""

    name: str = setting(doc="Its name; unique.")
    metric: str = setting(doc="The metric it looks at, by its instrument's name or the seed's.")
    condition: Condition = setting(
        doc="How the value is compared; also `> < >= <= == !=`.", noun="condition", aliases=OPERATORS
    )
    threshold: float = setting(doc="What the value is compared with, in the metric's unit.")
    severity: Severity = setting("warning", "How bad it is.", noun="severity")
    message: str = setting("", "What to tell people; `{value}`, `{threshold}` and `{labels.x}` are filled in.")
    for_: float = setting(0.0, "How long the condition must hold before it fires.", unit="s", low=0, key="for")
    window: float = setting(
        300.0, "Window over which counters become rates and histograms quantiles.", unit="s", above=0
    )
    quantile: float = setting(0.95, "Which quantile of a histogram is compared.", low=0, high=1)
    filters: Mapping[str, str] = setting(dict, "Only series with these labels.")
    labels: Mapping[str, str] = setting(dict, "Labels to put on the alert.")
    runbook_url: str | None = setting(None, "Where it says what to do.")
    no_data: Literal["auto", "alert", "ignore"] = setting(
        "auto",
        "Whether missing data fires too; `auto` does for conditions that missing data would hide (less than).",
        noun="no_data",
    )
    enabled: bool = setting(True, "Compile this rule.")
    location: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Alerting:
    """Rules that are compiled downstream."""

    enabled: bool = setting(True, "Compile rules and send custom alerts.", env=("ENABLE_ALERTING",))
    aggregation_window: float = setting(300.0, "Alerts within it become one notification.", unit="s", above=0)
    alertmanagers: tuple[str, ...] = setting((), "URLs of the Alertmanagers that custom alerts are sent to.")
    rules: tuple[AlertRule, ...] = setting((), "The rules.")
