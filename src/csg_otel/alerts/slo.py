"""
Objectives as burn-rate alerts: the compared windows, the limits as multiples of the allowed pace, and the alerts.

Pure, and the same for every backend. Windows and shares of the budget are those of the Site Reliability Workbook (chapter
"Alerting on SLOs"): page when 2 % of the budget burn in 1 hour or 5 % in 6 hours; open a ticket when 10 % burn in 1 day or in
3 days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from csg_otel.alerts.expr import quoted
from csg_otel.alerts.text import duration, number

if TYPE_CHECKING:
    from csg_otel.alerts.model import Objective

_HOUR_S: Final = 3600.0

SHORTEST_S: Final = 300.0
"""The shortest window in seconds."""

BURNS: Final = (
    ("critical", ((0.02, 1 * _HOUR_S, SHORTEST_S), (0.05, 6 * _HOUR_S, 1800.0))),
    ("warning", ((0.10, 24 * _HOUR_S, 2 * _HOUR_S), (0.10, 72 * _HOUR_S, 6 * _HOUR_S))),
)
"""By severity: share of the budget, long window in which it burns, short window that ends the alert soon (both in seconds)."""


@dataclass(frozen=True, slots=True)
class BurnAlert:
    """An alert on the pace at which an error budget burns. Texts are as the user wrote them, not escaped for a backend."""

    name: str
    severity: str
    expr: str
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]


def factor(objective: Objective, share: float, window_s: float) -> float:
    """Return how many times faster than allowed the budget burns if *share* of it (0 to 1) burns within *window_s* seconds."""
    return round(share * objective.window_s / window_s, 6)


def windows_s(objective: Objective) -> tuple[float, ...]:
    """Return the windows of the error ratio in seconds: the windows of the alerts, then that of the objective."""
    return (*sorted({window for _, burns in BURNS for _, *pair in burns for window in pair}), objective.window_s)


def series(window_s: float) -> str:
    """Return the name of the recorded error ratio over *window_s* seconds."""
    return f"slo:sli_error:ratio_rate{duration(window_s)}"


def events_series(window_s: float) -> str:
    """Return the name of the recorded number of events in *window_s* seconds."""
    return f"slo:sli_total:increase{duration(window_s)}"


def budget(objective: Objective) -> float:
    """Return the share of events, 0 to 1, that may be bad."""
    return round(1 - objective.objective, 9)


def long_windows_s() -> tuple[float, ...]:
    """Return the long windows of the alerts in seconds."""
    return tuple(sorted({long_s for _, burns in BURNS for _, long_s, _ in burns}))


def burn_alerts(objective: Objective) -> tuple[BurnAlert, ...]:
    """Return two alerts of *objective*: one that pages and one that opens a ticket."""
    return tuple(
        BurnAlert(
            name=f"{objective.alert}ErrorBudgetBurn",
            severity=severity,
            expr=" or ".join(_burning(objective, *burn) for burn in burns),
            labels=(*objective.labels, ("severity", severity), ("slo", objective.name)),
            annotations=_annotations(objective, severity),
        )
        for severity, burns in BURNS
    )


def _burning(objective: Objective, share: float, long_s: float, short_s: float) -> str:
    """
    Return the condition that the error ratios of both windows exceed the limit, and that enough events happened.

    Args:
        objective: the objective, whose error ratios are recorded.
        share: share of the budget, 0 to 1, that burns within the long window at the limit.
        long_s: the long window in seconds: enough of the budget has burnt for an alert.
        short_s: the short window in seconds: the budget still burns.
    """
    limit = f"({number(factor(objective, share, long_s))} * {number(budget(objective))})"
    matcher = "{" + ",".join(f"{label}={quoted(value)}" for label, value in objective.series_labels) + "}"
    burning = [f"{series(window)}{matcher} > {limit}" for window in (short_s, long_s)]
    traffic = [f"{events_series(long_s)}{matcher} >= {objective.min_events}"] if objective.min_events else []
    return "(" + " and ".join((*burning, *traffic)) + ")"


def _annotations(objective: Objective, severity: str) -> tuple[tuple[str, str], ...]:
    pace = "fast" if severity == "critical" else "too fast to last"
    annotations = {
        "summary": f"{objective.name}: the error budget burns {pace}",
        "description": objective.description,
        "runbook_url": objective.runbook_url,
    }
    return tuple((key, value) for key, value in annotations.items() if value)
