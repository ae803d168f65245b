"""
Datadog, by its OTLP doors: the Agent beside the program, or the intake of a Datadog site.

Only what differs from any other OTLP destination stands here: addresses, headers, and delta temporality, which Datadog needs
for counters and histograms (its OTLP metrics guide).
"""

from __future__ import annotations

from csg_otel.config.model import DatadogExporter, OtlpExporter

_AGENT_ENDPOINT = "http://localhost:4317"


def as_otlp(settings: DatadogExporter) -> OtlpExporter:
    """Return the OTLP destination for *settings*: mode ``agent`` (default) or ``direct``."""
    direct = settings.mode == "direct"
    default = f"https://otlp.{settings.site}" if direct else _AGENT_ENDPOINT
    endpoint = settings.endpoint or default
    return OtlpExporter(
        name="datadog",
        endpoint=endpoint,
        protocol="grpc" if endpoint.rstrip("/").endswith(":4317") else "http/protobuf",
        headers={"dd-api-key": settings.api_key} if direct and settings.api_key is not None else {},
        signals=settings.signals,
        timeout=settings.timeout,
        spool=settings.spool,
        temporality="delta",
    )
