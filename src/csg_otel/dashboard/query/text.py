"""The answers of queries as short, aligned text: one line per row, columns by their width. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.store.values import MOST_SERIES
from csg_otel.dashboard.view import phrases
from csg_otel.dashboard.view import text as view_text
from csg_otel.display import cells, clean, cut

if TYPE_CHECKING:
    from csg_otel.dashboard.model import ChangedPage, Chart, HealthPage, LogsPage, MetricsPage, TracePage, TracesPage

_NOTHING: Final = "nothing matches"


def render(name: str, document: Any, width: int | None = None) -> str:
    """
    Return the answer *document* to the query *name* as text, without a line break at its end.

    Args:
        name: The query.
        document: The document of the API.
        width: The largest width of a line in cells; None for no limit.
    """
    rows = _RENDERERS[name](document)
    return "\n".join(line if width is None else cut(line, width) for line in rows) or _NOTHING


def aligned(heads: str, rows: Iterable[Sequence[object]]) -> list[str]:
    """Return *heads* and *rows* as lines; heads are separated by ``|``, and one with ``>`` in front is a column of numbers."""
    titles = heads.split("|")
    texts = [[clean(str(cell)) for cell in row] for row in rows]
    if not texts:
        return []
    table = [[title.lstrip(">") for title in titles], *texts]
    widths = [max(cells(row[column]) for row in table) for column in range(len(titles))]
    right = [title.startswith(">") for title in titles]
    return [
        "  ".join(
            f"{' ' * (size - cells(text))}{text}" if is_number else f"{text}{' ' * (size - cells(text))}"
            for text, size, is_number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in table
    ]


def _traces(page: TracesPage) -> list[str]:
    rows = (
        (
            view_text.clock(row["start"], page["time"]),
            phrases.length(row["duration_s"]),
            row["spans"],
            row["errors"] or "",
            row["trace_id"],
            row["service"],
            row["name"],
        )
        for row in page["traces"]
    )
    return aligned("STARTED|>DURATION|>SPANS|>ERRORS|TRACE|SERVICE|NAME", rows)


def _trace(page: TracePage) -> list[str]:
    spans = {span["span_id"]: span for span in page["spans"]}
    rows = []
    for row in page["rows"]:
        span = spans[row["span_id"]]
        duration = row["total_s"] if row["count"] > 1 else span["duration_s"]
        repeats = f" x{row['count']}" if row["count"] > 1 else ""
        state = "ERROR" if span["status"] == "error" else ""
        about = span["status_message"] or phrases.attributes(span["attributes"])
        rows.append(
            (phrases.length(duration), state, f"{'  ' * row['depth']}{span['name']}{repeats}", row["span_id"], about)
        )
    head = page["summary"]
    title = f"trace {head['trace_id']}, started {view_text.stamp(head['start'])}, {', '.join(page['services'])}"
    return [clean(title), *aligned(">DURATION|STATE|SPAN|ID|ABOUT", rows), *_log_lines(page["logs"])]


def _logs(page: LogsPage) -> list[str]:
    """Return the records in the order in which they were written."""
    return _log_lines(list(reversed(page["logs"])))


def _log_lines(records: Sequence[Any]) -> list[str]:
    rows = (
        (
            view_text.milliseconds(row["time"]),
            row["level"].upper(),
            row["logger"],
            f"{row['body']}{_raised(row['exception'])}",
            phrases.attributes(row["attributes"]),
        )
        for row in records
    )
    return aligned("TIME|LEVEL|LOGGER|MESSAGE|ATTRIBUTES", rows)


def _raised(exception: Any) -> str:
    return f" ({exception['type']}: {exception['message']})" if exception is not None else ""


def _metrics(page: MetricsPage) -> list[str]:
    rows = (
        (
            row["name"],
            row["kind"],
            view_text.value(row["latest"], f"{row['unit']}/s" if row["kind"] == "counter" else row["unit"]),
            row["series"],
            " ".join(row["attributes"]),
        )
        for row in page["metrics"]
    )
    return aligned("METRIC|KIND|>LATEST|>SERIES|ATTRIBUTES", rows)


def _series(chart: Chart) -> list[str]:
    rows = [
        (
            line["label"] or chart["title"],
            *phrases.numbers(chart, line),
            sum(value is not None for value in line["values"]),
        )
        for line in chart["series"]
    ]
    return [*aligned("SERIES|>LAST|>MIN|>MAX|>VALUES", rows), *_more(chart["hidden"], len(rows))]


def _more(hidden: int, shown: int) -> list[str]:
    if not hidden:
        return []
    advice = f"--limit {MOST_SERIES} prints all that are kept" if shown < MOST_SERIES else "not kept"
    return [f"{hidden} more series: {advice}"]


def _health(page: HealthPage) -> list[str]:
    rows = (
        (
            row["status"].upper(),
            row["name"],
            view_text.age(row["for_s"]),
            view_text.value(row["duration_ms"], "ms"),
            row["message"],
        )
        for row in page["checks"]
    )
    return aligned("STATE|CHECK|>FOR|>DURATION|MESSAGE", rows)


def _changed(page: ChangedPage) -> list[str]:
    rows = [(row["rank"], row["text"]) for row in page["changes"]]
    return aligned(">|WHAT CHANGED", rows) if rows else ["nothing moved more than usual"]


_RENDERERS: Final[dict[str, Callable[[Any], list[str]]]] = {
    "traces": _traces,
    "trace": _trace,
    "logs": _logs,
    "metrics": _metrics,
    "series": _series,
    "health": _health,
    "changed": _changed,
}
