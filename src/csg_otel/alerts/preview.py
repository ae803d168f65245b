"""
The state of a rule on live metrics: its values against the threshold, and the time until it fires. Pure.

``csg-otel alerts preview`` and the dashboard show it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from csg_otel.alerts import conditions
from csg_otel.alerts.evaluate import UnevaluableError

if TYPE_CHECKING:
    from csg_otel.alerts.evaluate import Evaluator, Labels
    from csg_otel.alerts.model import Rule

State = Literal["ok", "pending", "firing", "no data"]


@dataclass(frozen=True, slots=True)
class SeriesState:
    """
    One series of a rule and its compared value.

    *remaining_s* is the time for which the condition still has to hold until the rule fires; None if it does not hold.
    """

    labels: Labels
    value: float
    remaining_s: float | None

    @property
    def state(self) -> Literal["ok", "pending", "firing"]:
        """The state of the series."""
        if self.remaining_s is None:
            return "ok"
        return "pending" if self.remaining_s else "firing"


@dataclass(frozen=True, slots=True)
class Preview:
    """
    A rule and its series: those that would fire first, then the largest values.

    *missing* is whether its no-data alert would be raised.
    """

    rule: Rule
    series: tuple[SeriesState, ...]
    missing: bool
    unevaluable: str = ""
    """Why the rule can't be evaluated here; empty if it is."""

    @property
    def state(self) -> State:
        """The state of the rule: that of its worst series."""
        states = {series.state for series in self.series}
        return next((state for state in ("firing", "pending", "ok") if state in states), "no data")

    @property
    def holds(self) -> bool:
        """Whether the condition of the rule holds for a series."""
        return self.state in ("firing", "pending")

    @property
    def fires(self) -> bool:
        """Whether the rule would fire now."""
        return self.state == "firing"


def preview(rule: Rule, evaluated: Evaluator, held_s: Callable[[Labels], float]) -> Preview:
    """
    Return the state of *rule*.

    Args:
        rule: The rule.
        evaluated: Evaluates expressions now.
        held_s: Returns for how many seconds the condition has held for a series for which it holds now.
    """
    try:
        holding = evaluated(conditions.condition(rule))
        values = {**evaluated(conditions.value(rule.compared.value)), **holding}
    except UnevaluableError as error:
        return Preview(rule, (), missing=False, unevaluable=str(error))
    series = [
        SeriesState(labels, value, max(0.0, rule.for_s - held_s(labels)) if labels in holding else None)
        for labels, value in values.items()
    ]
    series.sort(key=lambda one: (math.inf if one.remaining_s is None else one.remaining_s, -abs(one.value)))
    missing = rule.no_data and not evaluated(conditions.count_series(rule.witness.ref, rule.witness.filters))
    return Preview(rule, tuple(series), missing)
