"""gevent and eventlet: programs that patch before telemetry is imported, before it starts, or while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from support import neighbours
from support.otlp_sink import HttpSink
from support.programs import HUNG_S, eventually, get, samples
from support.servers import free_port

pytestmark = pytest.mark.real("neighbours")

PROGRAM = """
    import os, sys
    library, when, end = sys.argv[1:]

    def patch():
        if library == "gevent":
            from gevent import monkey
            monkey.patch_all()
        else:
            import eventlet
            eventlet.monkey_patch()

    if when == "first":
        patch()
    import csg_otel
    if when == "imported":
        patch()
    import logging, threading, time
    if when == "announced":
        import gevent.monkey
    telemetry = csg_otel.instrument("green", exporters=[os.environ["SINK"], "prometheus"])
    made = csg_otel.counter("orders.made")

    @csg_otel.observe("order")
    def order():
        made.add(1)
        time.sleep(0.01)
        logging.getLogger("shop").warning("order")

    if when in ("announced", "running"):
        order()
        patch()
    greenlets = [threading.Thread(target=order) for _ in range(20)]
    for greenlet in greenlets:
        greenlet.start()
    for greenlet in greenlets:
        greenlet.join()
    open("done", "w").close()
    while end == "term":
        time.sleep(1)
"""


@pytest.mark.parametrize(
    ("library", "when", "end"),
    [
        ("gevent", "first", "term"),
        ("gevent", "imported", "exit"),
        ("gevent", "announced", "term"),
        ("gevent", "running", "exit"),
        ("gevent", "running", "term"),
        ("eventlet", "first", "term"),
        ("eventlet", "imported", "exit"),
    ],
)
def test_everything_is_delivered_whenever_threads_become_greenlets(
    library: str, when: str, end: str, tmp_path: Path
) -> None:
    """Spans, records and measurements, each once; the scrape counts them; the program ends in time and complains of nothing."""
    sink, port = HttpSink(), free_port()
    (tmp_path / "app.py").write_text(textwrap.dedent(PROGRAM))
    variables = {
        **os.environ,
        **neighbours.VARIABLES,
        "PROMETHEUS_PORT": str(port),
        "SINK": sink.endpoint.replace("http", "otlp+http"),
        "PYTHONWARNINGS": "ignore",
    }
    count = 21 if when in ("announced", "running") else 20
    with (tmp_path / "log").open("wb") as log:
        words = [neighbours.python(), "app.py", library, when, end]
        program = subprocess.Popen(words, cwd=tmp_path, env=variables, stdout=log, stderr=log, start_new_session=True)
    try:
        eventually((tmp_path / "done").exists, HUNG_S)
        if end == "term":
            eventually(lambda: samples(get(f"http://127.0.0.1:{port}/metrics")[1], "orders_made_total") == {"": count})
            program.send_signal(signal.SIGTERM)
        assert program.wait(HUNG_S) == (-signal.SIGTERM if end == "term" else 0)
    finally:
        program.kill()
        program.wait(10)
        sink.close()

    assert Counter(span.name for span in sink.received.spans)["order"] == count
    assert Counter(record.body.string_value for record in sink.received.records)["order"] == count
    assert "Traceback" not in (tmp_path / "log").read_text()
