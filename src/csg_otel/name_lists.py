"""
Lists of names that a program writes in code: of attributes, arguments, exceptions' classes, groups and checks.

The rule: a text is one name, and any other iterable is a list. Anything else raises at once, with a sentence that shows what
to write, because a name that is taken wrongly loses data without a word.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

Error = Callable[[str], Exception]
"""Makes the exception with a message."""


def names(raw: Any, what: str, error: Error) -> tuple[str, ...]:
    """
    Return the names in *raw*, each once.

    Args:
        raw: One name, or an iterable of names: a list, a set, the keys of a mapping, a generator, an array.
        what: The place of the list, for the message: ``counter 'orders': attributes``.
        error: Makes the exception that is raised if *raw* is something else, or a name is empty or contains a comma.
    """
    items = (raw,) if isinstance(raw, str) else items_of(raw)
    if items is None:
        form = "() for none" if raw is None else '"name" or ["name", "other"]'
        raise error(f"{what}={reprlib.repr(raw)} is no list of names: write {form}")
    for item in items:
        if not isinstance(item, str):
            raise error(f'{what} contains {reprlib.repr(item)}, which is no name: write "name" or ["name", "other"]')
        if "," in item or not item.strip():
            parts = [part.strip() for part in item.split(",") if part.strip()]
            raise error(f"{what} contains {item!r}, which is not one name: write {parts or '() for no name'}")
    return tuple(dict.fromkeys(str.__str__(item) for item in items))


def values(raw: Any, what: str, error: Error) -> tuple[Any, ...]:
    """Return the values in *raw*, one value or an iterable of them; None raises, by *error*, with *what* in the message."""
    if raw is None:
        raise error(f"{what} has None as its values: write a value, or a list of all values")
    items = None if isinstance(raw, (str, Enum)) else items_of(raw)
    return (raw,) if items is None else items


def items_of(raw: Any) -> tuple[Any, ...] | None:
    """Return the items of *raw*; None if it is bytes or can't be iterated."""
    if isinstance(raw, (bytes, bytearray)) or not isinstance(raw, Iterable):
        return None
    try:
        return tuple(raw)
    except TypeError:  # an array without a dimension
        return None
