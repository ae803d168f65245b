"""
From what a file says of a check to the check: each value in the type its field has, or a word about what is wrong with it.

The fields of the check's class are the only description there is. The rule: whatever a file holds ends in a check or in a
HealthDefinitionError that names every mistake, and what may be a secret is shown in none.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from inspect import Parameter
from typing import Any, Final

from csg_otel.config import convert
from csg_otel.config.sections.fields import Setting
from csg_otel.errors import HealthDefinitionError, suggestion
from csg_otel.health import checks
from csg_otel.status import Range

OURS: Final = ("clock", "limits", "problems", "read")
"""Parameters of checks that no file can give."""

_PLACES: Final = ("client", "loader", "pool")
"""Parameters that are an object in code and ``module:name`` in a file, whatever their type says."""

_LIMITS: Final = ("warning", "critical")


def make(
    kind: str, given: Mapping[str, Any], where: str, *, wired: Mapping[str, Any], policy: Iterable[str] = ()
) -> Callable[[], Any]:
    """
    Return the check of type *kind* with the parameters *given*, and those of *wired* that it takes.

    *where* begins each message; *policy* are further keys a parameter may have been meant for. Raises
    HealthDefinitionError with everything that is wrong.
    """
    made = checks.check_type(kind)
    given = {key: value for key, value in given.items() if value is not None}
    taken = inspect.signature(made).parameters
    wired = {key: value for key, value in wired.items() if key in taken}
    known = [key for key in taken if key not in wired and key not in OURS]
    wrong = [f"unknown parameter {key!r}{suggestion(key, [*known, *policy])}" for key in given if key not in known]
    wrong += [f"{key!r} is missing" for key in known if taken[key].default is Parameter.empty and key not in given]
    kinds = typing.get_type_hints(made, localns={"Range": Range})
    fitting: dict[str, Any] = {}
    for key in known:
        if key in given:
            try:
                fitting[key] = _fitted(key, _alternatives(kinds[key]), given[key])
            except ValueError as error:
                wrong.append(f"{key}: {error}")
    if not wrong:
        try:
            check: Callable[[], Any] = made(**fitting, **wired)
            wrong += _contradictions(check, known)
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise HealthDefinitionError([f"{where}: {problem}" for problem in wrong])
    return check


def takes(kind: str, parameter: str) -> bool:
    """Tell whether checks of type *kind* have *parameter*."""
    return parameter in inspect.signature(checks.check_type(kind)).parameters


def revealed(value: Any) -> Any:
    """Return *value* with the secrets in it as text, at any depth: for the check alone, which keeps them out of its repr."""
    if isinstance(value, Mapping):
        return {key: revealed(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [revealed(item) for item in value]
    return value.reveal() if hasattr(value, "reveal") else value


def _alternatives(kind: Any) -> list[Any]:
    """Return what a field of type *kind* may be, without None."""
    union = typing.get_origin(kind) in (types.UnionType, typing.Union)
    return [one for one in (typing.get_args(kind) if union else (kind,)) if one is not types.NoneType]


def _fitted(key: str, kinds: list[Any], value: Any) -> Any:
    """Return *value* as one of *kinds*. Raises ValueError with what it should have been."""
    shown, plain = _shown(value), revealed(value)
    if key in _PLACES or any(kind is Executor or typing.get_origin(kind) is Callable for kind in kinds):
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
    """Return *value* as the mapping or sequence *kind*."""
    if issubclass(typing.get_origin(kind), Mapping):
        if not isinstance(value, Mapping):
            raise ValueError("not a mapping (name: value)")
        return {str(name): _scalar(str, item, Setting(""), f"the value of {name!r}") for name, item in value.items()}
    if not isinstance(value, list):
        raise ValueError(f"{shown} is not a list")
    return tuple(_fitted(key, _alternatives(typing.get_args(kind)[0]), item) for item in value)


def _scalar(kind: Any, value: Any, about: Setting, shown: str) -> Any:
    return convert.scalar(kind, value, about, raw=None, is_text=True, shown=shown)


def _setting(key: str) -> Setting:
    """Return what holds for numbers under *key*: seconds may be text such as "5m", and only a limit may be nought."""
    return Setting(
        "", unit="s" if key.endswith("_s") else "", above=None if key.split("_", maxsplit=1)[0] in _LIMITS else 0
    )


def _limit(key: str, value: Any, shown: str) -> float | Range:
    """Return a limit: a number, the most that is well, or as text the range in which it is well."""
    if isinstance(value, str) and (not key.endswith("_s") or convert.duration(value) is None):
        return Range.parse(value)
    number: float = _scalar(float, value, _setting(key), shown)
    return number


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, Sequence) and not isinstance(value, str) else convert.show(value)


def _contradictions(check: Any, keys: Iterable[str]) -> Iterator[str]:
    """Yield the pairs of plain limits of which the critical one would be passed before the warning."""
    for key in keys:
        rest = key.removeprefix("warning")
        warning, critical = (getattr(check, f"{level}{rest}", None) for level in _LIMITS)
        if rest == key or not (isinstance(warning, (int, float)) and isinstance(critical, (int, float))):
            continue
        fewer_is_worse = key.endswith("_days")
        if (warning < critical) if fewer_is_worse else (warning > critical):
            passed = "below" if fewer_is_worse else "above"
            yield f"{key} {warning:g} is {passed} critical{rest} ({critical:g})"
