"""Datadog's OTLP intake, by a stand-in that looks at what Datadog looks at: path, key, temporality, size."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from collector.conftest import Emit, Run
from support.collector import SECRETS
from support.otlp_sink import HttpSink
from support.programs import eventually

DELTA, CUMULATIVE = 1, 2
# Wide enough that one collection is above what the intake takes in one request.
BODY = """
orders = csg_otel.counter("orders.placed", unit="{order}", attributes=("number",))
waiting = telemetry_meter().create_up_down_counter("orders.waiting")
took = telemetry_meter().create_histogram("orders.took", unit="s")
for round in range(3):
    for number in range(1_500):
        orders.add(2, {"number": f"order number {number} of the very many orders of this shop " + "x" * 500})
    waiting.add(-5 if round else 50)
    took.record(0.2)
    assert telemetry.force_flush()
csg_otel.observe(lambda: logging.getLogger("shop").warning("placed"))()
"""


class Intake(HttpSink):
    """Keeps the path, the headers and the uncompressed size of every request."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[str, dict[str, str], int]] = []

    def _keep(self, path: str, headers: dict[str, str], body: bytes) -> None:
        size = len(gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body)
        self.requests.append((path, {name.lower(): value for name, value in headers.items()}, size))
        super()._keep(path, headers, body)


@pytest.fixture
def intake() -> Iterator[Intake]:
    """The stand-in, on loopback."""
    made = Intake()
    yield made
    made.close()


@pytest.mark.real("otelcol")
@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_datadog_gets_what_it_takes(run: Run, emit: Emit, intake: Intake, temporality: str) -> None:
    """Each signal at its path, with the key; counters and histograms as deltas that add up; no request too large."""
    collector = run("datadog.yaml", DD_OTLP_ENDPOINT=intake.endpoint)
    meter = "from opentelemetry import metrics\ntelemetry_meter = lambda: metrics.get_meter('shop')\n"

    report = emit(meter + BODY, {"endpoint": f"http://{collector.grpc}", "temporality": temporality})

    received = intake.received
    eventually(lambda: received.records and received.spans)
    eventually(lambda: sum(point.as_int for point in received.points("orders.placed")) == 9_000)
    collector.end()
    assert (report["dropped"], report["spooled"]) == ({}, 0)
    assert sum(point.count for point in received.points("orders.took")) == 3
    assert received.points("orders.waiting")[-1].as_int == 40
    assert received.temporalities("orders.placed") == received.temporalities("orders.took") == {DELTA}
    assert received.temporalities("orders.waiting") == {CUMULATIVE}
    assert {path for path, _, _ in intake.requests} == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    assert {headers.get("dd-api-key") for _, headers, _ in intake.requests} == {SECRETS["DD_API_KEY"]}
    assert {headers["content-type"] for _, headers, _ in intake.requests} == {"application/x-protobuf"}
    assert max(size for path, _, size in intake.requests if path == "/v1/metrics") <= 500_000
    assert SECRETS["DD_API_KEY"] not in collector.log
