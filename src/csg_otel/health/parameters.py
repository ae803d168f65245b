"""
The parameters of a check, converted from a file's values to the types of the fields of the check's class.

The class is the only description of the parameters. A file's values give either a check or a HealthDefinitionError that
names every mistake and shows no secret.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from inspect import Parameter
from typing import Any, Final

from csg_otel.check_result import Range
from csg_otel.config import convert
from csg_otel.config.sections.fields import Setting
from csg_otel.errors import HealthDefinitionError, suggestion
from csg_otel.health import checks

OURS: Final = ("clock", "limits", "problems", "read")
"""Parameters that only code can give, never a file."""

_REFERENCES: Final = ("client", "loader", "pool")
"""Parameters that are an object in code and ``module:name`` in a file."""

_LIMITS: Final = ("warning", "critical")


def make(
    kind: str, values: Mapping[str, Any], where: str, *, supplied: Mapping[str, Any], policy: Iterable[str] = ()
) -> Callable[[], Any]:
    """
    Return a check of type *kind*. Raises HealthDefinitionError with every mistake.

    Args:
        kind: A key of ``checks.TYPES``.
        values: Parameters from the file; None counts as not set.
        where: Beginning of each message.
        supplied: Parameters that the SDK supplies; those that *kind* does not take are ignored.
        policy: Keys beside the parameters, to be suggested for a misspelt one; none by default.
    """
    check_class = checks.check_type(kind)
    values = {key: value for key, value in values.items() if value is not None}
    signature = inspect.signature(check_class).parameters
    supplied = {key: value for key, value in supplied.items() if key in signature}
    keys = [key for key in signature if key not in supplied and key not in OURS]
    wrong = [f"unknown parameter {key!r}{suggestion(key, [*keys, *policy])}" for key in values if key not in keys]
    wrong += [f"{key!r} is missing" for key in keys if signature[key].default is Parameter.empty and key not in values]
    types_by_key = typing.get_type_hints(check_class, localns={"Range": Range})
    converted: dict[str, Any] = {}
    for key in keys:
        if key in values:
            try:
                converted[key] = _convert(key, _alternatives(types_by_key[key]), values[key])
            except ValueError as error:
                wrong.append(f"{key}: {error}")
    if not wrong:
        try:
            check: Callable[[], Any] = check_class(**converted, **supplied)
            wrong += _contradictions(check, keys)
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise HealthDefinitionError([f"{where}: {problem}" for problem in wrong])
    return check


def takes(kind: str, parameter: str) -> bool:
    """Return whether checks of type *kind* have *parameter*."""
    return parameter in inspect.signature(checks.check_type(kind)).parameters


def revealed(value: Any) -> Any:
    """Return *value* with its secrets, at any depth, as plain text; for a check, which keeps them out of its repr."""
    if isinstance(value, Mapping):
        return {key: revealed(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [revealed(item) for item in value]
    return value.reveal() if hasattr(value, "reveal") else value


def _alternatives(kind: Any) -> list[Any]:
    """Return the types of a field of type *kind*: the members of a union without None, else *kind*."""
    union = typing.get_origin(kind) in (types.UnionType, typing.Union)
    return [member for member in (typing.get_args(kind) if union else (kind,)) if member is not types.NoneType]


def _convert(key: str, kinds: list[Any], value: Any) -> Any:
    """Return *value* as one of the types *kinds*. Raises ValueError with the expected form."""
    shown, plain = _shown(value), revealed(value)
    if key in _REFERENCES or any(kind is Executor or typing.get_origin(kind) is Callable for kind in kinds):
        return _scalar(str, plain, Setting("", free="function"), shown)
    if Any in kinds:
        return plain
    if Range in kinds:
        return _limit(key, plain, shown)
    nested = next((kind for kind in kinds if typing.get_origin(kind) is not None), None)
    if nested is not None and (len(kinds) == 1 or isinstance(plain, list)):
        return _nested(key, nested, plain, shown)
    if str in kinds and int in kinds and isinstance(plain, int):
        return plain
    return _scalar(str if str in kinds else kinds[0], plain, _setting(key), shown)


def _nested(key: str, kind: Any, value: Any, shown: str) -> Any:
    """Return *value* as the mapping or sequence *kind*; messages name it *shown*, and hold no part of a mapping's values."""
    if issubclass(typing.get_origin(kind), Mapping):
        if not isinstance(value, Mapping):
            raise ValueError("not a mapping (name: value)")
        return {str(name): _scalar(str, item, Setting(""), f"the value of {name!r}") for name, item in value.items()}
    if not isinstance(value, list):
        raise ValueError(f"{shown} is not a list")
    return tuple(_convert(key, _alternatives(typing.get_args(kind)[0]), item) for item in value)


def _scalar(kind: Any, value: Any, setting: Setting, shown: str) -> Any:
    return convert.scalar(kind, value, setting, raw=None, shown=shown)


def _setting(key: str) -> Setting:
    """Return the rules for numbers under *key*: seconds may be text such as "5m"; only a limit may be 0 or negative."""
    return Setting(
        "", unit="s" if key.endswith("_s") else "", above=None if key.split("_", maxsplit=1)[0] in _LIMITS else 0
    )


def _limit(key: str, value: Any, shown: str) -> float | Range:
    """Return the limit *value*: a number is the largest good value; text is the range of good values."""
    if isinstance(value, str) and (not key.endswith("_s") or convert.duration(value) is None):
        return Range.parse(value)
    number: float = _scalar(float, value, _setting(key), shown)
    return number


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, Sequence) and not isinstance(value, str) else convert.show(value)


def _contradictions(check: Any, keys: Iterable[str]) -> Iterator[str]:
    """Yield a problem for each pair of numeric limits whose critical limit is reached before its warning limit."""
    for key in keys:
        suffix = key.removeprefix("warning")
        warning, critical = (getattr(check, f"{level}{suffix}", None) for level in _LIMITS)
        if suffix == key or not (isinstance(warning, (int, float)) and isinstance(critical, (int, float))):
            continue
        fewer_is_worse = key.endswith("_days")
        if (warning < critical) if fewer_is_worse else (warning > critical):
            order, side = ("below", "above") if fewer_is_worse else ("above", "below")
            yield f"{key} {warning:g} is {order} critical{suffix} ({critical:g}); set it {side} that"
