"""
Unit tests for ``promtool test rules``: each rule fires just above its threshold and not at it, or without data.

Pure. The input series are computed from the rule's metric and filters, so that the compared value is exactly the intended one.
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
    from csg_otel.alerts.model import AlertSpec, Objective, Rule

FILE: Final = "prometheus-rules.test.yaml"
"""Name of the compiled file."""

_STEP: Final = 1.37e-3
"""
Distance of the tested values from the threshold, as a share of the threshold.

Messages round a value to four digits. A value halfway between two rounded numbers would be rounded up or down by the last bit
of a rate, and the test would fail by chance. This uneven number keeps values away from such points.
"""

_SCRAPED: Final = {"job": "test", "instance": "one"}


def compile_tests(spec: AlertSpec, rules_file: str = rules.FILE) -> str:
    """Return the test file for the rules of *spec*; *rules_file* is the rule file in the same folder."""
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
    alert = rules.alerts(rule, _unescaped)[1]
    expected = {"exp_labels": {**labels, **alert["labels"]}, "exp_annotations": alert["annotations"]}
    end = duration(rule.window_s + rule.for_s + 5 * step)
    return {
        "name": f"{alert['alert']} fires",
        "interval": duration(step),
        "input_series": [],
        "alert_rule_test": [{"alertname": alert["alert"], "eval_time": end, "exp_alerts": [expected]}],
    }


def _values(rule: Rule) -> tuple[float | None, float | None]:
    """Return a value at which *rule* fires and one at which it does not; None for a value that no series can have."""
    threshold = rule.threshold
    growing = rule.function in ("rate", "increase", "quantile")
    # The threshold of a rate may be far below 1 per second, and a rate is never below 0.
    distance = (abs(threshold) if growing and threshold else max(abs(threshold), 1.0)) * _STEP
    # A rate or a quantile is computed, so it may differ from the threshold in its last bit.
    at = threshold if rule.function in ("value", "avg", "min", "max") else threshold - distance
    fires, silent = {
        "greater_than": (threshold + distance, at),
        "greater_than_or_equal": (threshold + distance, threshold - distance),
        "less_than": (threshold - distance, threshold + (threshold - at)),
        "less_than_or_equal": (threshold - distance, threshold + distance),
        "equals": (threshold, threshold + distance),
        "not_equals": (threshold + distance, threshold),
    }[rule.condition]
    if not growing:
        return fires, silent
    if silent < 0 and threshold == 0 and rule.condition == "greater_than":
        silent = 0.0
    return (None if fires < 0 else fires), (None if silent < 0 else silent)


def _test(rule: Rule, verb: str, value: float, expected: list[dict[str, Any]]) -> dict[str, Any]:
    """
    Return the test of one value.

    Args:
        rule: the rule.
        verb: the end of the test's name: "fires" or "is silent".
        value: the compared value during the whole test.
        expected: the alerts that fire at the end.
    """
    step = _interval_s(rule)
    ready = rule.window_s + 2 * step if rule.function != "value" else step
    end = ready + rule.for_s + 3 * step
    checks = [{"alertname": rule.alert, "eval_time": duration(end), "exp_alerts": expected}]
    if expected and rule.for_s > 2 * step:
        checks.insert(0, {"alertname": rule.alert, "eval_time": duration(rule.for_s / 2), "exp_alerts": []})
    return {
        "name": f"{rule.alert} {verb} at {number(value)}",
        "interval": duration(step),
        "input_series": _series(rule, value, step, int(end / step) + 2),
        "alert_rule_test": checks,
    }


def _interval_s(rule: Rule) -> float:
    """Return the scrape interval of the test in seconds: a fifth of the window, at least 1 and at most 60."""
    return max(1.0, min(60.0, float(int(rule.window_s / 5))))


def _series(rule: Rule, value: float, step_s: float, count: int) -> list[dict[str, str]]:
    """
    Return input series that keep the compared value constant.

    Args:
        rule: the rule.
        value: the compared value.
        step_s: seconds between two samples.
        count: number of samples.
    """
    if rule.function == "quantile":
        # All measurements are in one bucket that begins at 0, so the quantile q is at the share q of the bucket's width.
        bound = number(float(f"{value / rule.quantile:.12g}"))
        select = conditions.select(rule.ref, rule.filters, "_bucket")
        return [_input(rule, select, f"0+10x{count}", le=le) for le in (bound, "+Inf")]
    if rule.function in ("rate", "increase"):
        per_second = value if rule.function == "rate" else value / rule.window_s
        return [
            _input(rule, conditions.count_series(rule.ref, rule.filters), f"0+{number(per_second * step_s)}x{count}")
        ]
    return [_input(rule, conditions.select(rule.ref, rule.filters), f"{number(value)}+0x{count}")]


def _input(rule: Rule, select: Select, values: str, **further: str) -> dict[str, str]:
    labels = {**_labels(rule), **{matcher.label: matcher.value for matcher in rule.ref.matchers}, **further}
    written = ",".join(f"{name}={quoted(value)}" for name, value in labels.items())
    return {"series": f"{select.names[0]}{{{written}}}", "values": values}


def _labels(rule: Rule) -> dict[str, str]:
    """Return the labels of the input series."""
    selected = {matcher.label: matcher.value for matcher in conditions.select(rule.ref, rule.filters).matchers}
    return {label: selected.get(label, _SCRAPED.get(label, "some")) for label in conditions.identity(rule)}


def _expected(rule: Rule, value: float) -> list[dict[str, Any]]:
    labels = _labels(rule)

    def filled_in(_rule: Rule, place: Place) -> str:
        if place.kind == "threshold":
            return number(rule.threshold)
        if place.kind == "label":
            return labels.get(rules.label(rule, place), "")
        return f"{value:.4g}" if place.kind == "value" else f"{100 * value:.4g}%"

    alert = rules.alerts(rule, _unescaped, filled_in)[0]
    return [{"exp_labels": {**labels, **alert["labels"]}, "exp_annotations": alert["annotations"]}]


def _unescaped(text: str) -> str:
    return text


# -- objectives ---------------------------------------------------------------------------------------------------------


def _of_objective(objective: Objective) -> list[dict[str, Any]]:
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
    assert select is not None  # noqa: S101 - `_of_objective` returns early for PromQL
    counted = {matcher.label: matcher.value for matcher in select.matchers}
    own = {matcher.label: matcher.value for matcher in objective.counted.ref.matchers} if objective.counted.ref else {}
    rest = {label: value if label in own else f"not {value}" for label, value in counted.items()}
    series = [
        {"series": _named(select, counted), "values": f"0+{number(round(1000 * good, 6))}x200"},
        {"series": _named(select, rest), "values": f"0+{number(round(1000 * (1 - good), 6))}x200"},
    ]
    alerts = slo_rules.alerts(objective, _unescaped)
    expected = [
        {"exp_labels": {"job": {**_SCRAPED, **own}["job"], **alert["labels"]}, "exp_annotations": alert["annotations"]}
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
    written = ",".join(f"{name}={quoted(value)}" for name, value in {**_SCRAPED, **labels}.items())
    return f"{select.names[0]}{{{written}}}"
