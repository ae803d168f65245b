"""
Hooks for the end of a process: in ``atexit`` and for SIGTERM; the program's own SIGTERM handler runs after.

The handler of the signal only notes it. A thread that was started before (``signal_watch``) finishes the telemetry and ends
the process by the signal's default action, so that a process whose main thread is in C code ends in time, too. If the program
has a handler of its own, the thread flushes and sends the signal again, and the main thread runs that handler.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csg_otel import clocks, threads
from csg_otel.signal_watch import SignalWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_CHAINED_BUDGET_S = 2.0
"""Most seconds by which a flush delays the program's own SIGTERM handler; orchestrators wait 10 s or more before SIGKILL."""

_MARGIN_S = 0.5
"""Seconds above its budget after which a flush or shutdown counts as stuck, and the process ends without it."""

_RESEND_S = 0.05
_MAX_RESENDS = 100
"""How often and how many times the signal is sent again until its handler has run: 5 s, the usual budget of a shutdown."""


class ExitHooks:
    """Hooks that finish the telemetry when the process ends by itself or by SIGTERM."""

    def __init__(self, finish: Callable[[], Any], flush: Callable[[float], Any], budget_s: Callable[[], float]) -> None:
        """
        Set the functions.

        Args:
            finish: Ends the telemetry.
            flush: Sends all queued items within the given seconds.
            budget_s: Returns the seconds that *finish* may take.
        """
        self._finish = finish
        self._flush = flush
        self._budget_s = budget_s
        self._previous: Any = None
        self._watch: SignalWatch | None = None
        self._finished = False
        self._passed_on_at = float("-inf")
        self._passes_at_once = False

    def arm(self, *, signals: bool) -> None:
        """Register with ``atexit`` and, if *signals* is true and this is the main thread, for SIGTERM."""
        atexit.register(self._at_exit)
        if not signals or not _on_main_thread():
            return
        previous = signal.getsignal(signal.SIGTERM)
        if (
            previous is signal.SIG_IGN
            or previous is None
            or (previous is signal.SIG_DFL and _is_caught(signal.SIGTERM))
        ):
            return  # the program ignores the signal, or handles it outside of Python
        self._previous = previous
        self._watch = SignalWatch(signal.SIGTERM, self._end_or_pass_on, self._is_in_charge)
        self._watch.start()
        # An event loop hears the signal by the descriptor at once; another one would call its callbacks a second time.
        self._passes_at_once = callable(previous) and not self._watch.claim()
        signal.signal(signal.SIGTERM, self._on_signal)
        self._follow_multiprocessing()

    def _at_exit(self) -> None:
        try:
            self._finish()
        finally:
            if self._is_ending():
                _end_by(signal.SIGTERM)  # the thread that would do it may not run any more
            _remember_interrupt()

    def disarm(self) -> None:
        """Remove the hooks; a SIGTERM handler that the program has installed meanwhile stays."""
        if self._is_ending():
            return  # they end the process by the signal that came
        atexit.unregister(self._at_exit)
        if self._watch is not None and _on_main_thread():
            if self._is_in_charge():
                signal.signal(signal.SIGTERM, self._previous)
            self._watch.stop()
            self._watch = None

    def stop_watch(self) -> None:
        """End the thread that waits for the signal; :meth:`reset_after_fork` starts it again."""
        if self._watch is not None and _on_main_thread():
            self._watch.stop()

    # -- forks -----------------------------------------------------------------------------------------------------

    def hold_signal(self) -> None:
        """Before a fork: block SIGTERM on this thread, so that the child gets none before it has started again."""
        if self._watch is not None:
            threads.hold(signal.SIGTERM)

    def release_signal(self) -> None:
        """After a fork, in the parent and in the child: accept the signals again that were accepted before."""
        threads.release()

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child, which finishes its own telemetry."""
        self._finished = False
        if self._watch is not None:
            self._watch.reset_after_fork()
            self._follow_multiprocessing()

    def _follow_multiprocessing(self) -> None:
        """Begin again where a worker's own work begins: the server that forks workers has cleared the descriptor of signals."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None and self._watch is not None:
            util.register_after_fork(self._watch, SignalWatch.claim)

    # -- SIGTERM ---------------------------------------------------------------------------------------------------

    def _is_in_charge(self) -> bool:
        # ==, because every access to a bound method creates another object.
        return signal.getsignal(signal.SIGTERM) == self._on_signal

    def _is_ending(self) -> bool:
        """Return whether the signal came that ends this process, as soon as its telemetry is finished."""
        noted = self._watch is not None and self._watch.is_noted
        return noted and not callable(self._previous) and os.getpid() != 1

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._finished:
            self._pass_on(number, frame)
        elif self._watch is not None and clocks.monotonic() - self._passed_on_at > 2 * _RESEND_S:
            self._watch.note()  # otherwise it is a repetition of the signal that was passed on
            if self._passes_at_once:
                self._previous(number, frame)

    def _end_or_pass_on(self) -> None:
        """Finish the telemetry and end the process; on the thread of the watch."""
        if callable(self._previous):
            _within(_CHAINED_BUDGET_S, self._flush, _CHAINED_BUDGET_S)
            if self._passes_at_once:
                return
        elif os.getpid() == 1:
            # The kernel gives the first process of a container no default action: it goes on.
            _within(_CHAINED_BUDGET_S, self._flush, _CHAINED_BUDGET_S)
            return
        else:
            _within(self._budget_s(), self._finish)
            _end_by(signal.SIGTERM)
        self._finished = True
        self._resend()

    def _resend(self) -> None:
        """
        Send the signal until the main thread has passed it on: a handler of the program can't run elsewhere.

        A signal that comes just before the main thread enters a system call does not interrupt the call.
        """
        sent_at = clocks.monotonic()
        for _ in range(_MAX_RESENDS):
            _kill_main_thread(signal.SIGTERM)
            time.sleep(_RESEND_S)
            if self._passed_on_at >= sent_at:
                break

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._passed_on_at = clocks.monotonic()  # no lock: a handler may interrupt another
        if callable(self._previous):
            self._finished = False
            self._previous(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def _remember_interrupt() -> None:
    """
    Let the process end by SIGINT if Ctrl-C has ended the program, so that a shell stops, too.

    The interpreter forgets that with the next text that is executed on any thread, such as that of a ``namedtuple`` in a module
    which telemetry imports; and it remembers it when such a text is interrupted.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1"):
        with suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - a constant text


def _is_caught(number: int) -> bool:
    """Return whether there is a handler of the signal *number*, such as faulthandler's in C; False where that is unknown."""
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_bytes()
        return bool(int(status.split(b"SigCgt:", 1)[1].split(None, 1)[0], 16) >> (number - 1) & 1)
    return False


def _on_main_thread() -> bool:
    # eventlet's current thread is never the main thread; on Linux the main thread has the id of the process.
    return threading.current_thread() is threading.main_thread() or threading.get_native_id() == os.getpid()


def _within(limit_s: float, call: Callable[..., Any], *arguments: Any) -> None:
    """Run *call* on a thread, and wait for it a little longer than *limit_s* seconds: the main thread may hold its lock."""
    worker = threads.OwnThread(target=call, args=arguments, name="csg-otel-sigterm-work")
    try:
        worker.start()
    except RuntimeError:  # no more threads
        call(*arguments)
        return
    worker.join(limit_s + _MARGIN_S)


def _kill_main_thread(number: int) -> None:
    main = threading.main_thread().ident
    if main is None or threads.are_greenlets() or not hasattr(signal, "pthread_kill"):
        os.kill(os.getpid(), number)
    else:
        signal.pthread_kill(main, number)  # interrupts the system call of this very thread


def _end_by(number: int) -> None:
    """
    End this process by the default action of the signal *number*; return only where that can't be done here.

    ``signal.signal`` works on the main thread alone, which may be in C code. The C library's function works on every thread.
    """
    try:
        set_handler = ctypes.CDLL(None).signal
    except (OSError, AttributeError):  # another platform
        return
    set_handler.argtypes, set_handler.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
    set_handler(number, None)  # SIG_DFL is 0
    os.kill(os.getpid(), number)
    time.sleep(_RESEND_S)
