"""
Datadog through OTLP: the Agent beside the program, or the intake of a Datadog site.

Contains only what differs from other OTLP destinations. Datadog's pages on its OTLP intake describe the differences: HTTP with
protobuf only, delta temporality, requests of at most 500 kB, and a header that configures the translation of metrics.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from csg_otel.config.sections.exporters import DatadogExporter, OtlpExporter
from csg_otel.config.sections.secret import revealed

_AGENT_ENDPOINT: Final = "http://localhost:4317"
_MAX_DIRECT_BYTES: Final = 500_000
"""Most bytes of a request to the intake, before compression. Datadog sets this limit for metrics."""

_METRIC_CONFIG: Final = json.dumps({"resource_attributes_as_tags": True, "histograms": {"mode": "distributions"}})


def as_otlp(settings: DatadogExporter) -> OtlpExporter:
    """Return the OTLP destination for *settings*: mode ``agent`` (default) or ``direct``."""
    direct = settings.mode == "direct"
    endpoint = settings.endpoint or (f"https://otlp.{settings.site}" if direct else _AGENT_ENDPOINT)
    common = OtlpExporter(
        name="datadog",
        endpoint=endpoint,
        protocol="grpc" if revealed(endpoint).rstrip("/").endswith(":4317") and not direct else "http/protobuf",
        signals=settings.signals,
        timeout=settings.timeout,
        spool=settings.spool,
        temporality="delta",
        histograms="base2_exponential_bucket_histogram",  # Datadog's distributions accept them unchanged
    )
    if not direct:
        return common
    headers = {"dd-api-key": settings.api_key} if settings.api_key is not None else {}
    return replace(common, headers=headers, compression="gzip", max_request_bytes=_MAX_DIRECT_BYTES)


def headers(settings: DatadogExporter, signal: str) -> Mapping[str, str]:
    """Return the additional headers for *signal*: for metrics, resource attributes become tags and histograms distributions."""
    if settings.mode == "direct" and signal == "metrics":
        return {"dd-otel-metric-config": _METRIC_CONFIG}
    return {}
