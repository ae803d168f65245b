"""The time of a value that comes from an earlier run of its callback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricsData

from csg_otel.markers import reads_snapshot
from csg_otel.pipeline.installed import InstalledMeterProvider
from csg_otel.pipeline.readers import PushReader
from support.otlp_sink import HttpSink
from support.programs import Program

PAUSE_S = 2.0
"""Seconds between the end of a run and the collection that shows its value: far more than a busy machine needs to note it."""


def test_a_slow_callback_is_pushed_with_the_time_of_its_value(sink: HttpSink, tmp_path: Path) -> None:
    """Each value is the time at which it was observed; one with labels, one without, and a quick one beside them."""
    source = f"""
        import csg_otel, threading, time
        from opentelemetry import metrics
        from opentelemetry.metrics import Observation

        ended = threading.Event()

        def slow(_options):
            time.sleep(0.3)
            ended.set()
            return [Observation(time.time_ns(), {{"disk": "a"}}), Observation(time.time_ns(), {{"disk": "b"}})]

        telemetry = csg_otel.instrument("shop", exporters=["otlp+{sink.endpoint}"], health_monitoring__enabled=False,
                                        exporters__metric_interval=300)
        meter = metrics.get_meter("program", "1.0")
        meter.create_observable_gauge("slow", [slow])
        meter.create_observable_gauge("quick", [lambda _options: [Observation(time.time_ns())]])
        for _ in range(2):
            ended.clear()
            telemetry.force_flush(30)
            assert ended.wait(30)
            time.sleep({PAUSE_S})
        telemetry.shutdown(30)
        """
    with Program(source, tmp_path) as program:
        assert program.wait() == 0, program.stderr
    slow, quick = (
        [(point.time_unix_nano - point.as_int) / 1e9 for point in sink.received.points(name)]
        for name in ("slow", "quick")
    )

    assert len(slow) == 4
    assert [late_s for late_s in slow if not 0 <= late_s < PAUSE_S / 2] == []
    assert quick
    assert max(quick) < PAUSE_S / 2


class Collections:
    """Keeps what a reader pushes."""

    def __init__(self) -> None:
        self.all: list[MetricsData] = []

    def enqueue(self, item: Any) -> None:
        """Keep a collection."""
        self.all.append(item)

    def times(self, name: str) -> list[int]:
        """Return the times of the points of *name*, oldest collection first."""
        return [
            point.time_unix_nano
            for data in self.all
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.mark.parametrize("delta", [False, True], ids=["cumulative", "delta"])
def test_a_sum_has_the_time_of_its_value_unless_it_is_a_delta(delta: bool) -> None:
    """A delta is of the interval up to the collection; and another scope's instrument of the same name is left alone."""
    ended, collections, provider = threading.Event(), Collections(), InstalledMeterProvider({})
    temporality: dict[type, AggregationTemporality] = {ObservableCounter: AggregationTemporality.DELTA} if delta else {}
    reader = PushReader(temporality, collections, "test")
    provider.attach(reader)

    def slow(_options: CallbackOptions) -> Iterable[Observation]:
        time.sleep(0.2)
        ended.set()
        return [Observation(1)]

    meter: metrics.Meter = provider.get_meter("program")
    meter.create_observable_counter("counted", [slow])
    for _ in range(2):
        ended.clear()
        reader.push()
        assert ended.wait(20)
        time.sleep(PAUSE_S / 2)
    before_ns = time.time_ns()
    provider.get_meter("other").create_observable_counter(
        "counted", [reads_snapshot(lambda _options: [Observation(5)])]
    )
    reader.push()
    provider.detach(reader)
    mine, others = collections.times("counted")[-2:]

    assert (mine < before_ns - PAUSE_S / 2 * 1e9 / 2) is not delta
    assert others >= before_ns
