"""
Whether parsed JSON is a value of the model's types: another version of this package, or another server, may have sent it. Pure.

All keys must be there, others may be, too. Numbers are finite, and texts can be written as UTF-8.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints, is_typeddict

_Check = Callable[[Any], bool]

_INTEGERS: Final = range(1 - 2**64, 2**64)


def fits(value: Any, kind: Any) -> bool:
    """Return whether *value*, parsed JSON, is a value of *kind*: a type of the model, or one that it uses."""
    return _check(kind)(value)


@functools.cache
def _check(kind: Any) -> _Check:
    """Return the check of the type *kind*."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        return functools.partial(_is_object, {name: _check(hint) for name, hint in get_type_hints(kind).items()})
    if origin is Literal:
        return functools.partial(_is_word, frozenset(arguments))
    if origin is list:
        return functools.partial(_is_list, _check(arguments[0]))
    if origin is dict:
        return functools.partial(_is_mapping, _check(arguments[1]))
    if arguments:
        return functools.partial(_is_any, [_check(argument) for argument in arguments])
    return _SIMPLE[kind]


def _is_object(checks: dict[str, _Check], value: Any) -> bool:
    return type(value) is dict and all(name in value and check(value[name]) for name, check in checks.items())


def _is_word(words: frozenset[str], value: Any) -> bool:
    return type(value) is str and value in words


def _is_list(check: _Check, value: Any) -> bool:
    return type(value) is list and all(map(check, value))


def _is_mapping(check: _Check, value: Any) -> bool:
    return type(value) is dict and all(map(_is_text, value)) and all(map(check, value.values()))


def _is_any(checks: list[_Check], value: Any) -> bool:
    return any(check(value) for check in checks)


def _is_text(value: Any) -> bool:
    """Return whether *value* is text that can be written as UTF-8: JSON can have halves of characters."""
    if type(value) is not str:
        return False
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def _is_integer(value: Any) -> bool:
    return type(value) is int and value in _INTEGERS


def _is_number(value: Any) -> bool:
    return _is_integer(value) or (type(value) is float and math.isfinite(value))


def _is_switch(value: Any) -> bool:
    return type(value) is bool


def _is_nothing(value: Any) -> bool:
    return value is None


def _is_attribute(value: Any) -> bool:
    """Return whether *value* is one of an attribute: what ``plain_values.json_value`` returns."""
    kind = type(value)
    if kind is list:
        return all(map(_is_attribute, value))
    if kind is dict:
        return all(map(_is_text, value)) and all(map(_is_attribute, value.values()))
    return kind is bool or value is None or _is_text(value) or _is_number(value)


_SIMPLE: Final[dict[Any, _Check]] = {
    str: _is_text,
    int: _is_integer,
    float: _is_number,
    bool: _is_switch,
    type(None): _is_nothing,
    Any: _is_attribute,
}
