"""Arguments of a call that become attributes of its span; only arguments that the program has named are captured."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from csg_otel import attributes as clean
from csg_otel.errors import InstrumentError, suggestion


class Arguments:
    """Picks named arguments from the calls of one function; a call costs one look-up for each of them."""

    def __init__(self, function: Callable[..., Any], names: Sequence[str]) -> None:
        """Pick *names* from calls of *function*; raise InstrumentError if it has no parameter of a name."""
        try:
            parameters = inspect.signature(function).parameters
        except ValueError:
            raise InstrumentError(
                f"observe: {function!r} does not show its parameters, so args= can't name any"
            ) from None
        positions = {name: position for position, name in enumerate(parameters)}
        self._places: list[tuple[str, int, Any]] = []
        for name in names:
            if name not in parameters:
                hint = suggestion(name, parameters)
                raise InstrumentError(f"observe: {function!r} has no parameter {name!r}{hint}")
            parameter = parameters[name]
            by_position = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            default = None if parameter.default is parameter.empty else parameter.default
            self._places.append((name, positions[name] if by_position else -1, default))

    def pick(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, clean.Value]:
        """Return the named arguments as attributes: defaults are included, arguments without a value are left out."""
        return clean.clean(
            (name, kwargs[name] if name in kwargs else args[at] if 0 <= at < len(args) else default)
            for name, at, default in self._places
        )
