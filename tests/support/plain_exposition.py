"""Pages of metrics as a reader of the formats' specifications would write them: every line from scratch, nothing is kept."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from opentelemetry.sdk.metrics.export import Gauge, Histogram, Metric, MetricsData, Sum

from csg_otel.exporters.prometheus import family_name, label_name


def text(data: MetricsData) -> bytes:
    """Return *data* in the text format 0.0.4. Only of one scope, that of the product, and of names that do not collide."""
    return _page(data, openmetrics=False)


def openmetrics(data: MetricsData) -> bytes:
    """Return *data* as OpenMetrics 1.0, with exemplars and times of creation; only for such data, too."""
    return _page(data, openmetrics=True)


def _page(data: MetricsData, *, openmetrics: bool) -> bytes:
    (resource,) = data.resource_metrics
    lines = [*_target(resource.resource.attributes, openmetrics)]
    for scope in resource.scope_metrics:
        for metric in scope.metrics:
            if metric.data.data_points:
                lines += _metric(metric, openmetrics)
    if openmetrics:
        lines.append("# EOF")
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _target(attributes: Mapping[str, Any], openmetrics: bool) -> Iterator[str]:
    name, kind = ("target", "info") if openmetrics else ("target_info", "gauge")
    yield f"# HELP {name} Target metadata"
    yield f"# TYPE {name} {kind}"
    yield _sample("target_info", _labels(attributes), 1)


def _metric(metric: Metric, openmetrics: bool) -> Iterator[str]:
    is_counter = isinstance(metric.data, Sum) and metric.data.is_monotonic
    is_histogram, points = isinstance(metric.data, Histogram), list[Any](metric.data.data_points)
    kind = "counter" if is_counter else "histogram" if is_histogram else "gauge"
    assert is_counter or is_histogram or isinstance(metric.data, (Gauge, Sum))
    sample = family_name(metric.name, metric.unit or "", kind)
    base = sample.removesuffix("_total") if is_counter else sample
    shown = base if openmetrics else sample
    description = (metric.description or "").replace("\\", "\\\\").replace("\n", "\\n")
    yield f"# HELP {shown} " + (description.replace('"', '\\"') if openmetrics else description)
    yield f"# TYPE {shown} {kind}"
    if openmetrics and metric.unit == "s":
        yield f"# UNIT {shown} seconds"
    for point in points:
        labels = _labels(point.attributes or {}, reserved="le" if is_histogram else "")
        if is_histogram:
            yield from _histogram(base, labels, point, openmetrics)
        else:
            exemplars = _traced(point) if openmetrics and is_counter else []
            yield _sample(sample, labels, point.value) + "".join(map(_exemplar, exemplars[-1:]))
        if openmetrics and kind != "gauge" and point.start_time_unix_nano:
            yield _sample(f"{base}_created", labels, Decimal(point.start_time_unix_nano).scaleb(-9))


def _histogram(name: str, labels: Mapping[str, str], point: Any, openmetrics: bool) -> Iterator[str]:
    bounds, count = [*point.explicit_bounds, math.inf], 0
    for place, bound in enumerate(bounds):
        count += point.bucket_counts[place]
        within = [each for each in _traced(point) if bisect_left(bounds, each.value) == place] if openmetrics else []
        newest = sorted(within, key=lambda each: -each.time_unix_nano)[:1]
        line = _sample(f"{name}_bucket", {**labels, "le": _number(float(bound))}, count)
        yield line + "".join(map(_exemplar, newest))
    yield _sample(f"{name}_sum", labels, point.sum)
    yield _sample(f"{name}_count", labels, point.count)


def _sample(name: str, labels: Mapping[str, str], value: Any) -> str:
    pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {_number(value)}" if pairs else f"{name} {_number(value)}"


def _labels(attributes: Mapping[str, Any], reserved: str = "") -> dict[str, str]:
    labels: dict[str, list[str]] = {}
    for key, value in attributes.items():
        name = label_name(key)
        shown = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        labels.setdefault(f"exported_{name}" if name == reserved else name, []).append(shown)
    return {name: ";".join(values) for name, values in labels.items()}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:.9f}"
    if isinstance(value, int):
        return str(int(value))
    return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value) or ("NaN" if math.isnan(value) else repr(value))


def _traced(point: Any) -> list[Any]:
    return [exemplar for exemplar in point.exemplars if exemplar.trace_id and exemplar.span_id]


def _exemplar(exemplar: Any) -> str:
    ids = f'trace_id="{exemplar.trace_id:032x}",span_id="{exemplar.span_id:016x}"'
    return f" # {{{ids}}} {_number(exemplar.value)} {exemplar.time_unix_nano / 1e9:.3f}"
