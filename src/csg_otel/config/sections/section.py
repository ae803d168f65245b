"""
The decorator of a section: a frozen dataclass with keyword arguments, whose methods are functions that all sections share.

Python's own decorator writes and compiles seven functions for each class. There are sixty sections, and compiling them takes as
long as a fifth of the start of a program. The one rule: a section behaves as ``dataclass(frozen=True, kw_only=True)`` makes it;
a test compares the two. Type checkers see that one.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from dataclasses import dataclass as section
else:

    def section(*, frozen: bool, kw_only: bool) -> Any:  # noqa: ARG001 - for type checkers; both are always true
        """Return the decorator."""
        return _made


__all__ = ["section"]


def _made(cls: type) -> type:
    cls = dataclasses.dataclass(init=False, repr=False, eq=False, match_args=False, kw_only=True)(cls)
    for name in _SHARED:
        if name not in cls.__dict__:
            setattr(cls, name, getattr(_Section, name))
    return cls


class _Section:
    """The methods of all sections; a class that has one of them itself keeps it."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __init__(self, **values: Any) -> None:
        missing = []
        for item in dataclasses.fields(self):
            name = item.name
            if name in values:
                self.__dict__[name] = values.pop(name)
            elif item.default_factory is not dataclasses.MISSING:
                self.__dict__[name] = item.default_factory()
            elif item.default is not dataclasses.MISSING:
                self.__dict__[name] = item.default
            else:
                missing.append(name)
        where = f"{type(self).__qualname__}.__init__()"
        if values:
            raise TypeError(f"{where} got an unexpected keyword argument {next(iter(values))!r}")
        if missing:
            raise TypeError(f"{where} misses required keyword-only arguments: {', '.join(map(repr, missing))}")
        if (after := getattr(self, "__post_init__", None)) is not None:
            after()

    def __repr__(self) -> str:
        shown = (f"{item.name}={getattr(self, item.name)!r}" for item in dataclasses.fields(self) if item.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(_compared(self))

    def __setattr__(self, name: str, value: object) -> None:
        _check(self, name, "assign to")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        _check(self, name, "delete")
        object.__delattr__(self, name)


_SHARED: Final = ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__")


def _compared(instance: Any) -> tuple[Any, ...]:
    return tuple(getattr(instance, item.name) for item in dataclasses.fields(instance) if item.compare)


def _check(instance: _Section, name: str, what: str) -> None:
    """Raise FrozenInstanceError for a setting, and for any name of a section itself; a class below it may have others."""
    if "__dataclass_fields__" in type(instance).__dict__ or name in instance.__dataclass_fields__:
        raise dataclasses.FrozenInstanceError(f"cannot {what} field {name!r}")
