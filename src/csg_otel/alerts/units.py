"""The units of compared values, as far as they are those of their metrics. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel import names
from csg_otel.alerts import quantities
from csg_otel.alerts.model import GROWING, Formula, Operand

if TYPE_CHECKING:
    from csg_otel.alerts.model import Term


def unit(value: Term) -> str:
    """Return the unit of *value*, as far as it is that of its metric."""
    if isinstance(value, Formula):
        measured, factor = _measured(value)
        own = _per_second(measured)
        return {(1.0, "1"): "1", (100.0, "1"): "%"}.get((factor, own), own if factor == 1.0 else "")
    if value.function in ("changes", "resets") or value.aggregate == "count":
        return "1"
    if value.function == "age":
        return "s"
    if value.function in GROWING and value.ref.kind == "histogram":
        return "{call}"
    if value.ref.name == names.UP:
        return "1"
    own = quantities.unit_of(value.ref.unit, value.ref.series)
    return _per_second(f"{own}/s") if value.function == "rate" else own


def _per_second(unit: str) -> str:
    """Return *unit* as the unit of a limit: a rate is in the unit of what is counted, and seconds a second are a share."""
    return "1" if unit in ("s/s", "seconds/s") else unit.removesuffix("/s")


def _measured(term: Term | float) -> tuple[str, float]:
    """Return the unit of *term*, with ``/s`` for a rate, and the factor that its numbers are multiplied by."""
    if isinstance(term, (int, float)):
        return "", float(term)
    if isinstance(term, Operand):
        return _of_operand(term), 1.0
    (left, left_factor), (right, right_factor) = _measured(term.left), _measured(term.right)
    both = not isinstance(term.left, (int, float)) and not isinstance(term.right, (int, float))
    if term.operator in ("+", "-"):
        return (left if left == right else "") if both else left or right, 1.0
    if both:
        return _quotient(left, right) if term.operator == "/" else "", left_factor / (right_factor or 1.0)
    factor = left_factor * right_factor if term.operator == "*" else left_factor / (right_factor or 1.0)
    return left or right, factor if term.operator == "*" or isinstance(term.right, (int, float)) else 0.0


def _of_operand(operand: Operand) -> str:
    if operand.function != "rate":
        return unit(operand)
    counts = operand.ref.kind == "histogram" or operand.aggregate == "count"
    return (unit(operand) if counts else quantities.unit_of(operand.ref.unit, operand.ref.series)) + "/s"


def _quotient(left: str, right: str) -> str:
    """Return the unit of a quotient: a share of the same, or by the number of events the mean of each."""
    return "1" if left == right else left.removesuffix("/s") if right == "/s" else ""
