"""Mistakes in functions: a rate of a gauge or of a sum, a quantile without its buckets, a window that is too short. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from csg_otel.alerts.queries import labels
from csg_otel.alerts.queries.tree import (
    Aggregation,
    Call,
    Node,
    Number,
    Operation,
    Series,
    Subquery,
    every,
    quoted,
)
from csg_otel.alerts.queries.values import GROWTH
from csg_otel.alerts.text import duration

if TYPE_CHECKING:
    from csg_otel.alerts.queries.metrics import Metrics

_OF_GAUGES: Final = frozenset(["delta", "idelta", "deriv", "predict_linear"])
_SUFFICIENT: Final = 4
"""Scrapes within the window of a rate, so that it has two samples even when a scrape fails."""


def mistakes(node: Call | Aggregation, metrics: Metrics, scrape_s: float | None) -> Iterator[str]:
    """
    Yield the mistakes of a function, without those of its arguments.

    Args:
        node: the function.
        metrics: the metrics that are known.
        scrape_s: seconds between two scrapes; None to look at no window.
    """
    if isinstance(node, Aggregation):
        yield from _share(node, node.parameter if node.how == "quantile" else None)
    elif node.function in GROWTH:
        yield from _growth(node, metrics)
        yield from _window(node, scrape_s)
    elif node.function in _OF_GAUGES:
        yield from _change(node, metrics)
    elif node.function in _CHECKS:
        yield from _CHECKS[node.function](node, metrics)


def _growth(node: Call, metrics: Metrics) -> Iterator[str]:
    of, function = node.arguments[0], node.function
    if isinstance(of, Subquery):
        summed = next((part for part in every(of.of) if isinstance(part, Aggregation) and part.how == "sum"), None)
        grown = any(isinstance(part, Call) and part.function in GROWTH for part in every(of.of))
        if summed is not None and not grown:
            yield (
                f"{quoted(node)}: a restart of one program makes the {summed.how} fall, which {function} takes for growth"
                f" from 0; write {summed.how}({function}(...))"
            )
    if not isinstance(of, Series):
        return
    for name in of.names:
        if metrics.is_gauge(name):
            yield (
                f"{quoted(node)}: {name} is a gauge, and {function} takes each fall for a restart;"
                f" write {'delta' if function == 'increase' else 'deriv'}, or compare the gauge itself"
            )
        elif metrics.is_aggregated(name):
            yield f"{quoted(node)}: {name} is a recorded aggregate, which may fall; record the {function} of the counters"


def _window(node: Call, scrape_s: float | None) -> Iterator[str]:
    of = node.arguments[0]
    window_s = of.window_s if isinstance(of, Series) else None
    scrapes = 2 if node.function == "irate" else _SUFFICIENT
    if scrape_s is not None and window_s is not None and window_s < scrapes * scrape_s:
        yield (
            f"{quoted(node)}: the window is too short for targets that are scraped every {scrape_s:g} s;"
            f" set it to {duration(scrapes * scrape_s)} or more"
        )
    if isinstance(of, Subquery) and of.step_s > of.window_s:
        yield f"{quoted(node)}: the step is longer than the window, which then has one value; write a shorter step"


def _change(node: Call, metrics: Metrics) -> Iterator[str]:
    of = node.arguments[0]
    name = of.name if isinstance(of, Series) else ""
    if metrics.is_counter(name):
        better = "increase" if "delta" in node.function else "rate"
        yield f"{quoted(node)}: {name} is a counter, which a restart sets to 0; write {better}, which knows of restarts"


def _histogram(node: Call, metrics: Metrics) -> Iterator[str]:
    """Yield the mistakes of a ``histogram_quantile``."""
    yield from _share(node, node.arguments[0])
    of = node.arguments[1]
    series = [part for part in every(of) if isinstance(part, Series)]
    buckets = [one for one in series if any(name.endswith("_bucket") for name in one.names)]
    # VictoriaMetrics has buckets of its own, with the label vmrange.
    if buckets and "le" not in (kept := labels.of(of)) and "vmrange" not in kept:
        yield f"{quoted(node)}: the aggregation drops the label le, which holds the buckets' bounds; add le to its labels"
    averaged = next(
        (part for part in every(of) if isinstance(part, Aggregation) and part.how in ("avg", "count")), None
    )
    if buckets and averaged is not None and averaged.how == "count":
        yield f"{quoted(node)}: count returns the number of series, not of measurements; write sum"
    if (
        buckets
        and all(one.window_s is None for one in buckets)
        and not any(metrics.is_aggregated(one.name) for one in buckets)
    ):
        yield f"{quoted(node)}: buckets count since the start of the program; write rate({buckets[0].name}[5m])"
    for one in series:
        if one not in buckets and one.name.endswith(("_sum", "_count")):
            yield f"{quoted(node)}: {one.name} has no buckets; write {one.name.rpartition('_')[0]}_bucket"


def _of_time(node: Call, metrics: Metrics) -> Iterator[str]:
    del metrics
    yield from _share(node, node.arguments[0])


def _share(node: Node, share: Node | None) -> Iterator[str]:
    if isinstance(share, Number) and not 0 <= share.value <= 1:
        written = f"{share.value / 100:g}" if 1 < share.value <= 100 else "0.95"
        yield f"{quoted(node)}: a quantile is a share from 0 to 1; write {written} instead of {share.value:g}"


def _absent(node: Call, metrics: Metrics) -> Iterator[str]:
    """Yield why an ``absent`` is always empty."""
    del metrics
    for part in every(node.arguments[0]):
        fallback = isinstance(part, Operation) and part.operator == "or"
        if fallback and any(isinstance(one, Call) and one.function == "vector" for one in (part.left, part.right)):  # type: ignore[union-attr] # an Operation
            yield f"{quoted(node)}: `or vector(...)` always has a value, so nothing is ever absent; remove it"


_CHECKS: Final[Mapping[str, Callable[[Call, Metrics], Iterator[str]]]] = {
    "histogram_quantile": _histogram,
    "quantile_over_time": _of_time,
    "absent": _absent,
}
