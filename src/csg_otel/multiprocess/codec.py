"""
What workers tell each other of their metrics, and what becomes of it: one answer to a scrape of any of them.

JSON, because what another process wrote is never executed. Knows nothing of files and processes. The rules: one metric that
can't be told never costs the others; a counter's total never shrinks when a worker ends.
"""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from csg_otel import faults, names, worker_policy
from csg_otel.multiprocess.merge import Point, add

_VERSION: Final = 1
"""Of the format; workers of another release, as during a reload, are left out instead of misunderstood."""

_TOTALS: Final = ("counter", "histogram", "exponential")
_dumps = json.JSONEncoder(sort_keys=True, default=str).encode
_OVERFLOW: Final = _dumps({names.OVERFLOW: True})


@dataclass(slots=True)
class _Series:
    """One instrument; its points by their attributes as JSON, and the process they belong to where that counts."""

    scope: tuple[str, str]
    name: str
    description: str
    unit: str
    kind: str
    workers: names.Workers
    points: dict[tuple[str, int], Point] = field(default_factory=dict)

    @property
    def key(self) -> tuple[Any, ...]:
        return (*self.scope, self.name, self.unit, self.kind)

    @property
    def total(self) -> bool:
        """Whether it is added up over finished workers, too."""
        return self.kind in _TOTALS and self.workers == "sum"


# -- to bytes ----------------------------------------------------------------------------------------------------------


def encode(data: MetricsData | None) -> bytes:
    """Return *data* (cumulative) as bytes for other workers; never raises for what is in it."""
    return _written(_series_of(data))


def _written(found: Iterable[_Series]) -> bytes:
    told = [
        (*one.scope, one.name, one.description, one.unit, one.kind, one.workers,
         [(attributes, *point) for (attributes, _), point in one.points.items()])
        for one in found
    ]  # fmt: skip
    return json.dumps({"version": _VERSION, "metrics": told}, separators=(",", ":"), default=str).encode()


def _series_of(data: MetricsData | None) -> Iterator[_Series]:
    for resource in data.resource_metrics if data is not None else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                try:
                    yield _one(metric, (scope.scope.name, scope.scope.version or ""))
                except Exception:  # noqa: BLE001 - the other metrics are told
                    faults.contain(f"workers {metric.name}")


def _one(metric: Metric, scope: tuple[str, str]) -> _Series:
    kind, shared = _kind(metric)
    points = {(_text(point.attributes or {}), 0): _listed(kind, point) for point in metric.data.data_points}
    workers = worker_policy.of(metric.name, shared)
    return _Series(scope, metric.name, metric.description or "", metric.unit or "", kind, workers, points)


def _text(attributes: Mapping[str, Any]) -> str:
    items = tuple(attributes.items())
    # Of other values some are equal that are not the same, such as 1 and True.
    return _text_of(items) if all([value.__class__ is str for _, value in items]) else _dumps(dict(items))


@functools.lru_cache(maxsize=8192)
def _text_of(items: tuple[tuple[str, str], ...]) -> str:
    return _dumps(dict(items))


def _kind(metric: Metric) -> tuple[str, names.Kind]:
    if isinstance(metric.data, Sum):
        kind: names.Kind = "counter" if metric.data.is_monotonic else "up_down_counter"
        return kind, kind
    if isinstance(metric.data, Gauge):
        return "gauge", "gauge"
    return ("exponential" if isinstance(metric.data, ExponentialHistogram) else "histogram"), "histogram"


def _listed(kind: str, point: Any) -> Point:
    exemplars = [(one.value, one.time_unix_nano, one.trace_id, one.span_id) for one in point.exemplars or ()]
    if kind == "histogram":
        return [point.count, point.sum, list(point.explicit_bounds), list(point.bucket_counts), exemplars]
    if kind == "exponential":
        spreads = [[side.offset, list(side.bucket_counts)] for side in (point.positive, point.negative)]
        return [point.count, point.sum, point.scale, point.zero_count, *spreads, exemplars]
    return [point.value, exemplars]


# -- from bytes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What one worker told; of one that no longer lives only the totals count."""

    pid: int
    living: bool
    body: bytes


def fold(total: bytes, bodies: Sequence[bytes]) -> bytes:
    """Add what finished workers told last to the *total* of those before them."""
    merged = _merged([Told(0, False, body) for body in (total, *bodies)])
    for one in merged.values():
        _limit(one)
    return _written(merged.values())


def merge(told: Sequence[Told], whose: Resource) -> MetricsData:
    """Return what several workers told as the metrics of *whose*; of values that are the same in all, the first's."""
    scopes: dict[tuple[str, str], list[Metric]] = {}
    for one in _merged(told).values():
        scopes.setdefault(one.scope, []).append(Metric(one.name, one.description, one.unit, _data(one)))
    found = [ScopeMetrics(InstrumentationScope(*scope), metrics, "") for scope, metrics in scopes.items()]
    return MetricsData([ResourceMetrics(whose, found, "")])


def resource(own: MetricsData | None, group: str) -> Resource:
    """
    Return whose the metrics of all workers are: the resource of the one that serves, with an instance id made of *group*.

    That id stays the same when another worker serves. An id the program was given stays, too.
    """
    attributes = dict(own.resource_metrics[0].resource.attributes) if own and own.resource_metrics else {}
    if _made_up(str(attributes.get(names.SERVICE_INSTANCE_ID, ""))):
        attributes[names.SERVICE_INSTANCE_ID] = str(uuid.UUID(group))
    return Resource(attributes)


def _made_up(instance: str) -> bool:
    """Tell whether an instance id was made up by the SDK; one the program was given stays."""
    try:
        return uuid.UUID(instance).version == 4
    except ValueError:
        return False


def _merged(told: Sequence[Told]) -> dict[tuple[Any, ...], _Series]:
    merged: dict[tuple[Any, ...], _Series] = {}
    for worker in told:
        for one in _read(worker.body):
            if worker.living or one.total:
                known = merged.setdefault(one.key, replace(one, points={}))
                _take(known, one, worker.pid)
    return merged


def _read(body: bytes) -> list[_Series]:
    if not body:
        return []
    try:
        found = json.loads(body)
        if found["version"] != _VERSION:
            return []
        return [_restored(*words) for words in found["metrics"]]
    except (ValueError, KeyError, TypeError):
        faults.contain("workers")
        return []


def _restored(scope: str, version: str, *words: Any) -> _Series:
    name, description, unit, kind, workers, points = words
    found = {(attributes, 0): point for attributes, *point in points}
    return _Series((scope, version), name, description, unit, kind, workers, found)


def _take(known: _Series, one: _Series, pid: int) -> None:
    for (attributes, _), point in one.points.items():
        key = (attributes, pid if one.workers == "each" else 0)
        before = known.points.get(key)
        if before is None:
            known.points[key] = point
        elif one.workers == "sum":
            known.points[key] = add(one.kind, before, point)
        elif one.workers in ("min", "max"):
            known.points[key] = (min if one.workers == "min" else max)(before, point, key=lambda each: each[0])


def _limit(one: _Series) -> None:
    """Add up what is beyond the limit of series, so that finished workers can't make the total grow for ever."""
    for key in [key for key in one.points if key[0] != _OVERFLOW][names.CARDINALITY_LIMIT - 1 :]:
        point = one.points.pop(key)
        before = one.points.get((_OVERFLOW, 0))
        one.points[_OVERFLOW, 0] = point if before is None else add(one.kind, before, point)


def _data(one: _Series) -> Any:
    points = [_point(one.kind, _attributes(*key), point) for key, point in one.points.items()]
    if one.kind == "gauge":
        return Gauge(points)
    if one.kind == "histogram":
        return Histogram(points, AggregationTemporality.CUMULATIVE)
    if one.kind == "exponential":
        return ExponentialHistogram(points, AggregationTemporality.CUMULATIVE)
    return Sum(points, AggregationTemporality.CUMULATIVE, one.kind == "counter")


def _attributes(text: str, pid: int) -> dict[str, Any]:
    return {**_parsed(text), names.PROCESS_PID: pid} if pid else _parsed(text)


@functools.lru_cache(maxsize=8192)
def _parsed(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}


def _point(kind: str, attributes: dict[str, Any], point: Point) -> Any:
    exemplars = [Exemplar({}, value, at_ns, span_id, trace_id) for value, at_ns, trace_id, span_id in point[-1]]
    if kind == "histogram":
        count, total, bounds, counts, _ = point
        return HistogramDataPoint(attributes, 0, 0, count, total, counts, bounds, 0, 0, exemplars)
    if kind == "exponential":
        count, total, scale, zeros, above, below, _ = point
        spreads = Buckets(*above), Buckets(*below)
        return ExponentialHistogramDataPoint(attributes, 0, 0, count, total, scale, zeros, *spreads, 0, 0, 0, exemplars)
    return NumberDataPoint(attributes, 0, 0, point[0], exemplars)
