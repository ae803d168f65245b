"""Records of ``logging`` at a real receiver: which span they belong to, what they carry, and which never get there."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber

from csg_otel.logs.bridge import message, severity
from support import time_limits
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


def test_a_level_that_the_program_sets_stays(tmp_path: Path) -> None:
    """The root level of the program outlives other settings and shutdown, also where it equals the one that we had set."""
    source = """
import csg_otel, logging, sys
root = logging.getLogger()
def start(level):
    return csg_otel.instrument(exporters=["console"], health_monitoring__enabled=False, logging__level=level)
start("info").shutdown()
print("undone", root.level, file=sys.stderr)
start("info")
start("debug")
print("changed", root.level, file=sys.stderr)
start("info")
root.setLevel(logging.INFO)
telemetry = start("debug")
print("kept", root.level, file=sys.stderr)
telemetry.shutdown()
print("kept", root.level, file=sys.stderr)
"""
    with Program(source, tmp_path) as program:
        assert program.wait() == 0, program.stderr
        shown = [line for line in program.stderr.splitlines() if line.startswith(("undone", "changed", "kept"))]

    assert shown == ["undone 30", "changed 10", "kept 20", "kept 20"]


def test_what_telemetry_logs_is_not_exported(tmp_path: Path) -> None:
    """With everything at DEBUG, libraries of the export threads included, an idle program exports nothing."""
    source = """
logging.basicConfig(level=logging.DEBUG, format="shown %(name)s %(levelname)s %(message)s")
import threading, time
def in_thread(name, *loggers):
    def write():
        for logger in loggers:
            for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
                logging.getLogger(logger).log(level, "own")
    thread = threading.Thread(target=write, name=name)
    thread.start()
    thread.join()
in_thread("csg-otel-otlp-logs-send", "urllib3.connectionpool", "grpc._channel", "asyncio", "uvicorn.error", "csg_otel")
logging.logThreads = False
in_thread("csg-otel-otlp-logs-send", "requests")
logging.logThreads = True
in_thread("OtelBatchLogRecordProcessor", "urllib3")
in_thread("MainThread", "opentelemetry.sdk._logs", "opentelemetry.exporter.otlp", "csg_otel")
log.debug("once")
for _ in range(5):
    telemetry.force_flush(5)
"""
    sink, stderr = run(source, tmp_path, '{"logging": {"level": "debug"}}')
    shown = [line.split()[1:3] for line in stderr.splitlines() if line.startswith("shown") and line.endswith("own")]

    assert bodies(sink) == ["once"]
    # What libraries say on telemetry's threads is shown from WARNING, and of telemetry's own lines everything.
    assert [logger for logger, level in shown if level == "ERROR"].count("csg_otel") == 2
    assert {logger for logger, level in shown if level == "WARNING"} == {
        *("urllib3.connectionpool", "grpc._channel", "asyncio", "requests", "urllib3", "csg_otel"),
        *("opentelemetry.sdk._logs", "opentelemetry.exporter.otlp", "uvicorn.error"),
    }
    assert not {"urllib3.connectionpool", "grpc._channel", "asyncio", "uvicorn.error", "requests"} & {
        logger for logger, level in shown if level in ("DEBUG", "INFO")
    }


def test_records_on_the_program_s_threads_are_the_program_s(tmp_path: Path) -> None:
    """Of whatever library: uvicorn, gunicorn, grpc, and OpenTelemetry's instrumentations."""
    source = """
loggers = ("uvicorn.error", "uvicorn.access", "gunicorn.error", "grpc._server", "urllib3", "asyncio", "opentelemetryx",
           "opentelemetry.instrumentation.celery", "csg_otel_app")
import threading
def write():
    for name in loggers:
        for text in ("the same", "the same"):
            logging.getLogger(name).error("%s of %s", text, name)
thread = threading.Thread(target=write, name="worker")
thread.start()
thread.join()
"""
    sink, stderr = run(source, tmp_path)
    names = {
        *("uvicorn.error", "uvicorn.access", "gunicorn.error", "grpc._server", "urllib3", "asyncio", "opentelemetryx"),
        "csg_otel_app",
    }
    repeated = "opentelemetry.instrumentation.celery"  # OpenTelemetry's warnings are limited to one a minute
    expected = {f"the same of {name}": 2 for name in names} | {f"the same of {repeated}": 1}

    assert Counter(bodies(sink)) == expected
    assert {text: stderr.count(f"{text}\n") for text in expected} == expected


def test_the_program_s_callbacks_are_not_taken_for_telemetry(tmp_path: Path) -> None:
    """What a health check or a gauge's callback logs is exported, although it runs on a thread of ours."""
    source = """
import threading
called, ran = threading.Event(), threading.Event()
def callback():
    log.warning("in a callback")
    called.set()
    return 1
csg_otel.observable_gauge("g", callback)
@csg_otel.health_check("c", interval_s=60)
def check():
    log.warning("in a check")
    ran.set()
ran.wait(50)
telemetry.force_flush(50)
called.wait(50)  # a collection may end before it on a busy machine
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
    [("%d", ("x",), "%d ('x',)"), ("%s %s", (1,), "%s %s (1,)"), ("plain", (), "plain"), (None, (), "None")],
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


def test_records_made_by_values_are_exported(tmp_path: Path) -> None:
    """A value of `extra` that logs when it becomes text; one that logs itself makes no endless loop."""
    source = """
class Logs:
    def __str__(self):
        log.warning("inner")
        return "outer value"
class LogsItself:
    def __str__(self):
        log.warning("again", extra={"value": self})
        return "itself"
log.warning("outer", extra={"value": Logs()})
log.warning("again", extra={"value": LogsItself()})
"""
    sink, stderr = run(source, tmp_path)
    found = Counter(bodies(sink))

    assert (found["inner"], found["outer"]) == (1, 1)
    assert 1 <= found["again"] <= 3
    assert "Recursion" not in stderr
    assert {attributes(x)["value"] for x in sink.received.records if x.body.string_value == "outer"} == {"outer value"}


def test_values_arrive_as_values_or_as_text(tmp_path: Path) -> None:
    """Plain values and nested ones as they are, any object as its text, also one without a text of its own."""
    source = """
class Plain:
    pass
class Bad:
    def __str__(self):
        raise ValueError
record = dict(number=7, flag=True, numbers=[1, 2], nested={"a": [1, {"b": 2}]}, thing=object(), plain=Plain(), kind=Plain,
              bad=Bad())
log.warning("values", extra=record)
"""
    sink, stderr = run(source, tmp_path)
    (record,) = sink.received.records
    found = attributes(record)

    assert (found["number"], found["flag"]) == (7, True)
    assert found["thing"].startswith("<object object at")
    assert found["plain"].startswith("<__main__.Plain object at")
    assert found["kind"] == "<class '__main__.Plain'>"
    assert found["bad"] == "<Bad>"
    numbers = next(pair.value for pair in record.attributes if pair.key == "numbers")
    assert [value.int_value for value in numbers.array_value.values] == [1, 2]
    assert "Invalid type" not in stderr


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt"])
def test_an_exit_from_a_value_reaches_the_program(error: str, tmp_path: Path) -> None:
    """It may come from a signal handler; an ordinary exception does not, and the next records are exported."""
    source = f"""
class Exits:
    def __init__(self, kind):
        self.kind = kind
    def __str__(self):
        raise self.kind
log.warning("fails", extra={{"value": Exits(ValueError)}})
try:
    log.warning("exits", extra={{"value": Exits({error})}})
except {error}:
    log.warning("passed on")
"""
    sink, _ = run(source, tmp_path)

    assert [body for body in bodies(sink) if body != "exits"] == ["fails", "passed on"]


@pytest.mark.parametrize("style", ["json", "text"])
def test_no_code_of_the_program_runs_under_a_lock(style: str, tmp_path: Path) -> None:
    """Values become text while another thread can still log: in the bridge, in the file, and on the screen."""
    source = """
import threading
class Value:
    def __str__(self):
        done = threading.Event()
        def other():
            log.error("other")
            done.set()
        threading.Thread(target=other, daemon=True).start()
        outcome.append(done.wait(20))
        return "value"
class Failure(Exception):
    __str__ = Value.__str__
outcome = []
log.error("extra", extra={"value": Value()})
log.error("argument %s", Value())
try:
    raise Failure
except Failure:
    log.exception("exception")
print("calls", len(outcome), all(outcome), file=sys.stderr)
"""
    settings = f'{{"logging": {{"handlers": ["file"], "format": "{style}", "file_config": {{"filename": "app.log"}}}}}}'
    sink, stderr = run(source, tmp_path, settings)
    (_, count, all_done), *_ = (line.split() for line in stderr.splitlines() if line.startswith("calls "))

    assert all_done == "True"
    assert int(count) > 5
    assert Counter(bodies(sink)) == {"extra": 1, "argument value": 1, "exception": 1, "other": int(count)}


def test_a_handler_of_opentelemetry_is_not_doubled(tmp_path: Path) -> None:
    """The SDK's handler on the root logger: one record, with the ids of its span; telemetry's own lines are not exported."""
    source = """
from opentelemetry.sdk._logs import LoggingHandler
warnings.simplefilter("ignore")
logging.getLogger().addHandler(LoggingHandler(level=logging.WARNING))
with trace.get_tracer("app").start_as_current_span("pay"):
    log.warning("theirs")
log.info("below the level of their handler")
logging.getLogger("csg_otel").warning("own")
"""
    sink, _ = run(source, tmp_path)
    (span,) = sink.received.spans

    assert bodies(sink) == ["theirs", "below the level of their handler"]
    assert sink.received.records[0].span_id == span.span_id


@pytest.mark.parametrize("kind", ["QueueHandler", "MemoryHandler"])
def test_a_late_handler_of_opentelemetry_is_not_doubled(kind: str, tmp_path: Path) -> None:
    """Behind a queue it emits on another thread, behind a buffer while other records are logged: still one record each."""
    source = f"""
import logging.handlers, queue
from opentelemetry.sdk._logs import LoggingHandler
warnings.simplefilter("ignore")
if "{kind}" == "QueueHandler":
    handler = logging.handlers.QueueHandler(queue.Queue())
    listener = logging.handlers.QueueListener(handler.queue, LoggingHandler())
    listener.start()
else:
    handler = logging.handlers.MemoryHandler(7, target=LoggingHandler(), flushLevel=logging.CRITICAL)
logging.getLogger().addHandler(handler)
for number in range(50):
    log.warning("record %d", number)
if "{kind}" == "QueueHandler":
    listener.stop()
else:
    handler.flush()
"""
    sink, _ = run(source, tmp_path)

    assert Counter(bodies(sink)) == {f"record {number}": 1 for number in range(50)}


def test_time_limits_may_come_at_any_point_of_a_log_call(tmp_path: Path) -> None:
    """A signal handler may raise wherever Python looks for signals: the program gets it, and no lock stays taken."""
    source = f"""
import threading
sys.path.insert(0, {str(Path(time_limits.__file__).parents[1])!r})
from csg_otel.logs.passing import current
from support.time_limits import at_each_point
class Value:
    def __str__(self):
        return "value"
def log_once():
    log.warning("interrupted %s", Value(), extra={{"value": Value(), "nested": {{"list": [1, 2]}}}})
logging.getLogger().addHandler(logging.NullHandler())
log_once()
raised = caught = stale = 0
for reached in at_each_point(log_once):
    raised += 1
    caught += reached
    stale += current.get() is not None
    thread = threading.Thread(target=log_once, daemon=True)
    thread.start()
    thread.join(20)
    if thread.is_alive():
        print("another thread waits for ever", file=sys.stderr)
        break
for number in range(5):
    log.warning("later %d", number)
print("limits", raised, caught, stale, file=sys.stderr)
"""
    settings = '{"logging": {"handlers": ["file"], "format": "json", "file_config": {"filename": "app.log"}}}'
    sink, stderr = run(source, tmp_path, settings)
    (line,) = (line for line in stderr.splitlines() if line.startswith("limits "))
    raised, caught, stale = map(int, line.split()[1:])

    assert "for ever" not in stderr
    assert raised > 100
    assert (caught, stale) == (raised, 0)
    assert [body for body in bodies(sink) if body.startswith("later")] == [f"later {number}" for number in range(5)]
    assert (tmp_path / "app.log").read_text().count('"later') == 5
