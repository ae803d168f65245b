"""The instrumentation packages installed beside this one, for ``instrument(auto=True)``."""

from __future__ import annotations

import logging

_log = logging.getLogger("csg_otel")


def activate_installed() -> None:
    """Activate every installed ``opentelemetry-instrumentation-*`` package, as ``opentelemetry-instrument`` does."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="opentelemetry_instrumentor"):
        try:
            entry.load()().instrument()
        except Exception:  # noqa: BLE001 - a defect of another package must not keep the program from starting
            _log.warning("instrumentation %s cannot be loaded; update or remove the package", entry.name, exc_info=True)
