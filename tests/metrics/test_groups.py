"""The groups of metrics: a group that is off is exported nowhere, through every re-configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from csg_otel import names
from support.otlp_sink import HttpSink
from support.programs import Program

WORK = """
import csg_otel, functools, itertools, json, time
from opentelemetry import metrics

orders = csg_otel.counter("orders", attributes={"kind": ["big"]})
csg_otel.observable_gauge("depth", lambda: 7)
foreign = metrics.get_meter("library").create_counter("foreign")

@functools.lru_cache
def squared(x): return x * x

csg_otel.observe_cache("squares", squared)
shown = ("csg.operation.duration", "csg.operation.active", "csg.operation.work.finished", "csg.operation.work.time",
         "csg.files.processed", "csg.files.size",
         "csg.cache.requests", "orders", "depth", "foreign", "csg.health.bypass")

def work():
    orders.add(2, {"kind": "big"})
    foreign.add(1)
    csg_otel.file_processed("vtt", size_bytes=10)
    csg_otel.cache("pages").hit()
    squared(3)
    with csg_otel.observe("step"):
        pass

def seen(telemetry, expected):
    # Several collections, because a busy machine may make some leave out a callback that took too long.
    names, deadline = set(), time.monotonic() + 15
    for number in itertools.count(1):
        names |= {point["name"] for point in telemetry.metrics_snapshot()["metrics"]}
        if number >= 5 and (names >= set(expected) or time.monotonic() > deadline):
            return sorted(names & set(shown))

def start(**settings):
    return csg_otel.instrument("shop", exporters=["prometheus"], system_monitoring__prometheus__port=0, **settings)
"""

BUSINESS = sorted(names.BUSINESS)
CUSTOM = ["depth", "orders"]
OTHERS = ["csg.health.bypass", "foreign"]


def run(source: str, cwd: Path) -> list[list[Any]]:
    """Run *source* after ``WORK`` and return the list it printed."""
    with Program(WORK + source, cwd) as program:
        assert program.wait() == 0, program.stderr
        assert "Traceback" not in program.stderr, program.stderr
        assert program.process.stdout is not None
        found: list[list[Any]] = json.loads(program.process.stdout.read().splitlines()[-1])
        return found


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("system_monitoring__metrics__business_metrics", sorted([*CUSTOM, *OTHERS])),
        ("system_monitoring__metrics__custom_metrics", sorted([*BUSINESS, *OTHERS])),
        (
            "performance__response_time_tracking__enabled",
            sorted([*CUSTOM, *OTHERS, *(set(BUSINESS) - {"csg.operation.duration"})]),
        ),
        ("performance__enabled", sorted([*CUSTOM, *OTHERS, *(set(BUSINESS) - {"csg.operation.duration"})])),
    ],
)
def test_a_group_that_is_off_is_exported_nowhere(setting: str, shown: list[str], tmp_path: Path) -> None:
    """Its metrics are missing from the start, and go when it is switched off later; all others stay."""
    everything = sorted([*BUSINESS, *CUSTOM, *OTHERS])
    source = f"""
telemetry = start({setting}=False)
work()
first = seen(telemetry, {shown})
start()
work()
second = seen(telemetry, {everything})
start({setting}=False)
work()
print(json.dumps([first, second, seen(telemetry, {shown})]))
"""
    assert run(source, tmp_path) == [shown, everything, shown]


def test_what_happens_while_a_group_is_off_is_not_counted(tmp_path: Path) -> None:
    """A counter goes on from where it was when its group is switched on again."""
    source = """
telemetry = start()
orders.add(1, {"kind": "big"})
start(system_monitoring__metrics__custom_metrics=False)
orders.add(10, {"kind": "big"})
start()
orders.add(100, {"kind": "big"})
print(json.dumps([[p["value"]] for p in telemetry.metrics_snapshot()["metrics"] if p["name"] == "orders"]))
"""
    assert run(source, tmp_path) == [[101]]


def test_a_group_switched_on_later_starts_its_counters_at_0(tmp_path: Path) -> None:
    """Series known beforehand are there at once, so that an alert sees their first increase."""
    source = """
telemetry = start(system_monitoring__metrics__custom_metrics=False)
start()
print(json.dumps([[p["value"]] for p in telemetry.metrics_snapshot()["metrics"] if p["name"] == "orders"]))
"""
    assert run(source, tmp_path) == [[0]]


def test_a_group_that_is_off_is_not_pushed_either(sink: HttpSink, tmp_path: Path) -> None:
    """What an OTLP destination receives has neither group; spans of operations are sent as ever."""
    source = f"""
telemetry = csg_otel.instrument(
    "shop", exporters=["otlp+http://127.0.0.1:{sink.port}"], system_monitoring__metrics__business_metrics=False,
    system_monitoring__metrics__custom_metrics=False,
)
work()
assert telemetry.force_flush(40)
print("[]")
"""
    run(source, tmp_path)

    assert sink.received.points("foreign")
    assert not any(sink.received.points(name) for name in (*BUSINESS, *CUSTOM))
    assert "step" in [span.name for span in sink.received.spans]


def test_every_ready_made_instrument_is_a_business_metric() -> None:
    """Operations, pieces of work, files and caches; nothing of the host, the process, health or telemetry itself."""
    prefixes = ("csg.operation.", "csg.operation.work.", "csg.files.", "csg.cache.")

    assert {name for name in names.METRICS if name.startswith(prefixes)} == names.BUSINESS
