"""
The mark of callbacks that only read a snapshot; they may run on the collecting thread.

A module that registers callbacks sets the mark; the pipeline reads it. The rule: a mark is valid only for the function or class
on which it was set. A wrapper created with ``functools.wraps``, a partial and a subclass do not inherit it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, Final, TypeVar

from csg_otel import interruptions

_MARK: Final = "__csg_reads_snapshot__"

_Marked = TypeVar("_Marked", bound=Callable[..., Any])


def reads_snapshot(target: _Marked) -> _Marked:
    """
    Mark *target*, a function or a class with callable objects: it measures nothing itself, does no I/O and never waits.

    Usable as a decorator. Raises AttributeError if no attribute can be set on *target*.
    """
    setattr(target, _MARK, target)
    return target


def is_marked(callback: object) -> bool:
    """Return whether *callback*, its function (of a bound method) or its class has the mark."""
    try:
        target = callback.__func__ if isinstance(callback, MethodType) else callback
        # Not getattr(target, _MARK): an object whose __getattr__ returns a value for every name would have every mark.
        own, of_class = getattr(target, "__dict__", {}), type(target).__dict__
        return (_MARK in own and own[_MARK] is target) or of_class.get(_MARK) is type(target)
    except Exception:  # noqa: BLE001 - any method of an object of the program may raise
        interruptions.let_through()
        return False
