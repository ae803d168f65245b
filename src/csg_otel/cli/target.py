"""Importing a program's ``module:attr`` for a command, with its telemetry switched off."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from csg_otel import environment


def load(place: str) -> Any:
    """Import *place* (``module:attr``, or a module alone) as from the working directory and return what it names."""
    environment.switch_off_telemetry()
    sys.path.insert(0, str(Path.cwd()))
    module, _, name = place.partition(":")
    found: Any = import_module(module)
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    return found
