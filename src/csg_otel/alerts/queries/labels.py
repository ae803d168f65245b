"""
The labels that the series of an expression can have, as far as the expression alone decides it.

Pure. The rule: a label counts as missing only where no series can have it, whatever labels the scraped targets add.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from csg_otel.alerts.queries.tree import Aggregation, Call, Node, Number, Operation, Series, Subquery, Text

_SELECTING: Final = frozenset(["topk", "bottomk", "limitk", "limit_ratio"])
"""Aggregations that return some of the series unchanged."""

_OF_HISTOGRAMS: Final = frozenset(["histogram_quantile", "histogram_fraction"])
_WITHOUT_LABELS: Final = frozenset(["scalar", "vector", "time", "pi"])
_ABSENT: Final = frozenset(["absent", "absent_over_time"])


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A set of labels that series can have: only *labels*; if *open*, all labels but these."""

    labels: frozenset[str]
    open: bool = False

    def __contains__(self, label: str) -> bool:
        """Return whether a series can have *label*."""
        return (label in self.labels) != self.open

    def keep(self, labels: Iterable[str]) -> LabelSet:
        """Return the set of those of *labels* that are in this set."""
        return LabelSet(frozenset(label for label in labels if label in self))

    def drop(self, labels: Iterable[str]) -> LabelSet:
        """Return this set without *labels*."""
        dropped = frozenset(labels)
        return LabelSet(self.labels | dropped if self.open else self.labels - dropped, self.open)

    def add(self, labels: Iterable[str]) -> LabelSet:
        """Return this set with *labels*."""
        added = frozenset(labels)
        return LabelSet(self.labels - added if self.open else self.labels | added, self.open)

    def union(self, other: LabelSet) -> LabelSet:
        """Return the labels that are in either set."""
        if not (self.open or other.open):
            return LabelSet(self.labels | other.labels)
        excluded = [one.labels if one.open else None for one in (self, other)]
        both = (self, other)
        candidates = excluded[0] if excluded[0] is not None else excluded[1] or frozenset()
        return LabelSet(frozenset(label for label in candidates if not any(label in one for one in both)), open=True)


ANY: Final = LabelSet(frozenset(), open=True)
NONE: Final = LabelSet(frozenset())


def of(node: Node) -> LabelSet:
    """Return the labels that the series of *node* can have."""
    if isinstance(node, Series):
        return ANY.drop(matcher.label for matcher in node.matchers if (matcher.operator, matcher.value) == ("=", ""))
    if isinstance(node, Aggregation):
        return _of_aggregation(node)
    if isinstance(node, Operation):
        return _of_operation(node)
    if isinstance(node, Call):
        return _of_call(node)
    return of(node.of) if isinstance(node, Subquery) else NONE


def is_vector(node: Node) -> bool:
    """Return whether *node* has series; a number, a text, and what is computed of numbers has none."""
    if isinstance(node, Operation):
        return is_vector(node.left) or is_vector(node.right)
    if isinstance(node, Call):
        return node.function not in ("scalar", "time", "pi") and (node.function != "-" or is_vector(node.arguments[0]))
    return not isinstance(node, (Number, Text))


def compared(node: Operation) -> tuple[LabelSet, LabelSet]:
    """Return the labels of both sides by which *node* pairs their series."""
    left, right = of(node.left), of(node.right)
    labels = node.pairing.labels
    if node.pairing.on:
        return left.keep(labels), right.keep(labels)
    return left.drop(labels), right.drop(labels)


def _of_call(node: Call) -> LabelSet:
    function, arguments = node.function, node.arguments
    if function in _ABSENT:
        series = arguments[0]
        equal = [m.label for m in series.matchers if m.operator == "="] if isinstance(series, Series) else []
        return LabelSet(frozenset(label for label in equal if equal.count(label) == 1 and label != "__name__"))
    if function in _WITHOUT_LABELS or not arguments:
        return NONE
    vectors = [argument for argument in arguments if is_vector(argument)]
    if not vectors:
        return NONE
    labels = of(vectors[0])
    if function in ("label_replace", "label_join"):
        target = arguments[1]
        return labels.add([target.value]) if isinstance(target, Text) else ANY
    if function == "info":
        return ANY
    return labels.drop(["le"]) if function in _OF_HISTOGRAMS else labels


def _of_aggregation(node: Aggregation) -> LabelSet:
    inner = of(node.of)
    if node.how in _SELECTING:
        return inner
    kept = inner.drop(node.labels) if node.without else inner.keep(node.labels)
    return kept.add([node.parameter.value]) if isinstance(node.parameter, Text) else kept


def _of_operation(node: Operation) -> LabelSet:
    left, right = of(node.left), of(node.right)
    if not is_vector(node.left):
        return right
    if not is_vector(node.right) or node.operator in ("and", "unless"):
        return left
    if node.operator == "or":
        return left.union(right)
    pairing = node.pairing
    if pairing.many:
        return (left if pairing.many == "left" else right).add(pairing.included)
    return left.keep(pairing.labels) if pairing.on else left.drop(pairing.labels)
