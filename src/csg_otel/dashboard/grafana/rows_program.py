"""The rows of the dashboard about the program: overview, health, operations, business metrics. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel import names
from csg_otel.alerts import conditions
from csg_otel.alerts.expr import Aggregate, Binary, Expr
from csg_otel.attribute_values import OBJECTIVE_MET
from csg_otel.dashboard.grafana import units
from csg_otel.dashboard.grafana.charts import Charts
from csg_otel.dashboard.grafana.panels import Panel, Row
from csg_otel.dashboard.grafana.queries import Queries, legend, per_second, percent
from csg_otel.status import HealthStatus

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref
    from csg_otel.alerts.conditions import Filtering

_STATES: Final = (
    (HealthStatus.HEALTHY, "green"),
    (HealthStatus.WARNING, "orange"),
    (HealthStatus.UNKNOWN, "purple"),
    (HealthStatus.CRITICAL, "red"),
)
"""The states from the best to the worst, each with its colour; a state is charted as its position."""

_NAMED: Final[dict[str, Any]] = {
    "unit": "none",
    "named": tuple((state.value.capitalize(), color) for state, color in _STATES),
}
_FAILED: Final[Filtering] = (names.ERROR_TYPE, "!=", "")
_FAILED_WORK: Final[Filtering] = (names.OUTCOME, "=", "error")
_OVERALL: Final[Filtering] = (names.HEALTH_GROUP, "=", "overall")


def _worst(queries: Queries, metric: names.Metric, by: tuple[str, ...], *filters: Filtering) -> Expr:
    """
    Return the worst state as its position in _STATES.

    Args:
        queries: the builder of queries.
        metric: a gauge with one series per state, which is 1 for the present state and 0 for the others.
        by: labels by which the result differs.
        filters: conditions on attributes; by default none.
    """
    first, *others = (
        Binary(at, "*", queries.series(metric, *filters, (names.HEALTH_STATE, "=", state.value)))
        for at, (state, _) in enumerate(_STATES)
    )
    every: Expr = first
    for one in others:  # the series differ by their state, so `or` collects all of them
        every = Binary(every, "or", one)
    return Aggregate("max", by, every)


def overview(queries: Queries) -> Row:
    """Return the numbers that answer whether the program works."""
    work, duration = names.WORK_FINISHED, queries.find(names.OPERATION_DURATION.name)
    charts = Charts(queries)
    stat: dict[str, Any] = {"kind": "stat", "width": 4, "height": 4}
    plain: dict[str, Any] = {**stat, "options": {"graphMode": "none"}}
    state: dict[str, Any] = {**stat, **_NAMED, "options": {"colorMode": "background", "graphMode": "none"}}
    panels = (
        charts.of(
            "Health",
            "The worst overall state of the chosen programs.",
            {"state": _worst(queries, names.HEALTH_STATUS, (), _OVERALL)},
            **state,
        ),
        _instances(queries, plain),
        charts.of(
            "Work",
            "Pieces of work (outermost operations and files) that end per second.",
            {"per second": queries.rate((), work)},
            "ops",
            **stat,
        ),
        charts.of(
            "Errors",
            "Share of the pieces of work that failed.",
            {"failed": queries.share((), work, _FAILED_WORK)},
            "percent",
            shows=("error_rate_percent",),
            **stat,
        ),
        Panel(
            "p95 duration",
            "95 of 100 operations are at most as slow as this.",
            queries.quantiles(duration, shares=(0.95,)),
            "s",
            shows=(duration.name,),
            function="quantile",
            **stat,
        ),
        charts.of(
            "Uptime",
            "Time since the youngest of the programs started.",
            {"uptime": Aggregate("min", (), queries.series(names.PROCESS_UPTIME))},
            "dtdurations",
            **plain,
        ),
    )
    return Row("Overview", panels)


def _instances(queries: Queries, plain: dict[str, Any]) -> Panel:
    present = Aggregate("max", conditions.SCRAPED, conditions.select(queries.find(names.UP)))
    return Charts(queries).of(
        "Instances",
        "Programs that can be scraped, and those that can't.",
        {"up": Aggregate("sum", (), present), "down": Aggregate("sum", (), Binary(1, "-", present))},
        "short",
        series_steps=(("down", ((None, "green"), (1.0, "red"))),),
        **plain,
    )


def health(queries: Queries) -> Row:
    """Return the states of the checks over time, and their measurements."""
    status = names.HEALTH_CHECK_STATUS
    charts = Charts(queries)
    (group,) = queries.labels(names.HEALTH_STATUS, names.HEALTH_GROUP)
    (check,) = queries.labels(status, names.CHECK_NAME)
    by = queries.labels(names.HEALTH_CHECK_MEASUREMENT, names.CHECK_NAME, names.CHECK_MEASUREMENT)
    limits = queries.series(names.HEALTH_CHECK_MEASUREMENT_LIMIT, (names.CHECK_LIMIT, "=", "critical"))
    measured = Aggregate("max", by, queries.series(names.HEALTH_CHECK_MEASUREMENT))
    used = percent(Binary(measured, "/", Binary(Aggregate("min", by, limits), ">", 0)))
    panels = (
        charts.of(
            "Groups",
            "The state of each group of checks; liveness and readiness answer the probes.",
            {legend([group]): _worst(queries, names.HEALTH_STATUS, (group,))},
            kind="state-timeline",
            **_NAMED,
        ),
        charts.of(
            "Checks",
            "The worst state of each check in the chosen programs.",
            {legend([check]): _worst(queries, status, (check,))},
            kind="state-timeline",
            width=16,
            shows=(status.name, names.HEALTH_CHECK_CODE.name, "health_check_status"),
            function="none",
            **_NAMED,
        ),
        charts.of(
            "Measurements",
            "What checks have measured, in percent of the limit at which they are critical.",
            {legend(by): used},
            "percent",
            width=12,
            steps=((None, "green"), (100.0, "red")),
        ),
        charts.quantile(
            names.HEALTH_CHECK_DURATION,
            (names.CHECK_NAME,),
            0.95,
            "Duration of checks",
            "95 of 100 runs of each check are at most as slow as this.",
            width=12,
        ),
    )
    return Row("Health", panels)


def operations(queries: Queries) -> Row:
    """Return rate, errors and duration of the observed operations."""
    metric, key = names.OPERATION_DURATION, (names.OPERATION_NAME,)
    charts, duration = Charts(queries), queries.find(metric.name)
    by = queries.labels(metric, *key)
    panels = (
        charts.rate(metric, key, "Rate", "Calls of each operation per second.", "ops"),
        charts.of(
            "Errors by operation",
            "Share of the calls of each operation that failed.",
            {legend(by): queries.share(by, metric, _FAILED)},
            "percent",
            shows=("error_rate_percent",),
        ),
        Panel(
            "Duration",
            "Quantiles of all operations. A point is one call; click it to open its trace.",
            queries.quantiles(duration),
            "s",
        ),
        charts.quantile(metric, key, 0.95, "p95 by operation", "95 of 100 calls are at most as slow as this."),
        Panel(
            "Distribution of durations",
            "Calls per second by duration; a second band is a second kind of call.",
            (queries.buckets(duration),),
            "s",
            "heatmap",
        ),
        _within_objective(queries),
        *_load(queries),
    )
    return Row("Operations", panels)


def _within_objective(queries: Queries) -> Panel:
    by = queries.labels(names.OPERATION_DURATION, names.OPERATION_NAME)
    met, limited = (
        queries.rate(by, names.OPERATION_DURATION, limit)
        for limit in ((names.OBJECTIVE, "=", OBJECTIVE_MET), (names.OBJECTIVE, "!=", ""))
    )
    return Charts(queries).of(
        "Within the objective",
        "Share of the calls that met the objective of their operation.",
        {legend(by): percent(conditions.ratio(met, limited))},
        "percent",
        highest=100,
    )


def _load(queries: Queries) -> tuple[Panel, ...]:
    """Return what runs now, and what has ended."""
    charts, active = Charts(queries), names.OPERATION_ACTIVE
    by = queries.labels(active, names.OPERATION_NAME)
    half: dict[str, Any] = {"width": 12, "stacked": True}
    return (
        charts.of(
            "Running",
            "Calls of each operation that run now.",
            {legend(by): Aggregate("sum", by, queries.series(active))},
            "short",
            shows=(active.name,),
            **half,
        ),
        charts.rate(
            names.WORK_FINISHED,
            (names.OUTCOME,),
            "Work by outcome",
            "Pieces of work (outermost operations and files) that end per second.",
            "ops",
            **half,
        ),
    )


def business(queries: Queries) -> Row:
    """Return files, caches, and the metrics of the program itself."""
    charts, cache, size = Charts(queries), names.CACHE_REQUESTS, names.FILES_SIZE
    cached = queries.labels(cache, names.CACHE_NAME)
    panels = (
        charts.rate(
            names.FILES_PROCESSED,
            (names.FILE_TYPE, names.OUTCOME),
            "Files",
            "Files processed per second, by type and outcome.",
            "ops",
            shows=(names.FILES_PROCESSED.name, "files_processed_total"),
        ),
        Panel(
            "Size of files",
            "Quantiles of the sizes of processed files.",
            queries.quantiles(queries.find(size.name)),
            "bytes",
            shows=(size.name,),
            function="quantile",
        ),
        charts.of(
            "Cache hits",
            "Share of the look-ups that each cache has answered.",
            {legend(cached): queries.share(cached, cache, (names.CACHE_RESULT, "=", "hit"))},
            "percent",
            shows=("cache_hit_rate_percent",),
            highest=100,
        ),
        charts.alias(
            "processing_duration_seconds",
            "Mean duration of work",
            "Mean time that a piece of work (an outermost operation or a file) took.",
            "s",
        ),
        *(_own(queries, ref) for ref in queries.own if not ref.series.endswith("_created")),
    )
    return Row("Business metrics", panels)


def _own(queries: Queries, ref: Ref) -> Panel:
    """Return the panel of a metric of the program: quantiles, a rate, or the values."""
    labels = tuple(label for _, label in ref.attributes)
    about = ref.description or f"The {ref.kind.replace('_', '-')} {ref.name} of the program."
    unit = units.of(ref, rate=ref.kind == "counter")
    fields: dict[str, Any] = {"shows": (ref.name,), "lowest": 0 if ref.kind in ("counter", "histogram") else None}
    if ref.kind == "histogram":
        return Panel(ref.name, about, queries.quantiles(ref), unit, function="quantile", **fields)
    if ref.kind == "counter":
        rate = Aggregate("sum", labels, per_second(conditions.select(ref)))
        return Charts(queries).of(ref.name, about, {legend(labels) or ref.name: rate}, unit, function="rate", **fields)
    by = ("instance", *labels)
    value = Aggregate("sum" if ref.kind == "up_down_counter" else "max", by, conditions.select(ref))
    return Charts(queries).of(ref.name, about, {legend(by): value}, unit, **fields)
