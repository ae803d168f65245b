"""
One daemon thread that runs callbacks of the program in turn, and is replaced when one of them keeps it.

The rule: a run that is waited for never queues behind another run.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any


class Run:
    """One run of a callback: its result once it is done, and how long it took, in seconds."""

    def __init__(self, work: Callable[[], Sequence[Any]]) -> None:
        """Prepare to run *work*."""
        self._work = work
        self._began_s: float | None = None
        self.done = threading.Event()
        self.result: Sequence[Any] = ()
        self.took_s = 0.0

    def __call__(self) -> None:
        """Run on the calling thread."""
        self._began_s = time.monotonic()
        try:
            self.result = self._work()
        finally:
            self.took_s = time.monotonic() - self._began_s
            self.done.set()

    @property
    def age_s(self) -> float:
        """Seconds since it began; 0 while it is queued."""
        return 0.0 if self._began_s is None else time.monotonic() - self._began_s


class Runner:
    """The thread and its queue; a thread that is replaced ends after the run that keeps it."""

    def __init__(self) -> None:
        """Start no thread before the first run."""
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[Run] = deque()
        self._running: Run | None = None
        self._thread: threading.Thread | None = None

    def run_now(self, run: Run, timeout_s: float) -> bool:
        """
        Start *run* at once and wait for it, at most *timeout_s* seconds; True if it is done.

        Without a thread to run it, it stays in the queue, and the result is False at once.
        """
        with self._changed:
            self._queue.appendleft(run)
            if self._running is not None:
                self._thread = None
            self._wake()
            if self._thread is None:
                return False
        if run.done.wait(timeout_s):
            return True
        with self._changed:
            if self._running is run:
                self._replace()
        return False

    def run_later(self, run: Run) -> None:
        """Queue *run* behind the others, without waiting."""
        with self._changed:
            self._queue.append(run)
            self._wake()

    def unblock(self, patience_s: float) -> None:
        """
        Let another thread go on with the queue if the present run keeps it for more than *patience_s* seconds.

        The same where no thread could be started before.
        """
        with self._changed:
            if self._thread is None or (self._running is not None and self._running.age_s > patience_s):
                self._replace()

    def _replace(self) -> None:
        """Let another thread go on with the queue, if there is one; the lock is held."""
        self._thread = None
        if self._queue:
            self._wake()

    def _wake(self) -> None:
        """Make sure that a thread looks at the queue; the lock is held."""
        if self._thread is None or not self._thread.is_alive():
            self._running = None
            self._thread = None
            thread = threading.Thread(target=self._work, name="csg-otel-callbacks", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return  # the system has no more threads, or the interpreter is ending; the next collection tries again
            self._thread = thread
        self._changed.notify()

    def _work(self) -> None:
        me = threading.current_thread()
        while (run := self._next(me)) is not None:
            run()

    def _next(self, me: threading.Thread) -> Run | None:
        """Wait for a run; None once another thread has replaced *me*."""
        with self._changed:
            if self._thread is me:
                self._running = None
            while self._thread is me:
                if self._queue:
                    self._running = self._queue.popleft()
                    return self._running
                self._changed.wait()
            return None
