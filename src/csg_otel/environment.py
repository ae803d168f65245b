"""
The process environment. No other module of the package reads or changes ``os.environ``; a lint rule checks that.

So every setting has one origin, and tests pass a mapping instead of patching the process. An empty variable counts as unset.
"""

from __future__ import annotations

import os


def snapshot() -> dict[str, str]:
    """Return a copy of the environment without its empty variables."""
    return {name: value for name, value in os.environ.items() if value}  # noqa: TID251 - this is the one place


def switch_off_telemetry() -> None:
    """Set ``OTEL_SDK_DISABLED``, so that ``instrument()`` does nothing here; for commands that only load a program."""
    os.environ["OTEL_SDK_DISABLED"] = "true"  # noqa: TID251 - this is the one place


def drop_from_python_path(directory: str) -> None:
    """Remove *directory* from ``PYTHONPATH``, so that processes started from now on do not inherit it."""
    kept = [entry for entry in snapshot().get("PYTHONPATH", "").split(os.pathsep) if entry not in ("", directory)]
    os.environ["PYTHONPATH"] = os.pathsep.join(kept)  # noqa: TID251 - this is the one place
    if not kept:
        del os.environ["PYTHONPATH"]  # noqa: TID251 - this is the one place
