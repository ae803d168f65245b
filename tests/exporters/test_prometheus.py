"""The exposition: correct where the base package is not, and readable for Prometheus whatever the program put in."""

from __future__ import annotations

import gzip
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from csg_otel import faults, names
from csg_otel.exporters.prometheus import TEXT, accepts_gzip, compress, family_name, negotiate, render
from support.prometheus import Prometheus, promtool_check_metrics

OPENMETRICS = negotiate("application/openmetrics-text;version=1.0.0")


class Meters:
    """A real meter provider and what it renders."""

    def __init__(self, **options: Any) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider(
            [self.reader], resource=Resource({"service.name": "shop"}), shutdown_on_exit=False, **options
        )
        self.meter = self.provider.get_meter(names.SCOPE)

    def text(self, *, openmetrics: bool = False) -> str:
        """Return the exposition."""
        return render(self.reader.get_metrics_data(), OPENMETRICS if openmetrics else TEXT).decode()

    def samples(self, name: str, *, openmetrics: bool = False) -> dict[frozenset[tuple[str, str]], float]:
        """Return the parsed samples of *name* by labels."""
        parse = parse_openmetrics if openmetrics else parse_text
        return {
            frozenset(sample.labels.items()): sample.value
            for family in parse(self.text(openmetrics=openmetrics))
            for sample in family.samples
            if sample.name == name
        }


@pytest.fixture
def meters() -> Iterator[Meters]:
    """A meter provider of the test's own."""
    made = Meters()
    yield made
    made.provider.shutdown()


def labels(**given: str) -> frozenset[tuple[str, str]]:
    """Return labels as the parser's result has them."""
    return frozenset(given.items())


def record_everything(meters: Meters) -> None:
    """Make one instrument of each kind."""
    meters.meter.create_counter("orders.placed", "{order}", "Orders.").add(3, {"channel": "web"})
    meters.meter.create_up_down_counter("queue.length", "{item}").add(-2)
    meters.meter.create_gauge("room.temperature", "Cel").set(21.5)
    meters.meter.create_histogram("request.duration", "s", explicit_bucket_boundaries_advisory=(0.1, 1)).record(0.5)


def test_each_kind_is_what_it_is(meters: Meters) -> None:
    """Counters end in _total, units are spelled out, buckets are cumulative."""
    record_everything(meters)

    assert meters.samples("orders_placed_total") == {labels(channel="web"): 3}
    assert meters.samples("queue_length") == {labels(): -2}
    assert meters.samples("room_temperature_celsius") == {labels(): 21.5}
    assert meters.samples("request_duration_seconds_bucket") == {
        labels(le="0.1"): 0,
        labels(le="1.0"): 1,
        labels(le="+Inf"): 1,
    }
    assert meters.samples("target_info") == {labels(service_name="shop"): 1}


def test_openmetrics_reads_the_same(meters: Meters) -> None:
    """Both formats have the same samples; OpenMetrics ends as it must."""
    record_everything(meters)

    assert meters.text(openmetrics=True).endswith("# EOF\n")
    for name in ("orders_placed_total", "queue_length", "request_duration_seconds_bucket"):
        assert meters.samples(name, openmetrics=True) == meters.samples(name)


def test_names_agree_with_the_base_package() -> None:
    """Every metric of ours has the name the base package would give it, but for ours being typed unknown at times."""
    reader = PrometheusMetricReader(registry=(registry := CollectorRegistry()), scope_info_enabled=False)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("x")
    for metric in names.METRICS.values():
        made: Any = getattr(meter, f"create_{metric.kind}")(metric.name, metric.unit)
        put: Callable[[int], None] = getattr(made, {"histogram": "record", "gauge": "set"}.get(metric.kind, "add"))
        put(1)
    families = {family.name for family in parse_text(generate_latest(registry).decode())}
    provider.shutdown()

    ours = {
        family_name(metric.name, metric.unit, metric.kind).removesuffix("_total") for metric in names.METRICS.values()
    }
    assert ours == {name.removesuffix("_total") for name in families} - {"target_info"}


@pytest.mark.real("promtool")
def test_promtool_has_no_complaint(meters: Meters) -> None:
    """Also for names that end like parts of other types."""
    record_everything(meters)
    meters.meter.create_gauge("process.thread.count", "{thread}", "Threads.").set(3)
    text = "".join(line for line in meters.text().splitlines(keepends=True) if "queue_length" not in line)

    assert "room_temperature_celsius no help text" in promtool_check_metrics(text.encode())
    described = text.replace("celsius \n", "celsius T.\n").replace(
        "request_duration_seconds \n", "request_duration_seconds D.\n"
    )
    assert promtool_check_metrics(described.encode()) == ""


def test_exponential_histograms_are_served() -> None:
    """As explicit buckets, few enough to read, every measurement in one that holds it."""
    view = View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation())
    meters = Meters(views=[view])
    histogram = meters.meter.create_histogram("size")
    values = [0.0, 0.001, *(1.3**n for n in range(60))]
    for value in values:
        histogram.record(value)
    buckets = {float(dict(key)["le"]): value for key, value in meters.samples("size_bucket").items()}
    meters.provider.shutdown()

    assert len(buckets) <= 43
    assert buckets[math.inf] == len(values) == meters.samples("size_count")[labels()]
    for bound, below in buckets.items():
        exact = sum(value <= bound for value in values)
        assert abs(below - exact) <= 1, (bound, below, exact)


def test_two_instruments_of_one_name_are_kept_apart(caplog: pytest.LogCaptureFixture) -> None:
    """Same type: one family; another type: a name of its own, and one warning however often it is scraped."""
    meters = Meters()
    meters.meter.create_counter("a.b").add(1, {"k": "dot"})
    meters.meter.create_counter("a_b").add(2, {"k": "underscore"})
    meters.meter.create_gauge("a/b_total").set(3)
    found = [meters.text() for _ in range(3)][-1]
    meters.provider.shutdown()

    assert found.count("# TYPE a_b_total counter") == 1
    assert 'a_b_total{k="dot"} 1' in found
    assert 'a_b_total{k="underscore"} 2' in found
    assert "a_b_total_gauge 3" in found
    assert sum("is taken by another instrument" in record.getMessage() for record in caplog.records) <= 1
    parse = {family.name for family in parse_text(found)}
    assert {"a_b", "a_b_total_gauge"} <= parse


def test_scopes_are_labels_only_for_others(meters: Meters) -> None:
    """Our own series stay short; those of an instrumented library say whose they are."""
    meters.meter.create_counter("ours").add(1)
    meters.provider.get_meter("library", "1.2").create_counter("theirs").add(1)

    assert meters.samples("ours_total") == {labels(): 1}
    assert meters.samples("theirs_total") == {labels(otel_scope_name="library", otel_scope_version="1.2"): 1}


def test_scopes_that_differ_stay_apart(meters: Meters) -> None:
    """Version, schema URL and attributes of a scope are labels, so that series of two scopes do not hide each other."""
    for url in (None, "http://schema/1", "http://schema/2"):
        meters.provider.get_meter("lib", "1", url).create_counter("by.url").add(1)
    for db in ("a", "b"):
        meters.provider.get_meter("lib", "1", attributes={"db.name": db, "name": "x"}).create_counter("by.db").add(1)
    named = {"otel_scope_name": "lib", "otel_scope_version": "1"}

    assert meters.samples("by_url_total") == {
        labels(**named): 1,
        labels(**named, otel_scope_schema_url="http://schema/1"): 1,
        labels(**named, otel_scope_schema_url="http://schema/2"): 1,
    }
    assert meters.samples("by_db_total") == {labels(**named, otel_scope_db_name=db): 1 for db in ("a", "b")}


def test_exemplars_lead_to_the_trace_in_openmetrics_only(meters: Meters) -> None:
    """A measurement made in a sampled span carries its ids."""
    histogram = meters.meter.create_histogram("took", "s", explicit_bucket_boundaries_advisory=(0.1, 1))
    with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("s") as span:
        histogram.record(0.5)
    trace_id = f"{span.get_span_context().trace_id:032x}"
    exemplars = [
        sample.exemplar
        for family in parse_openmetrics(meters.text(openmetrics=True))  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.exemplar
    ]

    assert [exemplar.labels["trace_id"] for exemplar in exemplars] == [trace_id]
    assert exemplars[0].value == 0.5
    assert trace_id not in meters.text()


def test_keys_that_become_one_label_are_joined(meters: Meters) -> None:
    """As the OTel specification on Prometheus says; a histogram's own label stays its own."""
    meters.meter.create_counter("c").add(1, {"a.b": "x", "a_b": "y"})
    meters.meter.create_histogram("h", explicit_bucket_boundaries_advisory=(1,)).record(1, {"le": "mine"})

    assert meters.samples("c_total") == {labels(a_b="x;y"): 1}
    assert labels(exported_le="mine", le="1.0") in meters.samples("h_bucket")


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=4), st.text(max_size=30))
def test_every_label_value_is_read_back(attributes: dict[str, str], description: str) -> None:
    """Whatever the text, the parser gives it back, save for lone surrogates, which nothing can carry."""
    meters = Meters()
    meters.meter.create_gauge("g", "", description.strip()).set(1, attributes)
    text = meters.text()
    meters.provider.shutdown()

    ((key, value),) = [
        (dict(sample.labels), sample.value)
        for family in parse_text(text)
        if family.name == "g"
        for sample in family.samples
    ]
    wanted = ";".join(sorted(text.encode("utf-8", "replace").decode() for text in attributes.values()))
    assert sorted(";".join(key.values()).split(";")) == sorted(wanted.split(";"))
    assert value == 1


@pytest.mark.parametrize("value", [2**70, -(2**70), 1e308, 1e-300, -0.5, True])
def test_every_number_is_shown(meters: Meters, value: float) -> None:
    """Also those no wire format takes."""
    meters.meter.create_gauge("g").set(value)
    (shown,) = meters.samples("g").values()

    assert shown == pytest.approx(float(value), nan_ok=True)


def test_one_metric_that_can_not_be_shown_costs_no_other(meters: Meters) -> None:
    """It is left out and reported."""
    record_everything(meters)
    data = meters.reader.get_metrics_data()
    assert data is not None
    broken = data.resource_metrics[0].scope_metrics[0].metrics[0]
    object.__setattr__(broken, "unit", 3)
    text = render(data).decode()

    assert "orders_placed_total" not in text
    assert "queue_length -2" in text
    assert faults.counts()["prometheus orders.placed"] >= 1


def test_concurrent_scrapes_agree(meters: Meters) -> None:
    """Eight at once, none of them empty or torn."""
    record_everything(meters)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.extend(len(meters.text()) for _ in range(20))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 160
    assert len(set(found)) == 1


def test_a_large_scrape_is_quick(meters: Meters) -> None:
    """Five thousand series in a small part of a second."""
    for number in range(5):
        counter = meters.meter.create_counter(f"counter.{number}")
        for series in range(1000):
            counter.add(1, {"series": str(series), "kind": "x", "status.code": 200})
    data = meters.reader.get_metrics_data()
    render(data)
    took_s = []
    for _ in range(3):
        began = time.thread_time()
        body = render(data)
        took_s.append(time.thread_time() - began)

    assert min(took_s) < 0.5
    assert body.count(b"\n") > 5000
    assert gzip.decompress(compress(body)) == body


@pytest.mark.parametrize(
    ("accept_encoding", "allowed"),
    [("", False), ("gzip", True), ("deflate, GZIP;q=0.5", True), ("gzip;q=0, identity", False), ("x-gzipped", False)],
)
def test_a_page_is_compressed_where_the_client_allows_it(accept_encoding: str, allowed: bool) -> None:
    """By name and quality."""
    assert accepts_gzip(accept_encoding) is allowed


def test_nothing_measured_is_an_empty_answer() -> None:
    """Before the first measurement, and in OpenMetrics with its end."""
    assert render(None) == b""
    assert render(None, OPENMETRICS) == b"# EOF\n"


@pytest.mark.real("prometheus")
def test_a_real_prometheus_ingests_every_series(meters: Meters, tmp_path: Path) -> None:
    """As many samples as the text has lines, hostile labels, exponential buckets and colliding names included."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    record_everything(meters)
    meters.meter.create_counter("hostile").add(1, {"k": 'back\\slash "quoted"\nline \u2603', "": "empty", "1": "digit"})
    meters.meter.create_gauge("orders.placed_total").set(1)
    text = render(meters.reader.get_metrics_data())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Prometheus([f"127.0.0.1:{server.server_port}"], tmp_path) as prometheus:
        deadline = time.monotonic() + 20
        while not (scraped := prometheus.query("scrape_samples_scraped > 0")) and time.monotonic() < deadline:
            time.sleep(0.2)
        ingested = prometheus.query('count({job="test", __name__!~"up|scrape_.*"})')
        (target,) = prometheus.targets()
    server.shutdown()
    server.server_close()

    lines = sum(not line.startswith(b"#") for line in text.splitlines())
    assert target["lastError"] == ""
    assert [value for _, value in scraped] == [lines]
    assert [value for _, value in ingested] == [lines]
