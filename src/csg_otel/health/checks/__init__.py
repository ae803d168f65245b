"""
The built-in checks, one probe a module: a class whose parameters are its fields and whose call is one run.

Open set with an explicit table: a new check is a module here, a line in ``TYPES`` and one in ``CATEGORIES``. They know
nothing of the registry that runs them, of telemetry or of settings.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

TYPES: Final = {
    "configuration": "Configuration",
    "cpu": "Cpu",
    "disk": "Disk",
    "filesystem": "Filesystem",
    "function": "Functional",
    "functional": "Functional",
    "http": "Http",
    "imports": "Imports",
    "load": "Load",
    "memory": "Memory",
    "memory_growth": "MemoryGrowth",
    "process_memory": "ProcessMemory",
    "processing": "Processing",
    "python_environment": "PythonEnvironment",
    "tcp": "Tcp",
}
"""Class by ``type:`` in the settings; the module has the type's name."""

CATEGORIES: Final = {
    **dict.fromkeys(("cpu", "disk", "load", "memory"), "system"),
    **dict.fromkeys(("configuration", "function", "functional", "imports", "process_memory"), "application"),
    **dict.fromkeys(("filesystem", "http", "python_environment", "tcp"), "dependency"),
    **dict.fromkeys(("memory_growth", "processing"), "performance"),
}
"""Category by type, where the settings name none."""

_MODULES: Final = {"function": "functional"}


def check_type(kind: str) -> Any:
    """Return the class of checks of type *kind*. Raises KeyError for an unknown type."""
    name = TYPES[kind]
    return getattr(import_module(f"csg_otel.health.checks.{_MODULES.get(kind, kind)}"), name)
