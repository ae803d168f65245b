"""
The wake-up of a worker thread by threads of the program.

A signal handler of the program may raise at any point of Python code: a time limit inside ``threading.Event.set`` would leave
the event's lock taken for ever, and the program would wait for it at its next item. So setting a wake-up takes no lock.
"""

from __future__ import annotations

import contextlib
import threading


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
        self._quiet.acquire(timeout=-1 if timeout_s is None else timeout_s)
