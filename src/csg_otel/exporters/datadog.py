"""
Datadog, by its OTLP doors: the Agent beside the program, or the intake of a Datadog site.

Only what differs from any other OTLP destination stands here. All of it is from Datadog's pages on its OTLP intake: HTTP and
protobuf only, delta temporality, requests of at most 500 kB, and a header that says how metrics are translated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from csg_otel.config.sections.exporters import DatadogExporter, OtlpExporter

_AGENT_ENDPOINT: Final = "http://localhost:4317"
_LARGEST_DIRECT: Final = 500_000

_METRIC_CONFIG: Final = json.dumps({"resource_attributes_as_tags": True, "histograms": {"mode": "distributions"}})


def as_otlp(settings: DatadogExporter) -> OtlpExporter:
    """Return the OTLP destination for *settings*: mode ``agent`` (default) or ``direct``."""
    direct = settings.mode == "direct"
    endpoint = settings.endpoint or (f"https://otlp.{settings.site}" if direct else _AGENT_ENDPOINT)
    common = OtlpExporter(
        name="datadog",
        endpoint=endpoint,
        protocol="grpc" if endpoint.rstrip("/").endswith(":4317") and not direct else "http/protobuf",
        signals=settings.signals,
        timeout=settings.timeout,
        spool=settings.spool,
        temporality="delta",
    )
    if not direct:
        return common
    headers = {"dd-api-key": settings.api_key} if settings.api_key is not None else {}
    return replace(common, headers=headers, compression="gzip", max_request_bytes=_LARGEST_DIRECT)


def headers(settings: DatadogExporter, signal: str) -> Mapping[str, str]:
    """Return the headers the intake wants for *signal* only: metrics carry the resource as tags, histograms percentiles."""
    if settings.mode == "direct" and signal == "metrics":
        return {"dd-otel-metric-config": _METRIC_CONFIG}
    return {}


def aggregation() -> dict[type, Any]:
    """Return how histograms are kept for Datadog: exponentially, which its distributions take as they are."""
    from opentelemetry.sdk.metrics import Histogram
    from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

    return {Histogram: ExponentialBucketHistogramAggregation()}
