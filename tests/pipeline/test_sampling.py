"""The section `sampling`: each setting decides which spans a real collector receives."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

from csg_otel.config import load
from csg_otel.providers import Providers
from support.capture import capture
from support.otlp_sink import HttpSink

ROOTS = 400
ALL = {"root": ROOTS, "failed": 1, "slow": 1, "of a kept caller": 1}
CALLERS = {"of a kept caller": TraceFlags.SAMPLED, "of a dropped caller": TraceFlags.DEFAULT}


def received(
    sink: HttpSink, folder: Path, sampling: dict[str, Any], environ: dict[str, str] | None = None
) -> Counter[str]:
    """Emit short, failed, slow and called spans with these settings; return how many of each the receiver has."""
    otlp = {"endpoint": sink.endpoint, "protocol": "http/protobuf", "signals": ["traces"]}
    exporters = {"otlp": [otlp], "spool": {"directory": str(folder)}}
    providers = Providers(load({"sampling": sampling, "exporters": exporters}, environ=environ or {}).config)
    tracer = trace.get_tracer("test")
    for _ in range(ROOTS):
        tracer.start_span("root").end()
    failed = tracer.start_span("failed")
    failed.set_status(StatusCode.ERROR)
    failed.end()
    began = time.time_ns()
    tracer.start_span("slow", start_time=began).end(end_time=began + 2_000_000_000)
    for name, flags in CALLERS.items():
        caller = NonRecordingSpan(SpanContext(0xCA11, 0xE4, is_remote=True, trace_flags=TraceFlags(flags)))
        tracer.start_span(name, context=trace.set_span_in_context(caller)).end()
    assert providers.shutdown(20).dropped == {}
    return Counter(span.name for span in sink.received.spans)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        ({}, ALL),
        ({"ratio": 0}, {"failed": 1, "of a kept caller": 1}),
        ({"ratio": 0, "always_keep_errors": False}, {"of a kept caller": 1}),
        ({"ratio": 0, "slower_than": "1s"}, {"failed": 1, "slow": 1, "of a kept caller": 1}),
        ({"ratio": 0, "slower_than": "3s"}, {"failed": 1, "of a kept caller": 1}),
        ({"ratio": 0, "parent_based": False}, {"failed": 1}),
        ({"ratio": 1, "parent_based": False}, {**ALL, "of a dropped caller": 1}),
    ],
)
def test_each_setting_decides_which_spans_are_sent(
    sampling: dict[str, Any], expected: dict[str, int], sink: HttpSink, tmp_path: Path
) -> None:
    """The ratio, the caller's decision, failures and durations: every span arrives that one of them keeps, and no other."""
    assert received(sink, tmp_path, sampling) == expected


@pytest.mark.parametrize(
    ("sampler", "expected"), [("always_off", {}), ("parentbased_always_off", {"of a kept caller": 1})]
)
def test_nothing_is_sent_where_the_sampler_is_off(
    sampler: str, expected: dict[str, int], sink: HttpSink, tmp_path: Path
) -> None:
    """OTEL_TRACES_SAMPLER: no failed and no slow span either, whatever the file says; only a caller's decision can be kept."""
    environ = {"OTEL_TRACES_SAMPLER": sampler}

    assert received(sink, tmp_path, {"always_keep_errors": True, "slower_than": "1s"}, environ) == expected


def test_the_ratio_is_a_share_of_the_traces(sink: HttpSink, tmp_path: Path) -> None:
    """With 0.25, about a quarter of the traces arrives; the bounds are five standard deviations away."""
    assert 56 < received(sink, tmp_path, {"ratio": 0.25})["root"] < 144


def test_the_ratio_ends_with_the_telemetry(sink: HttpSink, tmp_path: Path) -> None:
    """Afterwards the processors that libraries have added get every span, also of a tracer of the same name as before."""
    received(sink, tmp_path, {"ratio": 0, "always_keep_errors": False})

    with capture() as captured:
        trace.get_tracer("test").start_span("root").end()
        assert [span.name for span in captured.spans] == ["root"]
