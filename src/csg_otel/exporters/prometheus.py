"""
Metrics as text for Prometheus: format 0.0.4, or OpenMetrics 1.0 with exemplars.

Metrics get the same names as from the package ``opentelemetry-exporter-prometheus``. Its renderer is not used, because it fails
on exponential histograms, mixes up colliding names and drops exemplars. The rule: if one metric cannot be shown, all others
are.
"""

from __future__ import annotations

import functools
import gzip
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics.export import Gauge, Sum
from opentelemetry.trace import format_span_id, format_trace_id

from csg_otel import faults, names
from csg_otel.pipeline import _compat
from csg_otel.pipeline.exponential import explicit

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

TEXT_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_MAX_EXEMPLAR: Final = 128
"""Most characters of an exemplar's labels; the limit of OpenMetrics."""

_SUFFIXES: Final = {"counter": ("_total", ""), "histogram": ("_bucket", "_sum", "_count", ""), "gauge": ("",)}
"""Suffixes of the sample names of a family, by its kind."""

_RESERVED: Final = ("_count", "_sum", "_bucket", "_total", "_info", "_created")
"""Suffixes that promtool refuses in the name of a gauge."""

Labels = tuple[tuple[str, str], ...]


def negotiate(accept: str) -> bool:
    """Return True if the header ``Accept`` prefers OpenMetrics to the older text format, or both equally."""
    best = _qualities(accept)
    openmetrics = best.get("application/openmetrics-text", 0.0)
    return openmetrics > 0 and openmetrics >= best.get("text/plain", 0.0)


def accepts_gzip(accept_encoding: str) -> bool:
    """Return True if the header ``Accept-Encoding`` allows gzip by its name."""
    return _qualities(accept_encoding).get("gzip", 0.0) > 0


def _qualities(header: str) -> dict[str, float]:
    """Return the quality of each word in *header* (RFC 9110, 12.4.2); the best one of a word that is there twice."""
    best: dict[str, float] = {}
    for part in header.split(","):
        word, *options = (piece.strip().lower() for piece in part.split(";"))
        best[word] = max(best.get(word, 0.0), _quality(options))
    return best


def _quality(options: Iterable[str]) -> float:
    for option in options:
        if option.startswith("q="):
            try:
                return float(option[2:])
            except ValueError:
                return 0.0
    return 1.0


def compress(body: bytes) -> bytes:
    """Return *body* compressed with gzip's fastest level; for metrics, higher levels save little and take much longer."""
    return gzip.compress(body, 1)


@functools.lru_cache(maxsize=8192)
def family_name(name: str, unit: str, kind: names.Kind) -> str:
    """Return the sample name of the instrument *name*, for a histogram without ``_bucket``; empty if no name is possible."""
    shown, suffix = _compat.prometheus_name(name), _compat.prometheus_unit(unit)
    if kind == "counter":
        shown = shown.removesuffix("_total")
    if suffix and not shown.endswith(f"_{suffix}"):
        shown = f"{shown}_{suffix}"
    return f"{shown}_total" if kind == "counter" else shown


@functools.lru_cache(maxsize=8192)
def label_name(key: str) -> str:
    """Return the label's name for the attribute *key*."""
    return _compat.prometheus_label(key) or "_"


def render(data: MetricsData | None, *, openmetrics: bool = False) -> bytes:
    """Return *data* (cumulative) as text; never raises, whatever *data* contains."""
    families = _Families()
    lines: list[str] = []
    for resource in data.resource_metrics if data is not None else ():
        families.taken.add("target_info")
        lines.extend(_target_info(resource.resource.attributes, openmetrics))
        for scope in resource.scope_metrics:
            extra = () if scope.scope.name == names.SCOPE else _scope_labels(scope.scope)
            for metric in scope.metrics:
                try:
                    families.add(metric, extra, scope.scope)
                except Exception:  # noqa: BLE001 - the other metrics are shown
                    faults.contain(f"prometheus {metric.name}")
    for family in families.by_name.values():
        lines.extend(family.lines(openmetrics))
    if openmetrics:
        lines.append("# EOF")
    # A lone surrogate in a label cannot be encoded, and the whole response would fail; it becomes a question mark.
    return ("\n".join(lines) + "\n").encode("utf-8", "replace") if lines else b""


# -- families ----------------------------------------------------------------------------------------------------------


class _Families:
    """The families of one response; two instruments with the same name but different kinds get different names."""

    def __init__(self) -> None:
        self.by_name: dict[str, _Family] = {}
        self.taken: set[str] = set()

    def add(self, metric: Metric, extra: Labels, scope: InstrumentationScope) -> None:
        kind = _kind(metric)
        shown = kind if kind in ("counter", "histogram") else "gauge"
        name = family_name(metric.name, metric.unit or "", kind)
        if not name or not metric.data.data_points:
            return
        family = self._family(name.removesuffix("_total") if shown == "counter" else name, shown, metric)
        family.add(metric, extra, scope)

    def _family(self, base: str, kind: str, metric: Metric) -> _Family:
        family = self.by_name.get(base)
        if family is not None and family.kind == kind:
            return family
        samples = {base + suffix for suffix in _SUFFIXES[kind]}
        if family is not None or not self.taken.isdisjoint(samples):
            renamed = f"{base}_{kind}"
            _report_once(metric.name, f"{base!r} is taken by another instrument in Prometheus; shown as {renamed!r}")
            return self._family(renamed, kind, metric) if renamed not in self.by_name else self.by_name[renamed]
        self.taken |= samples
        unit = _compat.prometheus_unit(metric.unit or "")
        family = self.by_name[base] = _Family(base, kind, metric.description or "", unit)
        return family


def _kind(metric: Metric) -> names.Kind:
    if isinstance(metric.data, Sum):
        return "counter" if metric.data.is_monotonic else "up_down_counter"
    return "gauge" if isinstance(metric.data, Gauge) else "histogram"


class _Family:
    """A metric family: the samples that share one name."""

    def __init__(self, name: str, kind: str, description: str, unit: str) -> None:
        self.name = name
        self.kind = kind
        self.description = description
        self.unit = unit
        # Labels as text: tuples would be thousands of objects for the garbage collector, whose pauses stop the program.
        self._points: dict[str, Any] = {}

    def add(self, metric: Metric, extra: Labels, scope: InstrumentationScope) -> None:
        for point in metric.data.data_points:
            labels = _labels(point.attributes or {}, extra, reserved="le" if self.kind == "histogram" else "")
            if labels in self._points and not extra:
                labels = _labels(point.attributes or {}, _scope_labels(scope), reserved="")
            if labels in self._points:
                _report_once(metric.name, f"two series of {self.name!r} have the same labels; one is left out")
                continue
            self._points[labels] = point

    def lines(self, openmetrics: bool) -> Iterator[str]:
        total = f"{self.name}_total"
        header_name = self.name if openmetrics or self.kind != "counter" else total
        yield f"# HELP {header_name} {_help(self.description, openmetrics)}"
        # promtool refuses a gauge whose name has another type's suffix. The specification fixes the name, so the type changes.
        reserved = self.kind == "gauge" and header_name.endswith(_RESERVED)
        yield f"# TYPE {header_name} {('unknown' if openmetrics else 'untyped') if reserved else self.kind}"
        if openmetrics and self.unit and header_name.endswith(f"_{self.unit}"):
            yield f"# UNIT {header_name} {self.unit}"
        for labels, point in self._points.items():
            if self.kind == "histogram":
                yield from _histogram_lines(self.name, labels, point, openmetrics)
            else:
                name = total if self.kind == "counter" else self.name
                line = f"{name}{_braced(labels)} {_number(point.value)}"
                exemplar = _exemplar(point.exemplars[-1:]) if openmetrics and self.kind == "counter" else ""
                yield line + exemplar


def _histogram_lines(name: str, labels: str, point: Any, openmetrics: bool) -> Iterator[str]:
    bounds: Sequence[float]
    counts: Sequence[int]
    if hasattr(point, "scale"):
        bounds, counts = explicit(point)
    else:
        bounds, counts = point.explicit_bounds, point.bucket_counts
    prefix = f"{labels}," if labels else ""
    exemplars = _by_bucket(point.exemplars, bounds) if openmetrics else {}
    below = 0
    for index, count in enumerate(counts):
        below += count
        bound = repr(float(bounds[index])) if index < len(bounds) else "+Inf"
        yield f'{name}_bucket{{{prefix}le="{bound}"}} {below}{exemplars.get(index, "")}'
    if not counts:
        yield f'{name}_bucket{{{prefix}le="+Inf"}} {point.count}'
    yield f"{name}_sum{_braced(labels)} {_number(point.sum)}"
    yield f"{name}_count{_braced(labels)} {point.count}"


def _by_bucket(exemplars: Sequence[Any], bounds: Sequence[float]) -> dict[int, str]:
    """Return the text of the latest exemplar of each bucket."""
    latest: dict[int, Any] = {}
    for exemplar in exemplars or ():
        bucket = next((index for index, bound in enumerate(bounds) if exemplar.value <= bound), len(bounds))
        if bucket not in latest or latest[bucket].time_unix_nano < exemplar.time_unix_nano:
            latest[bucket] = exemplar
    return {bucket: _exemplar((exemplar,)) for bucket, exemplar in latest.items()}


def _exemplar(exemplars: Sequence[Any]) -> str:
    for exemplar in exemplars:
        if not exemplar.trace_id or not exemplar.span_id:
            continue
        ids = f'trace_id="{format_trace_id(exemplar.trace_id)}",span_id="{format_span_id(exemplar.span_id)}"'
        if len(ids) <= _MAX_EXEMPLAR:
            return f" # {{{ids}}} {_number(exemplar.value)} {exemplar.time_unix_nano / 1e9:.3f}"
    return ""


# -- labels and values -------------------------------------------------------------------------------------------------


def _target_info(attributes: Mapping[str, Any], openmetrics: bool) -> Iterator[str]:
    head, kind = ("target", "info") if openmetrics else ("target_info", "gauge")
    yield f"# HELP {head} Target metadata"
    yield f"# TYPE {head} {kind}"
    yield f"target_info{_braced(_labels(attributes, (), reserved=''))} 1"


def _scope_labels(scope: InstrumentationScope) -> Labels:
    """Return the labels that tell the series of *scope* from those of other scopes, as the OTel specification names them."""
    labels = {
        "otel_scope_name": scope.name,
        "otel_scope_version": scope.version,
        "otel_scope_schema_url": scope.schema_url,
    }
    for key, value in (scope.attributes or {}).items():
        labels.setdefault(f"otel_scope_{label_name(key)}", value if value.__class__ is str else _encoded(value))
    return tuple((name, _escape(text)) for name, text in labels.items() if text)


def _labels(attributes: Mapping[str, Any], extra: Labels, *, reserved: str) -> str:
    """
    Return *attributes* as the text of labels, followed by the labels *extra* whose names are free; without braces.

    Values of keys that become the same label are joined with ``;``, as the OTel specification requires. The label name
    *reserved* gets the prefix ``exported_``.
    """
    labels: dict[str, str] = {}
    for key, value in attributes.items():
        name = label_name(key)
        if name == reserved:
            name = f"exported_{name}"
        text = _escape(value if value.__class__ is str else _encoded(value))
        labels[name] = f"{labels[name]};{text}" if name in labels else text
    for name, text in extra:
        labels.setdefault(name, text)
    return ",".join([f'{name}="{text}"' for name, text in labels.items()])


def _encoded(value: Any) -> str:
    """Return a value that is not text as JSON (``true``, ``[1,2]``), as the OTel specification requires for labels."""
    return json.dumps(value, separators=(",", ":"), default=str)


def _braced(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _escape(text: str) -> str:
    if "\\" in text or '"' in text or "\n" in text:
        return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return text


def _help(text: str, openmetrics: bool) -> str:
    shown = text.replace("\\", r"\\").replace("\n", r"\n")
    return shown.replace('"', r"\"") if openmetrics else shown


def _number(value: Any) -> str:
    if isinstance(value, int):
        return str(int(value))
    number = float(value)
    if math.isfinite(number):
        return repr(number)
    return "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"


_reported: set[str] = set()


def _report_once(metric: str, problem: str) -> None:
    """Report *problem* only once, because scrapes come every few seconds and would repeat it."""
    if problem not in _reported and len(_reported) < names.CARDINALITY_LIMIT:
        _reported.add(problem)
        faults.report(f"prometheus {metric}", problem)
