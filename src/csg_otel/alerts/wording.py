"""The value and the limit of a rule in words, for annotations, the command line and dashboards. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from csg_otel.alerts.conditions import OPERATORS
from csg_otel.alerts.expr import quoted
from csg_otel.alerts.message import formatted
from csg_otel.alerts.model import INTERVALS, Formula
from csg_otel.alerts.text import duration, number

if TYPE_CHECKING:
    from csg_otel.alerts.message import Place
    from csg_otel.alerts.model import Operand, Rule, Term


def value(term: Term | float) -> str:
    """Return *term* as a rule of the configuration names it: ``p95(csg.operation.duration)``, ``a / b``."""
    if isinstance(term, (int, float)):
        return number(term)
    if isinstance(term, Formula):
        sides = [f"({value(side)})" if isinstance(side, Formula) else value(side) for side in (term.left, term.right)]
        return f"{sides[0]} {term.operator} {sides[1]}"
    return _metric(term)


def _metric(operand: Operand) -> str:
    past = f" {duration(operand.offset_s)} ago" if operand.offset_s else ""
    if operand.function == "value":
        return f"{_selected(operand)}{past}"
    if operand.function == "promql":
        return "promql"
    function = f"p{operand.quantile * 100:g}" if operand.function == "quantile" else operand.function
    ahead = f", {duration(operand.ahead_s)}" if operand.ahead_s else ""
    return f"{function}({_selected(operand)}{ahead}){past}"


def _selected(operand: Operand) -> str:
    """Return the metric of *operand* with its filters, except those that every rule about the metric has by default."""
    usual = dict(operand.ref.defaults)
    chosen = [each for each in operand.filters if each.values != (usual.get(each.attribute),) or each.how != "is"]
    pairs = ", ".join(f"{each.attribute}{each.matcher.operator}{quoted(each.matcher.value)}" for each in chosen)
    return f"{operand.ref.name}{{{pairs}}}" if pairs else operand.ref.name


def limit(rule: Rule, write: Callable[[float], str] = number) -> str:
    """Return the limit of *rule*, each number by *write*: ``85``, ``2 and 8``, the name of a metric; empty for none."""
    if rule.limits:
        return " and ".join(map(write, rule.limits))
    if isinstance(rule.compared.threshold, (int, float)):
        return ""
    return value(rule.compared.threshold)


def condition(rule: Rule, write: Callable[[float], str] = number) -> str:
    """Return the condition of *rule* with its limit: ``> 85``, ``outside 2 and 8``; empty for PromQL of a user."""
    if not rule.condition:
        return ""
    word = rule.condition if rule.condition in INTERVALS else OPERATORS[rule.condition]
    return f"{word} {limit(rule, write)}"


def filled_threshold(rule: Rule, place: Place) -> str:
    """Return the limit of *rule* in the form of *place*; as it was written where the place has no form."""
    if not place.form:
        return limit(rule)
    return limit(rule, lambda number: formatted(number, place.form, percent=rule.percent))
