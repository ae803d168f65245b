"""
Exemplars that stay: each series shows its newest exemplars until newer ones replace them.

The SDK forgets exemplars when they are collected, so only the first of several scrapes, of the sampler and of the workers of a
group would get them. The rule: a histogram keeps the newest exemplar of each bucket, any other series the newest ones.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Hashable, Iterable
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from csg_otel import forks
from csg_otel.pipeline.series_results import Attributes, Kept, SeriesResults, are_same

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_MAX_EXEMPLARS: Final = 20
"""Most exemplars of an exponential histogram: as many as the SDK keeps between two collections."""

_Kept = dict[str, tuple[Any, ...]]
"""The exemplars of one instrument, by the attributes of the series as text: a scrubber may replace the mapping."""


class KeptExemplars:
    """The exemplars of the last collections of one reader."""

    def __init__(self) -> None:
        """Start without exemplars."""
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Drop all exemplars, because they belong to the parent's measurements."""
        self._lock = threading.RLock()
        self._kept: dict[Hashable, _Kept] = {}
        self._keys: Kept[str] = {}

    def fill(self, data: MetricsData) -> MetricsData:
        """Return *data*, a cumulative collection, with the kept exemplars in it; those of series that are gone are dropped."""
        with self._lock:
            kept: dict[Hashable, _Kept] = {}
            keys = SeriesResults(self._keys)
            filled = replace(
                data,
                resource_metrics=[
                    replace(
                        resource,
                        scope_metrics=[
                            replace(
                                scope,
                                metrics=[self._filled(scope.scope, metric, kept, keys) for metric in scope.metrics],
                            )
                            for scope in resource.scope_metrics
                        ],
                    )
                    for resource in data.resource_metrics
                ],
            )
            self._kept, self._keys = kept, keys.kept
            return filled

    def _filled(
        self, scope: InstrumentationScope, metric: Metric, kept: dict[Hashable, _Kept], keys: SeriesResults[str]
    ) -> Metric:
        """Return *metric* with kept exemplars, and add those that stay to *kept*."""
        identity = (scope, metric.name, metric.unit, type(metric.data))
        earlier, points = self._kept.get(identity), list[Any](metric.data.data_points)
        if earlier is None and not any([point.exemplars for point in points]):
            return metric  # nearly all metrics
        now: _Kept = {}
        shown: list[Any] = []
        for key, point in zip(keys.of(identity, points, _key), points, strict=True):
            exemplars, before = point.exemplars or (), (earlier or {}).get(key, ())
            if not exemplars and not before:
                shown.append(point)
                continue
            newest = _newest(point, [*before, *exemplars])
            now[key] = tuple(newest)
            is_shown = len(newest) == len(exemplars) and are_same(newest, exemplars)
            shown.append(point if is_shown else replace(point, exemplars=newest))
        kept[identity] = now
        data: Any = metric.data
        return replace(metric, data=replace(data, data_points=shown))


def _key(attributes: Attributes) -> str:
    return repr(sorted((attributes or {}).items()))


def _newest(point: Any, exemplars: Iterable[Any]) -> list[Any]:
    """Return the exemplars of *point* that are shown, oldest first."""
    by_age = sorted(exemplars, key=attrgetter("time_unix_nano"))
    if hasattr(point, "explicit_bounds"):
        return list({bisect_left(point.explicit_bounds, exemplar.value): exemplar for exemplar in by_age}.values())
    return by_age[-_MAX_EXEMPLARS:] if hasattr(point, "scale") else by_age[-1:]
