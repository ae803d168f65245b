"""A collection of some metrics only: what it returns, what it leaves alone, and what it does not run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import pytest
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource

from csg_otel.metrics import aliases
from csg_otel.metrics.history import History
from csg_otel.pipeline import callbacks
from csg_otel.pipeline.points import points
from csg_otel.pipeline.readers import LocalReader
from csg_otel.points import NumberPoint, Point
from csg_otel.proxies.base import Scope
from csg_otel.proxies.meters import SafeMeter


class Meters:
    """A provider with counters and observables of two scopes, which note their runs."""

    def __init__(self) -> None:
        self.reader, self.runs = LocalReader(), list[str]()
        provider = MeterProvider(
            [self.reader], Resource({}), exemplar_filter=AlwaysOnExemplarFilter(), shutdown_on_exit=False
        )
        identity: Scope = ("one", None, None, None)
        meter = SafeMeter(identity, provider.get_meter("one"), partial(callbacks.observable, identity))
        self.wanted, self.other = meter.create_counter("wanted"), meter.create_histogram("other")
        for name in ("observed", "unobserved"):
            meter.create_observable_counter(name, [self._callback(name)])

    def _callback(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            self.runs.append(name)
            yield Observation(len(self.runs), {"k": "v"})

        return observe


def _starts(data: MetricsData | None) -> dict[str, list[int]]:
    """Return the start of each series by the name of its metric."""
    return {
        metric.name: [point.start_time_unix_nano for point in metric.data.data_points]
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_only_what_is_wanted_runs_and_is_returned() -> None:
    """Neither an observable nor a counter of another name; its callback does not run."""
    meters = Meters()
    meters.wanted.add(2)
    meters.other.record(1)

    part = points(meters.reader.read(frozenset({"wanted", "observed"})))

    assert sorted(point.name for point in part) == ["observed", "wanted"]
    assert meters.runs == ["observed"]


def test_a_part_changes_nothing_of_the_whole() -> None:
    """After it, a collection of all has every series with the start, the sum and the exemplars that it had before."""
    meters = Meters()
    meters.wanted.add(2)
    meters.other.record(5)
    before = meters.reader.read()
    for _ in range(3):
        meters.reader.read(frozenset({"wanted"}))
    after = meters.reader.read()

    assert before is not None
    assert after is not None
    assert _starts(after) == _starts(before)
    assert [(point.name, point.attributes) for point in points(after)] == [
        (point.name, point.attributes) for point in points(before)
    ]
    (other,) = [
        metric
        for scope in after.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        if metric.name == "other"
    ]
    assert [exemplar.value for exemplar in other.data.data_points[0].exemplars] == [5]


@pytest.mark.parametrize("name", sorted(History.reads))
def test_every_metric_that_the_history_reads_matters_to_it(name: str) -> None:
    """A point of each name changes an alias or a total."""
    attributes = {
        "csg.outcome": "error",
        "csg.file.type": "pdf",
        "csg.cache.result": "hit",
        "csg.health.check.name": "disk",
        "csg.health.state": "healthy",
    }
    point: Point = NumberPoint(name, "counter", "", attributes, 1)
    none: list[Point] = []

    assert (aliases.values(None, [point]), aliases.totals([point])) != (aliases.values(None, none), {})
