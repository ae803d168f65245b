"""The charts that many rows have: of an alias, of a rate, of a quantile, and of any expressions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from csg_otel import names
from csg_otel.dashboard.grafana.panels import Panel
from csg_otel.dashboard.grafana.queries import Queries, Query, legend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from csg_otel.alerts.conditions import Filtering
    from csg_otel.alerts.expr import Expr


class Charts:
    """Builds charts. Each takes a title, a description, Grafana's unit of the values, and further fields of the panel."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def alias(self, name: str, title: str, description: str, unit: str, **more: Any) -> Panel:
        """Return a chart of the alias *name*."""
        function = "rate" if names.ALIASES[name].kind == "counter" else "value"
        fields = {"shows": (name,), "function": function, **more}
        return Panel(title, description, self._queries.alias(name), unit, **fields)

    def rate(
        self,
        metric: names.Metric,
        keys: tuple[str, ...],
        title: str,
        description: str,
        unit: str,
        *filters: Filtering,
        **more: Any,
    ) -> Panel:
        """
        Return a chart of the events per second of *metric*, one line per value of the attributes *keys*.

        Args:
            metric: a counter, or a histogram, whose calls are counted.
            keys: attributes by which the lines differ.
            title: title of the panel.
            description: its description.
            unit: Grafana's unit of the values.
            filters: conditions on attributes; by default all events count.
            more: further fields of the panel.
        """
        by = self._queries.labels(metric, *keys)
        fields = {"shows": () if filters else (metric.name,), "function": "rate", **more}
        return self.of(title, description, {legend(by): self._queries.rate(by, metric, *filters)}, unit, **fields)

    def quantile(
        self, metric: names.Metric, keys: tuple[str, ...], share: float, title: str, description: str, **more: Any
    ) -> Panel:
        """
        Return a chart of a quantile of the durations in *metric*, one line per value of the attributes *keys*.

        Args:
            metric: a histogram of seconds.
            keys: attributes by which the lines differ.
            share: the quantile, 0 to 1.
            title: title of the panel.
            description: its description.
            more: further fields of the panel.
        """
        by, ref = self._queries.labels(metric, *keys), self._queries.find(metric.name)
        fields = {"shows": (metric.name,), "function": "quantile", **more}
        return Panel(title, description, self._queries.quantiles(ref, by, (share,)), "s", **fields)

    def of(self, title: str, description: str, exprs: Mapping[str, Expr], unit: str, **more: Any) -> Panel:
        """
        Return a chart of expressions.

        Args:
            title: title of the panel.
            description: its description.
            exprs: the expressions by the legends of their series.
            unit: Grafana's unit of the values.
            more: further fields of the panel.
        """
        return Panel(title, description, tuple(Query(str(expr), words) for words, expr in exprs.items()), unit, **more)
