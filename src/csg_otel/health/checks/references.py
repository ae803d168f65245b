"""References of the form ``module:name``, by which a file names an object of the program."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from csg_otel.check_result import Critical


def load_object(reference: str) -> Any:
    """Import and return the object that *reference* names. Raises Critical if there is none."""
    module, _, name = reference.partition(":")
    try:
        value: Any = import_module(module)
        for attribute in name.split("."):
            value = getattr(value, attribute)
    except (ImportError, AttributeError) as error:
        raise Critical(
            f"{reference} can't be loaded: {type(error).__name__}; check the name and that the module can be imported"
        ) from None
    return value


def load_function(function: Callable[[], Any] | str) -> Callable[[], Any]:
    """Return *function*, or the function that ``module:name`` names. Raises Critical if it names none."""
    if not isinstance(function, str):
        return function
    value = load_object(function)
    if not callable(value):
        raise Critical(
            f"{function} is a {type(value).__name__} and not a function; name a function that takes no arguments"
        )
    return value  # type: ignore[no-any-return] # callable, as just checked
