"""Other vendors' telemetry of ``logging`` beside csg_otel: every record reaches both, exactly once."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support import log_journey, neighbours
from support.otlp_sink import GrpcSink, HttpSink

pytestmark = pytest.mark.real("neighbours")

SENTRY = """
import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration
events = []
def keep(event, hint):
    events.append(event["logentry"]["message"])
def vendor_enter():
    if sentry_sdk.get_client().is_active():
        LoggingIntegration.setup_once()
    else:
        sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", before_send=keep, shutdown_timeout=0)
vendor_times, vendor_seen, vendor_forget = 2, lambda: events, lambda: events.clear()
def vendor_run(function): function()
"""

NEW_RELIC = """
import newrelic.agent
with open("newrelic.ini", "w") as settings:
    settings.write('''[newrelic]
license_key = 0000000000000000000000000000000000000000
developer_mode = true
application_logging.forwarding.enabled = true
log_level = critical
''')
offset = [0]
def vendor_enter():
    if "newrelic.hooks.logger_logging" not in sys.modules:
        newrelic.agent.initialize("newrelic.ini")
    else:
        sys.modules["newrelic.hooks.logger_logging"].instrument_logging(logging)
def vendor_seen():
    return [event.message for event in newrelic.agent.current_transaction()._log_events][offset[0]:]
def vendor_forget():
    offset[0] = len(vendor_seen())
vendor_times = 2
def vendor_run(function):
    newrelic.agent.initialize("newrelic.ini")
    logging.Logger.callHandlers = logging.Logger.__dict__["callHandlers"].__wrapped__
    newrelic.agent.register_application(timeout=20)
    with newrelic.agent.BackgroundTask(newrelic.agent.application(), name="journey"):
        function()
"""


@pytest.mark.parametrize("handlers", [True, False], ids=["handlers", "last-resort"])
@pytest.mark.parametrize("vendor_first", [True, False], ids=["vendor-first", "csg-otel-first"])
@pytest.mark.parametrize("vendor", [SENTRY, NEW_RELIC], ids=["sentry", "newrelic"])
def test_every_record_reaches_both_once(vendor: str, vendor_first: bool, handlers: bool, tmp_path: Path) -> None:
    """Through other settings, shutdown and a new start, fork, a second wrapper, and unwinding in any order."""
    log_journey.run(
        neighbours.python(),
        vendor,
        tmp_path,
        vendor_first=vendor_first,
        handlers=handlers,
        variables=neighbours.VARIABLES,
    )


def _run(source: str, cwd: Path, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **neighbours.VARIABLES, "PROMETHEUS_PORT": "0", **variables}
    done = subprocess.run([*command, "-c", source], cwd=cwd, env=env, capture_output=True, text=True, timeout=55)
    assert done.returncode == 0, done.stderr
    return done


def _bodies(sink: HttpSink) -> Counter[str]:
    return Counter(record.body.string_value for record in sink.received.records)


INSTRUMENTOR = """
import csg_otel, logging
from opentelemetry.instrumentation.logging import LoggingInstrumentor
def start():
    return csg_otel.instrument(exporters=["otlp+{endpoint}"], health_monitoring__enabled=False)
def theirs():
    LoggingInstrumentor().instrument(inject_trace_context=True)
{order}
log = logging.getLogger("shop")
with csg_otel.observe("pay") as operation:
    log.warning("in a span")
logging.basicConfig(format="handler %(message)s", force=True)
log.warning("after basicConfig")
quiet = logging.getLogger("quiet")
quiet.propagate = False
quiet.warning("not propagated")
LoggingInstrumentor().uninstrument()
log.warning("without theirs")
theirs()
LoggingInstrumentor().instrument()
LoggingInstrumentor().instrument()
log.warning("with theirs again")
telemetry.shutdown()
telemetry = start()
log.warning("begun again")
telemetry.shutdown()
"""


@pytest.mark.parametrize("order", ["telemetry = start(); theirs()", "theirs(); telemetry = start()"])
def test_the_logging_instrumentation_beside_us_doubles_nothing(order: str, tmp_path: Path) -> None:
    """Each record is exported once, with the ids of its span; the SDK's complaint about a second call is shown once."""
    sink = HttpSink()
    done = _run(INSTRUMENTOR.format(endpoint=sink.endpoint, order=order), tmp_path, [neighbours.python()])
    sink.close()
    (span,) = sink.received.spans
    (inside,) = [record for record in sink.received.records if record.body.string_value == "in a span"]
    complaints = "Attempting to instrument while already instrumented"
    bodies = _bodies(sink)
    bodies.pop(complaints, None)

    assert bodies == dict.fromkeys(
        ("in a span", "after basicConfig", "not propagated", "without theirs", "with theirs again", "begun again"), 1
    )
    assert (inside.trace_id, inside.span_id) == (span.trace_id, span.span_id)
    assert done.stderr.count(complaints) == 1


def test_opentelemetry_instrument_has_its_own_records_and_we_ours(tmp_path: Path) -> None:
    """Two collectors, of the host's provider and of csg_otel: each gets every record once."""
    theirs, ours = HttpSink(), HttpSink()
    source = f"""
import csg_otel, logging
log = logging.getLogger("shop")
settings = dict(exporters=["otlp+{ours.endpoint}"], health_monitoring__enabled=False)
telemetry = csg_otel.instrument(**settings)
log.warning("first")
with csg_otel.observe("pay"):
    log.warning("second")
telemetry = csg_otel.instrument(**settings, logging__level="warning")
log.warning("third")
telemetry.shutdown()
log.warning("ended")
"""
    command = [neighbours.command("opentelemetry-instrument"), neighbours.python()]
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": theirs.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    _run(source, tmp_path, command, **variables)
    for sink in (theirs, ours):
        sink.close()

    assert _bodies(ours) == dict.fromkeys(("first", "second", "third"), 1)
    assert [_bodies(theirs)[body] for body in ("first", "second", "third", "ended")] == [1, 1, 1, 1]


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_collector_of_both_gets_everything_once(protocol: str, tmp_path: Path) -> None:
    """The same variables name it for `opentelemetry-instrument` and for csg_otel; with another header it is another one."""
    sink: Any = GrpcSink() if protocol == "grpc" else HttpSink()
    source = """
import csg_otel, logging
settings = dict(health_monitoring__enabled=False)
for level in ("info", "warning"):
    telemetry = csg_otel.instrument(**settings, logging__level=level)
    with csg_otel.observe("pay"):
        logging.getLogger("shop").warning("paid")
    csg_otel.counter("placed").add(1)
telemetry.shutdown()
other = [{"endpoint": "ENDPOINT", "protocol": "PROTOCOL", "headers": {"x-tenant": "b"}}]
telemetry = csg_otel.instrument(config={"exporters": {"otlp": other}}, **settings)
with csg_otel.observe("of another tenant"):
    pass
telemetry.shutdown()
""".replace("ENDPOINT", sink.endpoint).replace("PROTOCOL", protocol)
    command = [neighbours.command("opentelemetry-instrument"), neighbours.python()]
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    done = _run(source, tmp_path, command, **variables)
    sink.close()

    assert Counter(span.name for span in sink.received.spans) == {"pay": 2, "of another tenant": 2}
    assert _bodies(sink)["paid"] == 2
    assert done.stderr.count("nothing is sent there twice") <= 2


@pytest.mark.parametrize("order", ["ours(); theirs()", "theirs(); ours()"])
def test_datadogs_ids_reach_the_program_s_handlers(order: str, tmp_path: Path) -> None:
    """ddtrace puts its ids on records where they are made; the handlers get them, and each record is exported once."""
    sink = HttpSink()
    source = f"""
import csg_otel, ddtrace, logging, sys
def ours():
    global telemetry
    telemetry = csg_otel.instrument(exporters=["otlp+{sink.endpoint}"], health_monitoring__enabled=False)
def theirs():
    ddtrace.patch(logging=True)
{order}
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("%(message)s %(dd.trace_id)s"))
logging.getLogger().addHandler(handler)
with ddtrace.tracer.trace("pay") as span:
    logging.getLogger("shop").warning("hello")
    print(format(span.trace_id, "032x"))
telemetry.shutdown()
logging.getLogger("shop").warning("ended")
"""
    variables = {"DD_LOGS_INJECTION": "true", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"}
    done = _run(source, tmp_path, [neighbours.python()], DD_TRACE_AGENT_URL="http://127.0.0.1:9", **variables)
    sink.close()
    line, trace_id, last = done.stdout.splitlines()[:3]  # later, ddtrace complains that its agent is missing

    assert line == f"hello {trace_id}"
    assert last.split() == ["ended", "0"]
    assert (_bodies(sink)["hello"], _bodies(sink)["ended"]) == (1, 0)
