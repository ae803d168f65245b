"""
A background thread: runs calls one after the other, starts with the first call, and ends after a while without one.

It takes work that must not run on the thread of the server's connections: collections of metrics, code of the program, and
log lines, because a handler of the program may hang. The rule: the queue is bounded, and nothing waits for a place in it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from csg_otel import clocks, faults, forks, waits
from csg_otel.threads import OwnThread

_MOST: Final = 100
"""Most calls that wait: more than the server has connections at usual limits, so only a thread that hangs fills the queue."""

_IDLE_S: Final = 0.2
"""Seconds without a call after which the thread ends, and the next call starts another one: gevent's patches wait for it."""


class Background:
    """The thread and its queue."""

    def __init__(self, name: str) -> None:
        """Prepare a thread with the name ``csg-otel-`` and *name*, which is also the component of its faults."""
        self._name = name
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child, where the parent's thread and the thread with the lock do not exist."""
        self._calls: deque[Callable[[], object]] = deque()
        self._lock = threading.RLock()
        self._wakeup = waits.Wakeup()
        self._thread: threading.Thread | None = None

    def run(self, call: Callable[[], object]) -> bool:
        """Queue *call* and return True; False if the queue is full or the system has no more threads. Returns at once."""
        with self._lock:
            if len(self._calls) >= _MOST:
                return False
            if self._thread is None or not self._thread.is_alive():
                thread = OwnThread(target=self._work, name=f"csg-otel-{self._name}")
                try:
                    thread.start()
                except RuntimeError:
                    return False
                self._thread = thread
            self._calls.append(call)
        self._wakeup.set()
        return True

    def contain(self, error: Exception) -> None:
        """Report *error* as a fault of the component that the thread is named for, on that thread."""
        self.run(partial(_raise, error))

    def _work(self) -> None:
        while (call := self._next()) is not None:
            try:
                call()
            except BaseException:  # noqa: BLE001 - a handler or an object of the program may raise anything
                faults.contain(self._name)

    def _next(self) -> Callable[[], object] | None:
        """Return the next call, or None when the thread is to end."""
        idle_at = clocks.monotonic() + _IDLE_S
        while True:
            with self._lock:
                if self._calls:
                    return self._calls.popleft()
                if (left_s := idle_at - clocks.monotonic()) <= 0:
                    self._thread = None
                    return None
            self._wakeup.wait(left_s)


def _raise(error: Exception) -> None:
    raise error
