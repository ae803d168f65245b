"""Cumulative metrics as flat series, and the changes between two collections. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from csg_otel.plain_values import plain
from csg_otel.points import buckets, quantile

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.names import Kind

Key = tuple[str, str, tuple[tuple[str, str], ...]]
Series = Mapping[Key, "Point"]

_MIN_MEASUREMENTS: Final = 20
"""Least measurements for a percentile; for fewer, the mean is the better summary."""


@dataclass(frozen=True, slots=True)
class Point:
    """
    One point of one series.

    Of a histogram, ``value`` is the number of measurements and ``total`` their sum; ``bounds`` may be empty.
    """

    scope: str
    name: str
    unit: str
    kind: Kind
    attributes: tuple[tuple[str, Any], ...]
    at_ns: int
    value: float
    total: float = 0.0
    counts: Sequence[int] = ()
    bounds: Sequence[float] = ()

    def get(self, key: str) -> str:
        """Return the attribute *key* as text; empty if there is none."""
        return next((plain(value) for name, value in self.attributes if name == key), "")


@dataclass(frozen=True, slots=True)
class Change:
    """A series that is new (``before`` is None) or whose value has changed."""

    before: Point | None
    after: Point

    @property
    def measured(self) -> float:
        """The number of new measurements in a histogram."""
        return self.after.value - (self.before.value if self.before else 0)

    @property
    def mean(self) -> float:
        """The mean of the new measurements in a histogram."""
        return (self.after.total - (self.before.total if self.before else 0)) / self.measured


def flatten(data: MetricsData) -> Series:
    """Return the series of *data* by scope, name and attributes."""
    return {
        (point.scope, point.name, tuple((key, plain(value)) for key, value in point.attributes)): point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in _points(metric, scope.scope.name)
    }


def _points(metric: Any, scope: str) -> Iterator[Point]:
    for point in metric.data.data_points:
        attributes = tuple(sorted((str(key), value) for key, value in (point.attributes or {}).items()))
        fixed = (scope, metric.name, metric.unit or "")
        if hasattr(point, "value"):
            monotonic = getattr(metric.data, "is_monotonic", None)
            kind: Kind = "gauge" if monotonic is None else "counter" if monotonic else "up_down_counter"
            yield Point(*fixed, kind, attributes, point.time_unix_nano, point.value)
        else:
            counts, bounds = getattr(point, "bucket_counts", ()), getattr(point, "explicit_bounds", ())
            yield Point(*fixed, "histogram", attributes, point.time_unix_nano, point.count, point.sum, counts, bounds)


def changes(before: Series, after: Series) -> list[Change]:
    """Return the new and changed series of *after*, sorted by name and attributes; a counter that fell counts as new."""
    changed = []
    for key in sorted(after, key=lambda key: (key[1], key[2], key[0])):
        point, old = after[key], before.get(key)
        if old is not None and (old.value == point.value or (old.value != old.value and point.value != point.value)):
            continue
        if old is not None and point.kind in ("counter", "histogram") and point.value < old.value:
            old = None
        changed.append(Change(old, point))
    return changed


def percentile(change: Change, share: float) -> float | None:
    """
    Estimate the *share* (0 to 1) quantile of a histogram's new measurements, by linear interpolation within its bucket.

    None if there are too few measurements or no buckets, or if the quantile lies beyond the last bound.
    """
    after, before = change.after, change.before
    if change.measured < _MIN_MEASUREMENTS or not after.bounds or len(after.counts) != len(after.bounds) + 1:
        return None
    old = before.counts if before is not None and before.bounds == after.bounds else [0] * len(after.counts)
    added = [now - then for now, then in zip(after.counts, old, strict=True)]
    return quantile(buckets(after.bounds, added), share)
