"""
The process environment. No other module of the package reads or changes ``os.environ``; a lint rule checks that.

So every setting has one origin, and tests pass a mapping instead of patching the process. An empty variable counts as unset.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def snapshot() -> dict[str, str]:
    """Return a copy of the environment without its empty variables."""
    # Another thread may remove a variable meanwhile, for which os.environ.items() raises KeyError.
    names = list(os.environ)  # noqa: TID251 - this is the one place
    return {name: value for name in names if (value := os.environ.get(name))}  # noqa: TID251 - this is the one place


@contextmanager
def without(names: Collection[str]) -> Iterator[None]:
    """
    Hide the variables *names*, and OpenTelemetry's empty variables, within the block; the program's environment is not changed.

    For libraries that read the environment themselves and raise for a value that they can't use.
    """
    environ = os.environ  # noqa: TID251 - this is the one place
    hidden = {
        name: value
        for name in list(environ)
        if (value := environ.get(name)) is not None and (name in names or (not value and name.startswith("OTEL_")))
    }
    for name in hidden:
        environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in hidden.items():
            environ.setdefault(name, value)


def switch_off_telemetry() -> None:
    """Set ``OTEL_SDK_DISABLED``, so that ``instrument()`` does nothing here; for commands that only load a program."""
    os.environ["OTEL_SDK_DISABLED"] = "true"  # noqa: TID251 - this is the one place


def drop_from_python_path(directory: str) -> None:
    """Remove *directory* from ``PYTHONPATH``, so that processes started from now on do not inherit it."""
    kept = [entry for entry in snapshot().get("PYTHONPATH", "").split(os.pathsep) if entry not in ("", directory)]
    os.environ["PYTHONPATH"] = os.pathsep.join(kept)  # noqa: TID251 - this is the one place
    if not kept:
        del os.environ["PYTHONPATH"]  # noqa: TID251 - this is the one place
