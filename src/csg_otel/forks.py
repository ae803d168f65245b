"""
What a fork does to this package: parts with locks, threads or the parent's values begin again in the child.

Two steps in the child, in the order parts were made known: everything is reset, and only then do threads start again, so
that none of them meets a lock whose holder is gone. Before a fork, imports that other threads have begun are let finish,
because their locks would be held in the child for ever. Knows the parts weakly, so it keeps none alive.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, MethodType
from typing import Any, Final

_IMPORTS_S: Final = 2.0
"""How long a fork may wait for imports of other threads, in seconds."""

_log = logging.getLogger("csg_otel")


@dataclass(frozen=True)
class _Function:
    """A function, kept and called like a weak reference."""

    function: Callable[[], None]

    def __call__(self) -> Callable[[], None]:
        return self.function


_Known = list[Callable[[], "Callable[[], None] | None"]]

_before: Final[_Known] = []
_resets: Final[_Known] = []
_most: Final = [64]
"""How many there may be before those whose objects are gone are forgotten."""

_starts: Final[list[Callable[[], object]]] = []
_hooked: Final[list[bool]] = []
_resetting: Final[list[bool]] = []


def follow(reset: Callable[[], None]) -> None:
    """Call *reset* in every child forked from now on, once; a bound method only while its object lives."""
    _remember(_resets, reset)


def precede(prepare: Callable[[], None]) -> None:
    """Call *prepare* in this process before every fork; a bound method only while its object lives."""
    _remember(_before, prepare)


def _remember(calls: _Known, call: Callable[[], None]) -> None:
    found: Any = _Function(call)
    if isinstance(call, MethodType):
        found = weakref.WeakMethod(call)
    if len(calls) >= _most[0]:
        calls[:] = [known for known in calls if known() is not None]
        _most[0] = 2 * len(calls) + 64
    if found not in calls:
        calls.append(found)
    if not _hooked and hasattr(os, "register_at_fork"):
        _hooked.append(True)
        os.register_at_fork(before=_before_fork, after_in_child=_reset_in_child)


def afterwards(start: Callable[[], object]) -> None:
    """Call *start* when everything has been reset; at once if no reset is under way."""
    if _resetting:
        _starts.append(start)
    else:
        start()


def _before_fork() -> None:
    _call(_before)
    _let_imports_finish()


def _call(calls: _Known) -> None:
    for found in tuple(calls):
        if (call := found()) is not None:
            _contained(call)


def _let_imports_finish() -> None:
    deadline, me = time.monotonic() + _IMPORTS_S, threading.get_ident()
    while time.monotonic() < deadline and _others_import(me):
        time.sleep(0.001)


def _others_import(me: int) -> bool:
    for thread, innermost in sys._current_frames().items():  # noqa: SLF001 - documented, whatever its name looks like
        frame: FrameType | None = innermost
        while frame is not None and thread != me:
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                return True
            frame = frame.f_back
    return False


def _reset_in_child() -> None:
    _resetting.append(True)
    _call(_resets)
    _resetting.clear()
    starts, _starts[:] = tuple(_starts), ()
    for start in starts:
        _contained(start)


def _contained(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception:  # noqa: BLE001 - a child that can't be measured must still be able to work
        _log.warning("telemetry can't go on beyond a fork", exc_info=True)
