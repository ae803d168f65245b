"""Programs that live shorter than an interval: their last export is whole, and they deliver what earlier ones left on disk."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.otlp_sink import HttpSink, attributes
from support.programs import HUNG_S, Program, eventually


def run(source: str, folder: Path) -> None:
    """Run the program *source* to its end."""
    with Program(source, folder, {"XDG_STATE_HOME": str(folder)}) as program:
        assert program.wait() == 0, program.stderr


def last(points: list[Any], wanted: dict[str, str]) -> int:
    """Return the value of the newest of *points* with the attributes *wanted*."""
    return int([point for point in points if wanted.items() <= attributes(point).items()][-1].as_int)


def test_the_last_export_has_the_health_and_the_items(sink: HttpSink, tmp_path: Path) -> None:
    """The states of the checks, the change of the failing one, and the items that were delivered before."""
    source = f"""
    import csg_otel, time
    @csg_otel.health_check("db", interval_s=1, timeout_s=1)
    def db():
        raise csg_otel.Critical("down")
    telemetry = csg_otel.instrument("job", exporters=["otlp+{sink.endpoint}"], system_monitoring__prometheus__enabled=False)
    for _ in range(30):
        with csg_otel.observe("work"):
            pass
    checks = lambda: {{view.name: view.status for view in telemetry.health.snapshot().checks}}
    while checks()["db"] is not csg_otel.HealthStatus.CRITICAL:
        time.sleep(0.01)
    """
    run(source, tmp_path)

    points, check = sink.received.points, {"csg.health.check.name": "db"}
    assert last(points("csg.health.check.status"), {**check, "csg.health.state": "critical"}) == 1
    assert last(points("csg.health.check.transitions"), check) == 1
    delivered = last(points("csg.exporter.items"), {"signal": "traces", "csg.result": "delivered"})
    assert delivered == len(sink.received.spans) >= 30
    assert any("db: " in record.body.string_value for record in sink.received.records)


STATE = "csg.health.check.status"


@pytest.mark.parametrize("end", ["", "telemetry.force_flush(10); os._exit(0)"])
@pytest.mark.parametrize("first", ["component", "instrument"])
def test_the_last_export_has_what_a_component_reported_last(
    first: str, end: str, sink: HttpSink, tmp_path: Path
) -> None:
    """Also where several failures in a row are asked of checks: a component is not measured, it says what it knows."""
    component = 'worker = csg_otel.component("worker")'
    source = f"""
    import csg_otel, os
    {component if first == "component" else ""}
    telemetry = csg_otel.instrument("job", exporters=["otlp+{sink.endpoint}"], health_monitoring__failure_threshold=3,
        system_monitoring__prometheus__enabled=False)
    {component if first == "instrument" else ""}
    telemetry.health.run("worker")
    worker.critical("the queue is gone")
    {end}
    """
    run(source, tmp_path)

    wanted = {"csg.health.check.name": "worker", "csg.health.state": "critical"}
    assert last(sink.received.points(STATE), wanted) == 1


@pytest.mark.parametrize(("check", "state"), [("time.sleep(0.2)", "healthy"), ("time.sleep(60)", "unknown")])
def test_the_end_waits_for_a_first_result_but_not_long(check: str, state: str, sink: HttpSink, tmp_path: Path) -> None:
    """The state of a check that hangs is not known, and it doesn't keep the program from its end."""
    source = f"""
    import csg_otel, time
    @csg_otel.health_check("db", timeout_s=90)
    def db():
        {check}
    telemetry = csg_otel.instrument("job", exporters=["otlp+{sink.endpoint}"], system_monitoring__prometheus__enabled=False)
    began = time.monotonic()
    telemetry.shutdown()
    print("ended", time.monotonic() - began)
    """
    with Program(source, tmp_path, {"XDG_STATE_HOME": str(tmp_path)}) as program:
        assert float(program.line_with("ended (.*)")[1]) < 30
        assert program.wait() == 0, program.stderr

    assert last(sink.received.points(STATE), {"csg.health.check.name": "db", "csg.health.state": state}) == 1


def test_the_end_does_not_wait_for_a_check_that_has_a_result(sink: HttpSink, tmp_path: Path) -> None:
    """Its last state is known, however long the next run takes."""
    source = f"""
    import csg_otel, threading, time
    runs = []
    second = threading.Event()
    @csg_otel.health_check("db", interval_s=0.1, timeout_s=90)
    def db():
        runs.append(1)
        if len(runs) > 1:
            second.set()
            time.sleep(60)
    telemetry = csg_otel.instrument("job", exporters=["otlp+{sink.endpoint}"], system_monitoring__prometheus__enabled=False)
    second.wait(30)
    began = time.monotonic()
    telemetry.health.settle(50)
    print("settled", time.monotonic() - began)
    """
    with Program(source, tmp_path, {"XDG_STATE_HOME": str(tmp_path)}) as program:
        assert float(program.line_with("settled (.*)")[1]) < 20
        assert program.wait() == 0, program.stderr

    assert last(sink.received.points(STATE), {"csg.health.check.name": "db", "csg.health.state": "healthy"}) == 1


RUN = """
import csg_otel, sys, time
if sys.argv[3] == "busy":
    sys.setswitchinterval(0.5)  # no thread of telemetry gets a turn before the end
csg_otel.instrument("job", exporters=[f"otlp+{sys.argv[1]}"], health_monitoring__enabled=False,
    system_monitoring__prometheus__enabled=False, exporters__shutdown_timeout=30)
for _ in range(int(sys.argv[2])):
    with csg_otel.observe("op"):
        pass
"""


def job(sink: HttpSink, folder: Path, spans: int, pace: str = "busy") -> None:
    """Run a program that ends at once after it has emitted *spans*."""
    command = [sys.executable, "-c", RUN, sink.endpoint, str(spans), pace]
    with Program(command, folder, {"XDG_STATE_HOME": str(folder)}) as program:
        assert program.wait() == 0, program.stderr


def spooled(folder: Path) -> list[Path]:
    """Return the files with requests below *folder*."""
    return [path for path in folder.rglob("*-0*") if path.is_file()]


def ids(sink: HttpSink) -> set[bytes]:
    return {span.span_id for span in sink.received.spans if span.name == "op"}


@pytest.mark.parametrize(("pace", "spans"), [("busy", 1), ("busy", 0), ("normal", 0)])
def test_a_successor_delivers_what_was_left_however_short_it_lives(
    pace: str, spans: int, sink: HttpSink, tmp_path: Path
) -> None:
    """Also one that emits nothing itself."""
    sink.status = 503
    job(sink, tmp_path, 300)
    assert spooled(tmp_path)
    sink.status = 200
    job(sink, tmp_path, spans, pace)

    assert len(ids(sink)) == 300 + spans
    assert spooled(tmp_path) == []


def test_a_cron_job_beside_a_collector_that_was_down(sink: HttpSink, tmp_path: Path) -> None:
    """Several runs leave their spans; the first run after the outage delivers all of them, once."""
    sink.status = 503
    for _ in range(3):
        job(sink, tmp_path, 10, "normal")
    sink.status = 200
    job(sink, tmp_path, 10, "normal")

    assert len(sink.received.spans) == len(ids(sink)) == 40
    assert spooled(tmp_path) == []


class SlowSink(HttpSink):
    """A receiver that takes a while for each request."""

    def judge(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        time.sleep(0.05)
        return super().judge(path, headers, body)


def test_several_successors_deliver_what_was_left_once_although_one_is_killed(tmp_path: Path) -> None:
    """Workers that start together share one spool: each frame has one owner, and the spool of a dead owner gets another one."""
    sink, left, env = SlowSink(), 1000, {"XDG_STATE_HOME": str(tmp_path)}
    sink.status = 503
    source = RUN.replace("exporters__shutdown_timeout", "exporters__queue__batch_size=50, exporters__shutdown_timeout")
    command = [sys.executable, "-c", source, sink.endpoint]
    for number in range(2):
        with Program([*command, str(left // 2), "normal"], tmp_path, env) as program:
            assert program.wait() == 0, program.stderr
        assert len(spooled(tmp_path)) > number
    sink.status = 200
    programs = [Program([*command, "1", "normal"], tmp_path, env) for _ in range(4)]
    assert eventually(lambda: len(ids(sink)) > 100, HUNG_S)
    killed = next((program for program in programs if program.process.poll() is None), programs[0])
    killed.process.kill()
    assert [program.wait() for program in programs if program is not killed] == [0, 0, 0]
    for program in programs:
        program.__exit__()
    with Program([*command, "0", "normal"], tmp_path, env) as program:
        assert program.wait() == 0, program.stderr
    sink.close()

    received = [span.span_id for span in sink.received.spans]
    assert left + 3 <= len(set(received)) <= left + 4
    assert len(received) - len(set(received)) <= 50  # the request on its way when a process was killed may come twice
    assert spooled(tmp_path) == []


def test_the_end_leaves_the_programs_context_as_it_is(sink: HttpSink, tmp_path: Path) -> None:
    """Where the thread that ends telemetry sends by itself, instrumentations of others still record on it afterwards."""
    source = f"""
    import csg_otel
    from opentelemetry import context
    before = context.get_current()
    telemetry = csg_otel.instrument("job", exporters=["otlp+{sink.endpoint}"], health_monitoring__enabled=False)
    telemetry.shutdown()
    assert context.get_current() == before, context.get_current()
    """
    run(source, tmp_path)
