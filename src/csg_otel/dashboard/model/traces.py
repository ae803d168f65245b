"""Traces and logs. Pure."""

from typing import Literal, TypedDict

from csg_otel.dashboard.model.words import Attributes, Level


class EventRow(TypedDict):
    """An event of a span; an exception is the event ``exception``."""

    time: float
    name: str
    attributes: Attributes


class LinkRow(TypedDict):
    """A link from a span to another one."""

    trace_id: str
    span_id: str
    attributes: Attributes


class SpanRow(TypedDict):
    """One span. ``end`` and ``duration_s`` are None while it is running."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: Literal["internal", "server", "client", "producer", "consumer"]
    service: str
    scope: str
    start: float
    end: float | None
    duration_s: float | None
    status: Literal["unset", "ok", "error"]
    status_message: str
    attributes: Attributes
    events: list[EventRow]
    links: list[LinkRow]


class ExceptionRow(TypedDict):
    """The exception of a log record."""

    type: str
    message: str
    stacktrace: str


class LogRow(TypedDict):
    """One log record. ``level`` is the name of its severity number's range; ids are empty outside spans."""

    id: int
    time: float
    level: Level
    severity: int
    logger: str
    body: str
    service: str
    trace_id: str
    span_id: str
    attributes: Attributes
    exception: ExceptionRow | None


class TraceSummary(TypedDict):
    """
    One row of the list of traces. ``name`` is the root span's; ``duration_s`` is None while a span of it is running.

    ``error`` is the kind and the message of its first error, empty without one.
    """

    trace_id: str
    root_id: str
    name: str
    service: str
    kind: str
    start: float
    duration_s: float | None
    spans: int
    errors: int
    error: str
    running: int
    logs: int


class TracesPage(TypedDict):
    """``/api/v1/traces``: the newest first. ``next`` is the value of ``before`` for the next page; None at the end."""

    time: float
    traces: list[TraceSummary]
    total: int
    kept: int
    next: float | None
    took_ms: float


class WaterfallRow(TypedDict):
    """
    One line of a waterfall, in the order of drawing.

    A line of repeats stands for ``count`` sibling spans of the same name, which took ``total_s`` together: ``span_id`` is the
    first, ``hidden`` has the ids of the others. ``critical`` marks the spans that the trace's duration depends on.
    """

    span_id: str
    depth: int
    critical: bool
    self_s: float | None
    count: int
    total_s: float | None
    hidden: list[str]


class TracePage(TypedDict):
    """
    ``/api/v1/traces/{trace_id}``: one trace, its spans by start, the lines of its waterfall, and its log records.

    ``resources`` has the attributes of the newest resource of each of its services, where they are known.
    """

    time: float
    summary: TraceSummary
    services: list[str]
    resources: dict[str, Attributes]
    spans: list[SpanRow]
    rows: list[WaterfallRow]
    logs: list[LogRow]


class LogsPage(TypedDict):
    """``/api/v1/logs``: the newest first. ``next`` is the value of ``before`` (an ``id``) for the next page."""

    time: float
    logs: list[LogRow]
    total: int
    kept: int
    next: int | None
