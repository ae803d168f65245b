"""
The queries of the dashboard, over the series that the variables ``$job`` and ``$instance`` select.

Pure. Names, labels and aliases are those of the alert rules (``alerts.catalog``, ``alerts.conditions``,
``alerts.prometheus.promql``), so a chart and a rule compare the same number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from csg_otel import names
from csg_otel.alerts import conditions
from csg_otel.alerts.catalog import matcher
from csg_otel.alerts.expr import Aggregate, Binary, Expr, Matcher, Quantile, Rate, Select
from csg_otel.alerts.prometheus import promql

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog, Ref
    from csg_otel.alerts.conditions import Filtering

SELECTED: Final = tuple(Matcher(label, "=~", f"${label}") for label in conditions.SCRAPED)
"""The matchers of every series: what the user has chosen in the variables."""

RATE_INTERVAL: Final = "$__rate_interval"
"""Grafana's variable for the window of a rate: at least four scrapes, and at least the distance of two points."""

QUANTILES: Final = (0.5, 0.95, 0.99)

Format = Literal["time_series", "heatmap", "table"]


@dataclass(frozen=True, slots=True)
class Query:
    """
    One query of a panel.

    *legend* names its series: text, with labels in double braces. An *instant* query returns the present value only. With
    *exemplar*, points that link to traces are shown, too.
    """

    expr: str
    legend: str = "{{instance}}"
    instant: bool = False
    format: Format = "time_series"
    exemplar: bool = False


def per_second(series: Select) -> Rate:
    """Return the rate of the counters *series*."""
    return Rate(series, RATE_INTERVAL)


def percent(expr: Expr) -> Expr:
    """Return the share *expr* (0 to 1) in percent."""
    return Binary(100, "*", expr)


class Queries:
    """Builds queries from the metrics of one catalog."""

    def __init__(self, catalog: Catalog, selector: str = "job") -> None:
        """
        Build queries of the series that the variables select.

        Args:
            catalog: the metrics.
            selector: the setting ``alerting.selector``; a label other than the job selects the service in every query.
        """
        scraped = matcher("$service", selector)
        own = (scraped,) if scraped is not None and scraped.label not in conditions.SCRAPED else ()
        self._catalog = catalog.selected((*own, *SELECTED), SELECTED)
        self._aliases = promql.shown(self._catalog.find, per_second)

    def find(self, name: str) -> Ref:
        """Return the metric or alias *name*, whose series are those that the variables select."""
        return self._catalog.find(name)

    @property
    def own(self) -> tuple[Ref, ...]:
        """The metrics of the program."""
        return self._catalog.own

    def labels(self, metric: names.Metric, *keys: str) -> tuple[str, ...]:
        """Return the labels of the attributes *keys* of *metric*."""
        return tuple(self.find(metric.name).label(key) for key in keys)

    def series(self, metric: names.Metric, *filters: Filtering, suffix: str = "") -> Select:
        """Return the series of *metric* that meet *filters*; *suffix* is ``_count`` or ``_bucket`` for a histogram."""
        return conditions.filtered(self.find(metric.name), *filters, suffix=suffix)

    def rate(self, by: tuple[str, ...], metric: names.Metric, *filters: Filtering) -> Expr:
        """Return the events per second of a counter, or the calls per second of a histogram, summed per labels *by*."""
        suffix = "_count" if metric.kind == "histogram" else ""
        return Aggregate("sum", by, per_second(self.series(metric, *filters, suffix=suffix)))

    def share(self, by: tuple[str, ...], metric: names.Metric, *filters: Filtering) -> Expr:
        """Return how many percent of the events of *metric* meet *filters*, per labels *by*; 0 where none does."""
        return percent(conditions.ratio(self.rate(by, metric, *filters), self.rate(by, metric)))

    def alias(self, name: str) -> tuple[Query, ...]:
        """Return the queries of an alias: one per recording rule that it has."""
        # A line per core would hide the others.
        parts = [part for part in self._aliases[name] if ("type", "per_cpu") not in part.labels]
        fixed = {"cpu", *(label for part in parts for label, _ in part.labels)}
        labels = ["instance", *(label for label in names.ALIASES[name].labels if label not in fixed)]
        return tuple(
            Query(str(part.expr), " ".join([legend(labels), *(value for _, value in part.labels)])) for part in parts
        )

    def quantiles(self, ref: Ref, by: tuple[str, ...] = (), shares: Iterable[float] = QUANTILES) -> tuple[Query, ...]:
        """Return the quantiles *shares* (0 to 1) of the histogram *ref* per labels *by*, with exemplars."""
        buckets = Aggregate("sum", (*by, "le"), per_second(conditions.select(ref, suffix="_bucket")))
        labels = "".join(f"{{{{{label}}}}} " for label in by)
        return tuple(
            Query(str(Quantile(share, buckets)), f"{labels}p{round(share * 100)}", exemplar=True) for share in shares
        )

    def buckets(self, ref: Ref) -> Query:
        """Return the buckets of the histogram *ref* for a heatmap."""
        buckets = Aggregate("sum", ("le",), per_second(conditions.select(ref, suffix="_bucket")))
        return Query(str(buckets), "{{le}}", format="heatmap", exemplar=True)


def legend(labels: Iterable[str]) -> str:
    """Return the legend that shows the values of *labels*."""
    return " ".join(f"{{{{{label}}}}}" for label in labels)
