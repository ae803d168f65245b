"""Walls around callbacks of the program: whatever they do, a collection is quick and complete but for them."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Generator, Iterable, Iterator

import pytest
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider

from csg_otel import faults
from csg_otel.pipeline import callbacks
from csg_otel.pipeline.readers import LocalReader
from csg_otel.proxies import SwappableMeterProvider


class Metrics:
    """The product's provider and reader, with a meter whose callbacks are guarded."""

    def __init__(self) -> None:
        self.reader = LocalReader()
        self.real = MeterProvider([self.reader], shutdown_on_exit=False)
        switch = SwappableMeterProvider(callbacks.observable)
        switch.swap(self.real)
        self.meter: metrics.Meter = switch.get_meter("program")

    def read(self) -> dict[str, list[float]]:
        """Collect, and return values by metric."""
        data = self.reader.read()
        return {
            metric.name: [point.value for point in metric.data.data_points]  # type: ignore[union-attr]
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def collected() -> Iterator[Metrics]:
    """A fresh provider."""
    made = Metrics()
    yield made
    made.real.shutdown()


def test_a_callback_that_blocks_costs_nobody_else(collected: Metrics) -> None:
    """Others are served within 50 ms, one thread hangs however often is collected, and it comes back by itself."""
    release, name = threading.Event(), f"slow.{uuid.uuid4().hex}"

    def slow(_options: CallbackOptions) -> Iterable[Observation]:
        release.wait(20)
        return [Observation(1)]

    collected.meter.create_observable_gauge(name, [slow])
    collected.meter.create_observable_gauge("quick", [lambda _: [Observation(7)]])
    collected.read()
    threads = threading.active_count()
    began = time.perf_counter()
    found = [collected.read() for _ in range(20)]
    took_s = time.perf_counter() - began

    assert all(one["quick"] == [7] and name not in one for one in found)
    assert took_s / 20 < 0.05
    assert threading.active_count() <= threads + 1
    assert faults.counts()[f"callback of {name}"] == 1
    release.set()
    deadline = time.monotonic() + 5
    while name not in collected.read():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), KeyboardInterrupt()])
def test_a_callback_that_raises_costs_nobody_else(collected: Metrics, error: BaseException) -> None:
    """Not even what is meant to end the interpreter ends the reader."""

    def raising(_options: CallbackOptions) -> Iterable[Observation]:
        raise error

    collected.meter.create_observable_gauge("raising", [raising])
    collected.meter.create_observable_gauge("quick", [lambda _: [Observation(7)]])

    assert collected.read() == {"quick": [7]}
    assert collected.read() == {"quick": [7]}


def test_a_callback_may_be_a_generator(collected: Metrics) -> None:
    """The API allows one that is sent the options."""

    def values() -> Generator[Iterable[Observation], CallbackOptions, None]:
        number = 0
        while True:
            number += 1
            yield [Observation(number)]

    collected.meter.create_observable_gauge("generated", [values()])

    assert [collected.read()["generated"] for _ in range(3)] == [[1], [2], [3]]


def test_creating_an_instrument_never_waits_for_a_callback(collected: Metrics) -> None:
    """While one blocks a collection, the program's own definitions go through."""
    release = threading.Event()
    collected.meter.create_observable_gauge("slow", [lambda _: [Observation(int(release.wait(10)))]])
    scrape = threading.Thread(target=collected.read)
    scrape.start()
    began = time.perf_counter()
    collected.meter.create_counter("new").add(1)
    took_s = time.perf_counter() - began
    release.set()
    scrape.join()

    assert took_s < 0.1
