"""Datadog: what its intake and its Agent are sent, checked by receivers that are as strict as the documentation."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from csg_otel.config import Secret, load
from csg_otel.config.sections.exporters import DatadogExporter
from csg_otel.exporters.datadog import as_otlp, headers
from csg_otel.exporters.otlp import split
from support.datadog import Intake
from support.otlp_sink import GrpcSink, HttpSink
from support.programs import HUNG_S, Program, get, samples

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE

SOURCE = """
    import json, sys, csg_otel
    from opentelemetry import metrics
    from opentelemetry.metrics import Observation

    telemetry = csg_otel.instrument(service_name="shop", config=json.loads(sys.argv[1]))
    meter = metrics.get_meter("app")
    counter, waiting = meter.create_counter("orders"), meter.create_up_down_counter("waiting")
    meter.create_observable_counter("seen", [lambda _: [Observation(7)]])
    meter.create_observable_up_down_counter("open", [lambda _: [Observation(3)]])
    meter.create_observable_gauge("heat", [lambda _: [Observation(20.5)]])
    for _ in range(2):
        counter.add(2)
        waiting.add(2)
        csg_otel.histogram("size", unit="By").record(100)
        csg_otel.event("sold")
        with csg_otel.observe("sell"):
            pass
        assert telemetry.force_flush(10), telemetry.status()
    print(telemetry.url, flush=True)
    input()
    print(json.dumps(telemetry.shutdown().dropped), flush=True)
"""


@pytest.fixture
def intake() -> Iterator[Intake]:
    """A fresh intake."""
    made = Intake()
    yield made
    made.close()


def run(cwd: Path, datadog: dict[str, object]) -> tuple[str, dict[str, int]]:
    """Run the program; return what Prometheus would have scraped, and what was dropped."""
    config = {
        "service": {"environment": "staging"},
        "exporters": {"datadog": datadog, "spool": {"directory": str(cwd / "spool")}},
        "system_monitoring": {"metrics": {"system_metrics": False, "application_metrics": False}},
    }
    command = ["-c", textwrap.dedent(SOURCE), json.dumps(config)]
    with Program([sys.executable, *command], cwd, {"DD_API_KEY": Intake.KEY}) as program:
        url = program.line()
        assert url, program.stderr
        text = get(f"{url}/metrics")[1]
        printed, _ = program.process.communicate("\n", HUNG_S)
        return text, json.loads(printed)


def temporalities(sink: HttpSink | GrpcSink) -> dict[str, int]:
    """The one temporality each metric was sent with."""
    found = {name: sink.received.temporalities(name) for name in ("orders", "size", "seen", "waiting", "open")}
    return {name: one for name, (one,) in found.items()}


EXPECTED = {"orders": DELTA, "size": DELTA, "seen": DELTA, "waiting": CUMULATIVE, "open": CUMULATIVE}


def test_the_intake_takes_everything(intake: Intake, tmp_path: Path) -> None:
    """Direct: each signal on its path, with the key; the temporality of each instrument, in one process with Prometheus'."""
    text, dropped = run(tmp_path, {"mode": "direct", "endpoint": intake.endpoint})

    assert {status for _, _, status in intake.answers} == {200}
    assert {path for path, _, _ in intake.answers} == set(intake.REQUESTS)
    assert "dd-otel-metric-config" not in intake.by_path["/v1/traces"]
    assert dropped == {}
    assert temporalities(intake) == EXPECTED
    assert [point.as_int for point in intake.received.points("orders")][:2] == [2, 2]
    assert [point.as_int for point in intake.received.points("waiting")][:2] == [2, 4]
    assert sum(samples(text, "orders_total").values()) == 4
    assert sum(samples(text, "size_bytes_count").values()) == 2
    assert intake.received.resources[0]["deployment.environment.name"] == "staging"


def test_histograms_go_as_distributions(intake: Intake, tmp_path: Path) -> None:
    """Exponentially, so that percentiles are as exact as Datadog's own sketches."""
    run(tmp_path, {"mode": "direct", "endpoint": intake.endpoint})
    kinds = {
        metric.WhichOneof("data")
        for request in intake.received.metrics
        for scope in request.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        if metric.name in ("size", "csg.operation.duration")
    }

    assert kinds == {"exponential_histogram"}
    assert [point.count for point in intake.received.points("size")][:2] == [1, 1]


def test_the_agent_takes_everything(tmp_path: Path) -> None:
    """Through the Agent's OTLP receiver, with the same temporalities and without a key."""
    sink = HttpSink()
    run(tmp_path, {"endpoint": sink.endpoint})
    sent = [headers for headers in sink.received.headers if "dd-api-key" in headers]
    sink.close()

    assert temporalities(sink) == EXPECTED
    assert len(sink.received.spans) >= 2
    assert len(sink.received.records) >= 2
    assert sent == []


def test_requests_are_split_before_they_are_too_large(intake: Intake, tmp_path: Path) -> None:
    """Spans, records and metrics of several megabytes: none is refused, every item and point arrives once."""
    source = f"""
        import logging, csg_otel
        from opentelemetry import metrics
        settings = {{"mode": "direct", "endpoint": {intake.endpoint!r}, "timeout": 30}}
        config = {{"exporters": {{"datadog": settings, "spool": {{"enabled": False}}}}}}
        telemetry = csg_otel.instrument(config=config)
        counter = metrics.get_meter("app").create_counter("many")
        for number in range(1900):
            counter.add(1, {{"user": f"{{number:04}}" + "u" * 600}})
        for number in range(200):
            with csg_otel.observe("big", args=()) as operation:
                operation.span.set_attribute("payload", "p" * 10_000)
                logging.getLogger("big").warning("%d %s", number, "l" * 10_000)
        assert telemetry.force_flush(30), telemetry.status()
        print(telemetry.shutdown(30).dropped)
    """
    with Program(source, tmp_path, {"DD_API_KEY": Intake.KEY}) as program:
        assert program.line() == "{}", program.stderr
        assert program.wait() == 0
    users = [kv.value.string_value for point in intake.received.points("many")[:1900] for kv in point.attributes]

    assert {status for _, _, status in intake.answers} == {200}
    assert max(size for _, size, _ in intake.answers) > 300_000
    assert len(users) == len(set(users)) == 1900
    assert sum(span.name == "big" for span in intake.received.spans) == 200
    bodies = [record.body.string_value for record in intake.received.records]
    assert sum(body.endswith("lll") for body in bodies) == 200


def test_settings_come_from_datadog_s_variables() -> None:
    """``DD_SITE`` and ``DD_API_KEY``; the key is a secret, and goes to the intake only."""
    source = {"exporters": {"datadog": {"mode": "direct"}}}
    settings = load(source, environ={"DD_SITE": "datadoghq.eu", "DD_API_KEY": "k"}).config.exporters.datadog
    direct, agent = as_otlp(settings), as_otlp(DatadogExporter(api_key=Secret("k")))

    assert (direct.endpoint, direct.protocol) == ("https://otlp.datadoghq.eu", "http/protobuf")
    assert direct.headers == {"dd-api-key": Secret("k")}
    assert (agent.endpoint, agent.protocol, agent.headers) == ("http://localhost:4317", "grpc", {})
    assert set(headers(settings, "metrics")) == {"dd-otel-metric-config"}
    assert headers(settings, "logs") == headers(DatadogExporter(), "metrics") == {}


def halved(item: bytes) -> list[bytes]:
    """Two halves of *item*, where there are two."""
    return [item[: len(item) // 2], item[len(item) // 2 :]] if len(item) > 1 else [item]


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
def test_parts_hold_everything_in_order(items: list[bytes], most: int) -> None:
    """Each item once, in order, and no part above the limit."""
    found = split.grouped(items, most, halved)

    assert b"".join(part for _, part in found) == b"".join(items)
    assert all(len(part) <= most for _, part in found)
