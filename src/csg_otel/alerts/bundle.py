"""
The rules that come with the package: what every program watched by it should be told of.

Only words; each has a page of its alert's name in ``docs/runbooks``. A rule of the same name in a configuration
takes its place, and one with ``enabled: false`` leaves it out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from csg_otel import names
from csg_otel.alerts.spec import Written
from csg_otel.alerts.text import camel

RUNBOOKS: Final = "docs/runbooks"
"""Where this project keeps the pages; a URL of where they are published is better."""

SHIPPED: Final = (
    Written(
        "health_check_critical",
        names.HEALTH_CHECK_STATUS.name,
        0.5,
        "Health check {labels.csg.health.check.name} is critical",
        filters={names.HEALTH_STATE: "critical", names.CHECK_CRITICAL: "true"},
        severity="critical",
        for_=60,
    ),
    Written(
        "optional_health_check_critical",
        names.HEALTH_CHECK_STATUS.name,
        0.5,
        "Health check {labels.csg.health.check.name} is critical; the program works without what it checks",
        filters={names.HEALTH_STATE: "critical", names.CHECK_CRITICAL: "false"},
        for_=300,
    ),
    Written(
        "health_check_stale",
        names.HEALTH_CHECK_STATUS.name,
        0.5,
        "Health check {labels.csg.health.check.name} can't tell how it is: no run has ended in time",
        filters={names.HEALTH_STATE: "unknown"},
        for_=300,
    ),
    Written(
        "health_check_flapping",
        f"increase({names.HEALTH_CHECK_TRANSITIONS.name})",
        6,
        "Health check {labels.csg.health.check.name} has changed its state {value} times within an hour",
        window=3600,
    ),
    Written(
        "exporter_dropping",
        f"increase({names.EXPORTER_ITEMS.name})",
        0,
        "Telemetry is lost on its way to {labels.csg.destination} ({labels.csg.reason})",
        filters={names.RESULT: "dropped"},
        window=600,
    ),
    Written("host_cpu_high", "system_cpu_usage_percent", 90, "The host's CPUs are {value} % busy", for_=600),
    Written("host_memory_high", "system_memory_usage_percent", 90, "The host's memory is {value} % used", for_=600),
    Written(
        "host_disk_full",
        "system_disk_usage_percent",
        90,
        "{labels.mount} is {value} % full",
        severity="critical",
        for_=600,
    ),
    Written(
        "error_ratio_high", "error_rate_percent", 5, "{value} % of the operations fail", severity="critical", for_=300
    ),
    Written(
        "operation_slow",
        f"p95({names.OPERATION_DURATION.name})",
        5,
        "One in twenty runs of {labels.csg.operation.name} takes longer than {value} s",
        for_=600,
    ),
)
"""All but the watchdog, which looks at nothing."""

WATCHDOG: Final = "Watchdog"


def shipped(runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """Return the rules and the watchdog as ``spec.load`` takes them, each with its page below *runbooks*."""
    base = runbooks.rstrip("/")
    rules = tuple(replace(rule, runbook_url=f"{base}/{camel(rule.name)}.md") for rule in SHIPPED)
    return {"shipped": rules, "watchdog": f"{base}/{WATCHDOG}.md"}
