"""The points of a collection as plain values."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import Buckets, ExponentialHistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

from csg_otel.pipeline.exponential import explicit
from csg_otel.pipeline.points import points
from csg_otel.points import HistogramPoint, NumberPoint


def test_every_kind_becomes_a_point() -> None:
    """Kinds, units and attributes are kept; nothing collected is no points."""
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("m")
    meter.create_counter("c", "{x}").add(2, {"k": "v"})
    meter.create_up_down_counter("u").add(-1)
    meter.create_gauge("g", "s").set(1.5)
    meter.create_histogram("h", "By", explicit_bucket_boundaries_advisory=(10,)).record(20)

    assert points(reader.get_metrics_data()) == [
        NumberPoint("c", "counter", "{x}", {"k": "v"}, 2),
        NumberPoint("u", "up_down_counter", "", {}, -1),
        NumberPoint("g", "gauge", "s", {}, 1.5),
        HistogramPoint("h", "By", {}, 1, 20, (10,), (0, 1)),
    ]
    assert points(None) == []


@pytest.mark.parametrize("values", [[1.0, 2.0, 1000.0], [0.0, 0.0], [1e-300, 1e300]])
def test_exponential_histograms_have_explicit_bounds(values: list[float]) -> None:
    """Bounds grow, and the counts add up."""
    reader = InMemoryMetricReader()
    view = View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation())
    histogram = MeterProvider([reader], views=[view], shutdown_on_exit=False).get_meter("m").create_histogram("h")
    for value in values:
        histogram.record(value)
    (point,) = points(reader.get_metrics_data())

    assert isinstance(point, HistogramPoint)
    assert list(point.bounds) == sorted(set(point.bounds))
    assert len(point.counts) == len(point.bounds) + 1
    assert sum(point.counts) == point.count == len(values)


def test_negative_buckets_come_first_and_the_zero_between() -> None:
    """The data model has them, although the SDK records none: -3 and -1.5 below, 0, then 5."""
    point = ExponentialHistogramDataPoint(
        attributes={},
        start_time_unix_nano=0,
        time_unix_nano=0,
        count=4,
        sum=0.5,
        scale=0,
        zero_count=1,
        positive=Buckets(offset=2, bucket_counts=[1]),
        negative=Buckets(offset=0, bucket_counts=[1, 1]),
        flags=0,
        min=-3,
        max=5,
    )

    assert explicit(point) == ([-2.0, -1.0, 0.0, 8.0], [1, 1, 1, 1, 0])
