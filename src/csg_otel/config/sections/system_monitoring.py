"""The section `system_monitoring`: metrics of the host and the process, and the endpoint Prometheus scrapes."""

from typing import Literal

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class PrometheusEndpoint(Printed):
    """The HTTP endpoint that Prometheus scrapes; it also serves the probes."""

    enabled: bool = setting(True, "Serve the metrics.", env=("PROMETHEUS_ENABLED",))
    host: str = setting("127.0.0.1", "Address to listen on.", env=("OTEL_EXPORTER_PROMETHEUS_HOST",))
    port: int = setting(
        8081,
        "Port to listen on; 0 takes a free one.",
        low=0,
        high=65535,
        env=("PROMETHEUS_PORT", "OTEL_EXPORTER_PROMETHEUS_PORT"),
    )
    path: str = setting("/metrics", "Path of the metrics.")
    names: Literal["underscores", "utf8"] = setting(
        "underscores",
        "Names of metrics and labels: letters, digits and underscores for all clients, or OpenTelemetry's characters"
        " (`http.requests_total`) for clients that allow UTF-8. The shipped rules and dashboards need `underscores`.",
    )


@section(frozen=True, kw_only=True)
class MetricGroups(Printed):
    """The groups of metrics that are recorded and exported."""

    system_metrics: bool = setting(True, "The host: CPU, memory, disks, network, load.")
    application_metrics: bool = setting(True, "The process: CPU, memory, threads, descriptors, garbage collection.")
    business_metrics: bool = setting(
        True, "Operations, files, caches: `csg.operation.*`, `csg.files.*`, `csg.cache.*`."
    )
    custom_metrics: bool = setting(
        True,
        "The instruments the program makes with `csg_otel.counter()` and its like; not its own OpenTelemetry meters.",
    )
    sdk_metrics: bool = setting(
        True,
        "Telemetry itself under the names of the semantic conventions: `otel.sdk.*`; `csg.exporter.*` is always on.",
    )
    network_connections: bool = setting(
        False, "Count network connections by state; this costs more than all other metrics together."
    )


@section(frozen=True, kw_only=True)
class SystemMonitoring(Printed):
    """Metrics of the host and the process."""

    enabled: bool = setting(True, "Collect metrics of the host and the process.", env=("ENABLE_SYSTEM_MONITORING",))
    collection_interval: float = setting(
        10.0, "Time between samples.", unit="s", above=0, env=("METRICS_COLLECTION_INTERVAL",)
    )
    metrics_retention: float = setting(
        86400.0, "Age at which the history for trends is dropped from the process's memory.", unit="s", low=0
    )
    prometheus: PrometheusEndpoint = setting(PrometheusEndpoint, "The endpoint that Prometheus scrapes.")
    metrics: MetricGroups = setting(MetricGroups, "The groups of metrics that are recorded and exported.")
