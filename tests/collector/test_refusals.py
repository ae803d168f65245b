"""What a collector refuses, and what the program makes of it."""

from __future__ import annotations

import pytest

from collector.conftest import Emit, Run
from support.otlp_sink import HttpSink
from support.programs import eventually, samples

pytestmark = pytest.mark.real("otelcol")
SPANS = 50


def test_a_collector_short_of_memory_refuses_and_the_program_keeps(run: Run, emit: Emit, sink: HttpSink) -> None:
    """Over both transports: nothing is dropped, and nothing of it has got through."""
    collector = run("redaction.yaml", BACKEND_ENDPOINT=sink.endpoint, MEMORY_LIMIT_MIB="2", MEMORY_SPIKE_MIB="1")
    body = f"for _ in range({SPANS}):\n    csg_otel.observe(lambda: None)()"
    grpc = {"name": "grpc", "endpoint": f"http://{collector.grpc}", "signals": ["traces"]}
    http = {**grpc, "name": "http", "endpoint": f"http://{collector.http}", "protocol": "http/protobuf"}
    eventually(lambda: "Forced GC did not reclaim enough memory" in collector.log)

    report = emit(body, grpc, http, shutdown_s=1.0)

    assert (report["spooled"], report["delivered"], report["dropped"]) == (2 * SPANS, 0, {})
    assert sum(samples(collector.own_metrics, "otelcol_processor_memory_limiter_refused_spans").values()) >= 2 * SPANS


def test_batches_above_what_grpc_takes_are_sent_in_parts(run: Run, emit: Emit, sink: HttpSink) -> None:
    """800 log records of 16 kB are three times the 4 MiB a gRPC server takes by default; each of them arrives, whole."""
    collector = run("durable.yaml", BACKEND_ENDPOINT=sink.endpoint, STORAGE_DIRECTORY="storage")
    body = "for _ in range(800):\n    logging.getLogger('shop').warning('x ' * 8_000)\nassert telemetry.force_flush(20)"

    report = emit(body, {"endpoint": f"http://{collector.grpc}", "signals": ["logs"]})

    assert (report["delivered"], report["dropped"]) == (800, {})
    eventually(lambda: len(sink.received.records) == 800)
    assert {len(record.body.string_value) for record in sink.received.records} == {16_000}
