"""
The merge of the metrics of several workers into the metrics of one program.

Uses neither files nor processes. The rules: no measurement is lost; if two histograms have different bounds, their common
bounds remain; the total of a counter never shrinks when a worker ends.
"""

from __future__ import annotations

import bisect
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.resources import Resource

from csg_otel import names
from csg_otel.multiprocess import codec

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.multiprocess.codec import Instrument, Point

_MAX_EXEMPLARS: Final = 32
"""Most exemplars of a merged point: enough for one per bucket, and the rest would only make the total grow."""

_Buckets = tuple[int, Sequence[int]]
"""The index of the first bucket of an exponential histogram, and the counts of it and the following buckets."""


@dataclass(frozen=True, slots=True)
class WorkerMetrics:
    """The last publication of a worker. After the worker's end only its counters and histograms are merged."""

    pid: int
    living: bool
    body: bytes


# -- workers -----------------------------------------------------------------------------------------------------------


class Merger:
    """The merges of one worker, one after another; the attributes of series that stay are decoded only once."""

    def __init__(self) -> None:
        """Start without series."""
        self._decoder = codec.Decoder()

    def merge(self, workers: Iterable[WorkerMetrics], resource: Resource) -> MetricsData:
        """
        Return the metrics of all *workers* with *resource*.

        Of an instrument merged as ``one``, it has the first worker's value.
        """
        return self._decoder.metrics_data(_merged(workers), resource)


def fold(total: bytes, bodies: Sequence[bytes]) -> bytes:
    """Return the *total* of finished workers with *bodies*, the last publications of other finished workers, added."""
    return codec.encode_instruments(
        map(_limited, _merged([WorkerMetrics(0, False, body) for body in (total, *bodies)]))
    )


def group_resource(own: MetricsData | None, group: str) -> Resource:
    """
    Return the resource of the whole group: the serving worker's resource, with an instance id made from *group*.

    So the id stays the same when another worker serves. A configured instance id is kept; no process id stands for the group.
    """
    attributes = dict(own.resource_metrics[0].resource.attributes) if own and own.resource_metrics else {}
    attributes.pop(names.PROCESS_PID, None)
    if _is_random(str(attributes.get(names.SERVICE_INSTANCE_ID, ""))):
        attributes[names.SERVICE_INSTANCE_ID] = str(uuid.UUID(group))
    return Resource(attributes)


def _is_random(instance_id: str) -> bool:
    """Return whether the SDK has generated *instance_id*, because none was configured."""
    try:
        return uuid.UUID(instance_id).version == 4
    except ValueError:
        return False


def _merged(workers: Iterable[WorkerMetrics]) -> Iterator[Instrument]:
    """Yield each instrument of *workers*; only its points are decoded then."""
    parts: dict[tuple[Any, ...], list[tuple[Instrument, int, bytes]]] = {}
    for worker in workers:
        for instrument, points in codec.decode(worker.body):
            if worker.living or instrument.is_total:
                parts.setdefault(instrument.key, []).append((instrument, worker.pid, points))
    for same in parts.values():
        total = replace(same[0][0], points={})
        for instrument, pid, points in same:
            _merge_points(total, replace(instrument, points=codec.decode_points(points)), pid)
        yield total


def _merge_points(total: Instrument, instrument: Instrument, pid: int) -> None:
    """Merge the points of a worker's *instrument* into *total*, according to the ``workers`` policy of the instrument."""
    points, present = instrument.points, total.points
    if instrument.workers == "each":
        points = {codec.worker_key(attributes, pid): point for attributes, point in points.items()}
    if not present:
        present.update(points)
        return
    one_of_two = _POLICIES.get(instrument.workers, _SUMS.get(instrument.kind, _add_numbers))
    for key, point in points.items():
        present[key] = one_of_two(present[key], point) if key in present else point


def _first(first: Point, _second: Point) -> Point:
    return first


def _lesser(first: Point, second: Point) -> Point:
    return min(first, second, key=itemgetter(0))


def _greater(first: Point, second: Point) -> Point:
    return max(first, second, key=itemgetter(0))


_POLICIES: Final[Mapping[str, Callable[[Point, Point], Point]]] = {
    "one": _first,
    "each": _first,
    "min": _lesser,
    "max": _greater,
}
"""Returns the point for two of one series, by the ``workers`` policy; every other policy is a sum."""


def _limited(instrument: Instrument) -> Instrument:
    """
    Return *instrument* with the series beyond the limit in its overflow series, so that the total of finished workers stays
    bounded.
    """
    within = [key for key in instrument.points if key != codec.OVERFLOW_ATTRIBUTES]
    for key in within[names.CARDINALITY_LIMIT - 1 :]:
        point = instrument.points.pop(key)
        overflow = instrument.points.get(codec.OVERFLOW_ATTRIBUTES)
        total = point if overflow is None else add(instrument.kind, overflow, point)
        instrument.points[codec.OVERFLOW_ATTRIBUTES] = total
    return instrument


# -- points ------------------------------------------------------------------------------------------------------------


def add(kind: str, first: Point, second: Point) -> Point:
    """Return the sum of two points, as in ``codec``, of one instrument of *kind*; of any other kind, the points are numbers."""
    return _SUMS.get(kind, _add_numbers)(first, second)


def _add_numbers(first: Point, second: Point) -> Point:
    return [first[0] + second[0], _start(first, second), _exemplars(first, second)]


def _add_histograms(first: Point, second: Point) -> Point:
    bounds, counts = first[2], [a + b for a, b in zip(first[3], second[3], strict=False)]
    if first[2] != second[2]:
        bounds = sorted(set(first[2]) & set(second[2]))
        counts = [a + b for a, b in zip(_rebucketed(first, bounds), _rebucketed(second, bounds), strict=True)]
    ending = _start(first, second), _exemplars(first, second, bounds)
    return [first[0] + second[0], first[1] + second[1], bounds, counts, *ending]


def _rebucketed(point: Point, bounds: Sequence[float]) -> list[int]:
    """Return the counts of a histogram for *bounds*, a subset of its own bounds; so every count is exact."""
    counts = [0] * (len(bounds) + 1)
    for place, count in enumerate(point[3]):
        within = bisect.bisect_left(bounds, point[2][place]) if place < len(point[2]) else len(bounds)
        counts[within] += count
    return counts


def _add_exponentials(first: Point, second: Point) -> Point:
    scale = min(first[2], second[2])
    positive, negative = (
        _add_buckets((first[side], first[2] - scale), (second[side], second[2] - scale)) for side in (4, 5)
    )
    sums = [first[0] + second[0], first[1] + second[1], scale, first[3] + second[3]]
    return [*sums, positive, negative, _start(first, second), _exemplars(first, second)]


def _add_buckets(*sides: tuple[_Buckets, int]) -> list[Any]:
    """Return the sum of the buckets in *sides*: (buckets, number of times that their resolution must be halved)."""
    total: dict[int, int] = {}
    for (offset, counts), halvings in sides:
        for place, count in enumerate(counts):
            if count:
                index = (offset + place) >> halvings
                total[index] = total.get(index, 0) + count
    if not total:
        return [0, []]
    return [min(total), [total.get(index, 0) for index in range(min(total), max(total) + 1)]]


def _start(first: Point, second: Point) -> int:
    """Return the earlier start time of two points; 0 if neither has one."""
    one, other = first[-2], second[-2]
    return int(min(one, other) if one and other else one or other)


def _exemplars(first: Point, second: Point, bounds: Sequence[float] | None = None) -> Sequence[Any]:
    """Return the newest exemplars of two points; of a histogram with *bounds*, the newest of each bucket."""
    if not (first[-1] or second[-1]):
        return codec.NO_EXEMPLARS
    by_age = sorted((*first[-1], *second[-1]), key=lambda exemplar: exemplar[1])
    if bounds is None:
        return by_age[-_MAX_EXEMPLARS:]
    return list({bisect.bisect_left(bounds, exemplar[0]): exemplar for exemplar in by_age}.values())


_SUMS: Final[Mapping[str, Callable[[Point, Point], Point]]] = {
    "histogram": _add_histograms,
    "exponential": _add_exponentials,
}
