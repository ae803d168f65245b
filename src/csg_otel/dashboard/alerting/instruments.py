"""The metrics that the rules of a running program may name: those that it declares, and all others that have values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from csg_otel import names
from csg_otel.points import HistogramPoint

if TYPE_CHECKING:
    from csg_otel.points import Point


def in_use(declared: Iterable[names.Metric], points: Iterable[Point]) -> Iterator[names.Metric]:
    """Yield the metrics *declared*, and then each other metric of *points* with the attributes that its series have."""
    described = set()
    for metric in declared:
        described.add(metric.name)
        yield metric
    others: dict[tuple[str, names.Kind, str], dict[str, None]] = {}
    for point in points:
        if point.name not in described:
            kind: names.Kind = "histogram" if isinstance(point, HistogramPoint) else point.kind
            others.setdefault((point.name, kind, point.unit), {}).update(dict.fromkeys(point.attributes))
    for (name, kind, unit), keys in others.items():
        yield names.Metric(name, kind, unit, "", tuple(keys))
