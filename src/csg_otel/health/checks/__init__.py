"""
The built-in checks, one per module: a class whose fields are the parameters and whose call is one run.

A new check is a module here, a line in ``TYPES`` and a name in ``BY_CATEGORY``. A check does not depend on the registry that
runs it, on telemetry or on settings, nor on another check.
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
"""Class by ``type:`` in the settings. The module has the name of the type, except for those in ``_MODULES``."""

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
"""Types by category; the settings may give a check another category."""

CATEGORIES: Final = {kind: category for category, kinds in BY_CATEGORY.items() for kind in kinds}

_MODULES: Final = {"function": "functional"}


def check_type(kind: str) -> Any:
    """Return the class of checks of type *kind*. Raises KeyError for an unknown type."""
    name = TYPES[kind]
    return getattr(import_module(f"csg_otel.health.checks.{_MODULES.get(kind, kind)}"), name)
