"""Records of ``logging`` at a real receiver: which span they belong to, what they carry, and which never get there."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber

from csg_otel.logs.bridge import LogBridge, message, severity
from support.capture import capture
from support.otlp_sink import HttpSink, attributes
from support.programs import Program


def run(source: str, cwd: Path, config: str = "{}") -> tuple[HttpSink, str]:
    """Run *source* in an instrumented program; return the receiver, closed, and what went to stderr."""
    sink = HttpSink()
    head = f"""
import json, logging, logging.config, sys, warnings
import csg_otel
from opentelemetry import trace
telemetry = csg_otel.instrument(
    exporters=["otlp+{sink.endpoint}"],
    config={config},
    health_monitoring__checks__system_resources__enabled=False,  # on a busy machine these checks fail, and log
    health_monitoring__checks__dependencies__enabled=False,
    health_monitoring__checks__performance__enabled=False,
)
log = logging.getLogger("shop")
"""
    with Program(head + source + "\ntelemetry.shutdown()\n", cwd) as program:
        assert program.wait() == 0, program.stderr
        stderr = program.stderr
    sink.close()
    return sink, stderr


def bodies(sink: HttpSink) -> list[str]:
    """The text of every record the receiver got."""
    return [record.body.string_value for record in sink.received.records]


def test_a_record_belongs_to_the_span_it_was_logged_in(tmp_path: Path) -> None:
    """Trace and span id at the receiver are those of the span, by whatever API it was started; outside there are none."""
    source = """
log.warning("outside")
with csg_otel.observe("checkout"):
    log.warning("in an operation")
    with trace.get_tracer("app").start_as_current_span("pay"):
        log.warning("in a span")
"""
    sink, _ = run(source, tmp_path)
    spans = {span.name: span for span in sink.received.spans}
    outside, operation, inside = sink.received.records

    assert outside.trace_id == b""
    assert (operation.trace_id, operation.span_id) == (spans["checkout"].trace_id, spans["checkout"].span_id)
    assert (inside.trace_id, inside.span_id) == (spans["pay"].trace_id, spans["pay"].span_id)


def test_a_record_carries_all_it_has(tmp_path: Path) -> None:
    """Where it was made, extras, exception, stack; a level of the program's own keeps its name."""
    source = """
logging.addLevelName(25, "NOTICE")
log.log(25, "noticed %s", 1, extra={"order": 7, "code.line.number": "mine"}, stack_info=True)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""
    sink, _ = run(source, tmp_path)
    noticed, failed = sink.received.records
    found = attributes(noticed)

    assert (noticed.body.string_value, noticed.severity_text) == ("noticed 1", "NOTICE")
    assert noticed.severity_number == SeverityNumber.INFO.value
    assert found["order"] == 7
    assert isinstance(found["code.line.number"], int)
    assert "Stack (most recent call last)" in found["code.stacktrace"]
    assert attributes(failed)["exception.type"] == "ZeroDivisionError"
    assert "ZeroDivisionError: division by zero" in attributes(failed)["exception.stacktrace"]


def test_records_survive_what_a_program_does_to_logging(tmp_path: Path) -> None:
    """``basicConfig``, ``dictConfig`` and captured warnings after ``instrument()``: each record arrives once."""
    source = """
log.warning("before")
logging.basicConfig(force=True)
log.warning("basic")
logging.config.dictConfig({"version": 1, "disable_existing_loggers": False,
    "handlers": {"h": {"class": "logging.StreamHandler"}}, "root": {"handlers": ["h"], "level": "INFO"}})
log.warning("dict")
quiet = logging.getLogger("quiet")
quiet.propagate = False
quiet.warning("not propagated")
logging.captureWarnings(True)
warnings.warn("beware")
"""
    sink, _ = run(source, tmp_path)

    assert bodies(sink)[:4] == ["before", "basic", "dict", "not propagated"]
    assert "UserWarning: beware" in bodies(sink)[4]
    assert len(bodies(sink)) == 5


def test_what_telemetry_logs_is_not_exported(tmp_path: Path) -> None:
    """With everything at DEBUG, libraries of the export threads included, an idle program exports nothing."""
    source = """
logging.basicConfig(level=logging.DEBUG)
import threading, time
def on_our_thread():
    logging.getLogger("urllib3.connectionpool").debug("feedback")
threading.Thread(target=on_our_thread, name="csg-otel-otlp-logs-send").start()
for name in ("opentelemetry.sdk", "csg_otel", "grpc._channel", "uvicorn.error"):
    logging.getLogger(name).error("feedback")
log.debug("once")
for _ in range(5):
    telemetry.force_flush(5)
logging.getLogger("urllib3").debug("the program's own")
"""
    sink, _ = run(source, tmp_path, '{"logging": {"level": "debug"}}')

    assert bodies(sink) == ["once", "the program's own"]


def test_the_program_s_callbacks_are_not_taken_for_telemetry(tmp_path: Path) -> None:
    """What a health check or a gauge's callback logs is exported, although it runs on a thread of ours."""
    source = """
csg_otel.observable_gauge("g", lambda: log.warning("in a callback") or 1)
ran = __import__("threading").Event()
@csg_otel.health_check("c", interval_s=60)
def check():
    log.warning("in a check")
    ran.set()
ran.wait(50)
telemetry.force_flush(50)
"""
    sink, _ = run(source, tmp_path)

    assert {"in a callback", "in a check"} <= set(bodies(sink))


def test_telemetry_s_libraries_complain_once(tmp_path: Path) -> None:
    """A thousand values the SDK doesn't like make one line each minute, not a thousand."""
    source = """
with trace.get_tracer("app").start_as_current_span("many") as span:
    for number in range(1000):
        span.set_attribute(f"key.{number}", number)
"""
    _, stderr = run(source, tmp_path)

    assert stderr.count("Attributes dict is full") == 1


@pytest.mark.parametrize(
    ("msg", "args", "expected"),
    [("%d", ("x",), "%d ('x',)"), ("%s %s", (1,), "%s %s ('1',)"), ("plain", (), "plain"), (None, (), "None")],
)
def test_a_message_that_can_not_be_formatted_is_sent_as_it_is(msg: Any, args: Any, expected: str) -> None:
    """With its arguments behind it."""
    assert message(logging.makeLogRecord({"msg": msg, "args": args})) == expected


@pytest.mark.parametrize(
    ("level", "name", "expected"),
    [
        (50, "CRITICAL", (SeverityNumber.FATAL, "FATAL")),
        (30, "WARNING", (SeverityNumber.WARN, "WARN")),
        (31, "ODD", (SeverityNumber.WARN, "ODD")),
        (0, "NOTSET", (SeverityNumber.TRACE, "TRACE")),
        (-5, "Level -5", (SeverityNumber.TRACE, "Level -5")),
    ],
)
def test_levels_become_severities(level: int, name: str, expected: tuple[SeverityNumber, str]) -> None:
    """Those of the program count as the one below and keep their name."""
    assert severity(logging.makeLogRecord({"levelno": level, "levelname": name})) == expected


def test_a_record_made_while_emitting_one_is_left_out() -> None:
    """An argument that logs when it is shown makes no endless loop."""
    bridge = LogBridge()

    class Logs:
        def __str__(self) -> str:
            bridge.handle(logging.makeLogRecord({"name": "inner", "msg": "inner"}))
            return "outer"

    with capture() as captured:
        bridge.handle(logging.makeLogRecord({"name": "outer", "msg": "%s", "args": (Logs(),)}))

    assert [record.body for record in captured.logs] == ["outer"]
