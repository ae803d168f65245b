"""
Unit tests for Prometheus' own test runner: each rule fires just above its threshold and not at it, and its twin without data.

Pure. The series are made up from what the rule looks at, so that the value compared is exactly what the test says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import conditions, slo
from csg_otel.alerts.expr import quoted
from csg_otel.alerts.prometheus import rules
from csg_otel.alerts.prometheus import slo as slo_rules
from csg_otel.alerts.text import duration, number, yaml_file

if TYPE_CHECKING:
    from csg_otel.alerts.expr import Select
    from csg_otel.alerts.message import Place
    from csg_otel.alerts.spec import AlertSpec, Objective, Rule

FILE: Final = "prometheus-rules.test.yaml"
"""Name of the file that is made."""

_STEP: Final = 1.37e-3
"""
How far from the threshold a value is that is not at it, as a share of it.

So that no value ends half-way between two that a message shows, where the last bit of a rate would decide.
"""

_SAID: Final = {"job": "test", "instance": "one"}


def compile_tests(spec: AlertSpec, rules_file: str = rules.FILE) -> str:
    """Return the test file for the rules of *spec*, which are in *rules_file* beside it."""
    tests = [test for rule in spec.rules for test in _of_rule(rule)]
    tests += [test for objective in spec.objectives for test in _of_objective(objective)]
    return yaml_file({"rule_files": [rules_file], "evaluation_interval": "1m", "tests": tests})


# -- rules --------------------------------------------------------------------------------------------------------------


def _of_rule(rule: Rule) -> list[dict[str, Any]]:
    fires, silent = _values(rule)
    tests = []
    if fires is not None:
        tests.append(_test(rule, "fires", fires, _expected(rule, fires)))
    if silent is not None:
        tests.append(_test(rule, "is silent", silent, []))
    return [*tests, _without_data(rule)] if rule.no_data else tests


def _without_data(rule: Rule) -> dict[str, Any]:
    step = _interval_s(rule)
    labels = {matcher.label: matcher.value for matcher in conditions.count_series(rule.ref, rule.filters).matchers}
    twin = rules.alerts(rule, _plainly)[1]
    shown = {"exp_labels": {**labels, **twin["labels"]}, "exp_annotations": twin["annotations"]}
    end = duration(rule.window_s + rule.for_s + 5 * step)
    return {
        "name": f"{twin['alert']} fires",
        "interval": duration(step),
        "input_series": [],
        "alert_rule_test": [{"alertname": twin["alert"], "eval_time": end, "exp_alerts": [shown]}],
    }


def _values(rule: Rule) -> tuple[float | None, float | None]:
    """Return a value for which *rule* fires and one for which it is silent; None where no series can have it."""
    threshold = rule.threshold
    growing = rule.function in ("rate", "increase", "quantile")
    # What counts may be far below one a second, and never below nought.
    off = (abs(threshold) if growing and threshold else max(abs(threshold), 1.0)) * _STEP
    # A rate or a quantile is computed, and may miss the threshold itself by its last bit.
    at = threshold if rule.function in ("value", "avg", "min", "max") else threshold - off
    fires, silent = {
        "greater_than": (threshold + off, at),
        "greater_than_or_equal": (threshold + off, threshold - off),
        "less_than": (threshold - off, threshold + (threshold - at)),
        "less_than_or_equal": (threshold - off, threshold + off),
        "equals": (threshold, threshold + off),
        "not_equals": (threshold + off, threshold),
    }[rule.condition]
    if not growing:
        return fires, silent
    if silent < 0 and threshold == 0 and rule.condition == "greater_than":
        silent = 0.0
    return (None if fires < 0 else fires), (None if silent < 0 else silent)


def _test(rule: Rule, says: str, value: float, expected: list[dict[str, Any]]) -> dict[str, Any]:
    step = _interval_s(rule)
    ready = rule.window_s + 2 * step if rule.function != "value" else step
    end = ready + rule.for_s + 3 * step
    asked = [{"alertname": rule.alert, "eval_time": duration(end), "exp_alerts": expected}]
    if expected and rule.for_s > 2 * step:
        asked.insert(0, {"alertname": rule.alert, "eval_time": duration(rule.for_s / 2), "exp_alerts": []})
    return {
        "name": f"{rule.alert} {says} at {number(value)}",
        "interval": duration(step),
        "input_series": _series(rule, value, step, int(end / step) + 2),
        "alert_rule_test": asked,
    }


def _interval_s(rule: Rule) -> float:
    """Return how often the made-up program is scraped: often enough for the window, at most once a minute."""
    return max(1.0, min(60.0, float(int(rule.window_s / 5))))


def _series(rule: Rule, value: float, step_s: float, count: int) -> list[dict[str, str]]:
    if rule.function == "quantile":
        # All measurements are in one bucket from nought, in which a quantile lies where its share says.
        bound = number(float(f"{value / rule.quantile:.12g}"))
        select = conditions.select(rule.ref, rule.filters, "_bucket")
        return [_one(rule, select, f"0+10x{count}", le=le) for le in (bound, "+Inf")]
    if rule.function in ("rate", "increase"):
        a_second = value if rule.function == "rate" else value / rule.window_s
        return [_one(rule, conditions.count_series(rule.ref, rule.filters), f"0+{number(a_second * step_s)}x{count}")]
    return [_one(rule, conditions.select(rule.ref, rule.filters), f"{number(value)}+0x{count}")]


def _one(rule: Rule, select: Select, values: str, **more: str) -> dict[str, str]:
    labels = {**_made_up(rule), **more}
    shown = ",".join(f"{name}={quoted(value)}" for name, value in labels.items())
    return {"series": f"{select.names[0]}{{{shown}}}", "values": values}


def _made_up(rule: Rule) -> dict[str, str]:
    """Return the labels of the made-up series."""
    filtered = {label: value for _, label, value in rule.filters}
    return {label: filtered.get(label, _SAID.get(label, "some")) for label in conditions.identity(rule)}


def _expected(rule: Rule, value: float) -> list[dict[str, Any]]:
    labels = _made_up(rule)

    def filled_in(_rule: Rule, place: Place) -> str:
        if place.kind == "threshold":
            return number(rule.threshold)
        if place.kind == "label":
            return labels.get(rules.label(rule, place), "")
        return f"{value:.4g}" if place.kind == "value" else f"{100 * value:.4g}%"

    alert = rules.alerts(rule, _plainly, filled_in)[0]
    return [{"exp_labels": {**labels, **alert["labels"]}, "exp_annotations": alert["annotations"]}]


def _plainly(text: str) -> str:
    return text


# -- objectives ---------------------------------------------------------------------------------------------------------


def _of_objective(objective: Objective) -> list[dict[str, Any]]:
    """Return tests of burning: above the fastest limit every alert fires, within the budget none does."""
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
    assert select is not None  # noqa: S101 - PromQL of one's own was sorted out before
    marked = {m.label: m.value for m in select.matchers}
    rest = {label: f"not {value}" for label, value in marked.items()}
    series = [
        {"series": _named(select, marked), "values": f"0+{number(round(1000 * good, 6))}x200"},
        {"series": _named(select, rest), "values": f"0+{number(round(1000 * (1 - good), 6))}x200"},
    ]
    alerts = slo_rules.alerts(objective, _plainly)
    told = [
        {"exp_labels": {"job": _SAID["job"], **one["labels"]}, "exp_annotations": one["annotations"]}
        for one in alerts
        if fires
    ]
    name = alerts[0]["alert"]
    return {
        "name": f"{name} {'fires' if fires else 'is silent'} at a ratio of {number(round(ratio, 9))}",
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [{"alertname": name, "eval_time": "70m", "exp_alerts": told}],
    }


def _named(select: Select, labels: dict[str, str]) -> str:
    shown = ",".join(f"{name}={quoted(value)}" for name, value in {**_SAID, **labels}.items())
    return f"{select.names[0]}{{{shown}}}"
