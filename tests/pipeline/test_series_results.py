"""Results by series: computed once while a series stays, from each mapping itself, and let go with it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics.export import Gauge, Metric, MetricsData, NumberDataPoint, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from csg_otel.pipeline.scrub_metrics import ScrubbedMetrics
from csg_otel.pipeline.series_results import Kept, SeriesResults
from csg_otel.privacy import Options, Scrubber, active


class Series(dict[str, Any]):
    """Attributes, which count how often their values are read."""

    read = 0

    def values(self) -> Any:
        """Return the values."""
        self.read += 1
        return super().values()


@pytest.fixture
def install() -> Iterator[Callable[[Scrubber], None]]:
    """Return a function that sets the scrubber of the process until the end of the test."""
    before = active.scrubber()
    yield active.install
    active.install(before)


def collection(*series: Series) -> MetricsData:
    """Return a gauge with *series*; the points are new each time, as the SDK's are."""
    metric = Metric("g", "", "", Gauge([NumberDataPoint(attributes, 0, 1, 1) for attributes in series]))
    scopes = [ScopeMetrics(InstrumentationScope("m"), [metric], "")]
    return MetricsData([ResourceMetrics(Resource({}), scopes, "")])


def attributes(data: MetricsData) -> list[Any]:
    """Return the attributes of all points."""
    return [point.attributes for point in data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points]


@given(st.lists(st.lists(st.integers(0, 9), unique=True), max_size=5))
def test_results_are_those_of_the_mappings(collections: list[list[int]]) -> None:
    """Also of equal mappings and of numbers that are equal, whichever series come, go and change places."""
    equal = (1, True, 1.0, "1", "x", "x", 0, False, None, ())
    series: list[dict[str, Any]] = [{"k": value} for value in equal]
    earlier: Kept[str] = {}
    computed: list[int] = []

    def compute(mapping: Any) -> str:
        computed.append(id(mapping))
        return repr(mapping)

    before: list[int] = []
    for places in collections:
        computed.clear()
        run = SeriesResults(earlier)
        points = [SimpleNamespace(attributes=series[place]) for place in places]
        assert list(run.of("instrument", points, compute)) == [repr(series[place]) for place in places]
        assert computed == [id(series[place]) for place in places if place not in before]
        earlier, before = run.kept, places


def test_a_series_is_scrubbed_once_under_the_same_rules(install: Callable[[Scrubber], None]) -> None:
    """However many collections have it, and whichever others are new; other rules apply to every series at once."""
    install(Scrubber())
    scrubbed, one, two = ScrubbedMetrics(), Series(user="ann@example.org"), Series(user="x")
    results = [attributes(scrubbed.scrub(collection(one, two))) for _ in range(3)]
    with_new = attributes(scrubbed.scrub(collection(Series(user="bob@example.com"), one, two)))

    assert (one.read, two.read) == (1, 1)
    assert all(result[0] is results[0][0] and result[1] is two for result in results)
    assert "ann" not in str(with_new)
    assert "bob" not in str(with_new)

    install(Scrubber(Options(personal_data=False)))
    assert attributes(scrubbed.scrub(collection(one, two))) == [one, two]
    assert (one.read, two.read) == (2, 2)


def test_the_scrubber_lets_a_series_go() -> None:
    """After the next collection without it nothing holds its attributes."""
    scrubbed, stays = ScrubbedMetrics(), Series(user="x")
    gone = Series(user="y")
    scrubbed.scrub(collection(stays, gone))
    reference = weakref.ref(gone)
    del gone
    scrubbed.scrub(collection(stays))
    gc.collect()

    assert reference() is None
