"""
Unit tests about the beginning and the end of an alert: the first event of a program counts, and ``keep_firing_for`` lasts.

Pure. Both are for rules with one metric and one number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from csg_otel.alerts import conditions
from csg_otel.alerts.model import GROWING, Operand
from csg_otel.alerts.prometheus import cases
from csg_otel.alerts.prometheus.samples import end_s, interval_s, written
from csg_otel.alerts.text import duration, number

if TYPE_CHECKING:
    from csg_otel.alerts.model import Rule
    from csg_otel.alerts.prometheus.inputs import World

_MINUTE_S = 60.0
"""Seconds between two evaluations."""


def tests(rule: Rule, firing: World | None) -> Iterator[dict[str, Any]]:
    """Yield the tests of *rule*; *firing* are numbers at which it fires, None if there are none."""
    operand = rule.compared.value
    if firing is None or not rule.is_plain or not isinstance(operand, Operand):
        return
    if operand.function in GROWING and rule.condition == "greater_than":
        yield from _first(rule, operand, firing)
    elif operand.function == "value" and rule.keep_firing_s >= 2 * _MINUTE_S:
        yield _lasting(rule, operand, firing)


def _labels(operand: Operand, world: World) -> dict[str, str]:
    of = dict(world.series[0].labels)
    return {label: of[label] for label in operand.by if label in of}


def _first(rule: Rule, operand: Operand, firing: World) -> Iterator[dict[str, Any]]:
    """
    Yield the test of a counter that appears while its program runs, and has only one value, just beyond the limit.

    Args:
        rule: the rule.
        operand: its value.
        firing: numbers at which it fires.
    """
    life, step_s, window_s = operand.ref.life, interval_s(rule), operand.window_s
    begins = window_s + 2 * _MINUTE_S
    if life is None or life.present is None or operand.offset_s or rule.for_s + 3 * _MINUTE_S > window_s:
        return
    seconds = window_s if operand.function == "rate" else 1.0
    events = math.floor(rule.limits[0] * seconds) + 1
    one, present = firing.series[0], life.present
    scraped = {label: text for label, text in one.labels if label in conditions.SCRAPED}
    own = scraped | {matcher.label: matcher.value for matcher in present.matchers}
    ends = begins + rule.for_s + 2 * _MINUTE_S
    before, count = int(begins / step_s), int((ends + _MINUTE_S) / step_s)
    series: list[cases.Sampled] = [
        (present.names[0], own, f"1x{count}"),
        (one.name, dict(one.labels), f"_x{before} {number(events)}x{count - before}"),
    ]
    expected = [cases.expected(rule, _labels(operand, firing), events / seconds)]
    yield cases.case(rule, f"fires at the first {number(events)} of a counter", (step_s, ends), series, expected)


def _lasting(rule: Rule, operand: Operand, firing: World) -> dict[str, Any]:
    """
    Return the test of an alert whose series ends: it goes on to fire, and then ends.

    Args:
        rule: the rule.
        operand: its value.
        firing: numbers at which it fires.
    """
    step_s, ends = interval_s(rule), end_s(rule)
    series = [(name, labels, f"{text} stale") for name, labels, text in written(firing)]
    expected = [cases.expected(rule, _labels(operand, firing), firing.value(operand) or 0.0)]
    test = cases.case(rule, "goes on to fire", (step_s, ends), series, expected)
    last, keeps = test["alert_rule_test"][-1], rule.keep_firing_s
    test["alert_rule_test"] += [
        {**last, "eval_time": duration(ends + keeps - _MINUTE_S)},
        {**last, "eval_time": duration(ends + keeps + 6 * step_s + 2 * _MINUTE_S), "exp_alerts": []},
    ]
    return test
