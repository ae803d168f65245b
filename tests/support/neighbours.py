"""
Programs in the environment of neighbours: other vendors' telemetry, and the servers that programs run in.

Tests that use it are marked ``real("neighbours")``. csg_otel is imported from this checkout, its dependencies are there.
"""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

VARIABLES = {"PYTHONPATH": str(_ROOT / "src")}
"""Variables with which the interpreter finds csg_otel."""


@functools.cache
def python() -> str:
    """Return the path of the interpreter, which ``.ci/neighbours`` has made."""
    found = subprocess.run([_ROOT / ".ci" / "neighbours", "--find"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


def is_built() -> bool:
    """Return whether the environment is there."""
    return subprocess.run([_ROOT / ".ci" / "neighbours", "--find"], capture_output=True).returncode == 0


def command(name: str) -> str:
    """Return the path of a command in the environment, such as ``gunicorn`` or ``uwsgi``."""
    return str(Path(python()).with_name(name))
