"""The instrumentation packages installed beside this one, for ``instrument(auto=True)``."""

from __future__ import annotations

import logging
from typing import Final

_log = logging.getLogger("csg_otel")


_activated: Final[set[str]] = set()
"""The packages that have been activated, or could not be: a second call has nothing to add, and nothing to say again."""


def activate_installed() -> None:
    """Activate every installed ``opentelemetry-instrumentation-*`` package, as ``opentelemetry-instrument`` does, once."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="opentelemetry_instrumentor"):
        if entry.name in _activated:
            continue
        _activated.add(entry.name)
        try:
            instrumentor = entry.load()()
            # The program, or ``opentelemetry-instrument``, may have activated it.
            if not getattr(instrumentor, "is_instrumented_by_opentelemetry", False):
                instrumentor.instrument()
        except Exception:  # noqa: BLE001 - a defect of another package must not keep the program from starting
            _log.warning("instrumentation %s cannot be loaded; update or remove the package", entry.name, exc_info=True)
