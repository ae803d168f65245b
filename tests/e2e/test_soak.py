"""Under load for a while: everything arrives, memory stays, and the receiver may go away and come back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from support.otlp_sink import HttpSink
from support.programs import Program

SOURCE = """
    import json, os, sys, threading, time
    import csg_otel

    telemetry = csg_otel.instrument(
        exporters=["prometheus", "otlp+http://127.0.0.1:{port}"],
        system_monitoring__collection_interval=1,
        exporters__queue__max_items=200000,
    )
    ends = time.monotonic() + {seconds}
    counts = [0] * 4

    @csg_otel.observe("call")
    def call(): pass

    def work(number):
        while time.monotonic() < ends:
            for _ in range(20):
                call()
                counts[number] += 1
            time.sleep(0.02)

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads: thread.start()
    time.sleep({seconds} / 3)
    before = resident()
    for thread in threads: thread.join()
    after = resident()
    report = telemetry.shutdown()
    print(json.dumps([sum(counts), after - before, report.dropped, report.took_s]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_half_a_minute_of_load(tmp_path: Path) -> None:
    """About four thousand calls a second from four threads: all delivered, and the memory of the first third is enough."""
    sink = HttpSink()
    seconds = float(os.environ.get("SOAK_SECONDS", "30"))
    with Program(SOURCE.format(port=sink.port, seconds=seconds), tmp_path) as program:
        emitted, growth, dropped, took_s = json.loads(program.line())
        assert program.wait() == 0, program.stderr
    sink.close()

    assert sum(span.name == "call" for span in sink.received.spans) == emitted > 10_000
    assert sink.received.points("csg.operation.duration")[-1].count == emitted
    assert dropped == {}
    assert growth < 20e6
    assert took_s < 5.2


MANY = """
    import json, os, threading
    import csg_otel

    telemetry = csg_otel.instrument(exporters=["prometheus"], sampling__ratio=0.0001)
    requests = csg_otel.counter("requests", attributes=("route",))
    attributes = {{"route": "/orders"}}

    @csg_otel.observe("call")
    def call():
        requests.add(1, attributes)

    def total(name):
        rows = [row for row in telemetry.metrics_snapshot()["metrics"] if row["name"] == name]
        return sum(row["value"]["count"] if isinstance(row["value"], dict) else row["value"] for row in rows)

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def collect():
        while not ended.wait(0.05):
            total("requests")

    ended = threading.Event()
    collector = threading.Thread(target=collect)
    collector.start()
    for _ in range({calls} // 10):
        call()
    before = resident()
    for _ in range({calls} - {calls} // 10):
        call()
    growth = resident() - before
    ended.set()
    collector.join()
    print(json.dumps([total("requests"), total("csg.operation.duration"), growth]))
    telemetry.shutdown()
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_ten_million_calls(tmp_path: Path) -> None:
    """Every call and measurement counts, under continuous collection, and the memory of the first tenth is enough."""
    calls = int(os.environ.get("SOAK_CALLS", "10000000"))
    with Program(MANY.format(calls=calls), tmp_path) as program:
        requests, durations, growth = json.loads(program.line_with(r"\[.*\]", within_s=900)[0])
        assert program.wait() == 0, program.stderr

    assert (requests, durations) == (calls, calls)
    assert growth < 2e6
