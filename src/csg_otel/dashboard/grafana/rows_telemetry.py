"""The row of the dashboard about the delivery of the program's own telemetry. Pure."""

from __future__ import annotations

from csg_otel import names
from csg_otel.alerts.expr import Aggregate, Binary, Expr
from csg_otel.attribute_values import DROPPED
from csg_otel.dashboard.grafana.charts import Charts
from csg_otel.dashboard.grafana.panels import Panel, Row
from csg_otel.dashboard.grafana.queries import Queries, legend, percent


def pipeline(queries: Queries) -> Row:
    """Return how the program's own telemetry is delivered, and what is lost on the way."""
    charts = Charts(queries)
    by = (names.DESTINATION, names.SIGNAL)
    destination = queries.labels(names.SPOOL_SIZE, names.DESTINATION)
    spooled = Aggregate("sum", destination, queries.series(names.SPOOL_SIZE))
    panels = (
        charts.rate(
            names.EXPORTER_ITEMS,
            (*by, names.RESULT),
            "Items",
            "Spans, log records and metric batches by result.",
            "cps",
        ),
        charts.rate(
            names.EXPORTER_ITEMS,
            (*by, names.REASON),
            "Dropped",
            "Items that are lost for good, by reason; anything above 0 is a loss.",
            "cps",
            (names.RESULT, "=", DROPPED),
        ),
        _queues(queries),
        charts.of(
            "Spool",
            "Telemetry on disk that waits for a destination.",
            {legend(destination): spooled},
            "bytes",
            shows=(names.SPOOL_SIZE.name,),
        ),
        *(
            charts.quantile(metric, (names.COMPONENT_NAME,), 0.95, title, f"95 of 100 {what} take at most as long.")
            for metric, title, what in (
                (names.SDK_EXPORT_DURATION, "Duration of exports", "requests to a destination, retries included,"),
                (names.SDK_COLLECTION_DURATION, "Duration of collections", "collections of the metrics"),
            )
        ),
        charts.rate(names.SDK_SPAN_STARTED, (names.SAMPLING_RESULT,), "Spans", "Started spans by sampling.", "cps"),
        charts.rate(names.SDK_LOG_CREATED, (), "Log records", "Log records that were emitted.", "cps"),
        charts.rate(
            names.TELEMETRY_FAULTS,
            names.TELEMETRY_FAULTS.attributes,
            "Faults",
            "Errors inside telemetry, by component; the log has the details.",
            "cps",
        ),
    )
    return Row("Telemetry pipeline", panels, collapsed=True)


def _queues(queries: Queries) -> Panel:
    (component,) = queries.labels(names.SDK_SPAN_QUEUE_SIZE, names.COMPONENT_NAME)

    def filled(size: names.Metric, capacity: names.Metric) -> Expr:
        most = Binary(Aggregate("sum", (component,), queries.series(capacity)), ">", 0)
        return percent(Binary(Aggregate("sum", (component,), queries.series(size)), "/", most))

    queues = {
        f"{legend([component])} spans": filled(names.SDK_SPAN_QUEUE_SIZE, names.SDK_SPAN_QUEUE_CAPACITY),
        f"{legend([component])} log records": filled(names.SDK_LOG_QUEUE_SIZE, names.SDK_LOG_QUEUE_CAPACITY),
    }
    return Charts(queries).of("Queues", "Waiting items in percent of each queue.", queues, "percent")
