"""Exemplars stay until newer ones replace them, in every reading."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from csg_otel.pipeline.readers import LocalReader


class Readings:
    """A provider whose measurements all become exemplars, and the reader of this process."""

    def __init__(self) -> None:
        self.reader = LocalReader()
        self.provider = MeterProvider(
            [self.reader],
            Resource({}),
            exemplar_filter=AlwaysOnExemplarFilter(),
            views=[View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())],
            shutdown_on_exit=False,
        )
        self.meter = self.provider.get_meter("m")

    def exemplars(self, key: str | None = None) -> list[float]:
        """Collect, and return the values of the exemplars of the series with attribute ``k`` = *key*, oldest first."""
        data = self.reader.read()
        return [
            exemplar.value
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
            if (point.attributes or {}).get("k") == key
            for exemplar in point.exemplars
        ]


@pytest.fixture
def readings() -> Iterator[Readings]:
    """One reader."""
    made = Readings()
    yield made
    made.provider.shutdown()


@pytest.mark.parametrize("kind", ["counter", "histogram", "exponential"])
def test_every_reading_has_the_exemplar(readings: Readings, kind: str) -> None:
    """A second and a third reading without a measurement between them see what the first saw."""
    if kind == "counter":
        readings.meter.create_counter("counter").add(3)
    else:
        readings.meter.create_histogram(kind).record(3)

    assert [readings.exemplars() for _ in range(3)] == [[3]] * 3


def test_a_newer_one_replaces_that_of_its_bucket_alone(readings: Readings) -> None:
    """Exemplars of other buckets and other series stay."""
    histogram = readings.meter.create_histogram("h", explicit_bucket_boundaries_advisory=(1, 10))
    histogram.record(0.5)
    histogram.record(5)
    histogram.record(7, {"k": "other"})
    readings.exemplars()
    histogram.record(6)

    assert readings.exemplars() == [0.5, 6]
    assert readings.exemplars("other") == [7]


def test_a_counter_shows_the_newest(readings: Readings) -> None:
    """One exemplar, that of the last measurement."""
    counter = readings.meter.create_counter("c")
    for amount in (1, 2):
        counter.add(amount)
        readings.exemplars()

    assert readings.exemplars() == [2]
