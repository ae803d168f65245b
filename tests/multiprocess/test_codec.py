"""The metrics of several workers, merged, are those that one process would have shown."""

from __future__ import annotations

import functools
import gc
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from prometheus_client.parser import text_string_to_metric_families

from csg_otel import faults, names, worker_policy
from csg_otel.exporters import prometheus
from csg_otel.multiprocess import codec, merge
from csg_otel.multiprocess.merge import WorkerMetrics
from csg_otel.pipeline.exponential import explicit
from csg_otel.pipeline.readers import LocalReader
from support.programs import samples

NO_RESOURCE = Resource({})
OPENMETRICS = prometheus.negotiate("application/openmetrics-text;version=1.0.0")


def published(work: Callable[[Meter], object], *views: View) -> bytes:
    """Return the publication of a process that has done *work*."""
    reader = LocalReader()
    provider = MeterProvider([reader], NO_RESOURCE, views=views, shutdown_on_exit=False)
    work(provider.get_meter("csg_otel"))
    body = codec.Encoder().encode(reader.read())
    provider.shutdown()
    return body


def shown(*bodies: WorkerMetrics) -> str:
    """Return the exposition of the merged metrics of several workers."""
    return prometheus.render(merge.Merger().merge(bodies, NO_RESOURCE)).decode()


def count(amount: float, **attributes: Any) -> Callable[[Meter], object]:
    return lambda meter: meter.create_counter("orders").add(amount, attributes)


def test_counters_and_histograms_are_added_up_over_living_and_finished_workers() -> None:
    """Series by series; a finished one counts as a living one."""

    def work(amount: int, channel: str) -> bytes:
        def do(meter: Meter) -> None:
            meter.create_counter("orders").add(amount, {"channel": channel})
            meter.create_histogram("size", explicit_bucket_boundaries_advisory=(1, 2)).record(amount)

        return published(do)

    text = shown(
        WorkerMetrics(1, True, work(1, "web")),
        WorkerMetrics(2, False, work(2, "web")),
        WorkerMetrics(3, True, work(4, "app")),
    )

    assert samples(text, "orders_total") == {'channel="web"': 3.0, 'channel="app"': 4.0}
    assert samples(text, "size_bucket") == {'le="1.0"': 1, 'le="2.0"': 2, 'le="+Inf"': 3}
    assert samples(text, "size_sum") == {"": 7}


def test_a_total_began_when_its_first_part_did() -> None:
    """The start times of counters and histograms are kept, the earliest one in a sum; values that go up and down have none."""

    def do(meter: Meter) -> None:
        meter.create_counter("orders").add(1)
        meter.create_histogram("size").record(1)
        meter.create_histogram("exponential").record(1)
        meter.create_gauge("level").set(1)
        meter.create_up_down_counter("length").add(1)

    def starts(workers: list[WorkerMetrics]) -> dict[str, int]:
        (resource,) = merge.Merger().merge(workers, NO_RESOURCE).resource_metrics
        metrics = [metric for scope in resource.scope_metrics for metric in scope.metrics]
        return {metric.name: metric.data.data_points[0].start_time_unix_nano or 0 for metric in metrics}

    view = View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())
    before_ns = time.time_ns()
    first, second, third = (published(do, view) for _ in range(3))
    earliest = starts([WorkerMetrics(1, True, first)])
    totals = {name for name, start in earliest.items() if start}

    assert totals == {"orders", "size", "exponential"}
    assert all([before_ns <= earliest[name] < starts([WorkerMetrics(2, True, second)])[name] for name in totals])
    assert starts([WorkerMetrics(pid, True, body) for pid, body in enumerate((second, first, third))]) == earliest
    finished = merge.fold(merge.fold(b"", [second]), [first])
    assert starts([WorkerMetrics(0, False, finished), WorkerMetrics(3, True, third)]) == earliest
    assert (
        "orders_created"
        in prometheus.render(
            merge.Merger().merge([WorkerMetrics(3, True, third), WorkerMetrics(0, False, finished)], NO_RESOURCE),
            OPENMETRICS,
        ).decode()
    )


def test_one_worker_alone_is_shown_as_it_is() -> None:
    """Whatever the kind and the values: numbers, text with quotes, lone surrogates, 1 beside True."""

    def do(meter: Meter) -> None:
        for odd in (1, True, 1.0, "1", 'a"b\\\n', "\ud800", (1, 2)):
            meter.create_counter("odd").add(1, {"value": odd, "type": type(odd).__name__})
        meter.create_counter("big").add(2**62)
        meter.create_histogram("size").record(0.1, {"b": "x", "a": "y"})
        meter.create_counter("nothing")

    reader = LocalReader()
    provider = MeterProvider([reader], NO_RESOURCE, shutdown_on_exit=False)
    do(provider.get_meter("m", "1"))
    data = reader.read()
    provider.shutdown()

    assert parsed(prometheus.render(data).decode()) == parsed(
        shown(WorkerMetrics(1, True, codec.Encoder().encode(data)))
    )


def parsed(text: str) -> set[tuple[str, frozenset[tuple[str, str]], float]]:
    """Return the samples of an exposition, as Prometheus' own client reads it."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name, frozenset(one.labels.items()), one.value) for one in found}


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        ("each", {'process_pid="1"': 5, 'process_pid="2"': 3}),
        ("sum", {"": 8}),
        ("min", {"": 3}),
        ("max", {"": 5}),
        ("one", {"": 5}),
    ],
)
def test_a_gauge_is_shared_as_declared(
    workers: names.Workers, expected: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over living workers only: the gauges of a finished one end with it."""
    monkeypatch.setattr(worker_policy, "_declared", {})
    worker_policy.declare("Depth", workers)

    def work(meter: Meter, value: int) -> None:
        meter.create_gauge("depth").set(value)

    bodies = [published(functools.partial(work, value=value)) for value in (5, 3, 9)]

    assert (
        samples(shown(*(WorkerMetrics(pid, pid < 3, body) for pid, body in enumerate(bodies, 1))), "depth") == expected
    )


def test_what_describes_the_host_is_never_added_up() -> None:
    """Its counters show the newest reading, because they only grow; its gauges the first worker's."""

    def do(seconds: int) -> bytes:
        def work(meter: Meter) -> None:
            meter.create_counter("system.cpu.time").add(seconds)
            meter.create_up_down_counter("system.memory.limit").add(100)
            meter.create_up_down_counter("csg.operation.active").add(1)

        return published(work)

    text = shown(WorkerMetrics(1, True, do(50)), WorkerMetrics(2, True, do(51)), WorkerMetrics(3, False, do(40)))

    assert samples(text, "system_cpu_time_total") == {"": 51}
    assert samples(text, "system_memory_limit") == {"": 100}
    assert samples(text, "csg_operation_active") == {"": 2}


def test_finished_workers_are_folded_into_one_total() -> None:
    """In any number of steps, and without the values that are no totals."""
    gauge = published(lambda meter: meter.create_gauge("depth").set(1))
    total = merge.fold(merge.fold(b"", [published(count(1)), published(count(2))]), [published(count(0.5)), gauge])

    assert samples(shown(WorkerMetrics(0, False, total)), "orders_total") == {"": 3.5}
    assert b"depth" not in total


def test_finished_workers_cant_make_the_total_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Series beyond the limit are added up under the mark of overflow."""
    monkeypatch.setattr(names, "CARDINALITY_LIMIT", 3)
    total = merge.fold(b"", [published(count(1, user=str(user))) for user in range(10)])

    found = samples(shown(WorkerMetrics(0, False, total)), "orders_total")
    assert found['otel_metric_overflow="true"'] == 8
    assert (len(found), sum(found.values())) == (3, 10)


BOUNDS = st.lists(st.sampled_from([1, 2, 5, 10, 50]), unique=True, min_size=1).map(sorted)
VALUES = st.lists(st.integers(0, 100), min_size=1, max_size=20)


@given(st.lists(st.tuples(BOUNDS, VALUES), min_size=1, max_size=4))
def test_histograms_with_different_buckets_keep_those_in_common(workers: list[tuple[list[float], list[int]]]) -> None:
    """As when a reload has brought other buckets: every count is what one histogram with those bounds would have."""

    def work(meter: Meter, values: list[int]) -> None:
        for value in values:
            meter.create_histogram("size").record(value)

    bodies = [
        published(
            functools.partial(work, values=values),
            View(instrument_name="size", aggregation=ExplicitBucketHistogramAggregation(bounds)),
        )
        for bounds, values in workers
    ]
    common = [bound for bound in workers[0][0] if all(bound in bounds for bounds, _ in workers)]
    everything = [value for _, values in workers for value in values]
    found = samples(shown(*(WorkerMetrics(pid, True, body) for pid, body in enumerate(bodies, 1))), "size_bucket")

    expected = {f'le="{float(bound)}"': sum(value <= bound for value in everything) for bound in common}
    assert found == {**expected, 'le="+Inf"': len(everything)}


@given(st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), min_size=1, max_size=4))
def test_exponential_histograms_add_up(workers: list[list[float]]) -> None:
    """At the coarsest scale; no measurement is lost, and each stays within its bucket."""

    def work(meter: Meter, values: list[float]) -> None:
        for value in values:
            meter.create_histogram("size").record(value)

    view = View(instrument_name="size", aggregation=ExponentialBucketHistogramAggregation())
    bodies = [published(functools.partial(work, values=values), view) for values in workers]
    data = merge.Merger().merge([WorkerMetrics(pid, True, body) for pid, body in enumerate(bodies, 1)], NO_RESOURCE)
    point: Any = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]

    everything = [value for values in workers for value in values]
    assert (point.count, point.zero_count) == (len(everything), everything.count(0))
    assert sum(point.positive.bucket_counts) == len(everything) - everything.count(0)
    assert sum(explicit(point)[1]) == len(everything)
    assert point.sum == pytest.approx(sum(everything))


def test_exemplars_survive() -> None:
    """The latest of each bucket, from whichever worker."""
    version, head, points = published(lambda meter: meter.create_histogram("size").record(0.5)).split(b"\n")
    ((attributes, point),) = json.loads(points).items()
    changed = json.dumps({attributes: [*point[:-1], [[0.5, 5_000_000_000, 1, 2]]]}).encode()
    other = published(lambda meter: meter.create_histogram("size").record(0.5))

    workers = [WorkerMetrics(1, True, b"\n".join((version, head, changed))), WorkerMetrics(2, True, other)]
    text = prometheus.render(merge.Merger().merge(workers, NO_RESOURCE), OPENMETRICS).decode()
    assert f'# {{trace_id="{1:032x}",span_id="{2:016x}"}} 0.5 5.000' in text


def test_each_bucket_keeps_its_newest_exemplar_whatever_the_number_of_workers() -> None:
    """Many exemplars in one bucket do not push out the only one of another."""
    version, head, points = published(lambda meter: meter.create_histogram("size").record(0.5)).split(b"\n")
    ((attributes, point),) = json.loads(points).items()

    def worker(pid: int) -> WorkerMetrics:
        exemplars = [[1.0 if pid == 0 else 100.0, 1_000_000_000 + pid, 1 + pid, 1]]
        body = json.dumps({attributes: [*point[:-1], exemplars]}).encode()
        return WorkerMetrics(1 + pid, True, b"\n".join((version, head, body)))

    text = prometheus.render(merge.Merger().merge(map(worker, range(50)), NO_RESOURCE), OPENMETRICS).decode()
    assert [line.split(" # ")[1] for line in text.splitlines() if " # {" in line] == [
        f'{{trace_id="{trace:032x}",span_id="{1:016x}"}} {value} 1.000' for trace, value in ((1, 1.0), (50, 100.0))
    ]


def test_scopes_stay_apart_across_workers() -> None:
    """Two workers of one scope add up; scopes that differ in schema URL or attributes do not."""

    def publication() -> bytes:
        reader = LocalReader()
        provider = MeterProvider([reader], NO_RESOURCE, shutdown_on_exit=False)
        for db in ("a", "b"):
            provider.get_meter("lib", "1", "http://schema", {"db": db}).create_counter("orders").add(1)
        body = codec.Encoder().encode(reader.read())
        provider.shutdown()
        return body

    text = shown(WorkerMetrics(1, True, publication()), WorkerMetrics(2, True, publication()))
    scope = 'otel_scope_name="lib",otel_scope_version="1",otel_scope_schema_url="http://schema"'
    assert samples(text, "orders_total") == {f'{scope},otel_scope_db="{db}"': 2 for db in ("a", "b")}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"version": 1, "metrics": [[1]]}',
        b"3",
        b"3\n[1]\n{}",
        b"3\n[",
        b'3\n["csg_otel","","","{}","orders","","","counter","sum"]',
        b'3\n["csg_otel","","","{}","orders","","","counter","sum"]\n[1]',
        b'3\n["csg_otel","","","{}","orders","","","counter","sum"]\n{"{}":',
    ],
)
def test_an_unreadable_publication_costs_nothing_else(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torn, foreign, or of another release: that worker is left out."""
    monkeypatch.setattr(faults, "strict", False)

    assert samples(
        shown(WorkerMetrics(1, True, published(count(1))), WorkerMetrics(2, True, body)), "orders_total"
    ) == {"": 1}


def test_a_merge_leaves_the_garbage_collector_alone() -> None:
    """Its runs over older objects stop all threads; the objects of one instrument at a time do not call for them."""

    def work(meter: Meter) -> None:
        for number in range(10):
            orders = meter.create_counter(f"orders{number}")
            for shop in range(500):
                orders.add(1, {"shop": shop})

    body = published(work)
    workers = [WorkerMetrics(pid, True, body) for pid in range(1, 9)]
    gc.collect()
    before = gc.get_stats()
    merged = merge.Merger().merge(workers, NO_RESOURCE)
    runs = [after["collections"] - old["collections"] for after, old in zip(gc.get_stats(), before, strict=True)]

    assert sum(len(metric.data.data_points) for metric in merged.resource_metrics[0].scope_metrics[0].metrics) == 5000
    assert runs[1] + runs[2] <= 2


def test_a_series_has_the_same_attributes_in_every_merge() -> None:
    """So its labels are encoded once; series of one worker, and series without attributes, too. None is held afterwards."""

    def work(meter: Meter) -> None:
        for size in ({}, {"size": 1}, {"size": True}, {"size": 1.0}):
            meter.create_counter("orders").add(1, size)
            meter.create_gauge("level").set(1, size)

    body, other = published(work), published(count(1, size="large"))
    merger = merge.Merger()

    def attributes(*workers: WorkerMetrics) -> list[Any]:
        (scope,) = merger.merge(workers, NO_RESOURCE).resource_metrics[0].scope_metrics
        return [point.attributes for metric in scope.metrics for point in metric.data.data_points]

    workers = WorkerMetrics(1, True, body), WorkerMetrics(2, True, body)
    first = attributes(*workers)
    second = attributes(*workers, WorkerMetrics(3, True, other))
    same = [mapping for mapping in second if any(mapping is present for present in first)]
    attributes(WorkerMetrics(3, True, other))

    assert len(second) == len(same) + 1 == len(first) + 1
    assert set(merger._decoder._kept) == {'{"size": "large"}'}
