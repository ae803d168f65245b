"""The collectors one looks at: Prometheus' endpoint, metrics made of spans, and everything printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from collector.conftest import Emit, Run
from support.collector import Collector
from support.otlp_sink import HttpSink
from support.programs import Program, eventually, get, samples
from support.prometheus import Prometheus

SHOP = """
import sys, csg_otel
otlp = [{"endpoint": sys.argv[1], "protocol": "http/protobuf"}]
config = {"health_monitoring": {"enabled": False}, "exporters": {"otlp": otlp, "metric_interval": 0.5}}
telemetry = csg_otel.instrument("shop", config=config)
csg_otel.counter("orders.placed", unit="{order}").add(41)
print(telemetry.url, flush=True)
sys.stdin.read()
"""
CALLS = """
@csg_otel.observe
def place(number):
    if number % 5 == 0:
        raise ValueError("sold out")

for number in range(50):
    try:
        place(number)
    except ValueError:
        pass
"""


@pytest.mark.real("otelcol", "prometheus")
def test_prometheus_sees_what_is_pushed_and_what_is_scraped(tmp_path: Path) -> None:
    """One program by both ways, through one endpoint: PromQL gives its number under each identity."""
    collector = Collector("prometheus.yaml", tmp_path / "collector", {"SCRAPE_INTERVAL": "1s"})
    with Program([sys.executable, "-c", SHOP, f"http://{collector.http}"], tmp_path) as program:
        scraped = program.line().removeprefix("http://")
        collector.env["SCRAPE_TARGETS"] = f"[{scraped}]"
        with collector, Prometheus([collector.metrics], tmp_path / "prometheus", honor_labels=True) as prometheus:
            eventually(lambda: len(prometheus.query("orders_placed_total")) == 2)
            found = {
                labels["job"]: (labels["instance"], value) for labels, value in prometheus.query("orders_placed_total")
            }

    assert found["programs"] == (scraped, 41.0)
    assert found["shop"][1] == 41.0


@pytest.mark.real("otelcol")
def test_metrics_made_of_spans_count_them(run: Run, emit: Emit, sink: HttpSink) -> None:
    """Calls, failures and durations are exact, and the spans themselves go on."""
    collector = run("spanmetrics.yaml", TRACES_ENDPOINT=sink.endpoint, FLUSH_INTERVAL="500ms")
    emit(CALLS, {"endpoint": f"http://{collector.grpc}"})

    def calls() -> dict[str, float]:
        return samples(get(f"http://{collector.metrics}/metrics")[1], "traces_span_metrics_calls_total")

    eventually(lambda: sum(calls().values()) == 50)
    failed = {labels: value for labels, value in calls().items() if 'error_type="ValueError"' in labels}
    text = get(f"http://{collector.metrics}/metrics")[1]
    assert list(failed.values()) == [10.0]
    assert sum(samples(text, "traces_span_metrics_duration_seconds_count").values()) == 50
    eventually(lambda: sum(span.name == "place" for span in sink.received.spans) == 50)


@pytest.mark.real("otelcol")
def test_debug_shows_everything(run: Run, emit: Emit, tmp_path: Path) -> None:
    """All that a program sends is printed, and stands in the file as OTLP's JSON."""
    file = tmp_path / "telemetry.jsonl"
    collector = run("debug.yaml", DEBUG_FILE=str(file))
    emit(CALLS + "\nlogging.getLogger('shop').warning('closed')", {"endpoint": f"http://{collector.grpc}"})
    collector.end()

    kinds = {next(iter(json.loads(line))) for line in file.read_text().splitlines()}
    assert kinds == {"resourceSpans", "resourceMetrics", "resourceLogs"}
    assert file.read_text().count('"name":"place"') == 50
    assert collector.log.count("Name           : place") == 50
    assert "Body: Str(closed)" in collector.log
