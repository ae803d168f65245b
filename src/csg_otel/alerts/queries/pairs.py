"""Mistakes between two sides: labels that one side has lost, so that no series finds its pair. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from csg_otel.alerts.queries import labels
from csg_otel.alerts.queries.tree import SETS, Aggregation, Call, Node, Number, Operation, every, quoted


def grouping(node: Aggregation) -> Iterator[str]:
    """Yield the labels by which *node* aggregates and that nothing in it can have any more."""
    inner = labels.of(node.of)
    if node.how in ("topk", "bottomk", "limitk"):
        return
    lost = [label for label in node.labels if label not in inner and label != "__name__"]
    # What is left out without need does no harm.
    if lost and not node.without:
        yield (
            f"{quoted(node)}: {_list(lost)} {'is' if len(lost) == 1 else 'are'} dropped before: {_dropped(node, lost[0])};"
            f" add {'it' if len(lost) == 1 else 'them'} there, or remove {'it' if len(lost) == 1 else 'them'} here"
        )


def mistakes(node: Operation) -> Iterator[str]:
    """Yield the mistakes in how *node* pairs its sides."""
    if not (labels.is_vector(node.left) and labels.is_vector(node.right)) or node.operator == "or":
        return
    left, right = labels.compared(node)
    pairing = node.pairing
    if pairing.on:
        lost = [label for label in pairing.labels if (label in left) != (label in right)]
        if lost:
            side = "left" if lost[0] not in left else "right"
            yield (
                f"{quoted(node)}: the {side} side has lost {_list(lost)}, so no pair has it;"
                f" keep it there, or remove it from on"
            )
            return
    elif not pairing.many and not (left.open or right.open) and left.labels != right.labels:
        only = sorted(left.labels ^ right.labels)
        yield (
            f"{quoted(node)}: only one side has {_list(only)}, so no series has a pair;"
            f" write on ({', '.join(sorted(left.labels & right.labels))}){_grouped(node, left, right)}"
        )
        return
    yield from _several(node)
    yield from _included(node)


def _several(node: Operation) -> Iterator[str]:
    """Yield that one side has several series per pair, which an operator refuses without ``group_left`` or ``group_right``."""
    if node.operator in SETS or not node.pairing.on:
        return
    for side, part in (("left", node.left), ("right", node.right)):
        of = labels.of(part)
        further = sorted(of.labels - set(node.pairing.labels)) if not of.open else []
        if further and node.pairing.many != side and not _is_single(part, node.pairing.labels):
            yield (
                f"{quoted(node)}: the {side} side differs by {_list(further)}, too, so one pair has several of its series;"
                f" add group_{side}, or aggregate {'them' if len(further) > 1 else 'it'} away"
            )


def _is_single(node: Node, on: Iterable[str]) -> bool:
    """Return whether *node* picks one series for each combination of *on*, such as ``topk by (pod) (1, ...)``."""
    if isinstance(node, Call) and node.function in ("label_replace", "label_join"):
        return _is_single(node.arguments[0], on)
    if isinstance(node, Operation):
        if labels.is_vector(node.left) and (node.operator in ("and", "unless") or not labels.is_vector(node.right)):
            return _is_single(node.left, on)
        return not labels.is_vector(node.left) and _is_single(node.right, on)
    if not isinstance(node, Aggregation) or node.how not in ("topk", "bottomk", "limitk") or node.without:
        return False
    return isinstance(node.parameter, Number) and node.parameter.value == 1 and set(node.labels) <= set(on)


def _included(node: Operation) -> Iterator[str]:
    one = labels.of(node.right if node.pairing.many == "left" else node.left)
    lost = [label for label in node.pairing.included if label not in one]
    if lost:
        yield f"{quoted(node)}: group_{node.pairing.many} takes {_list(lost)} from a side that has lost it; keep it there"


def _grouped(node: Operation, left: labels.LabelSet, right: labels.LabelSet) -> str:
    if node.operator in SETS:
        return ""
    if left.labels > right.labels:
        return " group_left"
    return " group_right" if right.labels > left.labels else ""


def _dropped(node: Aggregation, label: str) -> str:
    """Return the innermost part of *node* that has lost *label*."""
    parts = [part for part in every(node.of) if label not in labels.of(part)]
    return quoted(parts[-1] if parts else node.of)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
