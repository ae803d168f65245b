"""Variables that the SDK would read itself are passed to it: valid ones take effect, and others give the default."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, AlwaysOnExemplarFilter, TraceBasedExemplarFilter

from csg_otel.names import LONGEST_VALUE
from csg_otel.pipeline.limits import log_limits, span_limits
from csg_otel.pipeline.views import exemplar_filter


def test_limits_take_effect() -> None:
    """A limit of spans wins over the one of all items, which holds where no other is set."""
    environ = {
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "7",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": " 5 ",
        "OTEL_SPAN_LINK_COUNT_LIMIT": "0",
    }
    spans, logs = span_limits(environ), log_limits(environ)

    assert (spans.max_span_attributes, spans.max_event_attributes, spans.max_links, spans.max_events) == (5, 7, 0, 128)
    assert (logs.max_log_record_attributes, spans.max_span_attribute_length) == (7, LONGEST_VALUE)


@pytest.mark.parametrize("text", ["abc", "-1", "1e3", "1.5", "9" * 5000, "\u0665", ""])
def test_a_limit_that_is_no_number_gives_the_default(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK, which raises for most of these values, does not read the variable itself."""
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", text)

    assert span_limits({"OTEL_SPAN_EVENT_COUNT_LIMIT": text}).max_events == 128


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("always_on", AlwaysOnExemplarFilter),
        ("ALWAYS_OFF", AlwaysOffExemplarFilter),
        ("trace_based", TraceBasedExemplarFilter),
        ("bogus", TraceBasedExemplarFilter),
        ("", TraceBasedExemplarFilter),
    ],
)
def test_the_exemplar_filter_takes_effect(text: str, kind: type) -> None:
    """In any case; the specification's default for a value that it does not have."""
    assert type(exemplar_filter({"OTEL_METRICS_EXEMPLAR_FILTER": text})) is kind
