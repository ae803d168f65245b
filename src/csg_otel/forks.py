"""
Forks: objects with locks, threads or values of the parent start from scratch in the child.

The child does two steps, each in the order of registration. First it calls every reset function, and only then it starts
threads. So no thread waits for a lock whose holder does not exist in the child. Before a fork, the parent waits for imports in
other threads, because their import locks would stay held in the child for ever. Objects are referenced weakly, so registration
keeps no object alive.

A fork in C, such as uWSGI's, calls no hook of Python. So the program's calls into telemetry also look at ``mark[0]``: where it
is 0, this is a child that has not started from scratch, and they call :func:`enter_child` first. Where a call's time matters
less, :func:`notice` does both.
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

from csg_otel import clocks

_IMPORTS_S: Final = 2.0
"""Most seconds that a fork waits for imports of other threads; the import of a large package takes about one second."""

_WIPE_ON_FORK: Final = 18
"""MADV_WIPEONFORK of Linux 4.14, which Python has no name for: the kernel clears this memory in every child."""

_log = logging.getLogger("csg_otel")


@dataclass(frozen=True)
class _FunctionReference:
    """A strong reference to a function, with the interface of a weak reference."""

    function: Callable[[], None]

    def __call__(self) -> Callable[[], None]:
        return self.function


_References = list[Callable[[], "Callable[[], None] | None"]]

_before: Final[_References] = []
_resets: Final[_References] = []
_after: Final[_References] = []
_cleanup_at: Final = [64]
"""Length of a list at which references to deleted objects are removed; the length is then set again, to twice the rest."""

process: Final[list[object]] = [object()]
"""``process[0]`` is another object in a child that has started from scratch; a look takes less time than a system call."""

_starts: Final[list[Callable[[], object]]] = []
_entered: Final[dict[int, object]] = {}
"""The id of this process, once it needs no reset; a dict, because its ``setdefault`` is atomic between threads."""
_resetting: Final[list[bool]] = []


def follow(reset: Callable[[], None]) -> None:
    """Call *reset* once in every child forked from now on; a bound method is called only while its object exists."""
    _register(_resets, reset)


def precede(prepare: Callable[[], None]) -> None:
    """Call *prepare* in this process before every fork; a bound method is called only while its object exists."""
    _register(_before, prepare)


def conclude(release: Callable[[], None]) -> None:
    """Call *release* after every fork, last, in this process and in the child; a bound method only while its object exists."""
    _register(_after, release)


def _register(references: _References, function: Callable[[], None]) -> None:
    reference: Any = _FunctionReference(function)
    if isinstance(function, MethodType):
        reference = weakref.WeakMethod(function)
    if len(references) >= _cleanup_at[0]:
        references[:] = [kept for kept in references if kept() is not None]
        _cleanup_at[0] = 2 * len(references) + 64
    if reference not in references:
        references.append(reference)
    if not _entered:
        _watch_for_forks()


class _PidMark:
    """The mark where the kernel has no memory that it clears in a child: 1 in the process that has set it."""

    def __init__(self) -> None:
        self[0] = 1

    def __getitem__(self, _: int) -> bool:
        return os.getpid() == self._pid

    def __setitem__(self, _: int, value: int) -> None:
        self._pid = os.getpid()


mark: Any = [1]
"""``mark[0]`` is 0 in a forked child that has not started from scratch. A look costs 0.02 us, a system call ten times that."""


def _watch_for_forks() -> None:
    global mark  # noqa: PLW0603 - the memory is made with the first registration, not at import
    import mmap

    _entered[os.getpid()] = None
    try:
        memory = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(_WIPE_ON_FORK)
        memory[0] = 1
        mark = memory
    except (OSError, ValueError, AttributeError):
        mark = _PidMark()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork, after_in_parent=_conclude, after_in_child=_after_fork_in_child)


def notice() -> None:
    """Start from scratch, if this is a child that was forked in C and has not started yet."""
    if not mark[0]:
        enter_child()


def enter_child() -> None:
    """Start from scratch in a child that was forked in C, if it has not yet; other threads of it go on meanwhile."""
    seed = getattr(sys.modules.get("random"), "seed", None)
    if seed is not None:
        seed()  # as Python does after its own forks; otherwise all children would generate the same trace ids
    _enter_child()


def _enter_child() -> None:
    own_pid, claim = os.getpid(), object()
    if _entered.setdefault(own_pid, claim) is not claim:
        return
    for pid in tuple(_entered):
        if pid != own_pid:
            del _entered[pid]
    process[0] = object()
    mark[0] = 1
    start_from_scratch()


def _after_fork_in_child() -> None:
    if _executes_next():
        _conclude()  # a start would delay the program; where the child calls telemetry before, that call starts it
    else:
        _enter_child()


def _executes_next() -> bool:
    """Return whether this fork is that of a ``subprocess`` module, such as gevent's, which forks in Python for each program."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - documented, although its name is private
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if frame.f_code.co_name == "_execute_child" and module.rpartition(".")[2] == "subprocess":
            return True
        frame = frame.f_back
    return False


def afterwards(start: Callable[[], object]) -> None:
    """Call *start* after all reset functions; at once if no reset is in progress."""
    if _resetting:
        _starts.append(start)
    else:
        start()


def _conclude() -> None:
    _call_all(_after)


def _before_fork() -> None:
    _call_all(_before)
    _wait_for_imports()


def _call_all(references: _References) -> None:
    for reference in tuple(references):
        if (function := reference()) is not None:
            _contained(function)


def _wait_for_imports() -> None:
    deadline, own_thread = clocks.monotonic() + _IMPORTS_S, threading.get_ident()
    while clocks.monotonic() < deadline and _others_import(own_thread):
        time.sleep(0.001)


def _others_import(own_thread: int) -> bool:
    for thread, innermost in sys._current_frames().items():  # noqa: SLF001 - a documented function, although its name is private
        frame: FrameType | None = innermost
        while frame is not None and thread != own_thread:
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                return True
            frame = frame.f_back
    return False


def start_from_scratch() -> None:
    """Reset everything as in a forked child; for a process whose threads have all ended."""
    _resetting.append(True)
    _call_all(_resets)
    _resetting.clear()
    starts, _starts[:] = tuple(_starts), ()
    for start in starts:
        _contained(start)
    _conclude()


def _contained(function: Callable[[], object]) -> None:
    try:
        function()
    except Exception:  # noqa: BLE001 - a child without telemetry must still do its work
        _log.warning("part of the telemetry does not work in this forked process; the program goes on", exc_info=True)
