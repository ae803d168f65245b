"""
Objects that hold the function they call: it is observed inside, and the object keeps what it has besides being called.

A cached function keeps ``cache_info``, a task ``delay``, a command ``main``. The rule: an object of another kind that has
public attributes is refused, because a wrapper would hide them.
"""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable
from typing import Any, Final

from csg_otel.errors import InstrumentError

_Observe = Callable[[Any], Any]

_ROUTINES: Final = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
)
_CYTHON: Final = ("cython_function_or_method", "fused_cython_function")
"""Types of functions that Cython has compiled: their public attributes are those of functions."""

_FRAMEWORKS: Final = {"celery.app.task.Task": "run", "click.core.Command": "callback"}
"""Classes of frameworks whose objects call the function in one attribute of theirs, which may be set."""

_MOST_NAMED: Final = 3
"""Most attributes that a message names."""


def observed_inside(target: Any, observe: _Observe) -> Any:
    """Return *target* with the function that it holds replaced by its observed form; None if it holds none of a known kind."""
    if _is_wrapt(target):  # first: it says that it is of the class of what it wraps
        target.__wrapped__ = observe(target.__wrapped__)  # in place: it can't be copied
        return target
    for kind, replace in _KINDS.items():
        if isinstance(target, kind):
            return replace(target, observe)
    if (attribute := _attribute_of_framework(target)) is None:
        return None
    function = getattr(target, attribute)
    if function is None:
        raise InstrumentError(f"observe: a {_kind(target)} without a function runs nothing that could be observed")
    setattr(target, attribute, observe(function))  # in place: the framework has registered this very object
    return target


def _is_wrapt(target: Any) -> bool:
    """Return whether *target* is a proxy of ``wrapt``, of any version, vendored or not, as its decorators make them."""
    kind = type(target)
    return hasattr(kind, "__wrapped__") and any(base.__name__ == "ObjectProxy" for base in kind.__mro__)


def refuse_if_hidden(target: Any) -> None:
    """Raise InstrumentError if a wrapper of *target*, an object that can be called, would hide public attributes of it."""
    if isinstance(target, _ROUTINES) or type(target).__name__ in _CYTHON:
        return
    public = [name for name in dir(target) if not name.startswith("_")]
    if public:
        more = " ..." if len(public) > _MOST_NAMED else ""
        raise InstrumentError(
            f"observe: a {_kind(target)} has {', '.join(public[:_MOST_NAMED])}{more} besides being called, which a "
            "wrapper would hide; put @csg_otel.observe on its class's __call__, or below the decorator that makes the object"
        )


def _kind(target: Any) -> str:
    return type(target).__qualname__


def _method(target: Any, observe: _Observe) -> Any:
    return types.MethodType(observe(target.__func__), target.__self__)


def _static_or_class(target: Any, observe: _Observe) -> Any:
    return type(target)(observe(target.__func__))


def _property(target: Any, observe: _Observe) -> Any:
    if target.fget is None:
        raise InstrumentError("observe: a property without a getter runs nothing that could be observed")
    return target.getter(observe(target.fget))


def _partial(target: Any, observe: _Observe) -> Any:
    observed = functools.partial.__new__(type(target), observe(target.func), *target.args, **target.keywords)
    observed.__dict__.update(target.__dict__)
    return observed


def _holder_of_func(target: Any, observe: _Observe) -> Any:
    observed = copy.copy(target)
    observed.func = observe(target.func)
    return observed


def _cached(target: Any, observe: _Observe) -> Any:
    observed = functools.lru_cache(**target.cache_parameters())(observe(target.__wrapped__))
    for name, value in vars(target).items():
        vars(observed).setdefault(name, value)
    return observed


def _dispatching_method(_target: Any, _observe: _Observe) -> Any:
    raise InstrumentError("observe: a singledispatchmethod has many functions; decorate each of them instead")


_KINDS: Final[dict[type, Callable[[Any, _Observe], Any]]] = {
    types.MethodType: _method,
    staticmethod: _static_or_class,
    classmethod: _static_or_class,
    property: _property,
    functools.cached_property: _holder_of_func,
    functools.partialmethod: _holder_of_func,
    functools.partial: _partial,
    type(functools.cache(len)): _cached,
    functools.singledispatchmethod: _dispatching_method,
}


def _attribute_of_framework(target: Any) -> str | None:
    # By __class__ and by name: a task may be behind a proxy, and no framework is imported for this.
    for kind in getattr(target.__class__, "__mro__", ()):
        if (attribute := _FRAMEWORKS.get(f"{kind.__module__}.{kind.__qualname__}")) is not None:
            return attribute
    return None
