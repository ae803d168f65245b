"""
The values and conditions of rules as queries of Datadog: functions, arithmetic, second conditions.

Pure. A second condition is a term that is 0 where it holds and missing where it does not (``0 * cutoff_min(...)``), because a
monitor has one comparison. The rule: what Datadog can't say raises InexpressibleError, and never compiles to something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from csg_otel import names
from csg_otel.alerts import conditions
from csg_otel.alerts.datadog import query
from csg_otel.alerts.datadog.query import InexpressibleError, over, scope_of
from csg_otel.alerts.model import BELOW, GROWING, Formula, Operand
from csg_otel.alerts.text import duration, number

if TYPE_CHECKING:
    from csg_otel.alerts.model import Comparison, Rule, Term

_OPERATORS: Final = {"greater_than": ">", "less_than": "<", "greater_than_or_equal": ">=", "less_than_or_equal": "<="}
_POINT_S: Final = 60.0
"""Seconds of the shortest window of a monitor, which has one point."""

_CUTOFFS: Final[Mapping[str, tuple[str, str]]] = {">": ("cutoff_min", "cutoff_max"), "<": ("cutoff_max", "cutoff_min")}
"""By the direction of a comparison: the function that drops points outside of it, and the one that drops those in it."""


@dataclass(frozen=True, slots=True)
class Value:
    """The compared value of a monitor: its query, and the labels that distinguish it from the rule's other monitors."""

    query: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """What a monitor compares: a value, or its distance from a number, with an operator and a limit."""

    query: str
    operator: str
    limit: float


def values(rule: Rule, service: str) -> tuple[Value, ...]:
    """
    Return the compared values of *rule*: one; for an alias, one for each of its queries that the filters select.

    Raises InexpressibleError.
    """
    term = rule.compared.value
    if isinstance(term, Operand) and term.ref.alias:
        parts = tuple(query.of_alias(term, service))
        filtered = {each.attribute for each in term.filters} - set(query.constants(term.ref.name))
        omitted = filtered if len(parts) == 1 else ()  # several need different names
        single = [
            Value(_over_time(term, text), tuple(label for label in part.labels if label[0] not in omitted))
            for part, text in parts
        ]
    else:
        single = [Value(value(term, service))]
    if _counts_both(rule.compared):
        single = [Value(f"default_zero({one.query})", one.labels) for one in single]
    further = _further(rule, service)
    return tuple(Value(one.query + further, one.labels) for one in single)


def value(term: Term | float, service: str) -> str:
    """Return the query of *term* for the programs of *service*. Raises InexpressibleError."""
    if isinstance(term, (int, float)):
        return decimal(term)
    if isinstance(term, Operand):
        return _operand(term, service)
    parts = (term.left, term.right)
    sides = [value(side, service) for side in parts]
    both = [side for side in parts if not isinstance(side, (int, float))]
    if len(both) == 2:
        _need_equal_groups(*both)
        events = conditions.counts_together(term)
        zeroed = (0,) if term.operator == "/" else (0, 1)
        sides = [f"default_zero({text})" if events and at in zeroed else text for at, text in enumerate(sides)]
    sides = [f"({text})" if _is_sum(side) else text for side, text in zip(parts, sides, strict=True)]
    return f"{sides[0]} {term.operator} {sides[1]}"


def _is_sum(side: Term | float) -> bool:
    """Return whether the query of *side* is more than one term, so that it needs parentheses."""
    return isinstance(side, Formula) or (isinstance(side, Operand) and side.function in ("derivative", "predict"))


def _enclosed(term: Term, service: str) -> str:
    text = value(term, service)
    return f"({text})" if _is_sum(term) else text


def _need_equal_groups(left: Term, right: Term) -> None:
    if set(left.labels or ()) != set(right.labels or ()):
        raise InexpressibleError("its parts have different labels, which Datadog does not combine; set by")


def _operand(operand: Operand, service: str) -> str:
    ref, function = operand.ref, operand.function
    if function == "promql":
        raise InexpressibleError("it is PromQL")
    if function in ("changes", "resets", "age"):
        raise InexpressibleError(f"Datadog has no function for {function}")
    if ref.alias:
        queries = [text for _, text in query.of_alias(operand, service)]
        if len(queries) != 1:
            raise InexpressibleError(f"{ref.name!r} stands for several queries; add a filter that selects one")
        return f"({_over_time(operand, queries[0])})"
    if ref.part:
        raise InexpressibleError(f"Datadog has no series {ref.name} of its own; write datadog_query")
    scope = scope_of(operand, service)
    if ref.name == names.UP:  # Datadog scrapes no targets: a program that has died is one that reports no age
        if operand.aggregate not in ("min", "max", "count"):
            raise InexpressibleError("Datadog scrapes no targets, so it does not know their number")
        age = scope.of("min", names.PROCESS_UPTIME.name)
        if operand.aggregate != "count":
            return f"clamp_max({age}, 1)"
    if operand.aggregate == "count":
        return _number_of_series(operand, service)
    return _over_time(operand, scope.of(_aggregator(operand), ref.name))


def _number_of_series(operand: Operand, service: str) -> str:
    if operand.by:
        raise InexpressibleError("Datadog counts all series, not those of each group; set by: []")
    ref = operand.ref
    own = Operand(ref, filters=operand.filters, by=conditions.identity(ref, operand.filters))
    metric = names.PROCESS_UPTIME.name if ref.name == names.UP else ref.name
    return f"count_not_null({scope_of(own, service).of('max', metric)})"


def _aggregator(operand: Operand) -> str:
    if operand.function == "quantile":
        return f"p{number(round(100 * operand.quantile, 6))}"
    if operand.function in GROWING and operand.ref.kind == "histogram":
        return "count"
    return operand.aggregate


def _over_time(operand: Operand, text: str) -> str:
    """Return the query *text* with the function and the offset of *operand*."""
    window_s, function = operand.window_s, operand.function
    if function == "rate":
        text = over(f"{text}.as_rate()", window_s, "avg")
    elif function == "increase":
        text = over(f"{text}.as_count()", window_s, "sum")
    elif function == "quantile":
        text = over(text, window_s, "avg")
    elif function in ("avg", "min", "max"):
        text = over(text, window_s, function)
    elif function in ("delta", "derivative", "predict"):
        change = f"({text} - timeshift({text}, -{number(window_s)}))"
        text = {
            "delta": change,
            "derivative": f"{change} / {number(window_s)}",
            "predict": f"{text} + {change} * {decimal(operand.ahead_s / window_s)}",
        }[function]
    return f"timeshift({text}, -{number(operand.offset_s)})" if operand.offset_s else text


# -- conditions ---------------------------------------------------------------------------------------------------------


def _further(rule: Rule, service: str) -> str:
    """Return the terms of the further conditions of *rule*, each 0 where it holds and missing where it does not."""
    exceptions = (*rule.unless, *((rule.above[1],) if rule.above is not None else ()))
    texts = _dropping(rule, rule.also, service, 0) + _dropping(rule, exceptions, service, 1)
    return "".join(f" + 0 * {text}" for text in texts)


def _dropping(rule: Rule, comparisons: Iterable[Comparison], service: str, drops: int) -> list[str]:
    """
    Return *comparisons* as queries without the points that make the rule silent.

    Args:
        rule: the rule.
        comparisons: the further conditions.
        service: name of the service.
        drops: 0 for conditions that must hold, 1 for those that must not.
    """
    texts = []
    compared_value = rule.compared.value
    for one in comparisons:
        _need_equal_groups(compared_value, one.value)
        operator = _OPERATORS.get(one.condition)
        if operator is None:
            raise InexpressibleError("a second condition of this kind can't be part of a query; use > or <")
        written, limit = one.value, one.threshold
        if not isinstance(limit, (int, float)):
            written, limit = Formula("-", one.value, limit), 0.0
        # A cutoff keeps the points at its limit. These hold for >=, so for a `>` the limit is a little further away.
        if (len(operator) == 1) == (drops == 0):
            margin = max(abs(limit), 1.0) * conditions.TOLERANCE
            limit += margin if (operator[0] == ">") == (drops == 0) else -margin
        function, text = _CUTOFFS[operator[0]][drops], value(written, service)
        if isinstance(written, Operand) and written.function in GROWING:  # without a series, no event has happened
            text = f"default_zero({text})"
        elif drops and written != compared_value:
            text, limit = _where_missing(function, text, limit)
        texts.append(f"{function}({text}, {decimal(limit)})")
    return texts


def _where_missing(function: str, text: str, limit: float) -> tuple[str, float]:
    """
    Return the query *text* with a point that *function*, a cutoff at *limit*, keeps where it has none, and its limit.

    An exception without data does not hold. Its missing term would be a sum without a value, which never alerts.
    """
    if limit > 0 if function == "cutoff_min" else limit < 0:  # 0 would be dropped, and the distance 0 is not
        text, limit = f"{text} - {_signed(limit)}", 0.0
    return f"default_zero({text})", limit


def _counts_both(comparison: Comparison) -> bool:
    """Return whether *comparison* is one of two numbers of events, each of which is 0 where it has no series."""
    one, other = comparison.value, comparison.threshold
    return not isinstance(other, (int, float)) and conditions.counts_together(Formula("-", one, other))


def compared(rule: Rule, text: str, service: str) -> Iterator[tuple[str, Compared]]:
    """
    Yield what the monitors of *rule* compare, whose value is the query *text*, and what distinguishes their names.

    Raises InexpressibleError.

    Args:
        rule: the rule.
        text: the query of the compared value.
        service: name of the service.
    """
    condition, limit = rule.condition, rule.compared.threshold
    if not isinstance(limit, (int, float)):
        if condition not in _OPERATORS:
            raise InexpressibleError("two metrics are compared by > or < only")
        _need_equal_groups(rule.compared.value, limit)
        other = f"default_zero({value(limit, service)})" if _counts_both(rule.compared) else _enclosed(limit, service)
        yield "", Compared(f"{text} - {other}", _OPERATORS[condition], 0.0)
    elif condition in _OPERATORS:
        operator = _OPERATORS[condition]
        lasts = rule.for_s > _POINT_S and " + 0 * " in text and operator[0] == ">" and limit >= 0
        # A point at which a second condition does not hold must end the time that the rule waits for.
        yield "", Compared(f"default_zero({text})" if lasts else text, operator, limit)
    elif condition == "outside":
        yield "below", Compared(text, "<", limit)
        yield "above", Compared(text, ">", rule.compared.upper)
    elif condition == "between":
        middle, half = (limit + rule.compared.upper) / 2, (rule.compared.upper - limit) / 2
        yield "", Compared(f"abs({text} - {_signed(middle)})", "<=", half)
    else:
        operator = "<=" if condition == "equals" else ">"
        yield "", Compared(f"abs({text} - {_signed(limit)})", operator, conditions.margin(rule.compared))


def decimal(value: float) -> str:
    """Return *value* as a number without an exponent, which Datadog's queries may not have."""
    return format(Decimal(number(value)), "f")


def _signed(value: float) -> str:
    return f"({decimal(value)})" if value < 0 else decimal(value)


def _is_series(operand: Operand) -> bool:
    """Return whether the metric of *operand* has the name of a series of Prometheus, which instruments rarely have."""
    ref = operand.ref
    return ref.kind == "counter" and not ref.alias and ref.name == ref.series and ref.name.endswith("_total")


def left_out(rule: Rule) -> list[str]:
    """Return the settings of *rule* that a monitor does not have, in words."""
    queried = () if rule.query("datadog") else rule.operands
    series = dict.fromkeys(operand.ref.name for operand in queried if _is_series(operand))
    parts = [f"Datadog may have {name} by another name; name the metric as its instrument is called" for name in series]
    if rule.keep_firing_s:
        parts.append(f"Datadog has no equivalent of keep_firing_for: {duration(rule.keep_firing_s)}")
    further = rule.also or rule.unless
    if further and rule.for_s > _POINT_S and (rule.condition in BELOW or any(limit < 0 for limit in rule.limits)):
        parts.append("its second conditions need to hold at one point only, not for the whole time of `for`")
    if rule.compared.compares_each:
        parts.append("Datadog combines the series of each group before it compares them")
    is_distance = rule.condition == "between" or not isinstance(rule.compared.threshold, (int, float))
    if is_distance and any(message.has_value for message in (rule.message, rule.description) if message is not None):
        parts.append("{value} is the distance to the limit")
    return [f"rule {rule.name!r}: {part}" for part in parts]
