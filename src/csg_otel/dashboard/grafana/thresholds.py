"""
The threshold lines of the dashboard, from the alert rules, and panels for rules whose numbers no other panel shows.

Pure. A rule belongs to a panel if it compares what the panel charts: the same metric, read by the same function.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from csg_otel.alerts import conditions, wording
from csg_otel.alerts.expr import Aggregate, Expr, Quantile
from csg_otel.alerts.model import Formula, Operand
from csg_otel.dashboard.grafana import units
from csg_otel.dashboard.grafana.panels import Panel, Row, Step
from csg_otel.dashboard.grafana.queries import Queries, Query, legend, per_second

if TYPE_CHECKING:
    from csg_otel.alerts.model import Rule, Term

COLORS: Final = {"info": "blue", "warning": "orange", "critical": "red", "emergency": "dark-red"}
"""The colour of each severity, from the mildest to the gravest."""

_GRAVITY: Final = {severity: at for at, severity in enumerate(COLORS)}
_ABOVE: Final = ("greater_than", "greater_than_or_equal")
_BELOW: Final = ("less_than", "less_than_or_equal")
_FUNCTIONS: Final = {"avg": "value", "min": "value", "max": "value"}
"""Functions whose results are values of the gauge itself."""


def with_rules(rows: Iterable[Row], rules: Iterable[Rule]) -> tuple[tuple[Row, ...], tuple[Rule, ...]]:
    """Return *rows* with the threshold lines and runbooks of *rules*, and the rules that belong to no panel of them."""
    remaining = list(rules)
    drawn = []
    for row in rows:
        panels = []
        for panel in row.panels:
            own = [rule for rule in remaining if _belongs(rule, panel)]
            panels.append(with_lines(panel, own))
            shown_elsewhere = [rule for rule in own if panel.kind != "stat"]
            remaining = [rule for rule in remaining if rule not in shown_elsewhere]
        drawn.append(replace(row, panels=tuple(panels)))
    return tuple(drawn), tuple(remaining)


def _belongs(rule: Rule, panel: Panel) -> bool:
    if rule.first.ref.name not in panel.shows or not rule.is_plain:
        return False
    return panel.function == "none" or panel.function == _FUNCTIONS.get(rule.first.function, rule.first.function)


def with_lines(panel: Panel, rules: Iterable[Rule]) -> Panel:
    """Return *panel* with a line per threshold of *rules*, and a link per runbook that has an address."""
    own = tuple(rules)
    links = tuple(
        (f"Runbook: {rule.alert}", rule.runbook_url)
        for rule in own
        if rule.runbook_url.startswith(("http://", "https://"))
    )
    steps = panel.steps if panel.function == "none" else (steps_of(own) or panel.steps)
    return replace(panel, steps=steps, links=(*panel.links, *links))


def steps_of(rules: Iterable[Rule]) -> tuple[Step, ...]:
    """Return the colours of all values: that of the gravest rule which fires there, else green. Empty without a limit."""
    limits = [rule for rule in rules if rule.condition in (*_ABOVE, *_BELOW) and rule.limits]
    bounds = sorted({rule.limits[0] for rule in limits})
    if not bounds:
        return ()
    regions = zip([None, *bounds], [*bounds, None], strict=True)
    return tuple((start, _color(limits, start, end)) for start, end in regions)


def _color(rules: Iterable[Rule], start: float | None, end: float | None) -> str:
    """Return the colour of the values from *start* to *end*; None is infinity."""
    firing = [
        rule.severity
        for rule in rules
        if (rule.condition in _ABOVE and start is not None and start >= rule.limits[0])
        or (rule.condition in _BELOW and end is not None and end <= rule.limits[0])
    ]
    return COLORS[max(map(_known, firing), key=_GRAVITY.__getitem__)] if firing else "green"


def _known(severity: str) -> str:
    """Return *severity*; a word of the user's own has the colour of a warning."""
    return severity if severity in COLORS else "warning"


# -- rules with a panel of their own ------------------------------------------------------------------------------------


def panel_of(rule: Rule, queries: Queries) -> Panel:
    """Return a panel with the number that *rule* compares, and its threshold."""
    shown = _for_chart(rule.compared.value, queries)
    labels = [label for label in shown.labels or () if label != "job"]
    first = rule.first
    is_count = first.function == "increase" or not isinstance(shown, Operand)
    panel = Panel(
        title=rule.alert,
        description=f"Rule {rule.name}: {wording.value(rule.compared.value)} {wording.condition(rule)} ({rule.severity}).",
        queries=(Query(str(_value(shown)), legend(labels)),),
        unit="short" if is_count else units.of(first.ref, rate=first.function == "rate"),
        lowest=None,
    )
    return with_lines(panel, (rule,))


def _for_chart(term: Term, queries: Queries) -> Term:
    """Return *term* with the metrics of the dashboard, whose series are those of the services that the reader selects."""
    if isinstance(term, Operand):
        return term if term.function == "promql" else replace(term, ref=queries.find(term.ref.name))
    sides = [side if isinstance(side, (int, float)) else _for_chart(side, queries) for side in (term.left, term.right)]
    return Formula(term.operator, *sides)


def _value(term: Term) -> Expr:
    """Return the compared value; rates are taken over the window of the chart."""
    if isinstance(term, Operand) and term.function == "quantile":
        buckets = per_second(conditions.select(term.ref, term.filters, "_bucket"))
        return Quantile(term.quantile, Aggregate("sum", (*term.by, "le"), buckets))
    if isinstance(term, Operand) and term.function == "rate":
        return Aggregate(term.aggregate, term.by, per_second(conditions.count_series(term.ref, term.filters)))
    return conditions.value(term)
