"""
Files of OTLP: JSON with one request per line, as the collector's file exporter writes them.

What is exported and imported again gives the same rows; the ids of log records are new.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from opentelemetry.semconv.attributes import service_attributes

from csg_otel.dashboard.otlp import values
from csg_otel.dashboard.otlp.errors import InvalidRequestError
from csg_otel.dashboard.otlp.logs import log_json
from csg_otel.dashboard.otlp.metrics import metric_json
from csg_otel.dashboard.otlp.spans import span_json

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Attributes, LogRow, SpanRow
    from csg_otel.dashboard.model.actions import Imported
    from csg_otel.dashboard.otlp.receiver import Intake
    from csg_otel.points import Point

Row = TypeVar("Row")

_MOST_ROWS: Final = 500
"""Rows of one line: the batch of the SDKs, so that every reader takes it."""

_NO_METRICS: Final = (
    "metrics, because they would be added to those of this program; `csg-otel dashboard --otlp` shows them alone"
)

Resources = Mapping[str, "Attributes"]
"""The attributes of the resource of each service; a service that is missing has its name only."""


# -- writing -----------------------------------------------------------------------------------------------------------


def span_lines(rows: Iterable[SpanRow], resources: Resources) -> Iterator[str]:
    """Yield *rows* as lines, each with the line break at its end."""
    for batch in _batches(rows):
        groups = _grouped(batch, lambda row: (row["service"], row["scope"]))
        scopes = {
            owner: {"scope": {"name": owner[1]}, "spans": [span_json(row) for row in group]} for owner, group in groups
        }
        yield _line("resourceSpans", "scopeSpans", scopes, resources)


def log_lines(rows: Iterable[LogRow], resources: Resources) -> Iterator[str]:
    """Yield *rows* as lines, each with the line break at its end."""
    for batch in _batches(rows):
        groups = _grouped(batch, lambda row: (row["service"], row["logger"]))
        scopes = {
            owner: {"scope": {"name": owner[1]}, "logRecords": [log_json(row) for row in group]}
            for owner, group in groups
        }
        yield _line("resourceLogs", "scopeLogs", scopes, resources)


def point_lines(points: Iterable[Point], service: str, time_s: float, resources: Resources) -> Iterator[str]:
    """Yield *points* of the program *service* at the Unix time *time_s* as lines, each with the line break at its end."""
    for batch in _batches(points):
        groups = _grouped(batch, lambda point: (point.name, type(point).__name__, getattr(point, "kind", "")))
        metrics = [metric_json(group, values.nanoseconds(time_s)) for _, group in groups]
        yield _line("resourceMetrics", "scopeMetrics", {(service, ""): {"scope": {}, "metrics": metrics}}, resources)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _MOST_ROWS)):
        yield batch


def _grouped(rows: list[Row], key: Callable[[Row], tuple[str, ...]]) -> Iterator[tuple[Any, list[Row]]]:
    """Yield the rows of each key; of one key they stay in their order."""
    for owner, group in groupby(sorted(rows, key=key), key):
        yield owner, list(group)


def _line(resources_key: str, scopes_key: str, scopes: Mapping[tuple[str, str], Any], resources: Resources) -> str:
    """Return a request with *scopes*, by service and scope, as one line."""
    by_service: dict[str, list[Any]] = {}
    for (service, _), scope in scopes.items():
        by_service.setdefault(service, []).append(scope)
    request = [
        {
            "resource": {
                "attributes": values.key_values(
                    {**resources.get(service, {}), service_attributes.SERVICE_NAME: service}
                )
            },
            scopes_key: of_service,
        }
        for service, of_service in by_service.items()
    ]
    return json.dumps({resources_key: request}, separators=(",", ":")) + "\n"


# -- reading -----------------------------------------------------------------------------------------------------------


def read(text: bytes, intake: Intake, *, metrics: bool = True) -> Imported:
    """
    Put the requests in *text*, one per line, into the store behind *intake*, and return the numbers of their items.

    A line that is not valid is left out, such as the last one of a file that is being written. Raises InvalidRequestError with
    the first reason if no line is valid.

    Args:
        text: The lines.
        intake: The way into the store.
        metrics: Whether metrics are taken, too. Default: yes.
    """
    from csg_otel.dashboard.otlp import json_requests, signals

    counts = dict.fromkeys(("traces", "logs", "metrics"), 0)
    problem = left_out = ""
    is_valid = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            document = json_requests.parse(line)
            for signal in signals.SIGNALS:
                message = json_requests.message(document, signal.request)
                has_items = len(getattr(message, signal.resources)) > 0
                is_valid = is_valid or has_items
                if has_items and signal is signals.METRICS and not metrics:
                    left_out = _NO_METRICS
                else:
                    counts[signal.name] += intake.accept(signal, message).accepted
        except InvalidRequestError as error:
            problem = problem or f"line {number}: {error}"
    if not is_valid:
        raise InvalidRequestError(problem or "no line has spans, log records or metrics as OTLP's JSON")
    return {
        "spans": counts["traces"],
        "logs": counts["logs"],
        "metrics": counts["metrics"],
        "left_out": left_out,
    }
