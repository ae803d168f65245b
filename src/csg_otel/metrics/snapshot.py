"""
All metrics of one moment as plain data: grouped under their aliases (``names.ALIASES``), and point by point.

Computes from its arguments only. The rule: the result is JSON that every parser accepts, so values that are no finite
numbers are null.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from csg_otel import names
from csg_otel.metrics import aliases
from csg_otel.metrics.observations import APPLICATION_GROUP, SYSTEM_GROUP
from csg_otel.metrics.response_times import PERCENTILES, response_times
from csg_otel.points import HistogramPoint, Point

if TYPE_CHECKING:
    from csg_otel.metrics.sample import Sample

_GROUPS: Final = ("system", "application")


def snapshot(
    sample: Sample | None,
    points: Sequence[Point],
    history: aliases.Past | None = None,
    percentiles: Sequence[float] = PERCENTILES,
    service: str = "",
) -> dict[str, Any]:
    """
    Return ``timestamp`` (ISO 8601, UTC), ``system``, ``application``, ``business``, ``response_times`` and ``metrics``.

    The groups hold the aliases: each is a number, or numbers by the values of the labels that distinguish them. Mean duration
    and error rate are 0 there while no work has ended, as in a pool's parent; ``metrics`` leaves them out. ``metrics`` is
    a list of ``name``, ``value`` (for a histogram ``count`` and ``sum``), ``unit``, ``attributes`` (also as ``labels``) and
    ``timestamp``: one item for each of *points*, or the values of *sample* where there are no points, and one for each value of
    an alias, with all its labels. ``metrics_count`` is their number.
    ``response_times`` has the *percentiles* (0 to 100) of the durations of operations since the process started, in seconds::

        {
            "overall": {"count": 12, "p50": 0.03, "p95": 0.2, "p99": 0.24},
            "operations": {"checkout": {"count": 12, "p50": 0.03, "p95": 0.2, "p99": 0.24}},
        }

    Args:
        sample: The newest sample of host and process; None before there is one.
        points: Every point collected now.
        history: The source of rates over five minutes; without one, rates are those since the start.
        percentiles: In percent, 0 to 100; by default 50, 95 and 99.
        service: The name of the service: the value of the label ``process`` in the items of aliases. By default empty.
    """
    groups: dict[str, dict[str, Any]] = {"system": {}, "application": {}, "business": {}}
    rows = [_of_point(point) for point in points] if points else list(_of_sample(sample))
    for name, values in aliases.values(sample, points, history).items():
        prefix = name.partition("_")[0]
        if values:
            groups[prefix if prefix in _GROUPS else "business"][name] = _nested(values)
            alias, fixed = names.ALIASES[name], names.ALIASES[name].fixed_labels(service)
            rows += [_row(name, _number(value), alias.unit, {**fixed, **labels}) for labels, value in values]
    if "processing_errors_total" in groups["business"]:  # scripts read the keys, whether anything has ended or not
        groups["business"] = {"processing_duration_seconds": 0.0, "error_rate_percent": 0.0, **groups["business"]}
    timestamp = _timestamp(sample)
    return {
        "timestamp": timestamp,
        **groups,
        "response_times": response_times(points, percentiles),
        "metrics_count": len(rows),
        "metrics": [{**row, "labels": row["attributes"], "timestamp": timestamp} for row in rows],
    }


def _timestamp(sample: Sample | None) -> str:
    moment = datetime.now(timezone.utc) if sample is None else datetime.fromtimestamp(sample.timestamp, timezone.utc)
    return moment.isoformat(timespec="milliseconds")


def _nested(values: aliases.Labelled) -> Any:
    """Return *values* by their labels' values, one level for each label; a value without labels as it is."""
    tree: dict[str, Any] = {}
    for labels, value in values:
        if not labels:
            return _number(value)
        *branches, leaf = labels.values()
        level = tree
        for branch in branches:
            level = level.setdefault(branch, {})
        level[leaf] = _number(value)
    return tree


def _of_point(point: Point) -> dict[str, Any]:
    if isinstance(point, HistogramPoint):
        return _row(point.name, {"count": point.count, "sum": _number(point.total)}, point.unit, point.attributes)
    return _row(point.name, _number(point.value), point.unit, point.attributes)


def _of_sample(sample: Sample | None) -> Iterator[dict[str, Any]]:
    if sample is None:
        return
    for metric, read in (*SYSTEM_GROUP, *APPLICATION_GROUP):
        for value, attributes in read(sample):
            yield _row(metric.name, _number(value), metric.unit, attributes)


def _row(name: str, value: Any, unit: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: list(item) if isinstance(item, (tuple, list)) else item for key, item in attributes.items()}
    return {"name": name, "value": value, "unit": unit, "attributes": shown}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
