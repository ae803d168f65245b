"""The parameters of a query, as text from a URL or a command line, as values. Pure."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""The form of a number; Python reads other digits and separators, too, which no document of the API has."""


def texts(parameters: Mapping[str, Any], name: str) -> list[str]:
    """Return all values of *name*; empty if there are none."""
    value = parameters.get(name)
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(item) for item in value]


def number(parameters: Mapping[str, Any], name: str) -> float | None:
    """Return the number *name*; None if it is not given. Raises ValueError if it is none, or not finite."""
    values = texts(parameters, name)
    if not values or not values[-1]:
        return None
    value = float(values[-1]) if _NUMBER.fullmatch(values[-1]) else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a number, not {values[-1][:40]!r}")
    return value


def whole(parameters: Mapping[str, Any], name: str, least: float = -math.inf, most: float = math.inf) -> int | None:
    """
    Return the whole number *name*; None if it is not given.

    Raises ValueError if it is none, or not *least* to *most*. Default: any.
    """
    value = number(parameters, name)
    if value is None:
        return None
    if not least <= value <= most:
        raise ValueError(f"{name} must be {least} to {most}")
    if not value.is_integer():
        raise ValueError(f"{name} must be a whole number, not {texts(parameters, name)[-1][:40]!r}")
    return int(value)


def period(parameters: Mapping[str, Any], now: float, *, default_s: float, longest_s: float) -> tuple[float, float]:
    """
    Return the period between ``from`` and ``to`` in Unix seconds. Raises ValueError for one that is none.

    Args:
        parameters: The parameters; a number that is negative or 0 counts from *now*.
        now: Unix seconds. A period ends at it at the latest, as it does without ``to``.
        default_s: The length without ``from``.
        longest_s: The period begins at most so many seconds before *now*.
    """
    ends = (number(parameters, "from"), number(parameters, "to"))
    start, end = (value + now if value is not None and value <= 0 else value for value in ends)
    end = now if end is None else min(end, now)
    start = end - default_s if start is None else start
    if not start < end:
        raise ValueError(
            "from must be before to, and before now; both are Unix seconds, or 0 or less for seconds from now"
        )
    if start < now - longest_s:
        raise ValueError(f"from must be within the last {longest_s / 3600:g} hours: older values are not kept")
    return start, end


def whether(parameters: Mapping[str, Any], name: str) -> bool:
    """Return the switch *name*; False if it is not given. Raises ValueError for another word than those of a switch."""
    return choice(parameters, name, ("true", "false", "1", "0", "yes", "no")) in ("true", "1", "yes")


def choice(parameters: Mapping[str, Any], name: str, choices: Sequence[str]) -> str:
    """Return the word *name* in lower case; empty if it is not given. Raises ValueError unless it is in *choices*."""
    word = next(iter(texts(parameters, name)[-1:]), "").lower()
    if word and word not in choices:
        raise ValueError(f"{name} must be {', '.join(choices)}, not {word[:40]!r}{suggestion(word, choices)}")
    return word


def only(parameters: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise ValueError if *parameters* has another name than *names*."""
    for name in parameters:
        if name not in names:
            raise ValueError(
                f"there is no parameter {name[:40]!r}{suggestion(name, names)}; there are {', '.join(names)}"
            )
