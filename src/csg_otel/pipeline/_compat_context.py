"""
The current context of OpenTelemetry, without the two calls around it that cost more than the look itself.

Private parts are used as in ``_compat``. A runtime context of the program (``OTEL_PYTHON_CONTEXT``) is used by the public API.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context
from opentelemetry.trace import propagation

__all__ = ["SPAN_KEY", "current"]

SPAN_KEY: Final = propagation._SPAN_KEY
"""The key of the current span in a context."""


def _current() -> Callable[[], context.Context]:
    """Return the quickest function that returns the current context."""
    runtime: Any = context._RUNTIME_CONTEXT
    variable = getattr(runtime, "_current_context", None)
    if type(runtime).__name__ != "ContextVarsRuntimeContext" or not isinstance(variable, ContextVar):
        return context.get_current
    return variable.get


current: Final = _current()
"""Return the current context."""
