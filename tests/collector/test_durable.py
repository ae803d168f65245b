"""The durable collector: what it has accepted outlives the backend and the collector itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.conftest import Emit, Run
from support.otlp_sink import HttpSink
from support.programs import eventually
from support.servers import free_port

pytestmark = pytest.mark.real("otelcol")
SPANS, MANY = 300, 2_000


def body(run: int) -> str:
    """Return a program that makes spans and log records of a name of their own, and counts them."""
    return f"""
from opentelemetry import trace
made = csg_otel.counter("made", unit="{{span}}")
for number in range({SPANS}):
    trace.get_tracer("shop").start_span(f"{run} {{number}}").end()
    logging.getLogger("shop").warning("{run} %d", number)
    made.add(1)
"""


def names(*runs: int) -> set[str]:
    """Return the names that the programs of *runs* have made."""
    return {f"{run} {number}" for run in runs for number in range(SPANS)}


def complete(sink: HttpSink, *runs: int) -> bool:
    """Tell whether spans and records of *runs*, and the sums of their counters, have arrived."""
    spans = {span.name for span in sink.received.spans}
    bodies = {record.body.string_value for record in sink.received.records}
    sums = sum(point.as_int for point in sink.received.points("made"))
    return names(*runs) <= spans and names(*runs) <= bodies and sums == len(runs) * SPANS


def test_a_killed_backend_and_a_killed_collector_lose_nothing(run: Run, emit: Emit, tmp_path: Path) -> None:
    """Spans, logs and deltas accepted during an outage arrive after a SIGKILL of the collector, none of them missing."""
    port = free_port()
    storage = {"STORAGE_DIRECTORY": str(tmp_path / "storage"), "BACKEND_ENDPOINT": f"http://127.0.0.1:{port}"}
    collector = run("durable.yaml", **storage)
    otlp = {"endpoint": f"http://{collector.grpc}", "temporality": "delta"}
    before = HttpSink(port)
    emit(body(1), otlp)
    eventually(lambda: complete(before, 1))
    before.close()

    report = emit(body(2), otlp)
    collector.kill()
    assert (report["dropped"], report["spooled"]) == ({}, 0)
    assert (tmp_path / "storage").stat().st_mode & 0o777 == 0o700

    with collector:
        after = HttpSink(port)
        eventually(lambda: complete(after, 2), within_s=30)
        after.close()
    spans = [span.name for span in after.received.spans if span.name.startswith("2 ")]
    assert len(spans) == SPANS, "delivered twice"


def test_a_program_keeps_what_a_dead_collector_could_not_take(run: Run, emit: Emit, sink: HttpSink) -> None:
    """It spools while there is none; the next start hands it over, and the collector delivers it."""
    collector = run("durable.yaml", STORAGE_DIRECTORY="storage", BACKEND_ENDPOINT=sink.endpoint)
    otlp = {"endpoint": f"http://{collector.http}", "protocol": "http/protobuf", "temporality": "delta"}
    collector.kill()
    report = emit(body(1), otlp)
    assert report["dropped"] == {}
    assert report["spooled"] >= 2 * SPANS

    with collector:
        emit(body(2) + "\nimport time\ntime.sleep(1)", otlp)

        eventually(lambda: complete(sink, 1, 2))
    assert len([span for span in sink.received.spans if span.name in names(1)]) == SPANS


def test_a_full_collector_says_so_and_the_program_keeps_the_rest(run: Run, emit: Emit, tmp_path: Path) -> None:
    """What does not fit into the queue of an outage waits in the program's spool, and all of it arrives in the end."""
    port = free_port()
    storage = {"STORAGE_DIRECTORY": str(tmp_path / "storage"), "BACKEND_ENDPOINT": f"http://127.0.0.1:{port}"}
    collector = run("durable.yaml", QUEUE_BYTES="200_000", **storage)
    otlp = {"endpoint": f"http://{collector.grpc}", "signals": ["traces"]}
    many = f"""
import time
for number in range({MANY}):
    with csg_otel.observe(f"1 {{number}}"):
        time.sleep(0.0002)
"""
    report = emit(many, otlp, shutdown_s=2.0)
    assert report["dropped"] == {}
    assert 0 < report["spooled"] == MANY - report["delivered"]
    assert report["delivered"] > 0

    sink = HttpSink(port)
    emit("import time\ntime.sleep(2)", otlp)
    eventually(lambda: len({span.name for span in sink.received.spans}) == MANY, within_s=30)
    sink.close()
