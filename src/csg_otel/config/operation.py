"""
The settings of running the program: its log, its performance tracking, the dashboard, integrations, access.

Only declarations; reading them from a file or the environment is `load`'s. The one rule: durations are seconds.
"""

# ruff: noqa: RUF009 - setting() makes a dataclass field, not a shared value

from dataclasses import dataclass
from typing import Literal

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.secret import Secret


@dataclass(frozen=True, kw_only=True)
class LogFile:
    """The log file and its rotation."""

    filename: str = setting("monitoring.log", "The file.")
    max_bytes: int = setting(10 * 1024 * 1024, "Size at which it is rotated; 0 never.", unit="By", low=0)
    backup_count: int = setting(5, "Old files that are kept.", low=0)


@dataclass(frozen=True, kw_only=True)
class Logging:
    """The program's log."""

    level: Literal["debug", "info", "warning", "error", "critical"] = setting(
        "info",
        "Lowest level that is logged.",
        noun="level",
        env=("LOG_LEVEL",),
        aliases={"warn": "warning", "fatal": "critical"},
    )
    format: str = setting("text", "`text`, `json`, or a format of Python's logging (`%(levelname)s %(message)s`).")
    handlers: tuple[Literal["console", "file"], ...] = setting(
        (), "Handlers to add to the root logger.", noun="handler"
    )
    file_config: LogFile = setting(LogFile, "The log file.")


@dataclass(frozen=True, kw_only=True)
class Benchmarking:
    """Regular benchmarks of the program."""

    enabled: bool = setting(False, "Run the benchmark `health_monitoring.checks.performance.benchmark` regularly.")
    interval: float = setting(3600.0, "Time between runs.", unit="s", above=0)
    test_sizes: tuple[int, ...] = setting((), "Sizes the benchmark is called with, one after the other.", low=0)


@dataclass(frozen=True, kw_only=True)
class MemoryOptimization:
    """Watching memory; what to do about it is the application's business."""

    enabled: bool = setting(True, "Watch the growth of memory.")
    monitoring_interval: float = setting(60.0, "Time between samples of memory.", unit="s", above=0)
    gc_frequency: float | None = setting(
        None,
        "Not used.",
        warn="tuning the garbage collector is the application's business; call gc.set_threshold() there",
    )
    streaming_threshold_mb: float | None = setting(
        None,
        "Not used.",
        unit="MB",
        warn="when to stream is the application's business; decide it where files are read",
    )


@dataclass(frozen=True, kw_only=True)
class ResponseTimeTracking:
    """Durations of operations."""

    enabled: bool = setting(True, "Record how long operations take.")
    percentiles: tuple[float, ...] = setting(
        (50.0, 95.0, 99.0), "Percentiles that dashboards show.", unit="%", low=0, high=100
    )
    histogram_buckets: tuple[float, ...] = setting(
        (), "Buckets of `csg.operation.duration`; none given means .005 ... 10.", unit="s", above=0
    )


@dataclass(frozen=True, kw_only=True)
class Performance:
    """What is measured about the program's work."""

    enabled: bool = setting(True, "Measure performance.")
    benchmarking: Benchmarking = setting(Benchmarking, "Regular benchmarks.")
    memory_optimization: MemoryOptimization = setting(MemoryOptimization, "Memory.")
    response_time_tracking: ResponseTimeTracking = setting(ResponseTimeTracking, "Durations.")


@dataclass(frozen=True, kw_only=True)
class DashboardFeatures:
    """Which panes the dashboard shows."""

    health: bool = setting(True, "The health checks.")
    system: bool = setting(True, "The system's resources.")
    performance: bool = setting(True, "The performance metrics.")
    alerts: bool = setting(True, "The alerts.")
    trends: bool = setting(True, "The history.")


@dataclass(frozen=True, kw_only=True)
class DashboardCharts:
    """How the dashboard draws history."""

    time_window: float = setting(3600.0, "Period a chart shows at first.", unit="s", above=0)
    data_points: int = setting(100, "Points a chart draws at most.", low=2)
    auto_refresh: bool = setting(True, "Keep charts current.")


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """The dashboard, in the terminal and in the browser."""

    enabled: bool = setting(False, "Serve the web dashboard from the program.")
    host: str = setting("127.0.0.1", "Address the web dashboard listens on.")
    port: int = setting(8080, "Its port; 0 takes a free one.", low=0, high=65535, env=("MONITORING_DASHBOARD_PORT",))
    refresh_interval: float = setting(
        5.0, "Time between refreshes.", unit="s", above=0, env=("DASHBOARD_REFRESH_INTERVAL",)
    )
    features: DashboardFeatures = setting(DashboardFeatures, "Which panes are shown.")
    charts: DashboardCharts = setting(DashboardCharts, "The charts.")


@dataclass(frozen=True, kw_only=True)
class PrometheusPush:
    """Pushing to a Pushgateway, for jobs too short to be scraped."""

    enabled: bool = setting(False, "Push metrics.")
    push_gateway: str | None = setting(None, "URL of the Pushgateway.")
    job_name: str | None = setting(None, "The job's name; by default the service's.")
    push_interval: float = setting(30.0, "Time between pushes.", unit="s", above=0)


@dataclass(frozen=True, kw_only=True)
class Grafana:
    """The Grafana that dashboards and rules are pushed to."""

    enabled: bool = setting(False, "Push to Grafana when asked to.")
    dashboard_url: str | None = setting(None, "URL of Grafana.")
    api_key: Secret | None = setting(None, "Token of a service account.")


@dataclass(frozen=True, kw_only=True)
class DatadogAccount:
    """The Datadog account that monitors are pushed to."""

    enabled: bool = setting(False, "Use Datadog: telemetry goes to its intake, monitors can be pushed.")
    api_key: Secret | None = setting(None, "API key.")
    app_key: Secret | None = setting(None, "Application key; needed to push monitors.", env=("DD_APP_KEY",))
    api_url: str | None = setting(None, "URL of the API; by default that of `exporters.datadog.site`.")


@dataclass(frozen=True, kw_only=True)
class NewRelic:
    """New Relic, as a preset of an OTLP destination."""

    enabled: bool = setting(False, "Send telemetry to New Relic.")
    license_key: Secret | None = setting(None, "License key.")


@dataclass(frozen=True, kw_only=True)
class ElasticApm:
    """Elastic APM, as a preset of an OTLP destination."""

    enabled: bool = setting(False, "Send telemetry to Elastic APM.")
    server_url: str | None = setting(None, "URL of the APM server.")
    secret_token: Secret | None = setting(None, "Its secret token.")


@dataclass(frozen=True, kw_only=True)
class ExternalMonitoring:
    """Vendors."""

    enabled: bool = setting(False, "Use the vendors below that are enabled.")
    datadog: DatadogAccount = setting(DatadogAccount, "Datadog.")
    new_relic: NewRelic = setting(NewRelic, "New Relic.")
    elastic_apm: ElasticApm = setting(ElasticApm, "Elastic APM.")


@dataclass(frozen=True, kw_only=True)
class Integrations:
    """Other systems."""

    prometheus: PrometheusPush = setting(PrometheusPush, "Pushing to a Pushgateway.")
    grafana: Grafana = setting(Grafana, "Grafana.")
    external_monitoring: ExternalMonitoring = setting(ExternalMonitoring, "Vendors.")


@dataclass(frozen=True, kw_only=True)
class ApiAuth:
    """Who may see the endpoints."""

    enabled: bool = setting(False, "Ask for a token.")
    method: Literal["token", "basic"] = setting("token", "Bearer tokens, or basic authentication.", noun="method")
    tokens: tuple[Secret, ...] = setting(
        (), "Accepted tokens, several for rotation; for `basic` each is `user:password`."
    )


@dataclass(frozen=True, kw_only=True)
class AccessLogging:
    """The endpoints' access log."""

    enabled: bool = setting(False, "Log accesses to the endpoints.")
    log_requests: bool = setting(True, "One line a request.")
    log_responses: bool = setting(
        False, "Not used.", warn="responses are never logged; log_requests logs status and size"
    )


@dataclass(frozen=True, kw_only=True)
class RateLimiting:
    """How often one client may ask."""

    enabled: bool = setting(False, "Limit requests.")
    requests_per_minute: int = setting(60, "Requests a minute and client.", low=1)


@dataclass(frozen=True, kw_only=True)
class Security:
    """Access to the endpoints."""

    api_auth: ApiAuth = setting(ApiAuth, "Who may see them.")
    access_logging: AccessLogging = setting(AccessLogging, "The access log.")
    rate_limiting: RateLimiting = setting(RateLimiting, "How often.")
    allowed_hosts: tuple[str, ...] = setting(
        (), "Host names the endpoints answer to besides loopback and the bound address."
    )
