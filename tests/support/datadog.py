"""A stand-in for Datadog's OTLP intake, as strict as its documentation: paths, key, headers, sizes, temporality."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from support.otlp_sink import HttpSink

_LARGEST = 500_000
_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


class Intake(HttpSink):
    """Refuses what the real one would, and keeps what it was asked and what it answered."""

    KEY = "0123456789abcdef"

    def __init__(self) -> None:
        self.answers: list[tuple[str, int, int]] = []
        self.by_path: dict[str, dict[str, str]] = {}
        super().__init__()

    def judge(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status the intake gives."""
        lowered = {name.lower(): value for name, value in headers.items()}
        plain = gzip.decompress(body) if lowered.get("content-encoding") == "gzip" else body
        status = self._status(path, lowered, plain)
        self.answers.append((path, len(plain), status))
        self.by_path[path] = lowered
        return status

    def _status(self, path: str, headers: Mapping[str, str], plain: bytes) -> int:
        refusals = {
            404: path not in self.REQUESTS,
            403: headers.get("dd-api-key") != self.KEY,
            415: headers.get("content-type") != "application/x-protobuf",
            413: len(plain) > _LARGEST,
        }
        refused = [status for status, holds in refusals.items() if holds]
        if refused or self.status != 200 or path != "/v1/metrics":
            return refused[0] if refused else self.status
        return self._metrics_status(headers, ExportMetricsServiceRequest.FromString(plain))

    @staticmethod
    def _metrics_status(headers: Mapping[str, str], request: Any) -> int:
        if not json.loads(headers.get("dd-otel-metric-config", "{}")).get("resource_attributes_as_tags"):
            return 400
        for metric in (m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics):
            data = getattr(metric, metric.WhichOneof("data"))
            rises = metric.HasField("sum") and data.is_monotonic
            if (rises or "histogram" in metric.WhichOneof("data")) and data.aggregation_temporality == _CUMULATIVE:
                return 400
        return 200
