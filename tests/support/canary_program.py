"""A program that puts each canary of a plan into its carrier: ``python canary_program.py PLAN ARGUMENT...``."""

from __future__ import annotations

import itertools
import json
import logging
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from opentelemetry import baggage, metrics, trace
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, TraceState

import csg_otel
from csg_otel.check_result import CheckResult, Measurement

_BATCH = 2000
_SERIES = 200
"""Series of one instrument."""

_numbers = itertools.count()
_log = logging.getLogger("shop.orders")


def sentence(key: str, text: str) -> str:
    """Return *text* as a part of a text."""
    return text if key == "note" else f"refused {key}={text} again"


def on_span(put: Callable[[Any, str, str], None]) -> Callable[[str, str], None]:
    """Return a carrier that a span has."""

    def emit(key: str, text: str) -> None:
        with trace.get_tracer("shop").start_as_current_span("work") as span:
            put(span, key, text)

    return emit


def link(key: str, text: str) -> None:
    """Start a span with a link."""
    trace.get_tracer("shop").start_span("linked", links=[Link(SpanContext(5, 6, False), {key: text})]).end()


def baggage_copied(key: str, text: str) -> None:
    """Copy baggage to attributes."""
    context = baggage.set_baggage(key, text)
    with trace.get_tracer("shop").start_as_current_span("copied", context) as span:
        span.set_attributes({name: str(value) for name, value in baggage.get_all(context).items()})


def trace_state(key: str, text: str) -> None:
    """Continue a trace of another program."""
    state = TraceState([(key.lower().replace(".", "-"), text.replace("=", ""))])  # else it is no value
    parent = NonRecordingSpan(SpanContext(7, 8, True, TraceFlags(1), state))
    link_too = [Link(SpanContext(9, 10, True, TraceFlags(1), state), {})]
    trace.get_tracer("shop").start_span("continued", trace.set_span_in_context(parent), links=link_too).end()


def exception(key: str, text: str) -> None:
    """Fail in a span."""
    try:
        with trace.get_tracer("shop").start_as_current_span("failed"):
            raise ValueError(sentence(key, text))
    except ValueError:
        pass


def stack(key: str, text: str) -> None:
    """Fail in a span because of another failure, whose message is in the stack trace only."""
    try:
        with trace.get_tracer("shop").start_as_current_span("failed"):
            try:
                raise KeyError(sentence(key, text))
            except KeyError as error:
                raise ValueError("no such order") from error
    except ValueError:
        pass


def log_exception(key: str, text: str) -> None:
    """Log a failure."""
    try:
        raise ValueError(sentence(key, text))
    except ValueError:
        _log.exception("the order failed")


def record(**fields: Any) -> None:
    """Emit a log record."""
    get_logger("shop").emit(LogRecord(timestamp=10**18, severity_number=SeverityNumber.WARN, **fields))


def alert(name: str = "backup_failed", message: str = "no backup", **details: str) -> None:
    """Send an alert."""
    service.send_alert(csg_otel.Alert(name, "warning", message, details))


def scope(get: Callable[..., Any]) -> Any:
    """Return a tracer or a meter with an attribute of its scope."""
    return lambda key, text: get(f"library{next(_numbers)}", attributes={key: text})


CARRIERS: dict[str, Callable[[str, str], object]] = {
    "span_name": lambda key, text: trace.get_tracer("shop").start_span(sentence(key, text)).end(),
    "span_attribute": on_span(lambda span, key, text: span.set_attribute(key, text)),
    "span_list": on_span(lambda span, key, text: span.set_attribute(key, ["first", text])),
    "event_name": on_span(lambda span, key, text: span.add_event(sentence(key, text))),
    "event_attribute": on_span(lambda span, key, text: span.add_event("paid", {key: text})),
    "link": link,
    "status": on_span(lambda span, key, text: span.set_status(Status(StatusCode.ERROR, sentence(key, text)))),
    "exception": exception,
    "stack": stack,
    "baggage": baggage_copied,
    "trace_state": trace_state,
    "log_body": lambda key, text: _log.warning(sentence(key, text)),
    "log_arguments": lambda key, text: _log.warning("refused %s: %s", key, sentence(key, text)),
    "log_extra": lambda key, text: _log.warning("refused", extra={key: text}),
    "log_exception": log_exception,
    "log_nested": lambda key, text: record(body={"order": [{"items": [{key: text}]}]}),
    "log_attribute": lambda key, text: record(body="refused", attributes={"order": {key: [text]}, key: text}),
    "log_event_name": lambda key, text: record(body="refused", event_name=sentence(key, text)),
    "severity_text": lambda key, text: record(body="refused", severity_text=sentence(key, text)),
    "description": lambda key, text: (
        metrics.get_meter("shop").create_counter(f"described{next(_numbers)}", "1", sentence(key, text)).add(1)
    ),
    "unit": lambda key, text: (
        metrics.get_meter("shop")
        .create_counter(f"measured{next(_numbers)}", "{" + sentence(key, text)[:60] + "}")
        .add(1)
    ),
    "span_scope": lambda key, text: scope(trace.get_tracer)(key, text).start_span("scoped").end(),
    "meter_scope": lambda key, text: scope(metrics.get_meter)(key, text).create_counter("scoped").add(1),
    "own_line": lambda key, text: logging.getLogger("csg_otel").warning("no answer: %s", sentence(key, text)),
    "exporter_line": lambda key, text: logging.getLogger("opentelemetry.exporter.otlp").warning(
        "failed: %s", sentence(key, text)
    ),
    "alert_name": lambda key, text: alert(name=sentence(key, text)),
    "alert_message": lambda key, text: alert(message=sentence(key, text)),
    "alert_detail": lambda key, text: alert(**{"host": "db1", key: text}),
}


def measure(series: list[tuple[str, str]], number: int) -> None:
    """Use instruments, one for each number of *series*."""
    meter = metrics.get_meter("shop")
    counter, gauge = meter.create_counter(f"orders{number}"), meter.create_gauge(f"stock{number}")
    histogram = meter.create_histogram(f"price{number}")
    for key, text in series:
        counter.add(1, {key: text})
        gauge.set(2, {key: text})
        histogram.record(0.5, {key: text})

    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(1, {key: text}) for key, text in series]

    meter.create_observable_gauge(f"depth{number}", [observe])


def fail(key: str, text: str) -> None:
    """Add an instrument whose callback fails."""

    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        raise ValueError(sentence(key, text))

    metrics.get_meter("shop").create_observable_gauge(f"broken{next(_numbers)}", [observe])


def register_checks(by_carrier: dict[str, list[tuple[str, str]]]) -> None:
    """Add a check for each message, one for all details, one for all measurements."""
    for number, (key, text) in enumerate(by_carrier["health_message"]):

        def check(key: str = key, text: str = text) -> CheckResult:
            return CheckResult(csg_otel.HealthStatus.CRITICAL, sentence(key, text))

        csg_otel.health_check(f"message{number}", interval_s=3600)(check)
    details = {(f"{key}{number}" if key == "note" else key): text for number, (key, text) in
               enumerate(by_carrier["health_detail"])}  # fmt: skip
    csg_otel.health_check("details")(lambda: CheckResult(csg_otel.HealthStatus.HEALTHY, "", details))
    measured = tuple(Measurement("items", 1.0, attributes={key: text}) for key, text in by_carrier["measurement"])
    csg_otel.health_check("measured")(lambda: CheckResult(csg_otel.HealthStatus.HEALTHY, measurements=measured))


def wait() -> None:
    """Wait for the test."""
    sys.stdin.readline()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    plan = json.loads(Path(sys.argv[1]).read_text())
    by_carrier: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for carrier, key, text in plan:
        by_carrier[carrier].append((key, text))
    register_checks(by_carrier)
    telemetry = csg_otel.instrument(config="monitoring_config.yaml")
    service = csg_otel.AlertingService()
    service.start()
    print(json.dumps({"url": telemetry.url, "dashboard": telemetry.dashboard_url}), flush=True)
    single = [(CARRIERS[carrier], key, text) for carrier, key, text in plan if carrier in CARRIERS]
    for number, (emit, key, text) in enumerate(single):
        emit(key, text)
        if number % _BATCH == _BATCH - 1:
            telemetry.force_flush(30)
    series = [pair for name in ("counter", "histogram", "gauge", "observable") for pair in by_carrier[name]]
    for start in range(0, len(series), _SERIES):
        measure(series[start : start + _SERIES], start)
    for pair in by_carrier["callback"]:
        fail(*pair)
    telemetry.force_flush(30)
    print("emitted", flush=True)
    wait()
    try:
        telemetry.shutdown()
    finally:
        print("ended", flush=True)
