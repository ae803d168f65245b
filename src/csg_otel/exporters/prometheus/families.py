"""
Metric families: the series that share one name, from which every format is written.

The rules: two instruments whose names become the same have one family if they are of one kind, and another name otherwise; no
series is there twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from opentelemetry.sdk.metrics.export import Gauge, NumberDataPoint, Sum

from csg_otel import faults, names
from csg_otel.exporters.prometheus.labels import PageLabels, scope_labels
from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from csg_otel.exporters.prometheus.labels import LabelEncoding, Labels, Pairs
    from csg_otel.exporters.prometheus.naming import Naming
    from csg_otel.pipeline.series_results import Kept

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

    def __init__(self, naming: Naming, encoding: LabelEncoding, earlier: Kept[Labels]) -> None:
        """Start without families; *earlier* holds the labels of the page before, with the same names and encoding."""
        self._naming = naming
        self._labels = PageLabels(naming.label, encoding, earlier)
        self._by_name: dict[str, Family] = {}
        self._sample_names: set[str] = set()

    def __iter__(self) -> Iterator[Family]:
        """Yield each family, that of the resource first."""
        return iter(self._by_name.values())

    @property
    def labels(self) -> Kept[Labels]:
        """The labels of this page, for the next one."""
        return self._labels.kept

    def has_sample(self, name: str) -> bool:
        """Return whether *name* is the name of a family or of samples."""
        return name in self._sample_names

    def collect(self, data: MetricsData | None) -> None:
        """Add all metrics of *data*; one that cannot be shown is left out and reported."""
        for resource in data.resource_metrics if data is not None else ():
            self._add_target(resource.resource.attributes)
            for scope in resource.scope_metrics:
                extra = () if scope.scope.name == names.SCOPE else scope_labels(scope.scope)
                for metric in scope.metrics:
                    try:
                        self._add(metric, extra, scope.scope)
                    except Exception:  # noqa: BLE001 - the other metrics are shown
                        faults.contain(f"prometheus {metric.name}")

    def _add_target(self, attributes: Mapping[str, Any]) -> None:
        name = self._naming.family(_TARGET_INFO, "", "gauge").removesuffix("_info")
        family = self._by_name.setdefault(name, Family(name, "info", "Target metadata", ""))
        self._sample_names.add(family.sample_name)
        family.points[self._labels.of(attributes, (), reserved="")] = NumberDataPoint({}, 0, 0, 1)

    def _add(self, metric: Metric, extra: Pairs, scope: InstrumentationScope) -> None:
        instrument_kind = _kind(metric)
        kind = instrument_kind if instrument_kind in ("counter", "histogram") else "gauge"
        name = self._naming.family(metric.name, metric.unit or "", instrument_kind)
        if not name or not metric.data.data_points:
            return
        family = self._family(name.removesuffix("_total") if kind == "counter" else name, kind, metric)
        self._add_points(family, metric, extra, scope)

    def _add_points(self, family: Family, metric: Metric, extra: Pairs, scope: InstrumentationScope) -> None:
        reserved = "le" if family.kind == "histogram" else ""
        points: Sequence[Any] = metric.data.data_points
        series = self._labels.of_points((scope, metric.name, metric.unit), points, extra, reserved)
        new = dict(zip(series, points, strict=True))
        if len(new) == len(points) and new.keys().isdisjoint(family.points):
            family.points.update(new)
            return
        for labels, point in zip(series, points, strict=True):
            if labels in family.points and not extra:
                labels = self._labels.of(point.attributes, scope_labels(scope), reserved)  # noqa: PLW2901
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


def _kind(metric: Metric) -> names.Kind:
    if isinstance(metric.data, Sum):
        return "counter" if metric.data.is_monotonic else "up_down_counter"
    return "gauge" if isinstance(metric.data, Gauge) else "histogram"


_reported: set[str] = set()


def _report_once(metric: str, problem: str) -> None:
    """Report *problem* only once, because scrapes come every few seconds and would repeat it."""
    if problem not in _reported and len(_reported) < names.CARDINALITY_LIMIT:
        _reported.add(problem)
        faults.report(f"prometheus {metric}", problem)
