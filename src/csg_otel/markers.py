"""
The mark of a callback that only reads a snapshot, and so may run on the thread that collects.

A module that registers callbacks sets the mark; the pipeline reads it. The rule: a mark holds for the very function or class
that carries it. A wrapper that ``functools.wraps`` made, a partial and a subclass do not inherit it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, Final, TypeVar

_MARK: Final = "__csg_reads_snapshot__"

_Marked = TypeVar("_Marked", bound=Callable[..., Any])


def reads_snapshot(target: _Marked) -> _Marked:
    """
    Mark *target*, a function or a class whose objects are callable: it takes no reading, does no I/O and never waits.

    Usable as a decorator. Raises AttributeError if *target* takes no attributes.
    """
    setattr(target, _MARK, target)
    return target


def is_marked(callback: object) -> bool:
    """Return whether *callback* carries the mark: itself, its function if it is a bound method, or its class."""
    try:
        target = callback.__func__ if isinstance(callback, MethodType) else callback
        # Attributes of the very object only: one that answers to every name would carry every mark.
        own, of_class = getattr(target, "__dict__", {}), type(target).__dict__
        return (_MARK in own and own[_MARK] is target) or of_class.get(_MARK) is type(target)
    except Exception:  # noqa: BLE001 - an object of the program may fail at anything
        return False
