"""
Unit tests of objectives for promtool: both alerts fire above the highest limit, none within the budget or with too few events.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from csg_otel.alerts import conditions, slo
from csg_otel.alerts.expr import quoted
from csg_otel.alerts.prometheus import slo as slo_rules
from csg_otel.alerts.prometheus.label_values import SCRAPED
from csg_otel.alerts.text import number

if TYPE_CHECKING:
    from csg_otel.alerts.expr import Select
    from csg_otel.alerts.model import Objective


_ENOUGH_MINUTES, _TOO_FEW_MINUTES = 50.0, 100.0
"""The minutes in which the least number of events happens. A test lasts 70, of which the shortest long window has 60."""


def tests(objective: Objective) -> list[dict[str, Any]]:
    """Return the tests: above the highest limit both alerts fire; within the budget, or with too few events, none does."""
    if objective.counted.promql or objective.total.promql:
        return []
    share, long_s, _ = slo.BURNS[0][1][0]
    budget = 1 - objective.objective
    limit = slo.factor(objective, share, long_s) * budget
    per_minute = max(1000.0, objective.min_events / _ENOUGH_MINUTES)
    tests = [
        _burn(objective, ratio, per_minute, fires=ratio > limit) for ratio in (1.1 * limit, 0.5 * budget) if ratio < 1
    ]
    if objective.min_events and 1.1 * limit < 1:
        tests.append(_burn(objective, 1.1 * limit, objective.min_events / _TOO_FEW_MINUTES, fires=False))
    return tests


def _burn(objective: Objective, ratio: float, per_minute: float, *, fires: bool) -> dict[str, Any]:
    """
    Return the test of one error ratio.

    Args:
        objective: the objective.
        ratio: the share of bad events, 0 to 1.
        per_minute: all events in a minute.
        fires: whether both alerts are expected; else none.
    """
    good = 1 - ratio if objective.inverted else ratio
    select = (
        conditions.count_series(objective.counted.ref, objective.counted.filters) if objective.counted.ref else None
    )
    assert select is not None  # noqa: S101 - `tests` returns early for PromQL
    counted = {matcher.label: matcher.value for matcher in select.matchers}
    own = {matcher.label: matcher.value for matcher in objective.counted.ref.matchers} if objective.counted.ref else {}
    rest = {label: value if label in own else f"not {value}" for label, value in counted.items()}
    series = [
        {"series": _named(select, counted), "values": f"0+{number(round(per_minute * good, 6))}x200"},
        {"series": _named(select, rest), "values": f"0+{number(round(per_minute * (1 - good), 6))}x200"},
    ]
    alerts = slo_rules.alerts(objective, str)
    expected = [
        {"exp_labels": {"job": {**SCRAPED, **own}["job"], **alert["labels"]}, "exp_annotations": alert["annotations"]}
        for alert in alerts
        if fires
    ]
    name = alerts[0]["alert"]
    return {
        "name": f"{name} {'fires' if fires else 'is silent'} at a ratio of {number(round(ratio, 9))}"
        f" of {number(round(per_minute, 6))} events a minute",
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [{"alertname": name, "eval_time": "70m", "exp_alerts": expected}],
    }


def _named(select: Select, labels: dict[str, str]) -> str:
    written = ",".join(f"{name}={quoted(value)}" for name, value in {**SCRAPED, **labels}.items())
    return f"{select.names[0]}{{{written}}}"
