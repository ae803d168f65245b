"""
Wrappers with the parameters of the function they wrap, so that a call with wrong arguments raises at once.

The body of ``async def wrapper(*args, **kwargs)`` runs at the first step only, so a wrong call would look like a right one.
Servers tell an ASGI application from its factory by such a call. The rule: where the parameters can't be read, the wrapper
takes all.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Parameter
from types import FunctionType
from typing import Any, Final

COROUTINE: Final = "async def wrapper({parameters}):\n    return await {run}({arguments})\n"
GENERATOR: Final = "def wrapper({parameters}):\n    return (yield from {run}({arguments}))\n"

_RUN: Final = "__csg_otel_run"
_DEFAULTS: Final = "__csg_otel_defaults"


def with_parameters(function: Callable[..., Any], run: Callable[..., Any], template: str) -> Callable[..., Any]:
    """Return a function with the parameters of *function* that calls *run*; *template* is ``COROUTINE`` or ``GENERATOR``."""
    called = function if isinstance(function, FunctionType) else type(function).__call__
    if not isinstance(called, FunctionType) or "__signature__" in getattr(function, "__dict__", {}):
        return run
    parameters = inspect.signature(function, follow_wrapped=False).parameters.values()
    if any(not parameter.name.isidentifier() for parameter in parameters):
        return run  # the implicit argument of a comprehension
    source = template.format(parameters=_declared(parameters), run=_RUN, arguments=_passed(parameters))
    namespace: dict[str, Any] = {_RUN: run, _DEFAULTS: {item.name: item.default for item in parameters}}
    exec(compile(source, "<csg_otel.observe>", "exec"), namespace)  # noqa: S102 - only names of parameters are put in
    wrapper: Callable[..., Any] = namespace["wrapper"]
    return wrapper


def _declared(parameters: Any) -> str:
    """Return *parameters* as they are declared, with their defaults by name."""
    parts: list[str] = []
    previous = None
    for item in parameters:
        if previous is Parameter.POSITIONAL_ONLY and item.kind is not Parameter.POSITIONAL_ONLY:
            parts.append("/")
        if item.kind is Parameter.KEYWORD_ONLY and previous not in (Parameter.VAR_POSITIONAL, Parameter.KEYWORD_ONLY):
            parts.append("*")
        stars = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}.get(item.kind, "")
        default = "" if item.default is Parameter.empty else f"={_DEFAULTS}[{item.name!r}]"
        parts.append(f"{stars}{item.name}{default}")
        previous = item.kind
    if previous is Parameter.POSITIONAL_ONLY:
        parts.append("/")
    return ", ".join(parts)


def _passed(parameters: Any) -> str:
    """Return *parameters* as they are passed on."""
    forms = {
        Parameter.VAR_POSITIONAL: "*{0}",
        Parameter.VAR_KEYWORD: "**{0}",
        Parameter.KEYWORD_ONLY: "{0}={0}",
    }
    return ", ".join(forms.get(item.kind, "{0}").format(item.name) for item in parameters)
