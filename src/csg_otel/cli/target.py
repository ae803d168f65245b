"""Import of a user's program for a command, with its telemetry switched off."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from csg_otel import environment


def load(reference: str) -> Any:
    """
    Import the object of *reference* (``module:attr``, or a module alone) and return it.

    The working directory is searched first, as ``python -m`` does. Raises whatever the import raises.
    """
    environment.switch_off_telemetry()
    sys.path.insert(0, str(Path.cwd()))
    module, _, path = reference.partition(":")
    target: Any = import_module(module)
    for name in filter(None, path.split(".")):
        target = getattr(target, name)
    return target
