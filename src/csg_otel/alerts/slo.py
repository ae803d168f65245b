"""
Objectives as burn-rate alerts for Prometheus: error ratios per window, and alerts on how fast the budget burns.

Pure. The windows and shares of the budget are those of the Site Reliability Workbook (chapter "Alerting on SLOs", also
sloth's): page when 2 % of the budget goes in an hour or 5 % in six, file a ticket when 10 % go in a day or in three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import promql
from csg_otel.alerts.text import duration, inert, number

if TYPE_CHECKING:
    from csg_otel.alerts.spec import Counted, Objective

_HOUR: Final = 3600.0

BURNS: Final = (
    ("critical", ((0.02, 1 * _HOUR, 300.0), (0.05, 6 * _HOUR, 1800.0))),
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
            "expr": _ratio(objective, window),
            "labels": {"slo": objective.name},
        }
        for window in (*windows, objective.window_s)
    ]


def alerts(objective: Objective) -> list[dict[str, Any]]:
    """Return the alerts on how fast the budget burns: one that pages, one that files a ticket."""
    return [
        {
            "alert": f"{objective.alert}ErrorBudgetBurn",
            "expr": " or ".join(_burning(objective, *burn) for burn in burns),
            "labels": {**dict(objective.labels), "severity": severity, "slo": objective.name},
            "annotations": _annotations(objective, severity),
        }
        for severity, burns in BURNS
    ]


def _annotations(objective: Objective, severity: str) -> dict[str, str]:
    pace = "fast" if severity == "critical" else "too fast to last"
    told = {"summary": f"{inert(objective.name)}: the error budget burns {pace}"}
    if objective.description:
        told["description"] = inert(objective.description)
    return {**told, **({"runbook_url": inert(objective.runbook_url)} if objective.runbook_url else {})}


def _ratio_name(window_s: float) -> str:
    return f"slo:sli_error:ratio_rate{duration(window_s)}"


def _burning(objective: Objective, share: float, long_s: float, short_s: float) -> str:
    limit = f"({number(factor(objective, share, long_s))} * {number(round(1 - objective.objective, 9))})"
    matcher = f"{{slo={promql.quoted(objective.name)}}}"
    return " and ".join(f"{_ratio_name(window)}{matcher} > {limit}" for window in (short_s, long_s)).join("()")


def _ratio(objective: Objective, window_s: float) -> str:
    counted, total = _rate(objective.counted, window_s), _rate(objective.total, window_s)
    ratio = f"({counted} or 0 * {total}) / ({total} > 0)"
    return f"1 - {ratio}" if objective.inverted else ratio


def _rate(counted: Counted, window_s: float) -> str:
    window = duration(window_s)
    if counted.ref is None:
        return "(" + counted.promql.replace("[window]", f"[{window}]") + ")"
    suffix = "_count" if counted.ref.kind == "histogram" else ""
    matchers = [f"{label}={promql.quoted(value)}" for _, label, value in counted.filters]
    return f"sum by (job) (rate({promql.selector(counted.ref.series, matchers, suffix=suffix)}[{window}]))"
