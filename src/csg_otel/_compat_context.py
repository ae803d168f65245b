"""
The current context of OpenTelemetry, and whether any provider is set, without calls that cost more than the look itself.

Private parts of the API are used as in ``pipeline/_compat``. Where they do not exist, and where the program has a runtime
context of its own (``OTEL_PYTHON_CONTEXT``), the public API is used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.metrics import _internal as metrics_internal

__all__ = ["SPAN_KEY", "attach", "current", "is_any_provider_set"]

SPAN_KEY: Final = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, context.Context())))
"""The key of the current span in a context."""


def _functions() -> tuple[Callable[[], context.Context], Callable[[context.Context], object]]:
    """Return the quickest functions that return and set the current context."""
    runtime: Any = getattr(context, "_RUNTIME_CONTEXT", None)
    variable = getattr(runtime, "_current_context", None)
    if type(runtime).__name__ != "ContextVarsRuntimeContext" or not isinstance(variable, ContextVar):
        return context.get_current, context.attach
    return variable.get, variable.set


current, attach = _functions()
"""Return the current context; make another one current. Nothing else needs a token: see ``Operation.detach``."""


def is_any_provider_set() -> bool:
    """Return whether the program, a library or this package has set a provider of traces or metrics."""
    try:
        return trace._TRACER_PROVIDER is not None or metrics_internal._METER_PROVIDER is not None
    except AttributeError:
        return True
