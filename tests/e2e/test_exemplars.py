"""Each of several scrapers sees the exemplar of a call that was made once, in whichever worker."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.programs import Program, eventually
from support.prometheus import Prometheus
from support.servers import free_port

CALLS = 20

PROGRAM = f"""
import os, sys
import csg_otel

csg_otel.instrument("calls", exporters=["prometheus"], system_monitoring__prometheus__port=int(os.environ["PORT"]),
                    system_monitoring__collection_interval=1.0, health_monitoring__enabled=False)
took = csg_otel.histogram("took", unit="s")
workers = []
for _ in range(2):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(writing)
        for number in os.fdopen(reading):
            with csg_otel.observe("call"):
                took.record(0.2, {{"call": number.strip()}})
        os._exit(0)
    os.close(reading)
    workers.append(os.fdopen(writing, "w", buffering=1))
print("ready", flush=True)
sys.stdin.readline()
for number in range({CALLS}):
    print(number, file=workers[number % 2])
sys.stdin.readline()
"""


def seen(prometheus: Prometheus) -> set[str]:
    """Return the calls whose exemplars *prometheus* has, with the ids of a trace."""
    found = prometheus.get(
        "query_exemplars", query="took_seconds_bucket", start=str(time.time() - 300), end=str(time.time() + 300)
    )
    return {one["seriesLabels"]["call"] for one in found if one["exemplars"][0]["labels"]["trace_id"]}


@pytest.mark.real("prometheus")
def test_two_prometheus_see_every_exemplar_of_two_workers(tmp_path: Path) -> None:
    """All calls are in both, although each was made once, and the program reads its own metrics every second, too."""
    port = free_port()
    with ExitStack() as stack:
        program = stack.enter_context(Program(PROGRAM, tmp_path, {"XDG_STATE_HOME": str(tmp_path), "PORT": str(port)}))
        program.line_with("ready")
        scrapers = [
            stack.enter_context(Prometheus([f"127.0.0.1:{port}"], tmp_path / str(number))) for number in range(2)
        ]
        for scraper in scrapers:
            eventually(lambda scraper=scraper: scraper.query("up == 1"), within_s=30)
        program.go_on()

        for scraper in scrapers:
            assert eventually(lambda scraper=scraper: len(seen(scraper)) == CALLS, within_s=30)
