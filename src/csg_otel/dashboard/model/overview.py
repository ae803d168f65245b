"""The overview: the snapshot of everything, and what changed. Pure."""

from typing import Literal, TypedDict

from csg_otel.dashboard.model.health import CheckRow
from csg_otel.dashboard.model.words import Attributes, Health, State


class Service(TypedDict):
    """The program that is shown."""

    name: str
    version: str
    environment: str
    instance: str
    pid: int | None
    host: str
    language: str
    sdk: str


class DestinationRow(TypedDict):
    """One destination of telemetry; see ``DestinationStatus``."""

    name: str
    address: str
    state: Literal["ok", "degraded", "down"]
    emitted: int
    adopted: int
    delivered: int
    queued: int
    spooled: int
    dropped: dict[str, int]
    last_error: str
    failing_s: float


class CategoryRow(TypedDict):
    """One category of health checks, with its worst check's message and the slowest check's duration in milliseconds."""

    name: str
    title: str
    status: Health
    message: str
    response_time_ms: float | None


class SystemNumbers(TypedDict):
    """The newest numbers of host and process; percentages are 0 to 100."""

    cpu_percent: float | None
    memory_percent: float | None
    memory_used_bytes: float | None
    memory_total_bytes: float | None
    disk_percent: float | None
    disk_free_bytes: float | None
    load_1m: float | None
    process_cpu_percent: float | None
    process_memory_bytes: float | None
    process_threads: float | None
    process_open_files: float | None


class AlertCounts(TypedDict):
    """The number of rules by state."""

    firing: int
    pending: int
    rules: int


class Counts(TypedDict):
    """The number of items that are kept and can be shown."""

    traces: int
    spans: int
    running: int
    errors: int
    logs: int
    series: int
    dropped: int


class Charts(TypedDict):
    """The settings ``dashboard.charts``."""

    time_window_s: float
    data_points: int
    auto_refresh: bool


class ErrorRow(TypedDict):
    """
    One kind of error of one operation in the last five minutes; *count* is that of the kept traces.

    ``type`` and ``message`` are those of the exception, as far as there is one. ``message``, ``last`` (Unix seconds) and the
    ids are those of the newest.
    """

    service: str
    name: str
    type: str
    message: str
    count: int
    last: float
    trace_id: str
    span_id: str


class ServiceRow(TypedDict):
    """
    One of the programs that send to a dashboard (``csg-otel dashboard --otlp``), by what arrived.

    ``spans`` and ``errors`` (failed spans) are those of the last five minutes, ``rate`` is spans per second in the last one,
    and ``last`` the Unix time of the newest arrival of any signal.
    """

    name: str
    language: str
    spans: int
    errors: int
    rate: float
    last: float


class Change(TypedDict):
    """
    One item of "what changed": a series whose values moved.

    ``score`` is comparable within one answer only; ``before`` and ``after`` are typical values in ``unit``. ``values`` has the
    points of a small chart over baseline and window, None where there is no value. ``link`` is the fragment of the web page
    that shows more.
    """

    rank: int
    score: float
    what: Literal["metric", "traces", "logs", "health"]
    name: str
    attributes: Attributes
    field: str
    unit: str
    before: float | None
    after: float | None
    text: str
    values: list[float | None]
    link: str


class Status(TypedDict):
    """
    ``/api/v1/status``: the snapshot of everything; ``csg-otel dashboard --mode status --json`` prints it.

    ``overall`` is the state of the health checks, ``state`` the worst of it and of the severities of the rules that fire.
    ``data_age_s`` is the age of the newest result of a check, value of a metric, or arrival. ``kept_since`` is the Unix time of
    the oldest value of a metric, a day ago at most; None where none is kept. ``changed`` is None until the first comparison
    has ended.

    Of a dashboard that receives, ``services`` has who sends, ``receives_at`` the address by each value of
    ``OTEL_EXPORTER_OTLP_PROTOCOL``, and ``state`` is ``receiving``, or ``waiting`` if nothing has come for five minutes. Of a
    program's own, both are empty.
    """

    schema_version: str
    generated_at: str
    time: float
    session: str
    service: Service
    uptime_s: float | None
    data_age_s: float | None
    kept_since: float | None
    workers: int
    overall: Health
    state: State
    groups: dict[str, Health]
    maintenance: str
    bypass: bool
    monitored: bool
    monitoring_enabled: bool
    prometheus_enabled: bool
    prometheus_running: bool
    processing_enabled: bool
    queue_size: int
    active_notifiers: list[str]
    metrics_url: str
    destinations: list[DestinationRow]
    features: list[str]
    charts: Charts
    refresh_interval_s: float
    categories: list[CategoryRow]
    checks: list[CheckRow]
    system: SystemNumbers
    alerts: AlertCounts
    counts: Counts
    errors: list[ErrorRow]
    services: list[ServiceRow]
    receives_at: dict[str, str]
    changed: list[Change] | None
    actions: list[str]
