"""
Objectives for Prometheus: recording rules of the error ratios per window, and the burn-rate alerts over them.

Pure. Windows, limits and expressions of the alerts are those of ``alerts.slo``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from csg_otel.alerts import slo
from csg_otel.alerts.conditions import event_rate, ratio
from csg_otel.alerts.expr import Binary, Expr, Matcher, Over, Select
from csg_otel.alerts.text import inert

if TYPE_CHECKING:
    from csg_otel.alerts.spec import Objective


def recording_rules(objective: Objective) -> list[dict[str, Any]]:
    """Return the recording rules of the error ratios, one per window."""
    return [
        {
            "record": slo.series(window_s),
            "expr": str(_error_ratio(objective, window_s)),
            "labels": {"slo": objective.name},
        }
        for window_s in slo.windows_s(objective)
    ]


def alerts(objective: Objective, text: Callable[[str], str] = inert) -> list[dict[str, Any]]:
    """Return the burn-rate alerts of *objective*; *text* escapes a user's text, by default for Prometheus' templates."""
    return [
        {
            "alert": alert.name,
            "expr": alert.expr,
            "labels": {key: text(value) for key, value in alert.labels},
            "annotations": {key: text(value) for key, value in alert.annotations},
        }
        for alert in slo.burn_alerts(objective)
    ]


def _error_ratio(objective: Objective, window_s: float) -> Expr:
    if window_s == objective.window_s:  # a rate over a month would read every sample of that month
        shortest = Select((slo.series(slo.SHORTEST_S),), (Matcher("slo", "=", objective.name),))
        return Over("avg_over_time", shortest, window_s)
    counted = ratio(event_rate(objective.counted, window_s), event_rate(objective.total, window_s))
    return Binary(1, "-", counted) if objective.inverted else counted
