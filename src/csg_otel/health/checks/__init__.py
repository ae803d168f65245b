"""
The built-in checks, one probe a module: a class whose parameters are its fields and whose call is one run.

Open set with an explicit table: a new check is a module here, a line in ``TYPES`` and one in ``CATEGORIES``. They know
nothing of the registry that runs them, of telemetry or of settings.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

TYPES: Final = {
    "benchmark": "Benchmark",
    "configuration": "Configuration",
    "cpu": "Cpu",
    "database": "Database",
    "disk": "Disk",
    "dns": "Dns",
    "event_loop": "EventLoop",
    "exporters": "Exporters",
    "filesystem": "Filesystem",
    "function": "Functional",
    "functional": "Functional",
    "gc_pauses": "GcPauses",
    "http": "Http",
    "imports": "Imports",
    "load": "Load",
    "memory": "Memory",
    "memory_growth": "MemoryGrowth",
    "nlp_model": "NlpModel",
    "open_files": "OpenFiles",
    "operation": "Operation",
    "pressure": "Pressure",
    "process_memory": "ProcessMemory",
    "processing": "Processing",
    "python_environment": "PythonEnvironment",
    "redis": "Redis",
    "swap": "Swap",
    "tcp": "Tcp",
    "thread_pool": "ThreadPool",
    "tls": "Tls",
}
"""Class by ``type:`` in the settings; the module has the type's name."""

BY_CATEGORY: Final = {
    "system": ("cpu", "memory", "disk", "load", "swap", "open_files", "pressure"),
    "application": (
        *("imports", "nlp_model", "configuration", "functional", "function", "process_memory", "event_loop"),
        "thread_pool",
    ),
    "dependency": (
        *("http", "tcp", "dns", "tls", "database", "redis", "filesystem", "python_environment"),
        "exporters",
    ),
    "performance": ("processing", "benchmark", "memory_growth", "operation", "gc_pauses"),
}
"""Types by the category that holds where the settings name none."""

CATEGORIES: Final = {kind: category for category, kinds in BY_CATEGORY.items() for kind in kinds}

_MODULES: Final = {"function": "functional"}


def check_type(kind: str) -> Any:
    """Return the class of checks of type *kind*. Raises KeyError for an unknown type."""
    name = TYPES[kind]
    return getattr(import_module(f"csg_otel.health.checks.{_MODULES.get(kind, kind)}"), name)
