"""Mistakes in conditions: an alert that can never fire, or that always fires. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from csg_otel.alerts.queries import labels, values
from csg_otel.alerts.queries.tree import (
    COMPARISONS,
    Aggregation,
    Call,
    Node,
    Number,
    Operation,
    Series,
    Subquery,
    children,
    every,
    quoted,
)

if TYPE_CHECKING:
    from csg_otel.alerts.queries.metrics import Metrics

_CHOOSING: Final = frozenset(["absent", "absent_over_time"])
_FIRING: Final = ("ALERTS", "ALERTS_FOR_STATE")
_PRESENCE: Final = frozenset(["count", "group", "count_values"])


def comparison(node: Operation, metrics: Metrics) -> Iterator[str]:
    """Yield why the comparison *node* holds for no value, or is chance."""
    left, right = values.of(node.left, metrics), values.of(node.right, metrics)
    if not node.returns_bool and left.never(node.operator, right):
        yield f"{quoted(node)}: never true, because the left side {_words(left)}{_cure(left, right)}"
    elif (
        node.operator == "=="
        and _computed(node.left)
        and isinstance(node.right, Number)
        and not _is_end(node.left, node.right)
    ):
        yield (
            f"{quoted(node)}: a rate or mean is a fraction, which hardly ever equals {node.right.value:g} exactly;"
            f" compare it with >= or <="
        )


def _is_end(node: Node, number: Number) -> bool:
    """Return whether fractions reach *number* exactly: nothing at all, or with a quotient everything."""
    return number.value == 0 or (number.value == 1 and isinstance(node, Operation) and node.operator == "/")


def alert(node: Node, metrics: Metrics) -> Iterator[str]:
    """Yield why an alert on *node* fires always, or for as long as the program lives."""
    if isinstance(node, Call) and node.function == "vector":
        return  # a watchdog
    for branch in _branches(node):
        if not _chooses(branch):
            yield f"{quoted(branch)}: nothing is compared, so the alert fires wherever the series exists; add a threshold"
        elif isinstance(branch, Operation) and branch.operator in COMPARISONS:
            yield from _always(branch, metrics)


def _always(node: Operation, metrics: Metrics) -> Iterator[str]:
    left, right = values.of(node.left, metrics), values.of(node.right, metrics)
    if node.returns_bool:
        yield f"{quoted(node)}: with bool, 0 is a value, too, so the alert always fires; remove bool"
        return
    if left.always(node.operator, right) and not _is_presence(node.left):
        yield f"{quoted(node)}: always true, because the left side {_words(left)}; change the threshold"
        return
    fallback = _fallback(node.left)
    if fallback is not None and isinstance(node.right, Number):
        value = values.of(fallback, metrics)
        if value.always(node.operator, right):
            yield (
                f"{quoted(node)}: `or vector({value.low:g})` adds a series without labels beside the others, and it always"
                f" meets the condition; aggregate the left side to one series, or leave it out"
            )
    if node.operator in (">", ">=") and isinstance(node.right, Number) and node.right.value > 1:
        name = _unrated(node.left, metrics)
        if name:
            yield (
                f"{quoted(node)}: {name} is a counter, which only grows, so the alert never ends;"
                f" compare increase({name}[...]) or rate({name}[...])"
            )


def _branches(node: Node) -> Iterator[Node]:
    """Yield the parts of *node* each of which alone makes the alert fire."""
    if isinstance(node, Operation) and node.operator == "or":
        yield from _branches(node.left)
        yield from _branches(node.right)
    else:
        yield node


def _chooses(node: Node) -> bool:  # noqa: PLR0911 - one return for each kind of node
    """Return whether *node* leaves series out, or has series only in exceptional cases."""
    if isinstance(node, Operation):
        if node.operator in COMPARISONS or node.operator == "unless":
            return True
        if node.operator == "or":
            return _chooses(node.left) and _chooses(node.right)
        return _chooses(node.left) or _chooses(node.right)
    if isinstance(node, Series):
        return node.name in _FIRING
    if isinstance(node, Call) and node.function in _CHOOSING:
        return True
    if isinstance(node, (Call, Aggregation, Subquery)):
        return any(_chooses(child) for child in children(node))
    return False


def _is_presence(node: Node) -> bool:
    """Return whether the series of *node* are there only if something is: their presence is the condition."""
    return any(
        (isinstance(part, Aggregation) and part.how in _PRESENCE)
        or (isinstance(part, Call) and part.function.removesuffix("_over_time") in ("absent", "count", "present"))
        or (isinstance(part, Operation) and part.operator in (*COMPARISONS, "and", "unless"))
        for part in every(node)
    )


def _fallback(node: Node) -> Call | None:
    """Return the ``vector(...)`` that *node* adds to series with labels; None if it adds none, or to a series without."""
    if isinstance(node, Operation) and node.operator == "or":
        left = labels.of(node.left)
        if isinstance(node.right, Call) and node.right.function == "vector" and (left.open or left.labels):
            return node.right
    return None


def _unrated(node: Node, metrics: Metrics) -> str:
    """Return the counter whose value since the start of the program *node* is; empty if it is none."""
    while isinstance(node, Aggregation) and node.how in ("sum", "max", "avg"):
        node = node.of
    return node.name if isinstance(node, Series) and node.window_s is None and metrics.is_counter(node.name) else ""


def _computed(node: Node) -> bool:
    """Return whether the values of *node* are fractions: rates, quotients or means."""
    if isinstance(node, Call):
        return node.function in (*values.GROWTH, "avg_over_time", "histogram_quantile", "deriv", "predict_linear")
    if isinstance(node, Aggregation):
        return node.how in ("avg", "sum", "max", "min") and _computed(node.of)
    return (
        isinstance(node, Operation) and node.operator in ("*", "/") and (_computed(node.left) or _computed(node.right))
    )


def _words(one: values.Range) -> str:
    if one.low == one.high:
        return f"is always {one.low:g}"
    if one.low == float("-inf"):
        return f"is never above {one.high:g}"
    return f"is never below {one.low:g}" + (f" or above {one.high:g}" if one.high < float("inf") else "")


def _cure(left: values.Range, right: values.Range) -> str:
    if left == values.SHARE and 1 < right.low == right.high <= 100:
        return f"; compare it with {right.low / 100:g}, or multiply it by 100"
    if left.low == 1 and right.high <= 1:
        return ", and where nothing is counted it has no series; compare absent(...), or add `or vector(0)`"
    return "; change the threshold"
