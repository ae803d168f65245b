"""Files of OTLP: what is exported and imported again is equal, and what a real collector writes is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.dashboard.model.words import LEVELS
from csg_otel.dashboard.otlp.errors import InvalidRequestError
from csg_otel.dashboard.otlp.lines import log_lines, point_lines, read, span_lines
from csg_otel.dashboard.otlp.receiver import Intake
from csg_otel.dashboard.store.convert import seconds
from csg_otel.dashboard.store.items import level
from csg_otel.points import HistogramPoint, NumberPoint, Point
from csg_otel.privacy import active
from support.otlp_store import MemoryStore

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
KEY = TEXT.filter(lambda key: active.scrubber().value(key, "000") == "000")
"""Names whose values are no secrets: what is imported is scrubbed, and Hypothesis takes words from the sources, too."""
TIME = st.integers(1, 2**63).map(seconds)
VALUE = st.recursive(
    TEXT | st.booleans() | st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e18, 1e18),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(KEY, children, max_size=2),
    max_leaves=4,
)
ATTRIBUTES = st.dictionaries(KEY, VALUE, max_size=3)
SERVICE = st.sampled_from(["shop", "pay"])
TRACE = st.integers(1, 2**128 - 1).map("{:032x}".format)
SPAN = st.integers(1, 2**64 - 1).map("{:016x}".format)


@st.composite
def span_rows(draw: st.DrawFn) -> Any:
    """Return a row of a span."""
    start, end = draw(TIME), draw(st.none() | TIME)
    return {
        "trace_id": draw(TRACE),
        "span_id": draw(SPAN),
        "parent_id": draw(st.none() | SPAN),
        "name": draw(TEXT),
        "kind": draw(st.sampled_from(["internal", "server", "client", "producer", "consumer"])),
        "service": draw(SERVICE),
        "scope": draw(TEXT),
        "start": start,
        "end": end,
        "duration_s": None if end is None else max(0.0, end - start),
        "status": draw(st.sampled_from(["unset", "ok", "error"])),
        "status_message": draw(TEXT),
        "attributes": draw(ATTRIBUTES),
        "events": draw(
            st.lists(st.fixed_dictionaries({"time": TIME, "name": TEXT, "attributes": ATTRIBUTES}), max_size=2)
        ),
        "links": draw(
            st.lists(st.fixed_dictionaries({"trace_id": TRACE, "span_id": SPAN, "attributes": ATTRIBUTES}), max_size=2)
        ),
    }


@st.composite
def log_rows(draw: st.DrawFn) -> Any:
    """Return a row of a log record."""
    severity = draw(st.integers(0, 24))
    exception = st.fixed_dictionaries({"type": TEXT.filter(bool), "message": TEXT, "stacktrace": TEXT})
    return {
        "id": 0,
        "time": draw(TIME),
        "level": LEVELS[level(severity)],
        "severity": severity,
        "logger": draw(TEXT),
        "body": draw(TEXT),
        "service": draw(SERVICE),
        "trace_id": draw(TRACE | st.just("")),
        "span_id": draw(SPAN | st.just("")),
        "attributes": draw(ATTRIBUTES),
        "exception": draw(st.none() | exception),
    }


def imported(lines: Any) -> MemoryStore:
    """Return a store with what *lines* contain."""
    store = MemoryStore()
    read("".join(lines).encode(), Intake(store))
    return store


def by_json(rows: list[Any]) -> list[str]:
    """Return *rows* in an order that does not depend on where they were."""
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@given(st.lists(span_rows(), min_size=1, max_size=5))
def test_exported_spans_are_equal_once_they_are_imported(rows: list[Any]) -> None:
    """With times, values of every type, events and links; running ones too."""
    assert by_json(imported(span_lines(rows, {})).spans) == by_json(rows)


@given(st.lists(log_rows(), min_size=1, max_size=5))
def test_exported_log_records_are_equal_once_they_are_imported(rows: list[Any]) -> None:
    """With the exception, and with a severity that is not known."""
    assert by_json(imported(log_lines(rows, {})).logs) == by_json(rows)


def test_exported_points_are_equal_once_they_are_imported() -> None:
    """Of every kind, whole numbers as whole numbers; with the resource of the program."""
    points: list[Point] = [
        NumberPoint("orders", "counter", "1", {"channel": "web"}, 3),
        NumberPoint("orders", "counter", "1", {"channel": "shop", "lines": (1, 2)}, 4),
        NumberPoint("open", "up_down_counter", "", {}, -2.5),
        NumberPoint("temperature", "gauge", "Cel", {"room": 1, "on": True}, 20.5),
        HistogramPoint("wait", "s", {}, 3, 7.5, (0.1, 5.0), (1, 1, 1)),
    ]
    resources = {"shop": {"service.name": "shop", "service.instance.id": "a", "host.name": "h"}}

    store = imported(point_lines(points, "shop", 1_700_000_000.25, resources))

    assert sorted(store.points, key=repr) == sorted(points, key=repr)
    assert store.times == [1_700_000_000.25]
    program = store.programs["shop"]
    assert (program.instance, program.attributes) == ("a", resources["shop"])


def test_a_line_is_one_request_of_a_bounded_size() -> None:
    """Lines have no line breaks in them, and each can be read alone."""
    row: Any = {
        **dict.fromkeys(("trace_id",), "ab" * 16),
        "span_id": "cd" * 8,
        "parent_id": None,
        "name": "a\nb",
        "kind": "server",
        "service": "shop",
        "scope": "s",
        "start": 1.0,
        "end": 2.0,
        "duration_s": 1.0,
        "status": "ok",
        "status_message": "",
        "attributes": {},
        "events": [],
        "links": [],
    }
    lines = list(span_lines([row] * 1200, {}))

    assert len(lines) == 3
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    assert len(imported(lines[2:]).spans) == 200


def test_a_broken_line_does_not_cost_the_others() -> None:
    """A file that is being written ends in a half line."""
    record = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"5","body":{"stringValue":"x"}}]}]}]}'
    store = MemoryStore()

    counts = read(f"{record}\n\n{record[:50]}".encode(), Intake(store))

    assert counts == {"spans": 0, "logs": 1, "metrics": 0, "left_out": ""}
    assert store.logs[0]["body"] == "x"


@pytest.mark.parametrize("text", [b"", b"{}", b"hello", b"\x28\xb5\x2f\xfd", b'{"resourceSpans": 3}'])
def test_a_file_of_something_else_is_refused(text: bytes) -> None:
    """With the reason, instead of an import of nothing."""
    with pytest.raises(InvalidRequestError):
        read(text, Intake(MemoryStore()))


@pytest.mark.real("otelcol")
def test_the_file_of_a_real_collector_is_read(tmp_path: Path) -> None:
    """What `collector-config/debug.yaml` writes of a program's spans, log records and metrics."""
    from support.collector import Collector
    from support.programs import Program, eventually

    file = tmp_path / "telemetry.jsonl"
    with Collector("debug.yaml", tmp_path / "collector", {"DEBUG_FILE": str(file), "VERBOSITY": "basic"}) as collector:
        program = f"""
            import logging, csg_otel
            telemetry = csg_otel.instrument("shop", exporters=["otlp+http://{collector.http}"])
            @csg_otel.observe
            def pay():
                logging.getLogger("shop").warning("slow %s", "card")
            pay()
            csg_otel.counter("orders").add(3)
            telemetry.shutdown()
        """
        with Program(program, tmp_path) as running:
            assert running.wait() == 0, running.stderr
        eventually(lambda: file.is_file() and all(word in file.read_text() for word in ("pay", "slow card", "orders")))
        collector.end()

    store = MemoryStore()
    counts = read(file.read_bytes(), Intake(store))

    assert counts["spans"] == len(store.spans) >= 1
    assert {row["service"] for row in store.spans} == {"shop"}
    assert any(row["name"].endswith("pay") for row in store.spans)
    (log,) = [row for row in store.logs if row["body"] == "slow card"]
    assert (log["level"], log["logger"]) == ("warn", "shop")
    assert log["trace_id"] in {row["trace_id"] for row in store.spans}
    assert [point.value for point in store.points if point.name == "orders" and isinstance(point, NumberPoint)][
        -1:
    ] == [3]
