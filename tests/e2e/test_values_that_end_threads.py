"""A value of the program may raise SystemExit or KeyboardInterrupt when it becomes text: no thread of telemetry ends by it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.otlp_sink import HttpSink
from support.programs import Program

PROGRAM = """
import csg_otel, sys, time
from opentelemetry import trace
from opentelemetry._logs import LogRecord, get_logger
telemetry = csg_otel.instrument(
    "s", exporters=["otlp+http://127.0.0.1:{port}", "console"], health_monitoring__enabled=False
)

class Odd:
    def __str__(self):
        raise {error}("from __str__")
    __repr__ = __str__

log, tracer = get_logger("app"), trace.get_tracer("app")
for body in (Odd(), {{"key": Odd()}}, [Odd()]):
    try:
        log.emit(LogRecord(body=body, timestamp=time.time_ns()))
        with tracer.start_as_current_span("odd", attributes={{"key": body}}):
            pass
    except {error}:
        pass  # the thread is the program's own
time.sleep(0.3)
for number in range(50):
    log.emit(LogRecord(body=f"line {{number}}", timestamp=time.time_ns()))
    with tracer.start_as_current_span("line"):
        pass
print("flushed", telemetry.force_flush(20), telemetry.status()["otlp"].state, flush=True)
"""


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt"])
def test_it_costs_its_own_text_and_nothing_else(error: str, tmp_path: Path) -> None:
    """Everything emitted afterwards is delivered, and the item itself without its text."""
    sink = HttpSink()
    source = PROGRAM.format(port=sink.port, error=error)
    with Program([sys.executable, "-c", source], tmp_path) as running:
        running.line_with("flushed True ok")
        running.wait()
        assert "Exception in thread" not in running.stderr
    sink.close()

    bodies = [record.body.string_value for record in sink.received.records]
    assert bodies.count("<Odd>") == 1
    assert sum(body.startswith("line ") for body in bodies) == 50
    assert [span.name for span in sink.received.spans].count("line") == 50
