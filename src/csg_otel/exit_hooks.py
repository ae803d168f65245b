"""
Hooks for the end of a process: in ``atexit``, in multiprocessing, and for SIGTERM; the program's own SIGTERM handler runs
after.

A signal handler runs on the main thread, and that thread may hold one of the SDK's locks. So the handler only starts a thread.
That thread finishes the telemetry and sends the signal again, which then has its usual effect. The exit code does not change.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from csg_otel import clocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_CHAINED_BUDGET_S = 2.0
"""Most seconds by which a flush delays the program's own SIGTERM handler; orchestrators wait 10 s or more before SIGKILL."""

_RESEND_S = 0.05
_MAX_RESENDS = 100
"""How often and how many times the signal is sent again until its handler has run: 5 s, the usual budget of a shutdown."""

_LAST = -1000
"""Priority of the finalizer in a multiprocessing worker: it runs after all other finalizers."""


class ExitHooks:
    """Hooks that finish the telemetry when the process ends by itself or by SIGTERM."""

    def __init__(self, finish: Callable[[], Any], flush: Callable[[float], Any]) -> None:
        """Set the functions: *finish* ends the telemetry; *flush(seconds)* sends all queued items within that time."""
        self._finish = finish
        self._flush = flush
        self._previous: Any = None
        self._handling = False
        self._finished = threading.Event()
        self._passed_on_at = float("-inf")

    def arm(self, *, signals: bool) -> None:
        """Register with ``atexit`` and, if *signals* is true and this is the main thread, for SIGTERM."""
        atexit.register(self._finish)
        if not signals or threading.current_thread() is not threading.main_thread():
            return
        previous = signal.getsignal(signal.SIGTERM)
        if previous is signal.SIG_IGN or previous is None:
            return  # the program ignores the signal, or handles it outside of Python
        self._previous = previous
        signal.signal(signal.SIGTERM, self._on_signal)
        self._handling = True

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child, which finishes its own telemetry."""
        self._finished = threading.Event()
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            # A child of multiprocessing ends by os._exit after only those finalizers that the child itself has registered.
            util.register_after_fork(self, ExitHooks._finish_worker)

    def _finish_worker(self) -> None:
        sys.modules["multiprocessing.util"].Finalize(None, self._finish, exitpriority=_LAST)

    def disarm(self) -> None:
        """Remove the hooks; a SIGTERM handler that the program has installed meanwhile stays."""
        atexit.unregister(self._finish)
        if self._handling and threading.current_thread() is threading.main_thread():
            # ==, because every access to a bound method creates another object.
            if signal.getsignal(signal.SIGTERM) == self._on_signal:
                signal.signal(signal.SIGTERM, self._previous)
            self._handling = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._finished.is_set():
            self._pass_on(number, frame)
        elif clocks.monotonic() - self._passed_on_at > 2 * _RESEND_S:  # else it is a repetition of the signal passed on
            threading.Thread(
                target=self._finish_and_resend, args=(number,), name="csg-otel-sigterm", daemon=True
            ).start()

    def _finish_and_resend(self, number: int) -> None:
        try:
            if callable(self._previous):
                self._flush(_CHAINED_BUDGET_S)
            else:
                self._finish()
        finally:
            # Only the main thread may change handlers, so the signal is sent again, and the main thread passes it on. A
            # signal that comes just before the main thread enters a system call does not interrupt the call, hence the loop.
            self._finished.set()
            sent_at = clocks.monotonic()
            for _ in range(_MAX_RESENDS):
                os.kill(os.getpid(), number)
                time.sleep(_RESEND_S)
                if self._passed_on_at >= sent_at:
                    break

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._passed_on_at = clocks.monotonic()  # no lock: a handler may interrupt another
        if callable(self._previous):
            self._finished.clear()
            self._previous(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
