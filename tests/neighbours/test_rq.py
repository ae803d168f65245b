"""rq: a job runs in a process of its own, which ends by ``os._exit``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support import neighbours
from support.otlp_sink import HttpSink
from support.programs import HUNG_S
from support.servers import PASSWORD, redis

pytestmark = [pytest.mark.real("neighbours"), pytest.mark.real("redis-server")]

JOBS = """
import os
import csg_otel

if os.environ.get("OWN"):
    csg_otel.instrument("jobs")
made = csg_otel.counter("jobs.made")

@csg_otel.observe("job")
def job(failing):
    made.add(1)
    if failing:
        raise ValueError("no")
"""

SEND = """
import sys
import redis, rq

queue = rq.Queue(connection=redis.Redis.from_url(sys.argv[1]))
for number in range(3):
    queue.enqueue("jobs.job", number == 1)
"""


@pytest.mark.parametrize(
    ("own", "worker_class"),
    [(True, "Worker"), (True, "SpawnWorker"), (False, "Worker"), (False, "SimpleWorker")],
)
def test_each_job_is_delivered(sink: HttpSink, tmp_path: Path, own: bool, worker_class: str) -> None:
    """Spans and counts of three jobs arrive, of the one that fails as well; the job's module starts telemetry, or run does."""
    (tmp_path / "jobs.py").write_text(JOBS)
    destination = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    settings = {**destination, "PROMETHEUS_PORT": "0", "OWN": "1" if own else ""}
    env = {**os.environ, **neighbours.VARIABLES, **settings}
    with redis() as server:
        address = f"redis://:{PASSWORD}@127.0.0.1:{server.port}"
        subprocess.run([neighbours.python(), "-c", SEND, address], env=env, check=True, timeout=HUNG_S)
        worker = [neighbours.command("rq"), "worker", "--burst", "--url", address]
        worker += ["--worker-class", f"rq.worker.{worker_class}"]
        run = [neighbours.python(), "-m", "csg_otel", "run", "--"]
        subprocess.run(worker if own else run + worker, cwd=tmp_path, env=env, check=True, timeout=HUNG_S)

    failed = sorted(span.status.code == 2 for span in sink.received.spans if span.name == "job")
    assert failed == [False, False, True]
    assert sum(point.as_int for point in sink.received.points("jobs.made")) == 3
