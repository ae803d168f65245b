"""The arguments of a call that the program wants to see on its spans; nothing is captured that was not named."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from csg_otel import attributes as clean
from csg_otel.errors import InstrumentError, suggestion


class Arguments:
    """Picks the named *wanted* arguments of *function* from a call; resolved once, so a call costs a look-up each."""

    def __init__(self, function: Callable[..., Any], wanted: Sequence[str]) -> None:
        """Raise InstrumentError if *function* has no parameter of a name."""
        parameters = inspect.signature(function).parameters
        positions = {name: position for position, name in enumerate(parameters)}
        self._places: list[tuple[str, int, Any]] = []
        for name in wanted:
            if name not in parameters:
                hint = suggestion(name, parameters)
                raise InstrumentError(f"observe: {function!r} has no parameter {name!r}{hint}")
            parameter = parameters[name]
            by_position = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            default = None if parameter.default is parameter.empty else parameter.default
            self._places.append((name, positions[name] if by_position else -1, default))

    def pick(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, clean.Value]:
        """Return the wanted arguments as attributes; defaults included, those not given left out."""
        return clean.clean(
            (name, kwargs[name] if name in kwargs else args[at] if 0 <= at < len(args) else default)
            for name, at, default in self._places
        )
