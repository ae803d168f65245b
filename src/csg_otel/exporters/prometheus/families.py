"""
Metric families: the series that share one name, from which every format is written.

The rules: two instruments whose names become the same have one family if they are of one kind, and another name otherwise; no
series is there twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from opentelemetry.sdk.metrics.export import Gauge, NumberDataPoint, Sum

from csg_otel import faults, names
from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from csg_otel.exporters.prometheus.naming import Naming

Kind = Literal["counter", "gauge", "histogram", "info"]

_TARGET_INFO: Final = "target_info"

_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "counter": ("_total", ""),
    "histogram": ("_bucket", "_sum", "_count", ""),
    "gauge": ("",),
}
"""Suffixes of the sample names of a family, by its kind."""

_RESERVED: Final = ("_count", "_sum", "_bucket", "_total", "_info", "_created")
"""Suffixes that promtool refuses in the name of a gauge."""

Pairs = tuple[tuple[str, str], ...]
"""Labels by the keys of attributes that they stand for."""

Labels = Any
"""All labels of a series, encoded: text or bytes, as a format has them."""


@dataclass(frozen=True)
class LabelEncoding:
    """The way in which a format writes labels."""

    key: Callable[[str], Any]
    """Returns the encoded name of a label; the result is cached."""
    join: Callable[[Mapping[Any, str]], Labels]
    """Returns the encoded labels from values by encoded names."""


class Family:
    """A metric family."""

    def __init__(self, name: str, kind: Kind, description: str, unit: str) -> None:
        """Start without series; *name* is without the suffixes of samples."""
        self.name = name
        self.kind = kind
        self.description = description
        self.unit = unit if name.endswith(f"_{unit}") else ""
        # Encoded labels: tuples would be thousands of objects for the garbage collector, whose pauses stop the program.
        self.points: dict[Labels, Any] = {}

    @property
    def sample_name(self) -> str:
        """The name of the family's samples; those of histograms have further suffixes."""
        return self.name + {"counter": "_total", "info": "_info"}.get(self.kind, "")

    @property
    def is_unknown(self) -> bool:
        """
        Whether the type is shown as unknown.

        promtool refuses a gauge whose name has another type's suffix. OTel's specification fixes the name, so the type changes.
        """
        return self.kind == "gauge" and self.name.endswith(_RESERVED)


class Families:
    """The families of one page."""

    def __init__(self, naming: Naming, encoding: LabelEncoding) -> None:
        """Start without families."""
        self._naming = naming
        self._encoding = encoding
        self._keys = _Keys(lambda key: encoding.key(naming.label(key)))
        self._by_name: dict[str, Family] = {}
        self._sample_names: set[str] = set()

    def __iter__(self) -> Iterator[Family]:
        """Yield each family, that of the resource first."""
        return iter(self._by_name.values())

    def has_sample(self, name: str) -> bool:
        """Return whether *name* is the name of a family or of samples."""
        return name in self._sample_names

    def collect(self, data: MetricsData | None) -> None:
        """Add all metrics of *data*; one that cannot be shown is left out and reported."""
        for resource in data.resource_metrics if data is not None else ():
            self._add_target(resource.resource.attributes)
            for scope in resource.scope_metrics:
                extra = () if scope.scope.name == names.SCOPE else _scope_labels(scope.scope)
                for metric in scope.metrics:
                    try:
                        self._add(metric, extra, scope.scope)
                    except Exception:  # noqa: BLE001 - the other metrics are shown
                        faults.contain(f"prometheus {metric.name}")

    def _add_target(self, attributes: Mapping[str, Any]) -> None:
        name = self._naming.family(_TARGET_INFO, "", "gauge").removesuffix("_info")
        family = self._by_name.setdefault(name, Family(name, "info", "Target metadata", ""))
        self._sample_names.add(family.sample_name)
        family.points[self._labels(attributes, (), reserved="")] = NumberDataPoint({}, 0, 0, 1)

    def _add(self, metric: Metric, extra: Pairs, scope: InstrumentationScope) -> None:
        instrument_kind = _kind(metric)
        kind = instrument_kind if instrument_kind in ("counter", "histogram") else "gauge"
        name = self._naming.family(metric.name, metric.unit or "", instrument_kind)
        if not name or not metric.data.data_points:
            return
        family = self._family(name.removesuffix("_total") if kind == "counter" else name, kind, metric)
        reserved = "le" if kind == "histogram" else ""
        for point in metric.data.data_points:
            labels = self._labels(point.attributes or {}, extra, reserved)
            if labels in family.points and not extra:
                labels = self._labels(point.attributes or {}, _scope_labels(scope), reserved)
            if labels in family.points:
                _report_once(metric.name, f"two series of {family.name!r} have the same labels; one is left out")
                continue
            family.points[labels] = point

    def _family(self, name: str, kind: Kind, metric: Metric) -> Family:
        family = self._by_name.get(name)
        if family is not None and family.kind == kind:
            return family
        samples = {name + suffix for suffix in _SUFFIXES[kind]}
        if family is not None or not self._sample_names.isdisjoint(samples):
            renamed = f"{name}_{kind}"
            _report_once(metric.name, f"{name!r} is taken by another instrument in Prometheus; shown as {renamed!r}")
            return self._by_name[renamed] if renamed in self._by_name else self._family(renamed, kind, metric)
        self._sample_names |= samples
        unit = _compat.prometheus_unit(metric.unit or "")
        family = self._by_name[name] = Family(name, kind, metric.description or "", unit)
        return family

    def _labels(self, attributes: Mapping[str, Any], extra: Pairs, reserved: str) -> Labels:
        """
        Return *attributes* as encoded labels, followed by the labels *extra* whose names are free.

        Values of keys that become the same label are joined with ``;``, as the OTel specification requires. The label name
        *reserved* gets the prefix ``exported_``.
        """
        keys = self._keys
        labels: dict[Any, str] = {}
        for key, value in attributes.items():
            name = keys[key]
            if reserved and name == keys[reserved]:
                name = keys[f"exported_{reserved}"]
            text = value if value.__class__ is str else _as_text(value)
            labels[name] = f"{labels[name]};{text}" if name in labels else text
        for key, text in extra:
            labels.setdefault(keys[key], text)
        return self._encoding.join(labels)


class _Keys(dict[str, Any]):
    """The encoded names of labels by the keys of attributes; each is computed once for a page."""

    def __init__(self, encode: Callable[[str], Any]) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, key: str) -> Any:
        encoded = self[key] = self._encode(key)
        return encoded


def _kind(metric: Metric) -> names.Kind:
    if isinstance(metric.data, Sum):
        return "counter" if metric.data.is_monotonic else "up_down_counter"
    return "gauge" if isinstance(metric.data, Gauge) else "histogram"


def _scope_labels(scope: InstrumentationScope) -> Pairs:
    """Return the labels that tell the series of *scope* from those of other scopes, as the OTel specification names them."""
    labels = {
        "otel_scope_name": scope.name,
        "otel_scope_version": scope.version,
        "otel_scope_schema_url": scope.schema_url,
    }
    for key, value in (scope.attributes or {}).items():
        labels.setdefault(f"otel_scope_{key}", value if value.__class__ is str else _as_text(value))
    return tuple((name, text) for name, text in labels.items() if text)


def _as_text(value: Any) -> str:
    """Return a value that is not text as JSON (``true``, ``[1,2]``), as the OTel specification requires for labels."""
    return json.dumps(value, separators=(",", ":"), default=str)


_reported: set[str] = set()


def _report_once(metric: str, problem: str) -> None:
    """Report *problem* only once, because scrapes come every few seconds and would repeat it."""
    if problem not in _reported and len(_reported) < names.CARDINALITY_LIMIT:
        _reported.add(problem)
        faults.report(f"prometheus {metric}", problem)
