"""What an observed call makes the interpreter do: counts of functions, not times. ``make bench`` compares the times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.programs import Program

pytestmark = pytest.mark.fast_path

_COUNTED = """
    import contextlib, json, sys
    import csg_otel

    def counted(work):
        counts = []
        for _ in range(9):  # the first ones look up what the later ones use, and others meet a collection of garbage
            names = []
            sys.setprofile(lambda frame, event, _: names.append(frame.f_code.co_name) if event == "call" else None)
            work()
            sys.setprofile(None)
            counts.append(names)
        print(json.dumps(min(counts, key=len)), flush=True)

    attributes = {"a": "x", "b": 1, "c": True}
    call = csg_otel.observe("work", attributes)(lambda: None)

    def block():
        with csg_otel.observe("work", {"a": "x", "b": 1, "c": True}):
            pass

    @csg_otel.observe("fails")
    def fails():
        raise ValueError("no")

    def failing():
        with contextlib.suppress(ValueError):
            fails()
"""


def _calls(source: str, tmp_path: Path, count: int) -> list[list[str]]:
    with Program(_COUNTED + source, tmp_path) as program:
        assert program.wait() == 0
        return [json.loads(program.line()) for _ in range(count)]


def test_a_recorded_call_is_few_calls_of_functions(tmp_path: Path) -> None:
    """A span with three attributes, its measurement and all counts; the SDK by hand calls some 330 functions."""
    source = """
    telemetry = csg_otel.instrument(exporters=["otlp+http://127.0.0.1:9"], health_monitoring__enabled=False)
    counted(call)
    counted(block)
    counted(failing)

    from opentelemetry import trace
    from opentelemetry.sdk.trace import SpanProcessor

    trace.get_tracer_provider().add_span_processor(SpanProcessor())
    counted(call)
    """
    call, block, failing, beside = _calls(source, tmp_path, 4)

    assert len(call) <= 24, call
    assert len(block) <= 34, block
    assert len(failing) <= 80, failing
    assert len(beside) <= len(call) + 18, beside  # a span processor of the program; the SDK's way takes 100 more
    assert not {"format_exception", "checkcache", "format"} & set(failing)  # the stack is written when it is exported


def test_a_gauge_is_set_by_few_functions(tmp_path: Path) -> None:
    """Also by a bound one, and of an exponential histogram as of another: the SDK calls 30 functions and more."""
    source = """
    exporter = {"endpoint": "http://127.0.0.1:9", "histograms": "base2_exponential_bucket_histogram"}
    telemetry = csg_otel.instrument(config={"exporters": {"otlp": [exporter]}, "health_monitoring": {"enabled": False}})
    gauge, sizes = csg_otel.gauge("level"), csg_otel.histogram("sizes", unit="By")
    bound = gauge.bind({"a": "x"})
    counted(lambda: gauge.set(1, {"a": "x"}))
    counted(lambda: bound.set(1))
    counted(lambda: sizes.record(1, {"a": "x"}))
    """
    set_gauge, set_bound, record = _calls(source, tmp_path, 3)

    assert len(set_gauge) <= 8, set_gauge
    assert len(set_bound) <= 7, set_bound
    assert len(record) <= 8, record


def test_a_log_line_is_few_calls_of_functions(tmp_path: Path) -> None:
    """A record that the program logs, with its way to a destination; Python's own part is a fifth of it."""
    source = """
    import logging
    csg_otel.instrument(exporters=["otlp+http://127.0.0.1:9"], health_monitoring__enabled=False)
    log = logging.getLogger("shop")
    log.setLevel(logging.INFO)
    log.addHandler(logging.NullHandler())
    log.propagate = False
    counted(lambda: log.info("order %s", 5))
    """
    (calls,) = _calls(source, tmp_path, 1)

    assert len(calls) <= 90, calls
    assert not {"_clean_attribute_value", "_set_items", "__post_init__"} & set(calls)  # the SDK's check of attributes


def test_before_instrument_a_call_is_a_look(tmp_path: Path) -> None:
    """Without a provider nothing but the wrapper, the definition and the look run."""
    (call,) = _calls("    counted(call)", tmp_path, 1)

    assert call == ["observed", "begin", "is_any_provider_set", "<lambda>"]
