"""Whatever a program gets wrong: it hears of nothing, nothing else is lost, and no scrape fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import bad_inputs
from support.otlp_sink import HttpSink, attributes
from support.programs import HUNG_S, Program, get

CASES = tuple(bad_inputs.cases())


@dataclass
class Seen:
    """What the program, its console and the receiver saw."""

    report: dict[str, Any]
    spans: set[str]
    logs: set[str]
    counts: list[int]
    console: set[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Apply every case once, in one program."""
    cwd, sink = tmp_path_factory.mktemp("bad"), HttpSink()
    config = {
        "exporters": {
            "console": {"enabled": True, "style": "json"},
            "spool": {"directory": str(cwd / "spool")},
            "otlp": [{"endpoint": sink.endpoint, "protocol": "http/protobuf"}],
        },
        "system_monitoring": {"enabled": False, "prometheus": {"port": 0}},
        "health_monitoring": {"enabled": False},
    }
    command = [sys.executable, bad_inputs.__file__, json.dumps(config)]
    with Program(command, cwd, {"PYTHONPATH": str(Path(bad_inputs.__file__).parents[1])}) as program:
        report = json.loads(program.line_with(r"^\{.*", within_s=240).group())
        assert program.wait() == 0
        lines = [json.loads(line) for line in program.stderr.splitlines() if line.startswith("{")]
    yield Seen(
        report,
        {span.name for span in sink.received.spans},
        {record.body.string_value for record in sink.received.records},
        [point.as_int for point in sink.received.points("good")],
        {line["name"] for line in lines if line["signal"] == "span"},
    )
    sink.close()


def test_there_are_many_cases(seen: Seen) -> None:
    """At least as many as the fault table was made of, and all were applied."""
    assert seen.report["applied"] == len(CASES) >= 221


def test_nothing_reaches_the_program(seen: Seen) -> None:
    """No call raises, and the program's own exceptions stay its own."""
    assert seen.report["raised"] == {}


def test_nothing_else_is_lost(seen: Seen) -> None:
    """The good span and log record beside each case arrive everywhere, and the good counter counts on."""
    expected = {f"good {number}" for number in range(len(CASES))}

    assert expected - seen.spans == set()
    assert expected - seen.logs == set()
    assert expected - seen.console == set()
    assert seen.counts[-1] == len(CASES)
    assert seen.counts == sorted(seen.counts)


def test_only_the_item_itself_is_dropped(seen: Seen) -> None:
    """What can't be encoded costs nobody else, is counted, and is rare: nearly all that is bad arrives as text."""
    assert set(seen.report["dropped"]) <= {"encoding"}
    assert sum(seen.report["dropped"].values()) <= 3
    assert seen.report["flushed"]


def test_every_scrape_is_answered(seen: Seen) -> None:
    """With 200, in a form a parser takes, and with the good counter in it."""
    assert seen.report["scraped"] > 50
    assert seen.report["scrapes"] == {}


def test_a_resource_of_bad_values_is_sent_as_text(tmp_path: Path) -> None:
    """From the environment, where bytes that are no text become lone surrogates, and from code."""
    sink = HttpSink()
    source = f"""
        import csg_otel
        odd = {{"a": "\\udfff", "b": 2**70, "c": b"\\xff", "": 1}}
        service = {{"name": "\\ud800x", "version": "1\\udcff", "attributes": odd}}
        exporters = {{"otlp": [{{"endpoint": "{sink.endpoint}", "protocol": "http/protobuf"}}]}}
        with csg_otel.instrument(config={{"service": service, "exporters": exporters}}, on_error="warn") as telemetry:
            with csg_otel.observe("good"):
                pass
            csg_otel.event("good")
            print(telemetry.url, flush=True)
            input()
    """
    environment = {"OTEL_RESOURCE_ATTRIBUTES": "env=\udcff,team=x", "XDG_STATE_HOME": str(tmp_path)}
    with Program(source, tmp_path, environment) as program:
        status, text, _ = get(f"{program.line()}/metrics")
        program.process.communicate("\n", HUNG_S)
        assert program.wait() == 0, program.stderr
    (found,) = [attributes(rs.resource) for r in sink.received.traces for rs in r.resource_spans][:1]
    sink.close()

    assert status == 200
    assert "target_info" in text
    assert (found["team"], found["env"]) == ("x", "?")
    assert found["service.name"].endswith("x")
    assert [record.event_name for record in sink.received.records].count("good") == 1


def test_limits_keep_items_small(tmp_path: Path) -> None:
    """A value is cut where no variable says otherwise, and where one does, as it says."""
    sizes = {}
    for limit in ("", "100"):
        sink = HttpSink()
        source = f"""
            import logging, csg_otel
            with csg_otel.instrument(exporters=["otlp+{sink.endpoint}"], health_monitoring__enabled=False):
                with csg_otel.scope.tracer().start_as_current_span("big") as span:
                    span.set_attribute("big", "x" * 1_000_000)
                logging.getLogger("big").warning("x" * 1_000_000, extra={{"big": "x" * 1_000_000}})
        """
        environment = {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": limit, "XDG_STATE_HOME": str(tmp_path)}
        with Program(source, tmp_path, environment) as program:
            assert program.wait() == 0, program.stderr
        # The SDK's own warning about the long value, logged on the program's thread, is a record, too.
        (record,) = [found for found in sink.received.records if found.body.string_value.startswith("xxx")]
        (span,) = sink.received.spans
        sizes[limit] = len(attributes(span)["big"]), len(attributes(record)["big"]), len(record.body.string_value)
        sink.close()

    assert sizes == {"": (16_384, 16_384, 16_384), "100": (100, 100, 16_384)}


def test_too_many_series_are_told_once(tmp_path: Path) -> None:
    """2,000 are kept, the rest is added up, and one warning names the attribute with the most values."""
    source = """
        import csg_otel
        with csg_otel.instrument(exporters=["prometheus"]) as telemetry:
            counter = csg_otel.counter("logins")
            for number in range(3000):
                counter.add(1, {"user": number, "kind": number % 3})
            for _ in range(3):
                points = [p for p in telemetry.metrics_snapshot()["metrics"] if p["name"] == "logins"]
            print(len(points), sum(p["value"] for p in points), flush=True)
    """
    with Program(source, tmp_path) as program:
        assert program.line() == "2001 3000"
        assert program.wait() == 0
        warned = [line for line in program.stderr.splitlines() if "series" in line]

    assert len(warned) == 1
    assert "'user' has the most values" in warned[0]


@pytest.mark.real("promtool")
def test_real_prometheus_takes_the_text(tmp_path: Path) -> None:
    """Its own parser reads labels and help with control characters, quotes and what can't be encoded."""
    source = """
        import csg_otel
        from opentelemetry import metrics
        with csg_otel.instrument(exporters=["prometheus"], config={"system_monitoring": {"enabled": False}}) as telemetry:
            counter = metrics.get_meter("bad").create_counter("odd", description='a"b\\\\c\\nd\\x00\\ud800')
            for value in ("\\x00", "\\ud800", 'a"b', "a\\\\", "a\\nb", "\\r", "\\u2028", "}{", ""):
                counter.add(1, {"odd": value, "a b": value, "é": value, "__name__": value})
            print(telemetry.url, flush=True)
            input()
    """
    with Program(source, tmp_path) as program:
        _, text, _ = get(f"{program.line()}/metrics")
        program.process.communicate("\n", HUNG_S)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)

    assert "error while linting" not in done.stderr
    assert text.count("odd_total{") == 9
