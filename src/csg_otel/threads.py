"""
The threads of telemetry: they leave signals to the threads of the program.

The kernel gives a signal to any thread that accepts it. A program that blocks signals, to wait for them elsewhere or to protect
a section, would be interrupted all the same if a thread that it does not know accepted them. The rule: code of the program runs
with the program's own mask, because the processes that it starts inherit the mask.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_OF_A_THREAD: Final = {"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP"}
"""Signals that a thread gets for a fault of its own."""

_held: Final = threading.local()


def are_greenlets() -> bool:
    """Return whether the program has replaced threads by greenlets, as gevent and eventlet do."""
    return not isinstance(threading.get_ident, BuiltinFunctionType)


def hold(number: int) -> None:
    """Block the signal *number* on this thread of the program until :func:`release`, if the system can."""
    if hasattr(signal, "pthread_sigmask"):
        _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {number})


def release() -> None:
    """Accept the signals again that this thread accepted before :func:`hold`; nothing if it was not called."""
    mask, _held.mask = getattr(_held, "mask", None), None
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class OwnThread(threading.Thread):
    """A daemon thread of telemetry."""

    def __init__(
        self, target: Callable[..., object], name: str, args: Iterable[Any] = (), *, runs_program: bool = False
    ) -> None:
        """Prepare a thread that calls *target* with *args*; *runs_program* is true where that is code of the program."""
        super().__init__(target=target, name=name, args=args, daemon=True)
        self._runs_program = runs_program
        self._mask = _mask_of_the_program()

    def run(self) -> None:
        """Call the target, with the mask that it needs; until now the thread has had the mask of the thread that started it."""
        self.accept(as_the_program=self._runs_program)
        super().run()

    def accept(self, *, as_the_program: bool) -> None:
        """Accept the signals that the program accepts, or none; on this thread."""
        if self._mask is not None and not are_greenlets():
            # uWSGI's handlers in C end the interpreter on the thread that gets the signal, and it waits for the main thread.
            # signal.getsignal() does not show them: for signals that C code took over later, it returns what was there before.
            accepts = as_the_program and "uwsgi" not in sys.modules
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask if accepts else _blocked())


def run_program(call: Callable[[], object]) -> None:
    """Run *call*, code of the program, with the program's mask."""
    thread = threading.current_thread()
    if not isinstance(thread, OwnThread):
        call()
        return
    thread.accept(as_the_program=True)
    try:
        call()
    finally:
        thread.accept(as_the_program=False)


def _mask_of_the_program() -> set[int] | None:
    """Return the signals that the program blocks on the thread that starts this one; None where there are no masks."""
    if not hasattr(signal, "pthread_sigmask"):
        return None
    creator = threading.current_thread()
    if isinstance(creator, OwnThread):
        return creator._mask  # noqa: SLF001 - its own class
    held: set[int] | None = getattr(_held, "mask", None)
    return signal.pthread_sigmask(signal.SIG_BLOCK, ()) if held is None else held


def _blocked() -> set[int]:
    return {number for number in signal.valid_signals() if getattr(number, "name", "") not in _OF_A_THREAD}
