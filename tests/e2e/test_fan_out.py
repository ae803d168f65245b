"""All exporters at once: one that is dead or hangs is invisible to the others, to the program and to its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.otlp_sink import GrpcSink, HttpSink
from support.programs import Program, get, samples

CALLS = 400

SOURCE = """
    import json, sys, time
    import csg_otel

    exporters = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {exporters!r}
    telemetry = csg_otel.instrument(service_name="fan-out", exporters=exporters, exporters__console__style="json",
                                    exporters__shutdown_timeout={budget_s})

    @csg_otel.observe
    def call():
        pass

    took = []
    for _ in range({calls}):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    print(json.dumps({{"median_s": sorted(took)[len(took) // 2], "url": telemetry.url}}))
    if {hold}:
        sys.stdin.readline()
    began = time.perf_counter()
    report = telemetry.shutdown()
    status = {{"delivered": report.delivered, "dropped": report.dropped, "took_s": time.perf_counter() - began}}
    print(json.dumps(status))
"""


@pytest.fixture
def sinks() -> Iterator[tuple[HttpSink, GrpcSink]]:
    """One receiver for each wire."""
    made = HttpSink(), GrpcSink()
    yield made
    for sink in made:
        sink.close()


def run(
    exporters: list[str], cwd: Path, hold: bool = False, budget_s: float = 5.0
) -> tuple[dict[str, object], dict[str, object], str, float, str]:
    """Run the program; return what it printed first and last, its metrics while it ran, its life in seconds, stderr."""
    began = time.monotonic()
    source = SOURCE.format(exporters=exporters, calls=CALLS, hold=hold, budget_s=budget_s)
    with Program(source, cwd) as program:
        first = json.loads(program.line())
        text = get(f"{first['url']}/metrics")[1] if hold else ""
        if hold:
            program.go_on()
        last = json.loads(program.line())
        ended = time.monotonic()
        assert program.wait() == 0, program.stderr
        assert (
            time.monotonic() - ended < 5
        )  # a destination that hangs takes 10 s; the interpreter alone 3 on a busy machine
        return first, last, text, time.monotonic() - began, program.stderr


def calls_in(sink: HttpSink | GrpcSink) -> int:
    return sum(span.name == "call" for span in sink.received.spans)


def test_every_destination_gets_everything(sinks: tuple[HttpSink, GrpcSink], tmp_path: Path) -> None:
    """Console, Prometheus, OTLP over HTTP and over gRPC at the same time: each has all the calls."""
    http, grpc = sinks
    exporters = ["console", "prometheus", f"otlp+http://127.0.0.1:{http.port}", f"otlp://127.0.0.1:{grpc.port}"]

    _, last, text, _, console = run(exporters, tmp_path, hold=True, budget_s=30.0)

    assert calls_in(http) == calls_in(grpc) == CALLS
    assert samples(text, "csg_operation_duration_seconds_count") == {'csg_operation_name="call"': CALLS}
    printed = [json.loads(line) for line in console.splitlines() if line.startswith("{")]
    assert sum(line["signal"] == "span" and line["name"] == "call" for line in printed) == CALLS
    assert last["dropped"] == {}


@pytest.mark.parametrize("fault", ["refused", "hangs"])
def test_a_dead_destination_is_invisible_to_the_others(
    sinks: tuple[HttpSink, GrpcSink], tmp_path: Path, fault: str
) -> None:
    """With one destination dead the others deliver everything, a call costs the same, and the end comes within 5 s."""
    http, grpc = sinks
    dead = HttpSink()
    if fault == "hangs":
        dead.hang.set()
    else:
        dead.close()
    good = ["prometheus", f"otlp+http://127.0.0.1:{http.port}", f"otlp://127.0.0.1:{grpc.port}"]

    alone, ended, _, _, _ = run(good, tmp_path)
    before = calls_in(http)
    beside, last, _, _, log = run([*good, f"otlp+http://127.0.0.1:{dead.port}"], tmp_path)

    assert before == CALLS
    assert calls_in(http) == calls_in(grpc) == 2 * CALLS
    assert float(str(beside["median_s"])) < 3 * float(str(alone["median_s"]))
    assert float(str(last["took_s"])) < 3 + float(str(ended["took_s"]))  # what the end takes on a busy machine
    assert last["dropped"] == {}
    assert log.count("cannot deliver") == (fault == "refused")
    assert log.count("kept on disk for the next start") == 1
    if fault == "hangs":
        dead.close()
