"""
PromQL that a user wrote, as an expression of ``alerts.expr``, so that a preview and unit tests can evaluate it.

Pure. Reads what most rules consist of: selectors, growth, functions over time, aggregations, quantiles, arithmetic, comparisons
and joins, ``time()``, ``absent`` and ``vector``. The rule: what is not read exactly is refused with its reason.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from csg_otel.alerts.expr import Absent, Age, Aggregate, Binary, Constant, Expr, Growth, Over, Quantile, Select
from csg_otel.alerts.queries.tree import (
    COMPARISONS,
    SETS,
    Aggregation,
    Call,
    Node,
    Number,
    Operation,
    Series,
    SyntaxMistakeError,
    parse,
    quoted,
)
from csg_otel.errors import MissingExtraError

_REMEMBERED: Final = 1024
"""Most expressions that are kept, so that a dashboard parses each of them once."""

_ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_TURNED: Final = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
"""Comparisons by those that hold with the sides exchanged."""

_AGGREGATIONS: Final = ("sum", "avg", "min", "max", "count")
_GROWTH: Final = ("rate", "increase")
_OVER: Final = (
    *("avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "last_over_time"),
    *("changes", "resets", "delta", "deriv"),
)


class UnreadableError(ValueError):
    """PromQL is not read as an expression; the message says why."""


@functools.lru_cache(_REMEMBERED)
def read(promql: str) -> Expr:
    """Return *promql* as an expression with the same values. Raises UnreadableError for what is not read."""
    try:
        expr = _read(parse(promql))
    except MissingExtraError:
        raise UnreadableError("it is PromQL, which the package promql-parser reads; install csg-otel[alerts]") from None
    except SyntaxMistakeError as error:
        raise UnreadableError(f"it is not PromQL: {error}") from None
    return _series(expr, promql)


def _series(expr: Expr | float, written: str) -> Expr:
    if isinstance(expr, (int, float)):
        raise UnreadableError(f"`{written}` is a number, not a series")
    return expr


def _of(node: Node) -> Expr:
    return _series(_read(node), quoted(node).strip("`"))


def _read(node: Node) -> Expr | float:
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Series) and node.window_s is None:
        return _select(node)
    if isinstance(node, Aggregation) and node.how in _AGGREGATIONS:
        return Aggregate(node.how, node.labels, _of(node.of), node.without)  # type: ignore[arg-type] # one of these
    if isinstance(node, Operation) and not node.returns_bool:
        return _operation(node)
    if isinstance(node, Call):
        return _call(node)
    raise _unread(node)


def _unread(node: Node) -> UnreadableError:
    return UnreadableError(f"it contains {quoted(node)}, which only Prometheus evaluates")


def _select(node: Series) -> Select:
    matchers = tuple(matcher for matcher in node.matchers if matcher.label != "__name__")
    if not node.name or node.offset_s < 0:
        raise _unread(node)
    return Select((node.name,), matchers, node.offset_s)


def _call(node: Call) -> Expr | float:
    function, arguments = node.function, node.arguments
    if function == "-":
        return Binary(-1.0, "*", _of(arguments[0]))
    if function == "vector" and isinstance(arguments[0], Number):
        return Constant(arguments[0].value)
    if function == "histogram_quantile" and isinstance(arguments[0], Number):
        return Quantile(arguments[0].value, _of(arguments[1]))
    if function == "absent":
        return Absent(_of(arguments[0]))
    return _over(node)


def _over(node: Call) -> Expr:
    """Return a function of a window of samples."""
    function, arguments = node.function, node.arguments
    ranged = arguments[0] if arguments else None
    if not isinstance(ranged, Series) or ranged.window_s is None:
        raise _unread(node)
    of, window_s = _select(ranged), ranged.window_s
    if function == "absent_over_time":
        return Absent(of, window_s)
    if function in _GROWTH:
        return Growth(function, of, window_s)  # type: ignore[arg-type] # one of these
    if function == "predict_linear" and isinstance(ahead_s := _read(arguments[1]), float):
        return Over("predict_linear", of, window_s, ahead_s)
    if function in _OVER:
        return Over(function, of, window_s)  # type: ignore[arg-type] # one of these
    raise _unread(node)


def _operation(node: Operation) -> Expr | float:
    if (age := _age(node)) is not None:
        return age
    left, right = _read(node.left), _read(node.right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return _computed(node, left, right)
    if node.operator not in (*_ARITHMETIC, *COMPARISONS, *SETS):
        raise _unread(node)
    if isinstance(left, (int, float)):
        if node.operator in COMPARISONS:  # its value is that of the series
            return Binary(right, _TURNED.get(node.operator, node.operator), left)  # type: ignore[arg-type] # one of these
        return Binary(left, node.operator, right)  # type: ignore[arg-type] # one of these
    pairing = node.pairing
    on = pairing.labels if pairing.on or pairing.labels else None
    return Binary(left, node.operator, right, on, pairing.many, not pairing.on, pairing.included)  # type: ignore[arg-type] # one of these


def _age(node: Operation) -> Expr | None:
    """Return ``time() - x``, or ``x - time()`` with the other sign; None for another operation."""

    def is_time(side: Node) -> bool:
        return isinstance(side, Call) and side.function == "time"

    if node.operator != "-" or is_time(node.left) == is_time(node.right):
        return None
    age: Any = Age(_of(node.right if is_time(node.left) else node.left))
    return age if is_time(node.left) else Binary(-1.0, "*", age)


def _computed(node: Operation, left: float, right: float) -> float:
    if node.operator not in _ARITHMETIC or (node.operator == "/" and not right):
        raise _unread(node)
    return _ARITHMETIC[node.operator](left, right)
