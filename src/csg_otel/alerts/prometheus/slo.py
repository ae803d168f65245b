"""
Objectives for Prometheus: recording rules of events, error ratios per window and the error budget, and the burn-rate alerts.

Pure. Windows, limits and expressions of the alerts are those of ``alerts.slo``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import slo
from csg_otel.alerts.conditions import event_rate, part_of
from csg_otel.alerts.expr import Binary, Expr, Matcher, Over, Select
from csg_otel.alerts.text import inert, number

if TYPE_CHECKING:
    from csg_otel.alerts.model import Objective


_DAY_S: Final = 86_400.0
_COUNTED: Final = "slo:sli_counted:per_second"
_TOTAL: Final = "slo:sli_total:per_second"
"""The recorded events: the good or the bad ones, and all."""


def recording_rules(objective: Objective) -> list[dict[str, Any]]:
    """Return the recording rules of the events, of the error ratios, one per window, and of the error budget."""
    counted, total = _events(objective, slo.SHORTEST_S)
    exprs: dict[str, Expr | str] = {
        _COUNTED: counted,
        _TOTAL: total,
        **{slo.series(window_s): _error_ratio(objective, window_s) for window_s in slo.windows_s(objective)},
        **_traffic(objective),
        **_budget(objective),
    }
    labels = dict(objective.series_labels)
    return [{"record": name, "expr": str(expr), "labels": labels} for name, expr in exprs.items()]


def _traffic(objective: Objective) -> dict[str, Expr]:
    """Return the numbers of events in the long windows, which the alerts read if there is a least number."""
    windows_s = slo.long_windows_s() if objective.min_events else ()
    return {
        slo.events_series(window_s): Binary(event_rate(objective.total, window_s), "*", window_s)
        for window_s in windows_s
    }


def _budget(objective: Objective) -> dict[str, Expr | str]:
    """Return the series of the error budget; their names are those of sloth, so its dashboards find them."""
    budget = slo.budget(objective)
    spent = Binary(_recorded(objective, slo.series(objective.window_s)), "/", budget)
    return {
        "slo:objective:ratio": f"vector({number(objective.objective)})",
        "slo:error_budget:ratio": f"vector({number(budget)})",
        "slo:time_period:days": f"vector({number(objective.window_s / _DAY_S)})",
        "slo:current_burn_rate:ratio": Binary(_recorded(objective, slo.series(slo.SHORTEST_S)), "/", budget),
        "slo:period_burn_rate:ratio": spent,
        "slo:period_error_budget_remaining:ratio": Binary(1, "-", spent),
    }


def _recorded(objective: Objective, name: str) -> Select:
    """Return the series *name* that is recorded for *objective*."""
    return Select((name,), tuple(Matcher(label, "=", value) for label, value in objective.series_labels))


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


def _events(objective: Objective, window_s: float) -> tuple[Expr, Expr]:
    """Return the expressions of the counted and of all events per second over *window_s* seconds."""
    total = event_rate(objective.total, window_s)
    return part_of(event_rate(objective.counted, window_s), total), total


def _error_ratio(objective: Objective, window_s: float) -> Expr:
    counted: Expr
    total: Expr
    if window_s == objective.window_s:
        # A rate over a month would read every sample of that month, and a mean of ratios would give every hour the same weight.
        counted, total = (Over("sum_over_time", _recorded(objective, name), window_s) for name in (_COUNTED, _TOTAL))
    else:
        counted, total = _events(objective, window_s)
    share = Binary(counted, "/", Binary(total, ">", 0))
    return Binary(1, "-", share) if objective.inverted else share
