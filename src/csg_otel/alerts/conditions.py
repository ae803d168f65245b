"""
The expressions of rules (compared value, condition, missing data), and the ratios of objectives.

Pure, and the same for every backend that evaluates expressions over series. Two series of a rule differ by job, instance and
the attributes that the instrument declares. Other labels, which a scrape may add, are left out, so an alert keeps its
identity. A gauge of unit ``1`` is selected under two names: the exporter of Python writes ``x``, that of the collector
``x_ratio``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel import names
from csg_otel.alerts.expr import (
    Age,
    Aggregate,
    Binary,
    Expr,
    Growth,
    Matcher,
    Operator,
    Over,
    Quantile,
    Relabel,
    Select,
    UserPromql,
)
from csg_otel.alerts.model import BELOW, GROWING, Formula, Operand
from csg_otel.alerts.text import duration

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref
    from csg_otel.alerts.filters import Filter
    from csg_otel.alerts.model import Comparison, Counted, Rule, Term

SCRAPED: Final = ("job", "instance")
"""The labels that every scrape adds."""

OPERATORS: Final[Mapping[str, Operator]] = {
    "greater_than": ">",
    "less_than": "<",
    "greater_than_or_equal": ">=",
    "less_than_or_equal": "<=",
    "equals": "==",
    "not_equals": "!=",
}
"""The operator of each condition that a rule can have."""

KINDS: Final = (names.ERROR_TYPE, names.HEALTH_FROM, names.HEALTH_TO)
"""Attributes that are kinds of one thing, which are added up: errors by type, the changes of a check's state by direction."""

TOLERANCE: Final = 1e-9
"""Relative difference below which fractional numbers count as equal: more than rounding makes, less than any real change."""

_WHOLE: Final = ("value", "min", "max", "changes", "resets")
"""The functions whose values are those of series, or counts."""

REMEMBERED_S: Final = 86_400.0
"""The period in seconds within which an instance must have had a metric, so that the metric counts as missing there."""

Filtering = tuple[str, Literal["=", "!=", "=~", "!~"], str]
"""A condition on an attribute: its key, an operator, and a value."""

_OVER_TIME: Final[Mapping[str, str]] = {
    "avg": "avg_over_time",
    "min": "min_over_time",
    "max": "max_over_time",
    "changes": "changes",
    "resets": "resets",
    "delta": "delta",
    "derivative": "deriv",
    "predict": "predict_linear",
}
"""PromQL's function of each function of a rule that reads a window of samples."""


def select(ref: Ref, filters: Iterable[Filter] = (), suffix: str = "", offset_s: float = 0.0) -> Select:
    """
    Return the series of *ref* that meet *filters*.

    Args:
        ref: the metric.
        filters: the filters; by default none.
        suffix: the end of the series' name, such as ``_bucket``; by default nothing.
        offset_s: how many seconds ago; by default now.
    """
    return replace(matching(ref, (each.matcher for each in filters), suffix), offset_s=offset_s)


def matching(ref: Ref, matchers: Iterable[Matcher], suffix: str = "") -> Select:
    """Return the series of *ref* that meet *matchers*."""
    name = ref.series + suffix
    both = ref.unit == "1" and ref.kind in ("gauge", "up_down_counter") and not ref.alias
    further = (f"{name}_ratio",) if both else (ref.also,) if ref.also else ()
    return Select((name, *further), (*ref.matchers, *matchers))


def filtered(ref: Ref, *filters: Filtering, suffix: str = "") -> Select:
    """Return the series of *ref* that meet *filters*, each a declared attribute, an operator and a value."""
    return matching(ref, (Matcher(ref.label(key), how, value) for key, how, value in filters), suffix)


def growth(function: Literal["rate", "increase"], ref: Ref, of: Select, window_s: float) -> Growth:
    """
    Return the growth of the counters *of* over *window_s* seconds.

    Args:
        function: ``rate`` per second, ``increase`` in total.
        ref: the metric of these counters.
        of: the series.
        window_s: the window in seconds.
    """
    assert ref.life is not None  # noqa: S101 - the catalog sets it
    return Growth(function, of, window_s, ref.life)


def count_series(ref: Ref, filters: Iterable[Filter] = (), offset_s: float = 0.0) -> Select:
    """Return the series of *ref* that count events: a counter itself, or the number of calls of a histogram."""
    return select(ref, filters, "_count" if ref.kind == "histogram" else "", offset_s)


def identity(ref: Ref, filters: Iterable[Filter] = ()) -> tuple[str, ...]:
    """Return the labels that distinguish the series of *ref*, without those of attributes that are only its kinds."""
    declared = [label for key, label in ref.attributes if key not in KINDS]
    return tuple(dict.fromkeys([*SCRAPED, *declared, *(each.label for each in filters)]))


def value(term: Term | float) -> Expr:
    """Return the expression of *term*: one series for each combination of its labels. Raises TypeError for a number."""
    if isinstance(term, Operand):
        return _operand(term)
    if isinstance(term, Formula):
        return _formula(term)
    raise TypeError(term)


def _operand(operand: Operand) -> Expr:
    if operand.function == "promql":
        return UserPromql(operand.promql)
    each = _each(operand)
    if operand.function == "quantile":
        return Quantile(operand.quantile, Aggregate("sum", (*operand.by, "le"), each))
    aggregated = Aggregate(operand.aggregate, operand.by, each)
    return Age(aggregated) if operand.function == "age" else aggregated


def _each(operand: Operand) -> Expr:
    """Return the values of each series that *operand* combines; for an age, the times."""
    ref = operand.ref
    series = count_series(ref, operand.filters, operand.offset_s)
    if operand.function == "quantile":
        buckets = select(ref, operand.filters, "_bucket", operand.offset_s)
        each: Expr = growth("rate", ref, buckets, operand.window_s)
    elif ref.also:  # series of another name stand in where an instance has none of the first one
        first, other = (_of_one(operand, replace(series, names=(name,))) for name in series.names)
        each = Binary(first, "or", other, SCRAPED)
    else:
        each = _of_one(operand, series)
    for target, source in operand.renamed:
        each = Relabel(each, target, source)
    return each


def _of_one(operand: Operand, series: Select) -> Expr:
    """Return the function of *operand* for each of *series*."""
    if operand.function in GROWING:
        return growth(operand.function, operand.ref, series, operand.window_s)
    if operand.function not in _OVER_TIME:
        return series
    return Over(_OVER_TIME[operand.function], series, operand.window_s, operand.ahead_s)  # type: ignore[arg-type] # one of its functions


def _formula(formula: Formula) -> Expr:
    """Return arithmetic; where a counter of events has no series, there were none."""
    left, right = formula.left, formula.right
    if isinstance(left, (int, float)) or isinstance(right, (int, float)):
        sides = [side if isinstance(side, (int, float)) else value(side) for side in (left, right)]
        return Binary(sides[0], formula.operator, sides[1])
    whole, part = value(right), value(left)
    counted = counts_together(formula) and left.labels == right.labels
    if formula.operator == "/":
        if counted:
            return ratio(part, whole)
        return matched(left, part, "/", right, Binary(whole, "!=", 0))
    if counted:
        part, whole = part_of(part, whole), part_of(whole, part)
    return matched(left, part, formula.operator, right, whole)


def counts_together(formula: Formula) -> bool:
    """
    Return whether a side of *formula* is 0 where only the other one has series: whether both count events of the same time.

    An instance of last week that is gone has no events now, and is no reason for an alert.
    """
    operands = formula.operands
    return all(operand.function in GROWING and operand.offset_s == operands[0].offset_s for operand in operands)


def matched(left: Term, written: Expr, operator: Operator, right: Term, other: Expr) -> Binary:
    """
    Return *written* *operator* *other*, which pairs the series of *left* and *right* by the labels that both have.

    Args:
        left: the value on the left.
        written: its expression.
        operator: the operator.
        right: the value on the right.
        other: its expression.
    """
    mine, theirs = left.labels, right.labels
    if mine is None or theirs is None or set(mine) == set(theirs):
        return Binary(written, operator, other)
    common = tuple(label for label in mine if label in theirs)
    if operator in ("and", "unless", "or"):
        return Binary(written, operator, other, common)
    return Binary(written, operator, other, common, "left" if len(mine) > len(theirs) else "right")


def compared(comparison: Comparison) -> Expr:
    """Return the series of the compared value for which *comparison* holds."""
    if not comparison.compares_each:
        return _compared(comparison)
    how: Literal["min", "max"] = "min" if comparison.condition in BELOW else "max"
    return Aggregate(how, comparison.value.labels or (), _compared(_of_each(comparison)))


def _of_each(comparison: Comparison) -> Comparison:
    """Return *comparison* for each of the series that its values combine, where no user said how."""
    worst = [operand for operand in comparison.operands if operand.is_worst]
    shared = set.intersection(*(set(identity(operand.ref, operand.filters)) for operand in worst))

    def finer(term: Term | float) -> Any:
        if isinstance(term, Formula):
            return replace(term, left=finer(term.left), right=finer(term.right))
        if not (isinstance(term, Operand) and term.is_worst):
            return term
        own = {source for _, source in term.renamed}
        more = [label for label in identity(term.ref, term.filters) if label in shared - own and label not in term.by]
        return replace(term, by=(*term.by, *more))

    return replace(comparison, value=finer(comparison.value), threshold=finer(comparison.threshold))


def _compared(comparison: Comparison) -> Expr:
    threshold, condition = comparison.threshold, comparison.condition
    of = value(comparison.value)
    if not condition:
        return of
    if not isinstance(threshold, (int, float)):
        limit = value(threshold)
        if counts_together(Formula("-", comparison.value, threshold)) and comparison.value.labels == threshold.labels:
            of, limit = part_of(of, limit), part_of(limit, of)
        return matched(comparison.value, of, OPERATORS[condition], threshold, limit)
    return _limited(of, comparison, threshold)


def _limited(of: Expr, comparison: Comparison, limit: float) -> Expr:
    """
    Return *of*, the compared value, where *comparison* holds.

    Args:
        of: the value.
        comparison: the comparison with a number, or with two.
        limit: the number.
    """
    condition, upper = comparison.condition, comparison.upper
    if condition == "outside":
        return Binary(Binary(of, "<", limit), "or", Binary(of, ">", upper))
    if condition == "between":
        return Binary(Binary(of, ">=", limit), "<=", upper)
    distance = margin(comparison) if condition in ("equals", "not_equals") else 0.0
    if not distance:
        return Binary(of, OPERATORS[condition], limit)
    if condition == "equals":
        return Binary(Binary(of, ">=", limit - distance), "<=", limit + distance)
    return Binary(Binary(of, "<", limit - distance), "or", Binary(of, ">", limit + distance))


def margin(comparison: Comparison) -> float:
    """Return how far a value may be from the number of *comparison* and still equal it: 0 for whole values of a metric."""
    limit = comparison.threshold
    plain = isinstance(comparison.value, Operand) and comparison.value.function in _WHOLE
    return (
        0.0 if not isinstance(limit, (int, float)) or (plain and float(limit).is_integer()) else abs(limit) * TOLERANCE
    )


def condition(rule: Rule) -> Expr:
    """Return the alert expression: one series per firing instance, whose value is the compared value."""
    return restricted(rule, compared(rule.compared))


def label(rule: Rule, name: str) -> str:
    """Return the label that a place for the label or attribute *name* in a text of *rule* is filled with."""
    attribute = rule.first.ref.attribute(name)
    return attribute[1] if attribute else name.replace(".", "_")


def restricted(rule: Rule, of: Expr) -> Expr:
    """Return those series of *of*, the compared value of *rule*, for which its further conditions hold."""
    opposite: dict[Operator, Operator] = {"and": "unless", "unless": "and"}
    further: list[tuple[Operator, Comparison]] = [
        *(("and", one) for one in rule.also),
        *(("unless", one) for one in rule.unless),
    ]
    for operator, one in further:
        if one.is_nothing:  # holds without a series, too: it is the opposite that needs one
            operator, one = opposite[operator], one.opposite  # noqa: PLW2901 - the same condition in other words
        of = matched(rule.compared.value, of, operator, one.value, compared(one))
    return of


def missing(rule: Rule) -> str:
    """
    Return the expression of the no-data alert.

    It has one series if there is no sample in the window of *rule*, and one for each instance that had samples within a day,
    has none in the window, and is still a target of Prometheus. An instance that was replaced is no target any more.
    """
    first = rule.witness
    if first.function == "promql":
        return f"absent({value(first)})"
    of, window = count_series(first.ref, first.filters), duration(first.window_s)
    absent = f"absent_over_time({of}[{window}])"
    if first.ref.series == names.UP or first.ref.life is None:
        return absent
    silent = f"last_over_time({of}[{duration(REMEMBERED_S)}]) unless on (job, instance) last_over_time({of}[{window}])"
    by = ", ".join(SCRAPED)
    return f"{absent} or max by ({by}) (({silent}) and on ({by}) {first.ref.life.target})"


def ratio(part: Expr, whole: Expr) -> Expr:
    """Return the expression *part* / *whole*: 0 where *part* has no series, no series where *whole* is 0 or has none."""
    return Binary(part_of(part, whole), "/", Binary(whole, ">", 0))


def part_of(part: Expr, whole: Expr) -> Expr:
    """Return the expression of *part*, which is 0 where only *whole* has series."""
    return Binary(part, "or", Binary(0, "*", whole))


def event_rate(events: Counted, window_s: float) -> Expr:
    """Return the expression of *events* per second over *window_s* seconds; a metric has one series per job."""
    if events.ref is None:
        return UserPromql(events.promql.replace("[window]", f"[{duration(window_s)}]"))
    counted = count_series(events.ref, events.filters)
    return Aggregate("sum", ("job",), growth("rate", events.ref, counted, window_s))
