"""Two lines in an empty file and a decorated function: readable output in a terminal, with no other set-up."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

SOURCE = """\
import csg_otel; csg_otel.instrument()

@csg_otel.observe
def greet(name):
    return f"hello {name}"

print(greet("world"))
"""


def test_two_lines_give_readable_output_in_a_terminal(tmp_path: Path) -> None:
    """The span appears by name with its duration, the metric that changed in a table, and the program's own output."""
    (tmp_path / "empty.py").write_text(SOURCE)
    master, slave = pty.openpty()
    env = {**os.environ, "PROMETHEUS_PORT": "0", "TERM": "xterm", "COLUMNS": "100", "NO_COLOR": "1"}
    process = subprocess.Popen([sys.executable, "empty.py"], cwd=tmp_path, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    output = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        output += chunk
    os.close(master)
    text = output.decode()

    assert process.wait(10) == 0
    assert "hello world" in text
    assert re.search(r"greet.*\d+(\.\d+)? (us|µs|ms|s)\b", text), text
    assert "csg.operation.duration" in text
    assert "Traceback" not in text
    assert "\x1b[" not in text


def test_a_program_without_a_terminal_prints_nothing_of_its_own(tmp_path: Path) -> None:
    """In a pipeline or under a supervisor the console stays silent unless it is asked for."""
    (tmp_path / "empty.py").write_text(SOURCE)
    env = {**os.environ, "PROMETHEUS_PORT": "0"}

    done = subprocess.run(
        [sys.executable, "empty.py"], cwd=tmp_path, capture_output=True, text=True, env=env, timeout=30
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "hello world\n", "")
