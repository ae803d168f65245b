"""A program stops its clock, as tests do: no wait of telemetry depends on a clock that the program can stop."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support import neighbours
from support.servers import free_port

PROGRAM = """
import csg_otel, sys, time, unittest.mock
if "{how}" == "freezegun":
    from freezegun import freeze_time
    frozen = freeze_time("2030-01-01")
else:
    frozen = unittest.mock.patch.multiple(time, monotonic=lambda: 7.0, time=lambda: 7.0, perf_counter=lambda: 7.0)
options = {{"exporters": ["otlp+http://127.0.0.1:{port}"], "exporters__spool__enabled": False}}
telemetry = csg_otel.instrument("t", **options)
with frozen:
    if "{when}" == "inside":
        telemetry.shutdown(1)
        telemetry = csg_otel.instrument("t", **options)
    with csg_otel.observe("work"):
        pass
    print("flushed", telemetry.force_flush(1), flush=True)
    telemetry.shutdown(1)
    print("ended", flush=True)
"""


@pytest.mark.real("neighbours")
@pytest.mark.parametrize("how", ["freezegun", "mock"])
@pytest.mark.parametrize("when", ["before", "inside"])
def test_a_frozen_clock_stops_no_wait(how: str, when: str, tmp_path: Path) -> None:
    """The collector is dead, so that a flush and a shutdown wait for their whole time, and no longer."""
    source = PROGRAM.format(how=how, when=when, port=free_port())
    variables = {**os.environ, **neighbours.VARIABLES, "PROMETHEUS_PORT": "0"}
    command = [neighbours.python(), "-c", source]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=55)

    assert done.stdout.split("\n") == ["flushed False", "ended", ""], done.stderr
