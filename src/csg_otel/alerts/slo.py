"""
Objectives as burn-rate alerts for Prometheus: error ratios per window, and alerts on how fast the budget burns.

Pure. The windows and shares of the budget are those of the Site Reliability Workbook (chapter "Alerting on SLOs", also
sloth's): page when 2 % of the budget goes in an hour or 5 % in six, file a ticket when 10 % go in a day or in three.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts.expr import Binary, Expr, Matcher, Over, Select, quoted
from csg_otel.alerts.prometheus import promql
from csg_otel.alerts.text import duration, inert, number

if TYPE_CHECKING:
    from csg_otel.alerts.spec import Objective

_HOUR: Final = 3600.0
_SHORTEST_S: Final = 300.0

BURNS: Final = (
    ("critical", ((0.02, 1 * _HOUR, _SHORTEST_S), (0.05, 6 * _HOUR, 1800.0))),
    ("warning", ((0.10, 24 * _HOUR, 2 * _HOUR), (0.10, 72 * _HOUR, 6 * _HOUR))),
)
"""By severity: share of the budget, the window it may go in, and the short window that ends the alert soon after (seconds)."""


def factor(objective: Objective, share: float, window_s: float) -> float:
    """Return how many times faster than allowed the budget burns when *share* of it goes in *window_s* seconds."""
    return round(share * objective.window_s / window_s, 6)


def recorded(objective: Objective) -> list[dict[str, Any]]:
    """Return the recording rules of the error ratios, one a window."""
    windows = sorted({window for _, burns in BURNS for _, *pair in burns for window in pair})
    return [
        {
            "record": _ratio_name(window),
            "expr": str(_ratio(objective, window)),
            "labels": {"slo": objective.name},
        }
        for window in (*windows, objective.window_s)
    ]


def alerts(objective: Objective, text: Callable[[str], str] = inert) -> list[dict[str, Any]]:
    """Return the alerts on how fast the budget burns: one that pages, one that files a ticket; *text* writes literals."""
    return [
        {
            "alert": f"{objective.alert}ErrorBudgetBurn",
            "expr": " or ".join(_burning(objective, *burn) for burn in burns),
            "labels": {
                **{key: text(value) for key, value in objective.labels},
                "severity": severity,
                "slo": text(objective.name),
            },
            "annotations": _annotations(objective, severity, text),
        }
        for severity, burns in BURNS
    ]


def _annotations(objective: Objective, severity: str, text: Callable[[str], str]) -> dict[str, str]:
    pace = "fast" if severity == "critical" else "too fast to last"
    more = {"description": objective.description, "runbook_url": objective.runbook_url}
    told = {"summary": f"{objective.name}: the error budget burns {pace}", **more}
    return {key: text(value) for key, value in told.items() if value}


def _ratio_name(window_s: float) -> str:
    return f"slo:sli_error:ratio_rate{duration(window_s)}"


def _burning(objective: Objective, share: float, long_s: float, short_s: float) -> str:
    limit = f"({number(factor(objective, share, long_s))} * {number(round(1 - objective.objective, 9))})"
    matcher = f"{{slo={quoted(objective.name)}}}"
    return "(" + " and ".join(f"{_ratio_name(window)}{matcher} > {limit}" for window in (short_s, long_s)) + ")"


def _ratio(objective: Objective, window_s: float) -> Expr:
    if window_s == objective.window_s:  # a rate over a month would read every sample of it
        return Over(
            "avg_over_time", Select((_ratio_name(_SHORTEST_S),), (Matcher("slo", "=", objective.name),)), window_s
        )
    ratio = promql.ratio(promql.events(objective.counted, window_s), promql.events(objective.total, window_s))
    return Binary(1, "-", ratio) if objective.inverted else ratio
