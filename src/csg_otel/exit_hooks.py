"""
The end of a process: ``atexit``, its like in multiprocessing, and SIGTERM, chained to what the program does itself.

A handler runs on the main thread, perhaps while that very thread holds one of the SDK's locks; so it only starts a thread
that finishes the telemetry and then lets the signal do what it would have done. The exit code stays what it would have been.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_CHAINED_BUDGET_S = 2.0
"""Seconds a flush may delay a SIGTERM handler of the program's own."""

_LAST = -1000
"""After everything else that multiprocessing ends in a worker."""


class Ending:
    """Calls *finish* once, when the process ends by itself or is told to by SIGTERM."""

    def __init__(self, finish: Callable[[], Any], flush: Callable[[float], Any]) -> None:
        """*finish* ends the telemetry; *flush* sends what there is within the seconds it is given."""
        self._finish = finish
        self._flush = flush
        self._previous: Any = None
        self._handling = False
        self._done = threading.Event()

    def arm(self, *, signals: bool) -> None:
        """Register with ``atexit`` and, with *signals* and on the main thread, for SIGTERM."""
        atexit.register(self._finish)
        if not signals or threading.current_thread() is not threading.main_thread():
            return
        previous = signal.getsignal(signal.SIGTERM)
        if previous is signal.SIG_IGN or previous is None:
            return  # the program wants to live on, or a handler outside Python decides
        self._previous = previous
        signal.signal(signal.SIGTERM, self._on_signal)
        self._handling = True

    def reset_after_fork(self) -> None:
        """Begin anew in a child, which has telemetry of its own to finish."""
        self._done = threading.Event()
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            # A child of multiprocessing leaves by os._exit, so only the finalizers made after it began are called.
            util.register_after_fork(self, Ending._finish_a_worker)

    def _finish_a_worker(self) -> None:
        sys.modules["multiprocessing.util"].Finalize(None, self._finish, exitpriority=_LAST)

    def disarm(self) -> None:
        """Give everything back, unless the program has put something else in place meanwhile."""
        atexit.unregister(self._finish)
        if self._handling and threading.current_thread() is threading.main_thread():
            # Bound methods are equal, not identical.
            if signal.getsignal(signal.SIGTERM) == self._on_signal:
                signal.signal(signal.SIGTERM, self._previous)
            self._handling = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._done.is_set():
            self._pass_on(number, frame)
            return
        threading.Thread(target=self._end, args=(number,), name="csg-otel-sigterm", daemon=True).start()

    def _end(self, number: int) -> None:
        try:
            if callable(self._previous):
                self._flush(_CHAINED_BUDGET_S)
            else:
                self._finish()
        finally:
            # Only the main thread may change handlers, so the signal is sent again for it to pass on.
            self._done.set()
            os.kill(os.getpid(), number)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if callable(self._previous):
            self._done.clear()
            self._previous(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
