"""
Collections of metrics without secrets and personal data: attributes, exemplars, descriptions, units, scopes and the resource.

Every reader passes its collections through here. The rule: a series is never twice in a collection; points whose attributes
became equal are merged, because scrapers and backends refuse a page with two of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics.export import Gauge

from csg_otel import attributes as clean
from csg_otel.pipeline import scrub
from csg_otel.pipeline.exponential import added
from csg_otel.pipeline.series_results import Attributes, Kept, SeriesResults, are_same
from csg_otel.privacy import active

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData, ResourceMetrics, ScopeMetrics
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from csg_otel.privacy import Scrubber

_MAX_EXEMPLARS: Final = 20
"""Most exemplars of a merged point: as many as the SDK keeps of one."""


class ScrubbedMetrics:
    """The scrubber of one reader's collections; it remembers the attributes of the collection before."""

    def __init__(self) -> None:
        """Start without attributes."""
        self._kept: tuple[Scrubber | None, Kept[Attributes]] = None, {}

    def scrub(self, data: MetricsData) -> MetricsData:
        """Return *data*, or a copy without secrets."""
        scrubber = active.scrubber()
        owner, earlier = self._kept
        run = _Run(scrubber, earlier if owner is scrubber else {})
        resources = [run.resource(resource) for resource in data.resource_metrics]
        self._kept = scrubber, run.attributes.kept  # replaced as a whole, because several threads may read
        return data if are_same(resources, data.resource_metrics) else replace(data, resource_metrics=resources)


class _Run:
    """The scrubbing of one collection."""

    def __init__(self, scrubber: Scrubber, earlier: Kept[Attributes]) -> None:
        self._scrubber = scrubber
        self.attributes = SeriesResults(earlier)

    def resource(self, original: ResourceMetrics) -> ResourceMetrics:
        scopes = [self._scope(scope) for scope in original.scope_metrics]
        owner = scrub.resource(original.resource)
        if owner is original.resource and are_same(scopes, original.scope_metrics):
            return original
        return replace(original, resource=owner, scope_metrics=scopes)

    def _scope(self, original: ScopeMetrics) -> ScopeMetrics:
        metrics = [self._metric(original.scope, metric) for metric in original.metrics]
        scope = scrub.scope(original.scope)
        if scope is original.scope and are_same(metrics, original.metrics):
            return original
        return replace(original, scope=scope, metrics=metrics, schema_url=scope.schema_url or "")

    def _metric(self, scope: InstrumentationScope, original: Metric) -> Metric:
        data: Any = original.data
        points = self._points((scope, original.name, original.unit), data.data_points)
        description, unit = (text and self._scrubber.text(text) for text in (original.description, original.unit))
        if not are_same(points, data.data_points):
            data = replace(data, data_points=_merged(points, is_gauge=isinstance(data, Gauge)))
        elif description is original.description and unit is original.unit:
            return original
        return replace(original, description=description, unit=unit, data=data)

    def _points(self, instrument: Hashable, originals: Sequence[Any]) -> Sequence[Any]:
        attributes = self.attributes.of(instrument, originals, self._scrubbed)
        return [
            point
            if new is point.attributes
            and not (point.exemplars and any([exemplar.filtered_attributes for exemplar in point.exemplars]))
            else self._point(point, new)
            for point, new in zip(originals, attributes, strict=True)
        ]

    def _point(self, original: Any, attributes: Attributes) -> Any:
        exemplars = original.exemplars
        shown = [self._exemplar(exemplar) for exemplar in exemplars] if exemplars else exemplars
        if attributes is original.attributes and are_same(shown, exemplars):
            return original
        return replace(original, attributes=attributes, exemplars=shown)

    def _exemplar(self, original: Any) -> Any:
        attributes = original.filtered_attributes
        if not attributes or (changed := self._scrubbed(attributes)) is attributes:
            return original
        return replace(original, filtered_attributes=changed)

    def _scrubbed(self, attributes: Attributes) -> Attributes:
        """Return *attributes*; values that only become text in an exporter become text here, because they may hold a secret."""
        if not attributes:
            return attributes
        plain = attributes if all(map(_is_plain, attributes.values())) else clean.clean(attributes)
        return self._scrubber.mapping(plain)


def _is_plain(value: Any) -> bool:
    return type(value) in (str, int, float, bool, tuple, list)


# -- points of one series ----------------------------------------------------------------------------------------------


def _merged(points: Iterable[Any], *, is_gauge: bool) -> list[Any]:
    """Return *points* with one point for each set of attributes, in their order."""
    series: dict[Hashable, Any] = {}
    for point in points:
        key = repr(sorted((point.attributes or {}).items()))
        present = series.get(key)
        series[key] = point if present is None else _one(present, point, is_gauge=is_gauge)
    return list(series.values())


def _one(first: Any, second: Any, *, is_gauge: bool) -> Any:
    """Return one point for two: the sum of totals and of histograms; of a gauge the newest value, else the later one."""
    if is_gauge:
        return max(second, first, key=lambda point: point.time_unix_nano)
    common = {
        "start_time_unix_nano": min(first.start_time_unix_nano or 0, second.start_time_unix_nano or 0),
        "time_unix_nano": max(first.time_unix_nano, second.time_unix_nano),
        "exemplars": [*(first.exemplars or ()), *(second.exemplars or ())][-_MAX_EXEMPLARS:],
    }
    if hasattr(first, "value"):
        return replace(first, value=first.value + second.value, **common)
    common.update(count=first.count + second.count, sum=first.sum + second.sum)
    common.update(min=min(first.min, second.min), max=max(first.max, second.max))
    if hasattr(first, "scale"):
        return replace(first, **added(first, second), **common)
    # Both are of one instrument, so they have the same bounds.
    counts = [a + b for a, b in zip(first.bucket_counts, second.bucket_counts, strict=True)]
    return replace(first, bucket_counts=counts, **common)
