"""Outages, kills and refusals: what was emitted is delivered once the collector is there, by this process or the next."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from support.otlp_sink import HttpSink
from support.programs import Program, eventually
from support.servers import free_port

SOURCE = """
    import json, sys, time
    import csg_otel

    port, count, rate = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    telemetry = csg_otel.instrument("shop", exporters=[f"otlp+http://127.0.0.1:{port}"], handle_signals=True,
                                    health_monitoring__enabled=False)
    from opentelemetry import trace
    tracer = trace.get_tracer("test")
    print("started", flush=True)
    for number in range(count):
        tracer.start_span(f"span {number}").end()
        print(number, flush=True)
        time.sleep(1 / rate)
    print("emitted", flush=True)
    sys.stdin.readline()
    report = telemetry.shutdown()
    print(json.dumps({"delivered": report.delivered, "spooled": report.spooled, "dropped": report.dropped}), flush=True)
"""


def start(folder: Path, port: int, count: int, rate: float) -> Program:
    """Run the emitting program in *folder*."""
    folder.mkdir(exist_ok=True)
    (folder / "shop.py").write_text("\n".join(line[4:] for line in SOURCE.splitlines()))

    return Program([sys.executable, "shop.py", str(port), str(count), str(rate)], folder)


def spans(sink: HttpSink) -> Counter[str]:
    """Return how often each span has arrived."""
    return Counter(span.name for span in sink.received.spans if span.name.startswith("span "))


def test_an_outage_loses_nothing(tmp_path: Path) -> None:
    """A collector that is not there at the start and comes later gets everything, soon and once."""
    port = free_port()
    with start(tmp_path, port, 300, 100) as program:
        program.line_with("emitted")
        sink = HttpSink(port)
        eventually(lambda: len(spans(sink)) == 300, within_s=15)
        assert program.process.stdin is not None
        program.process.stdin.write("\n")
        program.process.stdin.flush()
        report = json.loads(program.line_with(r"\{.*\}")[0])
        program.wait()
    sink.close()

    assert set(spans(sink).values()) == {1}
    assert (report["spooled"], report["dropped"]) == (0, {})


@pytest.mark.parametrize("fault", ["refused", "hangs"])
def test_what_a_dead_collector_did_not_take_is_delivered_by_the_next_start(tmp_path: Path, fault: str) -> None:
    """The first process ends in time and says what it left; the second one delivers it."""
    sink = HttpSink()
    sink.hang.set()
    port = sink.port if fault == "hangs" else free_port()
    with start(tmp_path, port, 50, 500) as program:
        program.line_with("emitted")
        assert program.process.stdin is not None
        program.process.stdin.write("\n")
        program.process.stdin.flush()
        began = time.monotonic()
        report = json.loads(program.line_with(r"\{.*\}")[0])
        assert program.wait() == 0
        assert time.monotonic() - began < 5
    assert report["dropped"] == {}
    assert report["spooled"] >= 50
    sink.close()

    back = HttpSink(port)
    with start(tmp_path, port, 1, 500) as program:
        program.line_with("emitted")
        eventually(lambda: len(spans(back)) == 50, within_s=15)
    back.close()
    assert set(spans(back)) == {f"span {number}" for number in range(50)}


@pytest.mark.parametrize("after_s", [0.3, 0.9, 1.7])
def test_a_killed_process_loses_a_tenth_of_a_second_at_most(tmp_path: Path, after_s: float) -> None:
    """SIGKILL in the middle, with nobody listening: the next start delivers all but the last spans."""
    port = free_port()
    with start(tmp_path, port, 100_000, 200) as program:
        program.line_with("started")
        time.sleep(after_s)
        os.kill(program.process.pid, signal.SIGKILL)
        program.process.wait(10)
        assert program.process.stdout is not None
        emitted = max(int(word) for word in program.process.stdout.read().split())

    sink = HttpSink(port)
    with start(tmp_path, port, 1, 500) as program:
        program.line_with("emitted")
        eventually(lambda: len(spans(sink)) >= emitted - 40, within_s=15)
        time.sleep(1)
    sink.close()
    found = spans(sink)
    lost = [number for number in range(emitted) if f"span {number}" not in found]
    assert lost == list(range(emitted - len(lost), emitted)), "only the last ones"
    assert set(found.values()) <= {1, 2}


def test_one_bad_batch_does_not_take_others_with_it(tmp_path: Path) -> None:
    """A collector that refuses for good is told apart from one that is away: dropped, counted by reason, and said."""
    sink = HttpSink()
    sink.status = 400
    with start(tmp_path, sink.port, 20, 500) as program:
        program.line_with("emitted")
        assert program.process.stdin is not None
        program.process.stdin.write("\n")
        program.process.stdin.flush()
        report = json.loads(program.line_with(r"\{.*\}")[0])
        program.wait()
    sink.close()

    assert report["dropped"].get("http_400", 0) >= 20
    assert report["spooled"] == 0
