"""
Waits of threads for each other: a wake-up, a latch, and changes of a state.

A signal handler of the program may raise at any point of Python code. A time limit inside ``threading.Event`` or
``threading.Condition`` would leave their lock taken for ever, and the next thread that sets the event would hang. The rule:
nothing here has a lock that two threads take, so only ``threading.Lock`` and ``RLock`` in a ``with`` statement, which the
interpreter takes in one step, and this module are used between threads.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Final

from csg_otel import clocks

_EVERY_S: Final = 10.0
"""Seconds after which a waiting thread looks again by itself: a time limit may come between a change and its wake-up."""


class Wakeup:
    """An event that one thread waits for, and that is over when it has waited."""

    def __init__(self) -> None:
        self._quiet = threading.Lock()  # held until the event occurs
        self._quiet.acquire()

    def set(self) -> None:
        """Wake the thread, or let its next wait return at once."""
        if self._quiet.locked():
            with contextlib.suppress(RuntimeError):  # another thread was quicker
                self._quiet.release()

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait for the event, at most *timeout_s* seconds (default: without a limit)."""
        self._quiet.acquire(timeout=-1 if timeout_s is None else max(0.0, timeout_s))


class Changes:
    """The changes of a state; any number of threads may wait until the state is as they need it."""

    def __init__(self) -> None:
        self._waiting: list[Wakeup] = []

    def notify(self) -> None:
        """Let every waiting thread look at the state."""
        for wakeup in tuple(self._waiting):
            wakeup.set()

    def wait_for(
        self, condition: Callable[[], bool], timeout_s: float | None = None, *, every_s: float = _EVERY_S
    ) -> bool:
        """
        Wait until *condition* returns True, and return True; False after *timeout_s* seconds (default: without a limit).

        The condition is called at once, after each :meth:`notify`, and every *every_s* seconds.
        """
        deadline = None if timeout_s is None else clocks.monotonic() + timeout_s
        wakeup = Wakeup()
        try:
            self._waiting.append(wakeup)
            while not condition():
                left_s = every_s if deadline is None else min(every_s, deadline - clocks.monotonic())
                if left_s <= 0:
                    return False
                wakeup.wait(left_s)
            return True
        finally:
            if wakeup in self._waiting:  # a time limit may have come before
                self._waiting.remove(wakeup)


class Latch:
    """An event that occurs once; any number of threads may wait for it."""

    def __init__(self) -> None:
        self._is_set = False
        self._changes = Changes()

    def is_set(self) -> bool:
        """Return whether the event has occurred."""
        return self._is_set

    def set(self) -> None:
        """Let all threads go on that wait, or will wait."""
        self._is_set = True
        self._changes.notify()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the event, at most *timeout_s* seconds (default: without a limit); return whether it has occurred."""
        return self._changes.wait_for(self.is_set, timeout_s)
