"""The measurement of a fleet runs, and its own account is complete."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.real("otelcol")
def test_the_fleet_is_measured_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    """Each step and each limit has its row, and every span made is at the backend."""
    env = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", "bench.fleet", "--steps", "1", "3"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr
    (made, arrived, spooled, dropped) = re.findall(
        r"made (\S+), at the backend (\S+), spooled (\S+), dropped (\S+)", done.stdout
    )[0]
    assert (arrived, spooled, dropped) == (made, "0", "0")
    assert len(re.findall(r"most seen [\d,]{6,} spans/s", done.stdout)) == 2
    assert re.findall(r"^ +([13]) +[13]00 ", done.stdout, re.MULTILINE) == ["1", "3"]
