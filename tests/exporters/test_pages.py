"""Pages, one after another: each is what it would be without what the pages before it left, and no series is encoded twice."""

from __future__ import annotations

import gc
import itertools
import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from csg_otel import names
from csg_otel.exporters.prometheus import Pages, negotiate, render
from support import plain_exposition

TEXT, OPENMETRICS = (negotiate(accept) for accept in ("text/plain", "application/openmetrics-text;version=1.0.0"))
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
FORMATS = [
    negotiate(f"{accept};escaping={escaping}", utf8=utf8)
    for accept in (
        "text/plain;version=0.0.4",
        "text/plain;version=1.0.0",
        "application/openmetrics-text;version=1.0.0",
        "application/openmetrics-text;version=2.0.0",
        PROTOBUF,
    )
    for escaping, utf8 in (("underscores", False), ("allow-utf-8", True), ("dots", True), ("values", True))
]
CUMULATIVE = AggregationTemporality.CUMULATIVE
KINDS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "counter": lambda points: Sum(points, CUMULATIVE, True),
    "level": lambda points: Sum(points, CUMULATIVE, False),
    "gauge": Gauge,
    "took": lambda points: Histogram(points, CUMULATIVE),
    "exponential": lambda points: ExponentialHistogram(points, CUMULATIVE),
}
START_NS = 1_764_322_000_000_000_001

VALUES = st.sampled_from(["x", 'a"b\\', "n\nl", "\0", "%s", "ä", "\ud800", "", "1", "True", 1, True, 1.0, 0, (1, 2)])
ATTRIBUTES = st.dictionaries(st.sampled_from(["a", "b.c", "b_c", "le", "ü", "%d"]), VALUES, max_size=3)
NUMBERS = st.sampled_from([0, 3, True, 2**70, 1.0, 0.1, -2.5, 1e22, math.inf, -math.inf, math.nan])


class Series(dict[str, Any]):
    """Attributes of a series, which count how often they are read."""

    read = 0

    def items(self) -> Any:
        """Return the items."""
        self.read += 1
        return super().items()


class Program:
    """A program whose series and values change between two pages, as Hypothesis draws."""

    def __init__(self, draw: st.DataObject) -> None:
        self._draw: Callable[[st.SearchStrategy[Any]], Any] = draw.draw
        self.series: dict[str, list[Series]] = {kind: [] for kind in KINDS}
        self.head = dict.fromkeys(KINDS, ("", ""))
        self.version = ""

    def change(self) -> None:
        """Add, remove, replace and reorder series, and change a description, a unit or the version of the scope."""
        for kind, series in self.series.items():
            for attributes in self._draw(st.lists(ATTRIBUTES, max_size=2)):
                if all(plain_exposition._labels(attributes) != plain_exposition._labels(other) for other in series):
                    series.append(Series(attributes))
            if series and self._draw(st.booleans()):
                del series[self._draw(st.integers(0, len(series) - 1))]
            if self._draw(st.booleans()):
                self.series[kind] = [Series(attributes) for attributes in series]
            self.head[kind] = self._draw(st.sampled_from([("", ""), ('d "q"\\', "s"), ("n\nl", "{x}")]))
        self.version = self._draw(st.sampled_from(["", "1"]))

    def data(self, kinds: Sequence[str] = tuple(KINDS), scopes: Sequence[str] = (names.SCOPE,)) -> MetricsData:
        """Return all metrics of some *kinds*, in each of the *scopes*, with other values each time."""
        metrics = [
            Metric(kind, *self.head[kind], KINDS[kind]([self._point(kind, each) for each in self.series[kind]]))
            for kind in kinds
        ]
        scope_metrics = [ScopeMetrics(InstrumentationScope(scope, self.version), metrics, "") for scope in scopes]
        return MetricsData([ResourceMetrics(Resource({"service.name": "shop"}), scope_metrics, "")])

    def _point(self, kind: str, attributes: Series) -> Any:
        exemplars = [
            Exemplar({}, value, START_NS + place, span_id, 7)
            for place, (value, span_id) in enumerate(
                self._draw(st.lists(st.tuples(st.sampled_from([0.5, 1, 7]), st.sampled_from([0, 5])), max_size=2))
            )
        ]
        total = self._draw(NUMBERS)
        if kind == "took":
            counts = self._draw(st.lists(st.integers(0, 9), min_size=3, max_size=3))
            return HistogramDataPoint(attributes, START_NS, 2, sum(counts), total, counts, (0.25, 1), 0, 1, exemplars)
        if kind == "exponential":
            counts = self._draw(st.lists(st.integers(0, 9), max_size=3))
            sides = Buckets(-1, counts), Buckets(0, [])
            return ExponentialHistogramDataPoint(
                attributes, START_NS, 2, sum(counts), total, 3, 0, *sides, 0, 0, 1, exemplars
            )
        return NumberDataPoint(attributes, START_NS, 2, total, exemplars)


@given(st.data())
def test_text_is_what_a_plain_writer_writes(draw: st.DataObject) -> None:
    """Byte by byte, on every page of a program whose series come and go, in both text formats in turn."""
    program, pages = Program(draw), Pages()
    for _ in range(3):
        program.change()
        data = program.data(("counter", "level", "gauge", "took"))
        for _ in range(2):
            assert pages.render(data, TEXT) == plain_exposition.text(data)
            assert pages.render(data, OPENMETRICS) == plain_exposition.openmetrics(data)


@given(st.data())
def test_a_page_is_the_same_after_others(draw: st.DataObject) -> None:
    """In every format and escaping, with several scopes, whatever the pages before had."""
    program, pages = Program(draw), Pages()
    formats = draw.draw(st.lists(st.sampled_from(FORMATS), min_size=1, max_size=5))
    for form in itertools.islice(itertools.cycle(formats), 6):
        program.change()
        data = program.data(scopes=draw.draw(st.permutations([names.SCOPE, "shop", "cart"])))
        assert pages.render(data, form) == render(data, form)


@pytest.fixture
def series() -> dict[str, list[Series]]:
    """Three series of a counter and of a gauge."""
    return {kind: [Series(place=number) for number in range(3)] for kind in ("counter", "gauge")}


def data_of(series: Mapping[str, Sequence[Series]], value: float) -> MetricsData:
    """Return the *series* of each kind, all with one *value*."""
    metrics = [
        Metric(kind, "", "", KINDS[kind]([NumberDataPoint(each, START_NS, 2, value) for each in present]))
        for kind, present in series.items()
    ]
    scopes = [ScopeMetrics(InstrumentationScope(names.SCOPE), metrics, "")]
    return MetricsData([ResourceMetrics(Resource({}), scopes, "")])


def test_a_series_that_stays_is_encoded_once(series: dict[str, list[Series]]) -> None:
    """Once for the formats with the same labels; again for one with others; new series change nothing for the others."""
    pages, first = Pages(), [*series["counter"]]
    for value in range(5):
        pages.render(data_of(series, value), TEXT)
        pages.render(data_of(series, value), OPENMETRICS)
        series["counter"].insert(value, Series(place=f"new {value}"))
    assert [each.read for each in first] == [1, 1, 1]

    pages.render(data_of(series, 5), negotiate(PROTOBUF))
    pages.render(data_of(series, 6), TEXT)
    assert [each.read for each in first] == [2, 2, 2]


def test_series_that_vanish_are_let_go(series: dict[str, list[Series]]) -> None:
    """After the next page of the same labels nothing holds them."""
    pages = Pages()
    pages.render(data_of(series, 1), TEXT)
    vanished = [weakref.ref(series["counter"].pop(0)), *map(weakref.ref, series["gauge"])]
    del series["gauge"]
    pages.render(data_of(series, 2), TEXT)
    gc.collect()

    assert [reference() for reference in vanished] == [None] * 4


def test_labels_are_kept_for_a_few_ways_to_write_them(series: dict[str, list[Series]]) -> None:
    """A client that asks for every escaping in turn leaves no more than a few."""
    pages = Pages()
    for form in FORMATS * 2:
        pages.render(data_of(series, 1), form)

    assert len(pages._kept) == 3
