"""Regular expressions of the configuration: whether one may take exponential time. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

try:
    from re import _parser as parser
except ImportError:  # Python 3.10
    import sre_parse as parser

_MANY: Final = 16
"""A repeat that may have more rounds counts as one without an end."""
_REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT")


def backtracks(pattern: str) -> bool:
    """
    Return whether *pattern* repeats what is itself nothing but repeats, such as ``(a+)+``.

    A text without a match then takes exponential time. Others take long, too: it is a warning for the common mistake, no proof.
    """
    try:
        return _has_nested(parser.parse(pattern))
    except (re.error, RecursionError):  # reported where the setting is read
        return False


def _has_nested(items: Iterable[Any]) -> bool:
    for operation, argument in items:
        name = str(operation)
        for below in _below(name, argument):
            if (name in _REPEATS and argument[1] > _MANY and _only_repeats(below)) or _has_nested(below):
                return True
    return False


def _only_repeats(items: Iterable[Any]) -> bool:
    """Return whether *items* are nothing but repeats, of which one has no end, at least in one branch."""
    unbounded = False
    for operation, argument in items:
        name = str(operation)
        if name == "SUBPATTERN":
            if not any(map(_only_repeats, _below(name, argument))):
                return False
            unbounded = True
        elif name == "BRANCH":
            return any(map(_only_repeats, argument[1]))
        elif name not in _REPEATS:
            return False
        else:
            unbounded = unbounded or argument[1] > _MANY
    return unbounded


def _below(name: str, argument: Any) -> list[Any]:
    """Return the sequences in the argument of an operation."""
    if name in _REPEATS:
        return [argument[2]]
    if name == "SUBPATTERN":
        return [argument[-1]]
    if name in ("ASSERT", "ASSERT_NOT"):
        return [argument[1]]
    if name == "BRANCH":
        return list(argument[1])
    return []
