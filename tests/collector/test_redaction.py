"""The redacting collector, behind a program that scrubs nothing."""

from __future__ import annotations

import json

import pytest

from collector.conftest import Emit, Run
from support.otlp_sink import HttpSink
from support.programs import eventually

CANARIES = {
    "password": "c4n4ry-under-a-key",
    "user.mail": "c4n4ry@example.com",
    "http.request.header.authorization": "Bearer c4n4ryc4n4ryc4n4ry",
    "note": "the key is AKIAC4N4RYC4N4RYC4N4",
    "url.full": "https://admin:c4n4ry@db.example.com/",
    "db.statement": "connect password=c4n4ry",
    "session.jwt": "eyJhbGciOi.eyJzdWIi.c4n4ry",
    "card": "4111 1111 1111 1111",
    "list": ["plain", "token=c4n4ry"],
}
BENIGN = {"order.id": "A-17", "count": 17, "gen_ai.usage.input_tokens": 4111, "peer": "10.0.0.7", "auth_method": "oidc"}
BODY = f"""
import time
from opentelemetry import metrics, trace
from opentelemetry._logs import LogRecord, get_logger
canaries, benign = {CANARIES!r}, {BENIGN!r}
tracer = trace.get_tracer("shop")
for text in (str(value) for key, value in canaries.items() if key != "password"):  # which has no shape, only a key
    span = tracer.start_span("span " + text, attributes={{**canaries, **benign}})
    span.add_event("event " + text, canaries)
    span.set_status(trace.Status(trace.StatusCode.ERROR, "failed: " + text))
    span.end()
metrics.get_meter("shop").create_counter("orders").add(1, {{**canaries, **benign}})
log = get_logger("shop")
log.emit(LogRecord(timestamp=time.time_ns(), body=dict(canaries, deep={{"secret": "c4n4ry"}}), attributes=canaries))
log.emit(LogRecord(timestamp=time.time_ns(), body="mail c4n4ry@example.com", attributes=benign))
"""


@pytest.mark.real("otelcol")
def test_no_canary_gets_through(run: Run, emit: Emit, sink: HttpSink) -> None:
    """Not in a name, an attribute, an event, a status, a body, a resource; what is harmless arrives as it was."""
    collector = run("redaction.yaml", BACKEND_ENDPOINT=sink.endpoint)
    resource = {"service": {"attributes": {"team.password": "c4n4ry-in-the-resource"}}}
    emit(BODY, {"endpoint": f"http://{collector.grpc}"}, scrubbing={"enabled": False}, **resource)
    received = sink.received
    eventually(
        lambda: received.points("orders") and len(received.records) == 2 and len(received.spans) == len(CANARIES) - 1
    )

    everything = [*received.traces, *received.metrics, *received.logs]
    lines = [line for request in everything for line in str(request).splitlines()]
    assert [line for line in lines if "c4n4ry" in line.lower() or "4111 1111" in line] == []
    kept = {kv.key: kv.value for kv in received.spans[0].attributes}
    assert {
        name: kept[name].int_value if isinstance(value, int) else kept[name].string_value
        for name, value in BENIGN.items()
    } == BENIGN
    assert {span.name[:5] for span in received.spans} == {"span "}
    assert {event.name[:6] for span in received.spans for event in span.events} == {"event "}
    assert json.dumps([kv.key for span in received.spans for kv in span.attributes]).count("redaction") == 0
