"""
The rules that come with the package: alerts that every observed program needs.

Data only. Each rule has a runbook with the name of its alert in ``docs/runbooks``. A rule of the same name in a configuration
replaces it, and with ``enabled: false`` removes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from csg_otel import attribute_values, names
from csg_otel.alerts.text import camel

if TYPE_CHECKING:
    from csg_otel.alerts.escalations import Severity

RUNBOOKS: Final = "docs/runbooks"
"""Folder of the runbooks in this project; alerts should name the URL at which they are published."""


@dataclass(frozen=True, slots=True)
class ShippedRule:
    """A rule that comes with the package; its fields are those of a rule in the configuration."""

    name: str
    metric: str
    threshold: float
    message: str
    condition: str = "greater_than"
    severity: Severity = "warning"
    for_: float = 0.0
    window: float = 300.0
    quantile: float = 0.95
    filters: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook_url: str | None = None
    no_data: str = "ignore"
    enabled: bool = True
    aggregate: str | None = None
    by: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    age: bool = False
    changes: bool = False
    resets: bool = False
    delta: bool = False
    derivative: bool = False
    predict: float | None = None
    offset: float | None = None
    ratio: Any = None
    parts: Mapping[str, Any] = field(default_factory=dict)
    percent: bool = False
    outside: tuple[float, ...] = ()
    between: tuple[float, ...] = ()
    levels: Mapping[str, float] = field(default_factory=dict)
    description: str = ""
    keep_firing_for: float = 0.0
    and_: tuple[Any, ...] = ()
    unless: tuple[Any, ...] = ()
    active: Any = None
    dashboard_url: str | None = None
    promql: str = ""
    datadog_query: str = ""
    grafana: str = ""


SHIPPED: Final = (
    ShippedRule(
        "instance_down",
        names.UP,
        1,
        "{labels.job} at {labels.instance} can't be scraped: it has died, hangs, or can't be reached",
        condition="less_than",
        severity="critical",
        for_=45,  # with scrapes and evaluations each 15 s and a wait of 30 s for the group, people know within two minutes
        no_data="alert",
    ),
    ShippedRule(
        "health_check_critical",
        names.HEALTH_CHECK_STATUS.name,
        0.5,
        "Health check {labels.csg.health.check.name} is critical",
        filters={names.HEALTH_STATE: "critical", names.CHECK_CRITICAL: "true"},
        severity="critical",
        for_=60,
    ),
    ShippedRule(
        "optional_health_check_critical",
        names.HEALTH_CHECK_STATUS.name,
        0.5,
        "Health check {labels.csg.health.check.name} is critical; the program works without the system that it tests",
        filters={names.HEALTH_STATE: "critical", names.CHECK_CRITICAL: "false"},
        for_=300,
    ),
    ShippedRule(
        "health_check_stale",
        names.HEALTH_CHECK_STATUS.name,
        0.5,
        "Health check {labels.csg.health.check.name} is unknown: no run has ended in time",
        filters={names.HEALTH_STATE: "unknown"},
        for_=300,
    ),
    ShippedRule(
        "health_check_flapping",
        f"increase({names.HEALTH_CHECK_TRANSITIONS.name})",
        6,
        "Health check {labels.csg.health.check.name} has changed its state {value} times within an hour",
        window=3600,
    ),
    ShippedRule(
        "exporter_dropping",
        f"increase({names.EXPORTER_ITEMS.name})",
        0,
        "Telemetry is lost on its way to {labels.csg.destination} ({labels.csg.reason})",
        filters={names.RESULT: attribute_values.DROPPED},
        window=600,
    ),
    ShippedRule("host_cpu_high", "system_cpu_usage_percent", 90, "The host's CPUs are {value} % busy", for_=600),
    ShippedRule("host_memory_high", "system_memory_usage_percent", 90, "The host's memory is {value} % used", for_=600),
    ShippedRule(
        "host_disk_full",
        "system_disk_usage_percent",
        90,
        "{labels.mount} is {value} % full",
        severity="critical",
        for_=600,
    ),
    ShippedRule(
        "error_ratio_high", "error_rate_percent", 5, "{value} % of the operations fail", severity="critical", for_=60
    ),
    ShippedRule(
        "operation_slow",
        f"p95({names.OPERATION_DURATION.name})",
        5,
        "One in twenty runs of {labels.csg.operation.name} takes longer than about {value:duration}",
        for_=600,
    ),
)
"""All rules except the watchdog, which compares no metric."""

WATCHDOG: Final = "Watchdog"
"""Name of the alert that always fires."""


def shipped(runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """Return the rules and the watchdog as arguments of ``spec.load``, each with its runbook below *runbooks*."""
    base = runbooks.rstrip("/")
    rules = tuple(replace(rule, runbook_url=f"{base}/{camel(rule.name)}.md") for rule in SHIPPED)
    return {"shipped": rules, "watchdog": f"{base}/{WATCHDOG}.md"}
