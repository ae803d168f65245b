"""Unit tests of objectives for promtool: both alerts fire above the highest limit, none within the budget. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from csg_otel.alerts import conditions, slo
from csg_otel.alerts.expr import quoted
from csg_otel.alerts.prometheus import slo as slo_rules
from csg_otel.alerts.prometheus.inputs import SCRAPED
from csg_otel.alerts.text import number

if TYPE_CHECKING:
    from csg_otel.alerts.expr import Select
    from csg_otel.alerts.model import Objective


def tests(objective: Objective) -> list[dict[str, Any]]:
    """Return two tests: above the highest limit both alerts fire, within the budget neither fires."""
    if objective.counted.promql or objective.total.promql:
        return []
    share, long_s, _ = slo.BURNS[0][1][0]
    budget = 1 - objective.objective
    limit = slo.factor(objective, share, long_s) * budget
    return [_burn(objective, ratio, fires=ratio > limit) for ratio in (1.1 * limit, 0.5 * budget) if ratio < 1]


def _burn(objective: Objective, ratio: float, *, fires: bool) -> dict[str, Any]:
    good = 1 - ratio if objective.inverted else ratio
    select = (
        conditions.count_series(objective.counted.ref, objective.counted.filters) if objective.counted.ref else None
    )
    assert select is not None  # noqa: S101 - `tests` returns early for PromQL
    counted = {matcher.label: matcher.value for matcher in select.matchers}
    own = {matcher.label: matcher.value for matcher in objective.counted.ref.matchers} if objective.counted.ref else {}
    rest = {label: value if label in own else f"not {value}" for label, value in counted.items()}
    series = [
        {"series": _named(select, counted), "values": f"0+{number(round(1000 * good, 6))}x200"},
        {"series": _named(select, rest), "values": f"0+{number(round(1000 * (1 - good), 6))}x200"},
    ]
    alerts = slo_rules.alerts(objective, str)
    expected = [
        {"exp_labels": {"job": {**SCRAPED, **own}["job"], **alert["labels"]}, "exp_annotations": alert["annotations"]}
        for alert in alerts
        if fires
    ]
    name = alerts[0]["alert"]
    return {
        "name": f"{name} {'fires' if fires else 'is silent'} at a ratio of {number(round(ratio, 9))}",
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [{"alertname": name, "eval_time": "70m", "exp_alerts": expected}],
    }


def _named(select: Select, labels: dict[str, str]) -> str:
    written = ",".join(f"{name}={quoted(value)}" for name, value in {**SCRAPED, **labels}.items())
    return f"{select.names[0]}{{{written}}}"
