"""The section `exporters`: the destinations of telemetry, their queues and the spool on disk."""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from csg_otel.config.sections.concealed import WithSecrets
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.secret import Address, Secret
from csg_otel.config.sections.section import section

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")
Temporality = Literal["cumulative", "delta", "lowmemory"]
Histograms = Literal["explicit_bucket_histogram", "base2_exponential_bucket_histogram"]


@section(frozen=True, kw_only=True)
class ConsoleExporter(Printed):
    """Telemetry on the terminal, written to stderr."""

    enabled: bool | Literal["auto"] = setting(
        "auto", "`auto` switches it on where no other destination is configured and stderr is a terminal."
    )
    style: Literal["pretty", "json"] = setting(
        "pretty", "Text for people, or JSON for programs (one object per line).", noun="style"
    )
    level: Literal["info", "debug"] = setting(
        "info", "`debug` also shows attributes and unchanged metrics.", noun="level"
    )
    signals: tuple[Signal, ...] = setting(SIGNALS, "The signals that are shown.", noun="signal")


@section(frozen=True, kw_only=True)
class Tls(Printed):
    """TLS of the connection to a destination."""

    ca: str | None = setting(None, "File with the certificates to trust (PEM); by default the system's.")
    cert: str | None = setting(None, "File with the client's certificate (PEM).")
    key: str | None = setting(None, "File with the client's private key (PEM).")
    insecure: bool | None = setting(
        None,
        "Connect without TLS. It counts only for an endpoint without a scheme, which by default is TLS except on this machine; "
        "`http://` and `https://` decide alone.",
    )


@section(frozen=True, kw_only=True)
class OtlpExporter(WithSecrets):
    """One OTLP destination."""

    name: str = setting(
        "otlp", "Its name in `status()` and in `csg.destination`; by default `otlp`, then `otlp-2`, and so on."
    )
    enabled: bool = setting(True, "Send to it.")
    endpoint: Address | None = setting(
        None,
        "URL of the collector; by default http://localhost:4317 (grpc) or http://localhost:4318 (http/protobuf).",
    )
    protocol: Literal["grpc", "http/protobuf"] = setting("grpc", "OTLP's transport.", noun="protocol")
    headers: Mapping[str, str | Secret] = setting(
        dict, "Headers (metadata) of every request; a header whose name looks like a credential is a secret."
    )
    signals: tuple[Signal, ...] = setting(SIGNALS, "The signals that are sent there.", noun="signal")
    timeout: float = setting(10.0, "Deadline of one whole request.", unit="s", above=0)
    compression: Literal["none", "gzip"] = setting("none", "Compression of requests.", noun="compression")
    tls: Tls = setting(Tls, "TLS and mTLS.")
    temporality: Temporality = setting(
        "cumulative",
        "Temporality of metrics: cumulative, delta or lowmemory, as OpenTelemetry defines them.",
        noun="temporality",
    )
    histograms: Histograms = setting(
        "explicit_bucket_histogram",
        "Aggregation of histograms: with the instrument's buckets, or exponential, whose percentiles need no buckets.",
        noun="aggregation of histograms",
    )
    spool: bool = setting(True, "Keep telemetry on disk while it can't be delivered.")
    max_request_bytes: int = setting(
        4_000_000,
        "Largest request, before compression; more is split. gRPC receivers accept 4 MiB by default.",
        unit="By",
        low=1024,
    )
    append_path: bool = setting(True, "Append `/v1/<signal>` to an HTTP endpoint; `false` uses the endpoint unchanged.")
    location: str = field(default="", compare=False)


@section(frozen=True, kw_only=True)
class DatadogExporter(WithSecrets):
    """Datadog, through its Agent or directly."""

    enabled: bool = setting(False, "Send to Datadog; the section switches it on unless it has `enabled: false`.")
    mode: Literal["agent", "direct"] = setting(
        "agent", "Send to the Agent's OTLP receiver, or directly to Datadog's OTLP intake.", noun="mode"
    )
    site: str = setting("datadoghq.com", "Datadog's site.", env=("DD_SITE",))
    api_key: Secret | None = setting(None, "Datadog's API key; `direct` needs it.", env=("DD_API_KEY",))
    endpoint: Address | None = setting(None, "URL instead of the Agent's http://localhost:4317 or the site's intake.")
    signals: tuple[Signal, ...] = setting(SIGNALS, "The signals that are sent there.", noun="signal")
    timeout: float = setting(10.0, "Deadline of one whole request.", unit="s", above=0)
    statsd: bool = setting(False, "Send health checks as service checks through DogStatsD.")
    statsd_address: str = setting("127.0.0.1:8125", "`host:port` or `unix:///path` of DogStatsD.")
    spool: bool = setting(True, "Keep telemetry on disk while it can't be delivered.")


@section(frozen=True, kw_only=True)
class Spool(Printed):
    """Telemetry on disk that a destination has not accepted yet."""

    enabled: bool = setting(True, "Keep undelivered telemetry on disk.")
    directory: str | None = setting(None, "Directory; by default `$XDG_STATE_HOME/csg-otel`.")
    max_bytes: int = setting(
        256 * 1024 * 1024, "Limit per destination; the oldest telemetry is dropped first.", unit="By", low=1024
    )
    max_age: float = setting(7 * 86400.0, "Age at which telemetry is dropped.", unit="s", above=0)


@section(frozen=True, kw_only=True)
class Queue(Printed):
    """The queue of a destination; each destination has its own."""

    max_items: int = setting(2048, "Items a queue holds.", unit="items", low=1, env=("OTEL_BSP_MAX_QUEUE_SIZE",))
    batch_size: int = setting(
        512,
        "Items sent in one request, at most `max_items`.",
        unit="items",
        low=1,
        env=("OTEL_BSP_MAX_EXPORT_BATCH_SIZE",),
    )
    delay: float = setting(
        1.0, "Longest wait before a batch is sent (`OTEL_BSP_SCHEDULE_DELAY` is in milliseconds).", unit="s", low=0
    )


@section(frozen=True, kw_only=True)
class Exporters(Printed):
    """The destinations of telemetry; the endpoint for Prometheus is `system_monitoring.prometheus`."""

    console: ConsoleExporter = setting(ConsoleExporter, "The terminal.")
    otlp: tuple[OtlpExporter, ...] = setting((), "Any number of OTLP destinations.")
    datadog: DatadogExporter = setting(DatadogExporter, "Datadog.")
    spool: Spool = setting(Spool, "The spool: telemetry kept on disk.")
    queue: Queue = setting(Queue, "The queues.")
    metric_interval: float | None = setting(
        None,
        "Time between exports of metrics; by default `system_monitoring.collection_interval`"
        " (`OTEL_METRIC_EXPORT_INTERVAL` is in milliseconds).",
        unit="s",
        above=0,
    )
    shutdown_timeout: float = setting(5.0, "Time for all deliveries together when the program ends.", unit="s", above=0)
