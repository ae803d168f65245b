"""
The expressions of rules (compared value, condition, missing data), and the ratios of objectives.

Pure, and the same for every backend that evaluates expressions over series. Two series of a rule differ by job, instance and
the attributes that the instrument declares. Other labels, which a scrape may add, are left out, so an alert keeps its
identity. A gauge of unit ``1`` is selected under two names: the exporter of Python writes ``x``, that of the collector
``x_ratio``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Literal

from csg_otel import names
from csg_otel.alerts.expr import Aggregate, Binary, Expr, Growth, Matcher, Operator, Over, Quantile, Select, UserPromql
from csg_otel.alerts.text import duration

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref
    from csg_otel.alerts.model import Counted, Rule

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

_REMEMBERED: Final = "1d"
"""The period within which an instance must have had a metric, so that the metric counts as missing there."""

Filtering = tuple[str, Literal["=", "!=", "=~", "!~"], str]
"""A condition on an attribute: its key, an operator, and a value."""

Extreme = Literal["min", "max"]
"""The aggregation that selects the worst series."""


def select(ref: Ref, filters: Iterable[tuple[str, str, str]] = (), suffix: str = "") -> Select:
    """Return the series of *ref* that meet *filters* (attribute, label, value)."""
    return matching(ref, (Matcher(label, "=", value) for _, label, value in filters), suffix)


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


def count_series(ref: Ref, filters: Iterable[tuple[str, str, str]] = ()) -> Select:
    """Return the series of *ref* that count events: a counter itself, or the number of calls of a histogram."""
    return select(ref, filters, "_count" if ref.kind == "histogram" else "")


def identity(rule: Rule) -> tuple[str, ...]:
    """Return the labels that distinguish the series of *rule*, without those of attributes that are only its kinds."""
    declared = [label for key, label in rule.ref.attributes if key not in KINDS]
    return tuple(dict.fromkeys([*SCRAPED, *declared, *(label for _, label, _ in rule.filters)]))


def worst(rule: Rule) -> Extreme:
    """Return the aggregation that selects the series of *rule* that is nearest to firing."""
    return "min" if rule.condition in ("less_than", "less_than_or_equal") else "max"


def value(rule: Rule) -> Expr:
    """Return the expression of the compared value: one series per identity."""
    by, series = identity(rule), select(rule.ref, rule.filters)
    if rule.function == "quantile":
        buckets = growth("rate", rule.ref, select(rule.ref, rule.filters, "_bucket"), rule.window_s)
        return Quantile(rule.quantile, Aggregate("sum", (*by, "le"), buckets))
    if rule.function in ("rate", "increase"):
        counted = count_series(rule.ref, rule.filters)
        return Aggregate("sum", by, growth(rule.function, rule.ref, counted, rule.window_s))
    if rule.function == "value":
        return Aggregate(worst(rule), by, series)
    over_time = f"{rule.function}_over_time"
    return Aggregate(worst(rule), by, Over(over_time, series, rule.window_s))  # type: ignore[arg-type] # avg, min or max


def condition(rule: Rule) -> Expr:
    """Return the alert expression: one series per firing instance, whose value is the compared value."""
    compared, threshold = value(rule), rule.threshold
    if rule.condition in ("equals", "not_equals") and not float(threshold).is_integer():
        margin = abs(threshold) * TOLERANCE
        if rule.condition == "equals":
            return Binary(Binary(compared, ">=", threshold - margin), "<=", threshold + margin)
        return Binary(Binary(compared, "<", threshold - margin), "or", Binary(compared, ">", threshold + margin))
    return Binary(compared, OPERATORS[rule.condition], threshold)


def missing(rule: Rule) -> str:
    """
    Return the expression of the no-data alert.

    It has one series if there is no sample in the window of *rule*, and one for each instance that had samples within a day,
    has none in the window, and is still a target of Prometheus. An instance that was replaced is no target any more.
    """
    of, window = count_series(rule.ref, rule.filters), duration(rule.window_s)
    absent = f"absent_over_time({of}[{window}])"
    if rule.ref.series == names.UP or rule.ref.life is None:
        return absent
    silent = f"last_over_time({of}[{_REMEMBERED}]) unless on (job, instance) last_over_time({of}[{window}])"
    by = ", ".join(SCRAPED)
    return f"{absent} or max by ({by}) (({silent}) and on ({by}) {rule.ref.life.target})"


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
