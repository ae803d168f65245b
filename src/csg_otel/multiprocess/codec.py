"""
The codec of a worker's metrics: to bytes for the other workers of its group, and back.

The format is JSON, because decoding it never executes what another process wrote. Uses neither files nor processes. The rules:
if one metric can't be encoded, all others are published; the points of one instrument are coded at a time, because the JSON of
all would stop the program's threads meanwhile, and its objects would make the garbage collector look at the whole program.

A body has a line with the version, and two lines for each instrument: its description, and its points.

A point is a list, as it stands in the JSON. It ends in its start time and its exemplars. Only totals have a start time, in
nanoseconds since the epoch; that of others is 0. Nearly all points have no exemplars; then the empty text is in their place,
which the garbage collector does not look at. A number is ``[value, start, exemplars]``; a histogram
``[count, sum, bounds, counts, start, exemplars]``; an exponential histogram
``[count, sum, scale, zeros, [offset, counts], [offset, counts], start, exemplars]``, with the positive buckets before the
negative.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

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
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from csg_otel import faults, names, worker_policy
from csg_otel.pipeline.series_results import Attributes, Kept, SeriesResults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from opentelemetry.sdk.resources import Resource

_VERSION: Final = b"4"
"""The version of the format. Metrics of a worker with another version are left out; during a reload releases may differ."""

_TOTALS: Final = ("counter", "histogram", "exponential")
_compact = json.JSONEncoder(separators=(",", ":"), default=str).encode
_dumps = json.JSONEncoder(sort_keys=True, default=str).encode
OVERFLOW_ATTRIBUTES: Final = _dumps({names.OVERFLOW: True})
"""The attributes of the series that holds all series beyond the limit."""

Scope = tuple[str, str, str, str]
"""Name, version, schema URL and attributes (as JSON) of an instrumentation scope."""

NO_EXEMPLARS: Final = ""
Point = list[Any]


@dataclass(slots=True)
class Instrument:
    """
    An instrument and its points.

    The key of a point is its attributes as JSON, after the process id if each worker has a series of its own.
    """

    scope: Scope
    name: str
    description: str
    unit: str
    kind: str
    workers: names.Workers
    points: dict[str, Point] = field(default_factory=dict)

    @property
    def key(self) -> tuple[Any, ...]:
        """The identity of the instrument: equal in all workers that have it."""
        return (*self.scope, self.name, self.unit, self.kind)

    @property
    def is_total(self) -> bool:
        """Whether the sum over all workers includes the finished ones."""
        return self.kind in _TOTALS and self.workers == "sum"


# -- to bytes ----------------------------------------------------------------------------------------------------------


class Encoder:
    """The encoder of one worker's publications; the attributes of series that stay are encoded only once."""

    def __init__(self) -> None:
        """Start without attributes."""
        self._kept: Kept[str] = {}

    def encode(self, data: MetricsData | None) -> bytes:
        """Return *data* (cumulative) as bytes for other workers; never raises, whatever *data* contains."""
        attributes = SeriesResults(self._kept)
        body = encode_instruments(_instruments(data, attributes))
        self._kept = attributes.kept  # replaced as a whole, because several threads may publish
        return body


def encode_instruments(instruments: Iterable[Instrument]) -> bytes:
    """Return *instruments* as bytes."""
    lines = [_VERSION]
    for instrument in instruments:
        head = (
            *instrument.scope,
            instrument.name,
            instrument.description,
            instrument.unit,
            instrument.kind,
            instrument.workers,
        )
        lines += (_compact(head).encode(), _compact(instrument.points).encode())
    return b"\n".join(lines)


def _instruments(data: MetricsData | None, attributes: SeriesResults[str]) -> Iterator[Instrument]:
    for resource in data.resource_metrics if data is not None else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                try:
                    yield _instrument(metric, _scope(scope.scope), attributes)
                except Exception:  # noqa: BLE001 - the other metrics are published
                    faults.contain(f"workers {metric.name}")


def _scope(scope: InstrumentationScope) -> Scope:
    return scope.name, scope.version or "", scope.schema_url or "", _json(scope.attributes)


def _instrument(metric: Metric, scope: Scope, attributes: SeriesResults[str]) -> Instrument:
    kind, instrument_kind = _kind(metric)
    keys = attributes.of((scope, metric.name, metric.unit), metric.data.data_points, _json)
    points = {key: _point_to_list(kind, point) for key, point in zip(keys, metric.data.data_points, strict=True)}
    workers = worker_policy.of(metric.name, instrument_kind)
    return Instrument(scope, metric.name, metric.description or "", metric.unit or "", kind, workers, points)


def _json(attributes: Attributes) -> str:
    return _dumps(dict(attributes or {}))


def _kind(metric: Metric) -> tuple[str, names.Kind]:
    """Return the kind of the points and the kind of the instrument."""
    if isinstance(metric.data, Sum):
        kind: names.Kind = "counter" if metric.data.is_monotonic else "up_down_counter"
        return kind, kind
    if isinstance(metric.data, Gauge):
        return "gauge", "gauge"
    return ("exponential" if isinstance(metric.data, ExponentialHistogram) else "histogram"), "histogram"


def _point_to_list(kind: str, point: Any) -> Point:
    exemplars: Sequence[Any] = [
        (exemplar.value, exemplar.time_unix_nano, exemplar.trace_id, exemplar.span_id)
        for exemplar in point.exemplars or ()
    ] or NO_EXEMPLARS
    start = (point.start_time_unix_nano or 0) if kind in _TOTALS else 0
    if kind == "histogram":
        return [point.count, point.sum, list(point.explicit_bounds), list(point.bucket_counts), start, exemplars]
    if kind == "exponential":
        buckets = [[side.offset, list(side.bucket_counts)] for side in (point.positive, point.negative)]
        return [point.count, point.sum, point.scale, point.zero_count, *buckets, start, exemplars]
    return [point.value, start, exemplars]


# -- from bytes --------------------------------------------------------------------------------------------------------


def decode(body: bytes) -> list[tuple[Instrument, bytes]]:
    """
    Return the instruments in *body*, each without its points and with the bytes for :func:`decode_points`.

    None if *body* has another version; none and a report if it is damaged.
    """
    version, *lines = body.split(b"\n")
    if version != _VERSION:
        return []
    try:
        return [(_decode_head(*json.loads(head)), points) for head, points in zip(lines[::2], lines[1::2], strict=True)]
    except (ValueError, TypeError):
        faults.contain("workers")
        return []


def _decode_head(scope: str, version: str, schema_url: str, attributes: str, *fields: Any) -> Instrument:
    return Instrument((scope, version, schema_url, attributes), *fields)


def decode_points(data: bytes) -> dict[str, Point]:
    """Return the points of one instrument; none and a report if *data* is damaged."""
    try:
        points: dict[str, Point] = dict(json.loads(data).items())
    except (ValueError, AttributeError):
        faults.contain("workers")
        return {}
    return points


class Decoder:
    """The decoder of one worker's merged metrics; the attributes of a series that stays are the same object each time."""

    def __init__(self) -> None:
        """Start without attributes."""
        self._kept: Mapping[str, dict[str, Any]] = {}

    def metrics_data(self, instruments: Iterable[Instrument], resource: Resource) -> MetricsData:
        """Return *instruments* as the SDK's metrics data with *resource*, which exporters accept."""
        attributes = _Attributes(self._kept)
        data = _metrics_data(instruments, resource, attributes)
        self._kept = dict(attributes)  # replaced as a whole, because several threads may read
        return data


class _Attributes(dict[str, dict[str, Any]]):
    """The attributes of the series of one merge, by the key of their points; those of the merge before are used again."""

    def __init__(self, earlier: Mapping[str, dict[str, Any]]) -> None:
        super().__init__()
        self._earlier = earlier

    def __missing__(self, key: str) -> dict[str, Any]:
        attributes = self[key] = self._earlier[key] if key in self._earlier else _attributes(key)
        return attributes


def _metrics_data(instruments: Iterable[Instrument], resource: Resource, attributes: _Attributes) -> MetricsData:
    by_scope: dict[Scope, list[Metric]] = {}
    for instrument in instruments:
        metric = Metric(instrument.name, instrument.description, instrument.unit, _data(instrument, attributes))
        by_scope.setdefault(instrument.scope, []).append(metric)
    scopes = [
        ScopeMetrics(InstrumentationScope(name, version, schema_url, _parsed(attributes)), metrics, schema_url)
        for (name, version, schema_url, attributes), metrics in by_scope.items()
    ]
    return MetricsData([ResourceMetrics(resource, scopes, "")])


def _data(instrument: Instrument, attributes: _Attributes) -> Any:
    points = [_point(instrument.kind, attributes[key], point) for key, point in instrument.points.items()]
    if instrument.kind == "gauge":
        return Gauge(points)
    if instrument.kind == "histogram":
        return Histogram(points, AggregationTemporality.CUMULATIVE)
    if instrument.kind == "exponential":
        return ExponentialHistogram(points, AggregationTemporality.CUMULATIVE)
    return Sum(points, AggregationTemporality.CUMULATIVE, instrument.kind == "counter")


def worker_key(attributes: str, pid: int) -> str:
    """Return the key of a point that only the worker *pid* has."""
    return f"{pid}{attributes}"


def _attributes(key: str) -> dict[str, Any]:
    pid, brace, rest = key.partition("{")
    attributes = _parsed(brace + rest)
    return {**attributes, names.PROCESS_PID: int(pid)} if pid else attributes


def _parsed(text: str) -> dict[str, Any]:
    attributes: dict[str, Any] = json.loads(text)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in attributes.items()}


def _point(kind: str, attributes: dict[str, Any], point: Point) -> Any:
    exemplars: Sequence[Exemplar] = ()  # nearly all points have none, and share it
    if point[-1]:
        exemplars = [Exemplar({}, value, at_ns, span_id, trace_id) for value, at_ns, trace_id, span_id in point[-1]]
    start = point[-2]
    if kind == "histogram":
        count, total, bounds, counts, *_ = point
        return HistogramDataPoint(attributes, start, 0, count, total, counts, bounds, 0, 0, exemplars)
    if kind == "exponential":
        count, total, scale, zeros, positive, negative, *_ = point
        values = count, total, scale, zeros, Buckets(*positive), Buckets(*negative)
        return ExponentialHistogramDataPoint(attributes, start, 0, *values, 0, 0, 0, exemplars)
    return NumberDataPoint(attributes, start, 0, point[0], exemplars)
