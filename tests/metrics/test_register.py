"""Samples as OTel metrics: through the real SDK, with several readers, one source after the other."""

from __future__ import annotations

import time
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from csg_otel import attribute_values, names
from csg_otel.config.sections.system_monitoring import MetricGroups, SystemMonitoring
from csg_otel.host.cgroup import Limits
from csg_otel.metrics import Sampler, register
from csg_otel.metrics.observations import APPLICATION_GROUP, SYSTEM_GROUP
from csg_otel.metrics.register import Observables
from csg_otel.metrics.sample import Sample
from support import moments
from support.capture import Captured

Points = dict[str, dict[frozenset[tuple[str, Any]], float]]


class Fixed:
    """A source whose sample the test exchanges."""

    interval_s = 10.0

    def __init__(self, sample: Sample | None) -> None:
        self.sample = sample

    def latest(self) -> Sample | None:
        return self.sample


def now(**changes: Any) -> Sample:
    return moments.sample(time.monotonic(), **changes)


def read(reader: InMemoryMetricReader) -> Points:
    data = reader.get_metrics_data()
    return {
        metric.name: {frozenset((point.attributes or {}).items()): point.value for point in metric.data.data_points}  # type: ignore[union-attr]
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


@pytest.fixture
def observed() -> Any:
    """Return observables on a real provider with two readers."""
    readers = [InMemoryMetricReader(), InMemoryMetricReader()]
    provider = MeterProvider(readers)
    meter = provider.get_meter("test")
    observables = Observables()

    def create(metric: names.Metric, callbacks: list[Any]) -> Any:
        return getattr(meter, f"create_observable_{metric.kind}")(metric.name, callbacks, metric.unit)

    observables.create(create)
    yield observables, readers
    provider.shutdown()


def test_two_readers_see_the_same_sample(observed: Any) -> None:
    """However often and by whom it is asked, a collection shows the values of the one sample."""
    observables, (one, other) = observed
    observables.show(Fixed(now()), system=True, application=True)

    assert read(one) == read(other) == read(one)
    assert read(one)["process.memory.usage"] == {frozenset(): 250}


def test_every_metric_has_values_with_declared_attributes(observed: Any) -> None:
    """Each instrument of both groups yields points, with no attribute its table in names.py does not declare."""
    limits = Limits(1000, 300, 1.5, 10.0, 7.0, 3.0)
    connections = {("tcp", "established"): 3, ("udp", ""): 1}
    sample = now(system=moments.system(connections=connections), limits=limits, container_cpu_usage=0.5)
    observables, (reader, _) = observed
    observables.show(Fixed(sample), system=True, application=True)
    points = read(reader)

    assert set(points) == {metric.name for metric, _ in (*SYSTEM_GROUP, *APPLICATION_GROUP)}
    for name, found in points.items():
        assert {key for attributes in found for key, _ in attributes} <= set(names.METRICS[name].attributes)
        assert len(found) >= 1


def test_conventional_attribute_values(observed: Any) -> None:
    """Directions, states and modes are spelled as the semantic conventions do."""
    observables, (reader, _) = observed
    observables.show(Fixed(now()), system=True, application=True)
    points = read(reader)
    eth0 = (names.NETWORK_INTERFACE, "eth0")

    assert points["system.network.io"][frozenset({eth0, (names.NETWORK_DIRECTION, "transmit")})] == 200
    assert points["system.disk.io"][frozenset({(names.DEVICE, "a"), (names.DISK_DIRECTION, "read")})] == 1
    assert points["system.memory.usage"][frozenset({(names.MEMORY_STATE, "cached")})] == 150
    assert points["system.cpu.utilization"][frozenset({(names.CPU_LOGICAL_NUMBER, 0), (names.CPU_MODE, "user")})] == 0.5
    assert {state: value for ((_, state),), value in points["process.context_switches"].items()} == {
        "voluntary": 5,
        "involuntary": 6,
    }
    reserved = [value for key, value in points["system.filesystem.usage"].items() if "reserved" in dict(key).values()]
    assert reserved == [20]


def test_containers_are_shown_where_something_limits_them(observed: Any) -> None:
    """Without limits there is no container metric at all."""
    observables, (reader, _) = observed
    observables.show(Fixed(now(limits=Limits(memory_usage=5, cpu_time_s=1.0))), system=True, application=True)

    assert not [name for name in read(reader) if name.startswith("container.")]


def test_a_group_that_is_off_yields_nothing(observed: Any) -> None:
    """With one group off, only the other group's metrics are collected."""
    observables, (reader, _) = observed
    observables.show(Fixed(now()), system=False, application=True)
    application = set(read(reader))
    observables.show(Fixed(now()), system=True, application=False)

    assert application == {metric.name for metric, _ in APPLICATION_GROUP}
    assert not application & set(read(reader))


def test_what_disappears_from_the_sample_disappears_from_the_collection(observed: Any) -> None:
    """An unmounted file system has no series after the next sample."""
    observables, (reader, _) = observed
    source = Fixed(now())
    observables.show(source, system=True, application=True)
    before = read(reader)
    source.sample = now(system=moments.system(filesystems=()))

    assert "system.filesystem.usage" in before
    assert not read(reader).get("system.filesystem.usage")


def test_a_new_source_takes_over_without_a_gap(observed: Any) -> None:
    """Until the new source has a sample the old one's is shown, then its own."""
    observables, (reader, _) = observed
    observables.show(Fixed(now()), system=True, application=True)
    later = Fixed(None)
    observables.show(later, system=True, application=True)
    meanwhile = read(reader)["process.thread.count"]
    later.sample = now(process=moments.process(threads=99))

    assert list(meanwhile.values()) == [4]
    assert list(read(reader)["process.thread.count"].values()) == [99]


def test_an_old_sample_is_not_shown(observed: Any) -> None:
    """Once sampling has stopped, the values disappear and are not repeated for ever."""
    observables, (reader, _) = observed
    observables.show(Fixed(moments.sample(time.monotonic() - 60)), system=True, application=True)

    assert read(reader) == {}


def test_nothing_is_shown_before_there_is_a_sample(observed: Any) -> None:
    """A source without a complete sample yields no values, least of all noughts."""
    observables, (reader, _) = observed
    observables.show(Fixed(None), system=True, application=True)

    assert read(reader) == {}


def test_register_can_be_called_again_and_again(captured: Captured) -> None:
    """Through the product's own providers, the newest sampler registered is the one that is seen."""
    for threads in (1, 2, 3):
        register(Fixed(now(process=moments.process(threads=threads))), system=True, application=True)

    assert [point.value for point in captured.points("process.thread.count")] == [3]


def test_a_real_sample_goes_through_the_sdk(captured: Captured) -> None:
    """A sample of this machine is collected with a CPU utilisation above 0."""
    sampler = Sampler(SystemMonitoring())
    sample = sampler.sample_now()
    register(Fixed(sample), system=True, application=True)
    idle = [point.value for point in captured.points("system.cpu.utilization") if "idle" in point.attributes.values()]

    assert idle
    assert all([0 <= value <= 1 for value in idle])
    assert captured.points("process.uptime")[0].value > 0


@pytest.mark.parametrize("connections", [False, True])
def test_a_real_sample_has_no_values_outside_the_closed_sets(captured: Captured, connections: bool) -> None:
    """The check of alert rules refuses other values, so each value of this machine must be in the set of its attribute."""
    sampler = Sampler(SystemMonitoring(metrics=MetricGroups(network_connections=connections)))
    sampler.sample_now()
    register(Fixed(sampler.sample_now()), system=True, application=True)
    judged = 0
    for metric, _ in (*SYSTEM_GROUP, *APPLICATION_GROUP):
        for point in captured.points(metric.name):
            for key in metric.attributes:
                if values := attribute_values.of(metric.name, key):
                    judged += 1
                    assert point.attributes.get(key, "") in values, (metric.name, key)

    assert judged > 20
