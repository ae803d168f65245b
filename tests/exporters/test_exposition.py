"""One set of series in every format: each is read by a parser of others, and the values are the same."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    InMemoryMetricReader,
    Metric,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from csg_otel import names
from csg_otel.exporters.prometheus import negotiate, render
from csg_otel.pipeline.exponential import native
from support import metric_families, newest
from support.programs import Program, eventually
from support.prometheus import Prometheus

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
OPENMETRICS_2 = "application/openmetrics-text;version=2.0.0"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
COUNTER, GAUGE, UNTYPED, HISTOGRAM = 0, 1, 3, 4


class Recorded:
    """One instrument of each kind, and the spans of some measurements."""

    def __init__(self) -> None:
        view = View(
            instrument_name="sizes", instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation()
        )
        reader = InMemoryMetricReader()
        self.provider = MeterProvider(
            [reader], resource=Resource({"service.name": "shop"}), views=[view], shutdown_on_exit=False
        )
        meter = self.provider.get_meter(names.SCOPE)
        with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("s") as span:
            meter.create_counter("shop.orders", "{order}", 'Orders "placed".').add(3, {"straße": "ä", "a.b": "1"})
            took = meter.create_histogram("took", "s", explicit_bucket_boundaries_advisory=(0.1, 1))
            for value in (0.05, 0.5, 7):
                took.record(value)
            sizes = meter.create_histogram("sizes", "By")
            for value in range(1001):
                sizes.record(value)
        meter.create_up_down_counter("queue.length").add(-2)
        meter.create_gauge("thread.count").set(4.5)
        self.trace_id = f"{span.get_span_context().trace_id:032x}"
        data = reader.get_metrics_data()
        assert data is not None
        self.data = data
        points = {
            metric.name: metric.data.data_points[0] for metric in data.resource_metrics[0].scope_metrics[0].metrics
        }
        self.starts_s = {name: (point.start_time_unix_nano or 0) / 1e9 for name, point in points.items()}

    def page(self, accept: str, *, utf8: bool = False) -> bytes:
        """Return the page for a client with the header *accept*."""
        return render(self.data, negotiate(accept, utf8=utf8))


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    """The instruments, recorded once."""
    made = Recorded()
    yield made
    made.provider.shutdown()


def openmetrics(page: bytes) -> dict[tuple[str, str], Any]:
    """Return the samples of an OpenMetrics page by name and the value of ``le``."""
    families = parse_openmetrics(page.decode())  # type: ignore[no-untyped-call]
    return {(sample.name, sample.labels.get("le", "")): sample for family in families for sample in family.samples}


def test_openmetrics_has_the_times_of_creation(recorded: Recorded) -> None:
    """Of counters and histograms, in seconds; not of values that go up and down, and not in the other text formats."""
    created = {
        name: sample.value
        for (name, _), sample in openmetrics(recorded.page(OPENMETRICS)).items()
        if name.endswith("_created")
    }

    assert created == pytest.approx(
        {
            "shop_orders_created": recorded.starts_s["shop.orders"],
            "took_seconds_created": recorded.starts_s["took"],
            "sizes_bytes_created": recorded.starts_s["sizes"],
        },
        abs=1e-6,
    )
    assert b"_created" not in recorded.page("text/plain;version=1.0.0")


def test_a_name_that_another_instrument_has_is_not_taken_by_the_time_of_creation() -> None:
    """Of two samples `orders_created`, Prometheus would keep one by chance; it is the instrument's."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter(names.SCOPE)
    meter.create_counter("orders").add(1)
    meter.create_gauge("orders.created").set(7)
    page = render(reader.get_metrics_data(), negotiate(OPENMETRICS)).decode()
    provider.shutdown()

    assert [line for line in page.splitlines() if line[0] != "#"][1:] == ["orders_total 1", "orders_created 7"]


def test_protobuf_has_every_series(recorded: Recorded) -> None:
    """With types, units, descriptions, exemplars and start times."""
    families = metric_families.read(recorded.page(PROTOBUF))
    orders, took = families["shop_orders_total"], families["took_seconds"].metric[0].histogram

    assert {name: family.type for name, family in families.items()} == {
        "target_info": GAUGE,
        "shop_orders_total": COUNTER,
        "took_seconds": HISTOGRAM,
        "sizes_bytes": HISTOGRAM,
        "queue_length": GAUGE,
        "thread_count": UNTYPED,
    }
    assert orders.help == 'Orders "placed".'
    assert families["took_seconds"].unit == "seconds"
    assert {pair.name: pair.value for pair in orders.metric[0].label} == {"stra_e": "ä", "a_b": "1"}
    assert orders.metric[0].counter.value == 3
    assert orders.metric[0].counter.exemplar.label[0].value == recorded.trace_id
    started = orders.metric[0].counter.created_timestamp
    assert started.seconds + started.nanos / 1e9 == pytest.approx(recorded.starts_s["shop.orders"], abs=1e-6)
    assert [(bucket.upper_bound, bucket.cumulative_count) for bucket in took.bucket] == [
        (0.1, 1),
        (1, 2),
        (float("inf"), 3),
    ]
    assert (took.sample_count, took.sample_sum) == (3, 7.55)
    assert took.bucket[2].exemplar.value == 7
    assert not took.HasField("schema")
    assert families["queue_length"].metric[0].gauge.value == -2
    assert families["thread_count"].metric[0].untyped.value == 4.5


def counts_of(spans: Any, counts: list[int]) -> dict[int, int]:
    """Return the counts above 0 of native buckets by index."""
    found, place, index = {}, 0, 0
    for offset, length in spans:
        index += offset
        for _ in range(length):
            found[index] = counts[place]
            index, place = index + 1, place + 1
    assert place == len(counts)
    return {index: count for index, count in found.items() if count}


def test_exponential_histograms_are_native_in_protobuf(recorded: Recorded) -> None:
    """Each value is in the bucket that the schema has for it; the classic buckets are there, too."""
    sizes = metric_families.read(recorded.page(PROTOBUF))["sizes_bytes"].metric[0].histogram
    counts: list[int] = []
    for delta in sizes.positive_delta:
        counts.append(delta + (counts[-1] if counts else 0))
    buckets = counts_of([(span.offset, span.length) for span in sizes.positive_span], counts)

    base = 2**2**-sizes.schema
    assert (sizes.sample_count, sizes.zero_count, sizes.zero_threshold) == (1001, 1, 0)
    assert sum(buckets.values()) == 1000
    for index, count in buckets.items():
        low, high = base ** (index - 1) * (1 + 1e-9), base**index * (1 + 1e-9)
        assert count == sum(low < value <= high for value in range(1, 1001)), index
    assert {exemplar.label[0].value for exemplar in sizes.exemplars} == {recorded.trace_id}
    assert sizes.bucket[-1].cumulative_count == 1001


def exponential(scale: int, positive: Buckets, negative: Buckets | None = None, zeros: int = 0) -> Any:
    """Return a point of an exponential histogram."""
    sides = (positive, negative or Buckets(0, []))
    count = zeros + sum(sum(side.bucket_counts) for side in sides)
    return ExponentialHistogramDataPoint({}, 10**9, 0, count, 1.5, scale, zeros, *sides, 0, 0, 0)


@pytest.mark.parametrize("scale", [-4, 0, 8, 9, 20])
def test_a_resolution_beyond_prometheus_is_halved(scale: int) -> None:
    """The highest schema is 8; no value is lost, and each ends in the bucket that contains its former one."""
    offsets = (-5000, 0, 7, 8, 4711)
    for offset in offsets:
        found = native(exponential(scale, Buckets(offset, [1, 0, 0, 0, 2])))
        assert found is not None

        halvings = max(scale - 8, 0)
        expected: dict[int, int] = {}
        for index, count in ((offset, 1), (offset + 4, 2)):
            expected[(index >> halvings) + 1] = expected.get((index >> halvings) + 1, 0) + count
        assert found.schema == min(scale, 8)
        assert counts_of(found.positive.spans, list(found.positive.counts)) == expected


def test_a_resolution_below_prometheus_is_classic() -> None:
    """The lowest schema is -4; below it, the buckets have explicit bounds."""
    assert native(exponential(-5, Buckets(0, [1]))) is None


def data_of(point: Any) -> MetricsData:
    """Return *point* as the only series."""
    metric = Metric("sizes", "", "", ExponentialHistogram([point], AggregationTemporality.CUMULATIVE))
    scope = ScopeMetrics(InstrumentationScope(names.SCOPE), [metric], "")
    return MetricsData([ResourceMetrics(Resource({}), [scope], "")])


@pytest.mark.parametrize(
    "point",
    [
        exponential(20, Buckets(-7, [1, 0, 0, 0, 2]), Buckets(3, [4, 0, 5]), zeros=2),
        exponential(0, Buckets(0, [])),
        exponential(-9, Buckets(0, [1])),
    ],
    ids=["both-sides", "empty", "coarse"],
)
def test_every_exponential_histogram_is_shown(point: Any) -> None:
    """With negative values, without any, and with buckets that are not native."""
    histogram = metric_families.read(render(data_of(point), negotiate(PROTOBUF)))["sizes"].metric[0].histogram

    assert histogram.sample_count == point.count == histogram.bucket[-1].cumulative_count
    assert bool(histogram.positive_span) == (point.scale >= -4)
    if point.negative.bucket_counts:
        assert [(span.offset, span.length) for span in histogram.negative_span] == [(1, 1)]
        assert list(histogram.negative_delta) == [9]


def test_openmetrics_2_has_one_line_for_a_series(recorded: Recorded) -> None:
    """With its start time, all exemplars, and native and classic buckets."""
    lines = {re.split(r"[ {]", line)[0]: line for line in recorded.page(OPENMETRICS_2).decode().splitlines()}
    exemplar = rf" # \{{trace_id=\"{recorded.trace_id}\",span_id=\"[0-9a-f]{{16}}\"\}} "

    assert lines["target_info"] == 'target_info{service_name="shop"} 1'
    orders = re.fullmatch(
        rf'shop_orders_total\{{stra_e="ä",a_b="1"\}} 3 st@([\d.]+){exemplar}3 [\d.]+', lines["shop_orders_total"]
    )
    assert orders is not None, lines["shop_orders_total"]
    assert float(orders[1]) == pytest.approx(recorded.starts_s["shop.orders"], abs=1e-3, rel=0)
    assert lines["took_seconds"].startswith("took_seconds {count:3,sum:7.55,bucket:[0.1:1,1.0:2,+Inf:3]} st@")
    assert len(re.findall(exemplar, lines["took_seconds"])) == 3
    assert re.match(
        r"sizes_bytes \{count:1001,sum:500500,schema:\d,zero_threshold:0\.0,zero_count:1,positive_spans:\[[\d:,]+\],"
        r"positive_buckets:\[[\d,]+\],bucket:\[0\.0:1,.*\+Inf:1001\]\} st@",
        lines["sizes_bytes"],
    )
    assert lines["thread_count"] == "thread_count 4.5"
    assert recorded.page(OPENMETRICS_2).endswith(b"\n# EOF\n")


@pytest.mark.parametrize(
    ("escaping", "utf8", "expected"),
    [
        ("allow-utf-8", False, ("shop_orders_total", "stra_e")),
        ("underscores", True, ("shop_orders_total", "stra_e")),
        ("dots", False, ("shop__orders__total", "stra__e")),
        ("values", False, ("shop_orders_total", "stra_e")),
        ("allow-utf-8", True, ("shop.orders_total", "straße")),
        ("dots", True, ("shop_dot_orders__total", "stra__e")),
        ("values", True, ("U__shop_2e_orders__total", "U__stra_df_e")),
    ],
)
@pytest.mark.parametrize("version", ["text/plain;version=1.0.0", OPENMETRICS])
def test_names_are_as_the_settings_and_the_client_want_them(
    recorded: Recorded, version: str, escaping: str, utf8: bool, expected: tuple[str, str]
) -> None:
    """The same in every format; the client decides only about characters that the settings let through."""
    name, label = expected
    page = recorded.page(f"{version};escaping={escaping}", utf8=utf8)
    parse: Any = parse_openmetrics if version == OPENMETRICS else parse_text
    labels = {s.name: s.labels for family in parse(page.decode()) for s in family.samples}
    in_protobuf = metric_families.read(recorded.page(f"{PROTOBUF};escaping={escaping}", utf8=utf8))

    assert labels[name][label] == "ä"
    assert {pair.name: pair.value for pair in in_protobuf[name].metric[0].label} == labels[name]


def test_older_clients_get_plain_names_whatever_the_settings(recorded: Recorded) -> None:
    """A version without escapings has no other names."""
    for accept in ("", OPENMETRICS, PROTOBUF, "application/openmetrics-text;version=0.0.1;escaping=allow-utf-8"):
        assert recorded.page(accept, utf8=True) == recorded.page(accept)


def test_hostile_names_can_be_read_back() -> None:
    """Quotes, line ends and names that Prometheus reserves, in names that keep their characters."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    attributes = {'q"uo\\te\n': "1", "__name__": "mine", "1st": "digit", "\ud800": "lone"}
    provider.get_meter(names.SCOPE).create_gauge("g.g").set(1, attributes)
    data = reader.get_metrics_data()
    provider.shutdown()
    page = render(data, negotiate("text/plain;version=1.0.0;escaping=allow-utf-8", utf8=True)).decode()
    (labels,) = [s.labels for family in parse_text(page) if family.name == "g.g" for s in family.samples]

    assert labels == {'q"uo\\te\n': "1", "_name_": "mine", "1st": "digit", "?": "lone"}


@pytest.mark.parametrize("accept", [OPENMETRICS_2, PROTOBUF])
def test_every_format_bears_numbers_that_no_float_holds(accept: str) -> None:
    """A sum of integers can become one; it costs no page."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    for _ in range(2):
        provider.get_meter(names.SCOPE).create_counter("c").add(10**308)
    assert render(reader.get_metrics_data(), negotiate(accept))
    provider.shutdown()


# -- real scrapes ------------------------------------------------------------------------------------------------------

PROGRAM = """
import sys
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

exponential = View(instrument_name="sizes", aggregation=ExponentialBucketHistogramAggregation())
metrics.set_meter_provider(MeterProvider(views=[exponential], shutdown_on_exit=False))
import csg_otel

telemetry = csg_otel.instrument("shop", exporters=["prometheus"], health_monitoring__enabled=False,
                                system_monitoring__enabled=False, system_monitoring__prometheus__names=sys.argv[1])
with trace.get_tracer("shop").start_as_current_span("all"):
    metrics.get_meter("shop").create_counter("shop.orders").add(3, {"straße": "ä"})
    for value in range(1001):
        metrics.get_meter("shop").create_histogram("sizes", "By").record(value)
print(telemetry.url, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(scope="module", params=["underscores", "utf8"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a program, and how the setting has its names."""
    tmp_path = tmp_path_factory.mktemp("shop")
    command = [sys.executable, "-c", PROGRAM, request.param]
    with Program(command, tmp_path, {"XDG_STATE_HOME": str(tmp_path)}) as program:
        yield program.line_with(r"http://(\S+)")[1], request.param


def native_results(prometheus: Prometheus, series: str) -> dict[str, float]:
    """Return what the native histogram *series* answers, once it is there."""
    eventually(lambda: prometheus.query(f"histogram_count({series}) > 0"), within_s=30)
    queries = {
        "count": f"histogram_count({series})",
        "sum": f"histogram_sum({series})",
        "median": f"histogram_quantile(0.5, {series})",
        "fraction": f"histogram_fraction(0, 256, {series})",
    }
    return {name: prometheus.query(query)[0][1] for name, query in queries.items()}


RIGHT = {
    "count": 1001,
    "sum": 500500,
    "median": pytest.approx(500, rel=0.01),
    "fraction": pytest.approx(257 / 1001, rel=0.01),
}


@pytest.mark.real("prometheus")
def test_debians_prometheus_has_native_histograms(shop: tuple[str, str], tmp_path: Path) -> None:
    """It asks for protobuf then; its names are plain, whatever the setting."""
    target, _ = shop
    with Prometheus([target], tmp_path / "prometheus", features=["native-histograms"]) as prometheus:
        assert native_results(prometheus, "sizes_bytes") == RIGHT
        assert [labels["stra_e"] for labels, value in prometheus.query("shop_orders_total == 3")] == ["ä"]


JOBS: Mapping[str, dict[str, Any]] = {
    "protobuf": {"scrape_native_histograms": True},
    "openmetrics-2": {"scrape_protocols": ["OpenMetricsText2.0.0"], "scrape_native_histograms": True},
    "openmetrics-1": {"scrape_protocols": ["OpenMetricsText1.0.0"]},
    "text-1": {"scrape_protocols": ["PrometheusText1.0.0"]},
    "default": {},
}


def test_the_newest_prometheus_reads_every_format(shop: tuple[str, str], tmp_path: Path) -> None:
    """All formats give the names of the setting, and the native ones native histograms."""
    target, setting = shop
    name, label = ("shop.orders_total", "straße") if setting == "utf8" else ("shop_orders_total", "stra_e")
    jobs = {job: [target] for job in JOBS}
    program = newest.need("prometheus")
    with Prometheus(
        jobs, tmp_path / "prometheus", program=program, scrape=JOBS, features=["openmetrics2"]
    ) as prometheus:
        query = f'{{"{name}","{label}"="ä"}} == 3'
        eventually(lambda: {labels["job"] for labels, _ in prometheus.query(query)} == set(JOBS), within_s=30)
        for job in JOBS:
            if "scrape_native_histograms" in JOBS[job]:
                assert native_results(prometheus, f'sizes_bytes{{job="{job}"}}') == RIGHT
            else:
                assert prometheus.query(f'sizes_bytes_bucket{{le="+Inf",job="{job}"}}')[0][1] == 1001
        exemplars = prometheus.get("query_exemplars", query="sizes_bytes", start="0", end="99999999999")
        assert {found["seriesLabels"]["job"] for found in exemplars} == {"protobuf", "openmetrics-2"}
        assert {state["lastError"] for state in prometheus.targets()} == {""}
