"""One test of one rule, as ``promtool test rules`` reads it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import conditions, wording
from csg_otel.alerts.expr import quoted
from csg_otel.alerts.message import formatted
from csg_otel.alerts.model import GROWING, Operand
from csg_otel.alerts.prometheus import rules
from csg_otel.alerts.text import duration

if TYPE_CHECKING:
    from csg_otel.alerts.message import Place
    from csg_otel.alerts.model import Comparison, Rule

_EVALUATION_S: Final = 60.0
"""Seconds between two evaluations of most tests."""

_ABOVE: Final = ("greater_than", "greater_than_or_equal")

Sampled = tuple[str, Mapping[str, str], str]
"""An input series: its name, its labels, and its samples in promtool's notation."""


def case(
    rule: Rule, verb: str, samples: tuple[float, float], series: Iterable[Sampled], firing: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """
    Return a test of *rule*.

    Args:
        rule: the rule.
        verb: the end of the test's name, such as "is silent".
        samples: seconds between two samples, and the time of the last evaluation in seconds.
        series: the input series.
        firing: the alerts that fire then, see :func:`expected`.
    """
    step_s, end_s = samples
    checks = [{"alertname": rule.alert, "eval_time": duration(end_s), "exp_alerts": list(firing)}]
    if checks[0]["exp_alerts"] and rule.for_s > 0:
        checks.insert(0, {"alertname": rule.alert, "eval_time": duration(_early_s(rule)), "exp_alerts": []})
    return {
        "name": f"{rule.alert} {verb}",
        "interval": duration(step_s),
        "input_series": [{"series": f"{name}{{{_labels(labels)}}}", "values": text} for name, labels, text in series],
        "alert_rule_test": checks,
    }


def _early_s(rule: Rule) -> float:
    """Return a time in seconds at which the condition has held, but not yet for as long as it must."""
    grows = [one for one in (rule.compared, *rule.also) if one.condition in _ABOVE and _is_rate(one)]
    if grows or any(one.is_nothing for one in rule.unless):
        return rule.for_s  # a rate begins with the second sample
    return max(rule.for_s / 2, rule.for_s - _EVALUATION_S)


def _is_rate(comparison: Comparison) -> bool:
    return isinstance(comparison.value, Operand) and comparison.value.function in GROWING


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={quoted(value)}" for name, value in labels.items())


def expected(rule: Rule, labels: Mapping[str, str], value: float) -> dict[str, Any]:
    """Return the alert that *rule* raises for a series with *labels* and *value*."""

    def filled_in(_rule: Rule, place: Place) -> str:
        if place.kind == "threshold":
            return wording.filled_threshold(rule, place)
        if place.kind == "label":
            return labels.get(conditions.label(rule, place.name), "")
        return formatted(value, place.form, percent=rule.percent)

    alert = rules.alerts(rule, str, filled_in)[0]
    return {"exp_labels": {**labels, **alert["labels"]}, "exp_annotations": alert["annotations"]}
