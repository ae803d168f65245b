"""
The values that the series of an expression can have, as far as the expression alone decides it.

Pure. The rule: a bound holds for every value that the series can have; where nothing is certain there is no bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from csg_otel.alerts.queries import labels
from csg_otel.alerts.queries.tree import COMPARISONS, Aggregation, Call, Node, Number, Operation, Series, Subquery

if TYPE_CHECKING:
    from csg_otel.alerts.queries.metrics import Metrics

GROWTH: Final = frozenset(["rate", "irate", "increase"])
"""Functions of counters."""

_COUNTING: Final = frozenset(["changes", "resets", "stdvar", "stddev", "stdvar_over_time", "stddev_over_time", "abs"])
_SAME: Final = frozenset(
    [
        *("avg_over_time", "min_over_time", "max_over_time", "last_over_time", "first_over_time", "quantile_over_time"),
        *(
            "label_replace",
            "label_join",
            "sort",
            "sort_desc",
            "sort_by_label",
            "sort_by_label_desc",
            "vector",
            "scalar",
        ),
    ]
)
"""Functions whose values are among those of the argument, or between them."""
_COUNTERS: Final = ("_total", "_bucket", "_count")


@dataclass(frozen=True, slots=True)
class Range:
    """The values from *low* to *high*, both included."""

    low: float = -math.inf
    high: float = math.inf

    def never(self, operator: str, other: Range) -> bool:
        """Return whether no value of this range compares as *operator* says with one of *other*."""
        return {
            ">": self.high <= other.low,
            ">=": self.high < other.low,
            "<": self.low >= other.high,
            "<=": self.low > other.high,
            "==": self.high < other.low or self.low > other.high,
            "!=": self.low == self.high == other.low == other.high,
        }[operator]

    def always(self, operator: str, other: Range) -> bool:
        """Return whether every value of this range compares as *operator* says with each of *other*."""
        opposite = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
        return self.never(opposite[operator], other)


EVERY: Final = Range()
POSITIVE: Final = Range(0)
SHARE: Final = Range(0, 1)


def of(node: Node, metrics: Metrics) -> Range:
    """Return the values that the series of *node* can have; *metrics* are those that are known."""
    if isinstance(node, Number):
        return Range(node.value, node.value)
    if isinstance(node, Series):
        return _of_series(node, metrics)
    if isinstance(node, Aggregation):
        return _of_aggregation(node, metrics)
    if isinstance(node, Operation):
        return _of_operation(node, metrics)
    if isinstance(node, Subquery):
        return of(node.of, metrics)
    return _of_call(node, metrics) if isinstance(node, Call) else EVERY


def is_counter(name: str) -> bool:
    """Return whether *name* is that of a counter by the conventions of Prometheus."""
    return name.endswith(_COUNTERS)


def _of_series(node: Series, metrics: Metrics) -> Range:
    ranges = [metrics.range(name) or (POSITIVE if is_counter(name) else EVERY) for name in node.names]
    return Range(min(one.low for one in ranges), max(one.high for one in ranges)) if ranges else EVERY


def _of_aggregation(node: Aggregation, metrics: Metrics) -> Range:
    inner = of(node.of, metrics)
    if node.how in ("count", "count_values"):
        return Range(1)  # of no series there is no count
    if node.how == "group":
        return Range(1, 1)
    if node.how in ("sum", "stddev", "stdvar"):
        return POSITIVE if inner.low >= 0 or node.how != "sum" else EVERY
    return inner


def _of_call(node: Call, metrics: Metrics) -> Range:  # noqa: PLR0911 - one return for each kind of function
    function = node.function
    if function in GROWTH or function in _COUNTING or function in ("time", "timestamp"):
        return POSITIVE
    if function in ("absent", "absent_over_time", "present_over_time"):
        return Range(1, 1)
    if function == "count_over_time":
        return Range(1)
    if function == "sum_over_time":
        return POSITIVE if of(node.arguments[0], metrics).low >= 0 else EVERY
    if function in _SAME:
        return of(node.arguments[-1 if function == "quantile_over_time" else 0], metrics)
    if function == "-":
        inner = of(node.arguments[0], metrics)
        return Range(-inner.high, -inner.low)
    return EVERY


_Compute = Callable[[float, float], float]
_ARITHMETIC: Final[dict[str, _Compute]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right if left and right else 0.0,
}


def _of_operation(node: Operation, metrics: Metrics) -> Range:  # noqa: PLR0911 - one return for each kind of operator
    left, right = of(node.left, metrics), of(node.right, metrics)
    if node.operator in COMPARISONS:
        return SHARE if node.returns_bool else left if labels.is_vector(node.left) else right
    if node.operator == "or":
        return Range(min(left.low, right.low), max(left.high, right.high))
    if node.operator in ("and", "unless"):
        return left
    if node.operator == "/":
        return _of_quotient(node, left, right)
    compute = _ARITHMETIC.get(node.operator)
    if compute is None:
        return EVERY
    low, high = (left.low, left.high), (right.low, right.high)
    if node.operator == "-":
        return Range(left.low - right.high, left.high - right.low)
    results = [compute(one, other) for one in low for other in high]
    return EVERY if any(math.isnan(result) for result in results) else Range(min(results), max(results))


def _of_quotient(node: Operation, left: Range, right: Range) -> Range:
    if is_part(node.left, node.right):
        return SHARE
    if right.low == right.high and right.low > 0:
        return Range(left.low / right.low, left.high / right.low)
    return POSITIVE if left.low >= 0 and right.low >= 0 else EVERY


def is_part(part: Node, whole: Node) -> bool:
    """Return whether *part* counts some of the events that *whole* counts: the same, with further matchers."""
    if isinstance(whole, Operation) and whole.operator in (">", "!=") and isinstance(whole.right, Number):
        return is_part(part, whole.left)  # `> 0` guards a division
    if isinstance(part, Aggregation) and isinstance(whole, Aggregation):
        same = (part.how, part.labels, part.without) == (whole.how, whole.labels, whole.without)
        # A sum of gauges may have parts below 0.
        summed = part.how == "count" or (part.how == "sum" and not isinstance(part.of, Series))
        return same and summed and is_part(part.of, whole.of)
    if isinstance(part, Call) and isinstance(whole, Call):
        growing = part.function == whole.function and part.function in GROWTH
        return growing and is_part(part.arguments[0], whole.arguments[0])
    if isinstance(part, Series) and isinstance(whole, Series):
        same = (part.name, part.window_s, part.offset_s) == (whole.name, whole.window_s, whole.offset_s)
        return same and bool(part.name) and set(whole.matchers) <= set(part.matchers)
    return False
