"""Children that a server forks in C, where no hook of Python runs: they notice it when telemetry is used."""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from support.otlp_sink import HttpSink, attributes
from support.programs import Program

FORKING = """
    import ctypes, json, logging, os, sys, time
    import csg_otel

    # Nothing runs before the fork: a child has the interpreter's lock for ever if another thread waited for it.
    telemetry = csg_otel.instrument(
        "server",
        exporters=[os.environ["SINK"]],
        handle_signals=False,
        health_monitoring__enabled=False,
        system_monitoring__enabled=False,
    )
    done = csg_otel.counter("work.done")

    def work(name):
        done.add(1)
        with csg_otel.observe(name) as operation:
            logging.getLogger("work").warning(name)
        return operation.span.get_span_context().trace_id

    USES = {
        "counter": lambda: done.add(0),
        "span": lambda: csg_otel.observe("first").__enter__(),
        "log": lambda: logging.getLogger("work").warning("first"),
        "flush": lambda: telemetry.force_flush(1),
    }
    done.add(5)
    used = -1
    while time.process_time() - used > 0.02:  # the encoders are imported on a thread, which takes long on a busy machine
        used = time.process_time()
        time.sleep(0.5)
    read, write = os.pipe()
    children = []
    for _ in range(2):
        children.append(ctypes.PyDLL(None).fork())
        if not children[-1]:
            try:
                USES[sys.argv[1]]()
                trace_id = work("child")
                report = telemetry.shutdown(20)
                os.write(write, f"{trace_id} {sum(report.dropped.values())} {report.spooled}\\n".encode())
            finally:
                os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    os.close(write)
    print(json.dumps(os.read(read, 4096).decode().splitlines()), flush=True)
    work("parent")
"""


@pytest.mark.parametrize("use", ["counter", "span", "log", "flush"])
def test_a_child_that_was_forked_in_c_starts_from_scratch_at_the_first_use(use: str, tmp_path: Path) -> None:
    """Whatever is used first: its measurements, spans and records arrive once, and the parent's are not sent again."""
    sink = HttpSink()
    (tmp_path / "server.py").write_text(textwrap.dedent(FORKING))
    with Program(
        [sys.executable, "server.py", use], tmp_path, {"SINK": sink.endpoint.replace("http", "otlp+http")}
    ) as program:
        lines = [line.split() for line in json.loads(program.line())]
        assert program.wait() == 0
    sink.close()
    names = Counter(span.name for span in sink.received.spans)
    bodies = Counter(record.body.string_value for record in sink.received.records)
    sums = {}
    for request in sink.received.metrics:
        for resource in request.resource_metrics:
            metrics = [
                metric for scope in resource.scope_metrics for metric in scope.metrics if metric.name == "work.done"
            ]
            for metric in metrics:
                instance = attributes(resource.resource)["service.instance.id"]
                sums[instance] = metric.sum.data_points[0].as_int

    assert [line[1:] for line in lines] == [["0", "0"]] * 2
    assert len({line[0] for line in lines}) == 2, "trace ids must differ"
    assert (names["parent"], names["child"]) == (1, 2)
    assert (bodies["parent"], bodies["child"]) == (1, 2)
    assert sorted(sums.values()) == [1, 1, 6]
