"""Every carrier of spans, log records and metrics is scrubbed, and what has no secret leaves as the same object."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags, TraceState

from csg_otel.config import load
from csg_otel.config.sections.exporters import OtlpExporter
from csg_otel.dashboard.store.convert import log_row, span_row
from csg_otel.exporters.delivery.http_errors import status_message
from csg_otel.exporters.delivery.sender import NotPlain, SendError
from csg_otel.exporters.otlp.sender import OtlpSender
from csg_otel.logs.formats import formatter
from csg_otel.pipeline import scrub
from csg_otel.pipeline.readers import LocalReader
from csg_otel.pipeline.scrubbers import make_scrubber
from csg_otel.privacy import active

TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "F6g7H8"
_CONTEXT = SpanContext(1, 2, False, TraceFlags(1), TraceState([("vendor", TOKEN)]))


def span(text: str) -> ReadableSpan:
    """Return a span with *text* in every carrier."""
    values = {"note": text, "list": (text, "b")}
    return ReadableSpan(
        name=f"GET {text}",
        context=_CONTEXT if text == TOKEN else SpanContext(1, 2, False),
        resource=Resource({"service.name": "shop", "note": text}),
        attributes=values,
        events=[Event(f"event {text}", values, 5)],
        links=[Link(SpanContext(3, 4, False), values)],
        status=Status(StatusCode.ERROR, f"failed: {text}"),
        start_time=5,
        end_time=6,
        instrumentation_scope=InstrumentationScope("lib", "1", "", {"note": text}),
    )


def use(**settings: Any) -> None:
    """Install the scrubber of *settings*."""
    active.install(make_scrubber(load({"scrubbing": settings}, environ={}).config))


@pytest.fixture(autouse=True)
def _restored() -> Any:
    before = active.scrubber()
    use()
    yield
    active.install(before)


def test_no_carrier_of_a_span_has_the_token_in_bytes_or_rows() -> None:
    """The request of OTLP and the row of the dashboard have none of it; ids and times stay."""
    sender = OtlpSender(OtlpExporter(name="a"), "traces")
    assert TOKEN.encode() not in sender.encode([span(TOKEN)])
    assert TOKEN not in repr(span_row(span(TOKEN), "shop"))
    clean = scrub.span(span(TOKEN))
    assert (clean.context.trace_id, clean.start_time, clean.end_time) == (1, 5, 6)
    assert clean.resource.attributes["service.name"] == "shop"


def test_a_clean_span_is_not_copied() -> None:
    """Nothing is built where nothing is redacted."""
    clean = span("hello")
    assert scrub.span(clean) is clean


def test_the_test_would_see_a_leak() -> None:
    """With scrubbing off the same token is in both outputs."""
    use(enabled=False)
    sender = OtlpSender(OtlpExporter(name="a"), "traces")
    assert TOKEN.encode() in sender.encode([span(TOKEN)])
    assert TOKEN in repr(span_row(span(TOKEN), "shop"))


def test_series_that_become_equal_are_one() -> None:
    """Two users' addresses become one series with the sum of both, in every collection."""
    reader = LocalReader()
    counter = MeterProvider([reader]).get_meter("m").create_counter("c", "1", f"about {TOKEN}")
    counter.add(1, {"user": "ann@example.org"})
    counter.add(2, {"user": "bob@example.org"})
    for _ in range(2):
        data = reader.read()
        assert data is not None
        (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
        points: Any = metric.data.data_points
        (point,) = points
        assert (point.value, "@" in repr(point.attributes), TOKEN in (metric.description or "")) == (3, False, False)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_of_the_log_file_has_no_secret(form: str) -> None:
    """Message, extra and traceback of a line are scrubbed in both formats."""
    try:
        raise ValueError(TOKEN)
    except ValueError as error:
        record = logging.LogRecord("shop", 20, "", 1, f"key {TOKEN}", (), (type(error), error, error.__traceback__))
    record.note = TOKEN
    line = formatter(form, ids=True).format(record)
    assert TOKEN not in line
    assert "key [redacted:" in line


def test_names_of_loggers_levels_and_scopes_have_no_secret() -> None:
    """They are scrubbed in a line of JSON, in the dashboard's rows and in a request of OTLP."""
    password = "kR7mQx2pLw"
    name = f"worker[password={password}]"
    line = logging.LogRecord(name, 20, "", 1, "hello", (), None)
    line.levelname = f"token={password}"
    scope = InstrumentationScope(name, f"1 password={password}")
    log = ReadableLogRecord(LogRecord(body="hello"), Resource({}), scope)
    traced = ReadableSpan("a", SpanContext(1, 2, False), start_time=5, end_time=6, instrumentation_scope=scope)
    written = json.loads(formatter("json", ids=True).format(line))
    rows = log_row(log, "shop"), span_row(traced, "shop")
    sent = OtlpSender(OtlpExporter(name="a"), "logs").encode([log]), scrub.span(traced).to_json()
    assert password not in repr((written, rows, sent))
    assert [written["logger"], rows[0]["logger"], rows[1]["scope"]] == ["worker[password=[redacted:key-value]]"] * 3


@pytest.mark.parametrize("position", [160, 190, 470, 490])
def test_a_refusal_of_a_server_is_scrubbed_before_it_is_cut(position: int) -> None:
    """Nothing of a token that lies across the cut of an answer or of an error's message stays."""
    answer = "x " * (position // 2) + TOKEN + " y" * 500
    for message in (status_message(400, answer.encode()), str(SendError("refused", answer, retry=False))):
        assert "x x" in message
        assert "ghp_" not in message
        assert len(message) <= 520


def test_each_setting_has_its_effect() -> None:
    """Keys, patterns, exceptions, personal data and the callback of the configuration reach the scrubber."""
    use(extra_keys=["recipe"])
    assert active.scrubber().value("recipe", "apple pie") != "apple pie"
    use(extra_patterns=["apple p.e"])
    assert "apple" not in active.scrubber().text("an apple pie")
    use(allow_keys=["password"])
    assert active.scrubber().value("password", "kR7mQx2pLw") == "kR7mQx2pLw"
    use(personal_data=False)
    assert active.scrubber().text("ann@example.org") == "ann@example.org"
    use(disabled_rules=["email", "known-secret"])
    assert active.scrubber().text("ann@example.org, tel. +49 30 901820") == "ann@example.org, tel. [redacted:phone]"
    use(on_match="builtins:hash")
    assert active.scrubber().calls_program
    sender = OtlpSender(OtlpExporter(name="a"), "traces")
    with pytest.raises(NotPlain):
        sender.encode_plain([span("hello")])
