"""Series whose attributes become equal are one in every kind of metric, and a scrape page has none twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import Exemplar, Histogram, MeterProvider
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

from csg_otel.exporters import prometheus
from csg_otel.pipeline.readers import LocalReader
from csg_otel.pipeline.scrub_metrics import ScrubbedMetrics
from csg_otel.privacy import Scrubber, active

ANN, BOB = {"user": "ann@example.org"}, {"user": "bob@example.org"}


@pytest.fixture(autouse=True)
def _default() -> Iterator[None]:
    before = active.scrubber()
    active.install(Scrubber())
    yield
    active.install(before)


def used(reader: LocalReader, *views: View) -> None:
    """Measure something for two users with each kind of instrument."""
    meter = MeterProvider([reader], views=views).get_meter("m")
    histogram, gauge, change = meter.create_histogram("h"), meter.create_gauge("g"), meter.create_up_down_counter("u")
    for user, number in ((ANN, 1), (BOB, 20)):
        histogram.record(number, user)
        gauge.set(number, user)
        change.add(-number, user)


def points(reader: LocalReader) -> dict[str, Any]:
    """Return the one point of each metric."""
    data = reader.read()
    assert data is not None
    metrics = {
        metric.name: list(metric.data.data_points) for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    assert {name: len(of) for name, of in metrics.items()} == dict.fromkeys("hgu", 1)
    return {name: of[0] for name, of in metrics.items()}


def test_histograms_gauges_and_sums_are_merged() -> None:
    """Count, sum, least, greatest and buckets are of both; a gauge has the later series' value; in every collection."""
    used(reader := LocalReader())
    for _ in range(2):
        one = points(reader)
        histogram = one["h"]
        assert (histogram.count, histogram.sum, histogram.min, histogram.max) == (2, 21, 1, 20)
        assert sum(histogram.bucket_counts) == 2
        assert (one["g"].value, one["u"].value) == (20, -21)


def test_exponential_histograms_are_merged() -> None:
    """At the coarser of both scales, with all counts."""
    used(reader := LocalReader(), View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation()))
    histogram = points(reader)["h"]

    assert (histogram.count, histogram.sum, histogram.min, histogram.max) == (2, 21, 1, 20)
    assert sum(histogram.positive.bucket_counts) == 2


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text"])
def test_no_series_is_on_a_page_twice(accept: str) -> None:
    """A scraper would refuse the page."""
    used(reader := LocalReader())
    page = prometheus.render(reader.read(), prometheus.negotiate(accept)).decode()
    series = Counter(re.findall(r"^([a-z]\S*(?:\{.*?\})?) \S+", page, re.MULTILINE))

    assert "[redacted:email]" in page
    assert "example.org" not in page
    assert [name for name, number in series.items() if number > 1] == []


def test_exemplars_have_no_secret() -> None:
    """Neither in the attributes that a view has dropped from the series."""
    reader = LocalReader()
    meter = MeterProvider([reader], views=[View(instrument_name="h", attribute_keys=set())]).get_meter("m")
    meter.create_histogram("h").record(1, ANN)
    data: Any = reader.read()
    (point,) = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    point.exemplars.append(Exemplar(ANN, 1.0, 5, 6, 7))
    clean: Any = ScrubbedMetrics().scrub(data)
    (point,) = clean.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points

    assert "example.org" not in repr(point)
    assert (point.exemplars[-1].span_id, point.exemplars[-1].trace_id) == (6, 7)
