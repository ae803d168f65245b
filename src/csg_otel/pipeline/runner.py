"""
The runner: a daemon thread that runs callbacks of the program, one after the other.

A callback that takes too long keeps its thread, and a new thread continues with the queue. The rule: a run that a collection
waits for never queues behind another run.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from csg_otel import clocks, threads, waits


class Run:
    """One run of a callback; ``result``, ``took_s`` (seconds) and ``ended_ns`` (Unix time) are valid when ``done`` is set."""

    def __init__(self, work: Callable[[], Sequence[Any]]) -> None:
        """Prepare to run *work*."""
        self._work = work
        self._began_s: float | None = None
        self.done = waits.Latch()
        self.result: Sequence[Any] = ()
        self.took_s = 0.0
        self.ended_ns = 0

    def __call__(self) -> None:
        """Run on the calling thread."""
        self._began_s = clocks.monotonic()
        try:
            self.result = self._work()
        finally:
            self.took_s = clocks.monotonic() - self._began_s
            self.ended_ns = time.time_ns()
            self.done.set()

    @property
    def age_s(self) -> float:
        """Seconds since the run began; 0 while it is queued."""
        return 0.0 if self._began_s is None else clocks.monotonic() - self._began_s


class Runner:
    """The thread and its queue. A replaced thread ends after its current run."""

    def __init__(self) -> None:
        """Prepare an empty queue; the thread starts with the first run."""
        self._lock = threading.Lock()
        self._wakeup = waits.Wakeup()  # of the thread that waits for a run
        self._queue: deque[Run] = deque()
        self._running: Run | None = None
        self._thread: threading.Thread | None = None

    def run_now(self, run: Run, timeout_s: float) -> bool:
        """
        Start *run* at once, and wait for it at most *timeout_s* seconds; return whether it is done.

        If no thread can be started, the run stays in the queue, and the result is False at once.
        """
        with self._lock:
            self._queue.appendleft(run)
            # The thread of a run that is done takes the next one, even if it has not come to it yet.
            if self._running is not None and not self._running.done.is_set():
                self._thread = None
            self._wake()
            if self._thread is None:
                return False
        if run.done.wait(timeout_s):
            return True
        with self._lock:
            if self._running is run:
                self._replace()
        return False

    def run_later(self, run: Run) -> None:
        """Queue *run* behind the other runs; do not wait."""
        with self._lock:
            self._queue.append(run)
            self._wake()

    def unblock(self, max_run_s: float) -> None:
        """
        Replace the thread if its current run has taken more than *max_run_s* seconds.

        Try to start a thread if none could be started before.
        """
        with self._lock:
            if self._thread is None or (self._running is not None and self._running.age_s > max_run_s):
                self._replace()

    def _replace(self) -> None:
        """Detach the thread from the queue, and start another if runs are queued; called with the lock held."""
        self._thread = None
        if self._queue:
            self._wake()

    def _wake(self) -> None:
        """Wake the thread, or start one if there is none; called with the lock held."""
        if self._thread is None or not self._thread.is_alive():
            self._running = None
            self._thread = None
            thread = threads.OwnThread(target=self._work, name="csg-otel-callbacks")
            try:
                thread.start()
            except RuntimeError:
                return  # the system has no more threads, or the interpreter is ending; the next collection tries again
            self._thread = thread
        self._wakeup.set()

    def _work(self) -> None:
        own_thread = threading.current_thread()
        while (run := self._next(own_thread)) is not None:
            threads.run_program(run)

    def _next(self, own_thread: threading.Thread) -> Run | None:
        """Wait for the next run and return it; None once *own_thread* has been replaced."""
        while True:
            with self._lock:
                if self._thread is not own_thread:
                    self._wakeup.set()  # it may have been for the thread that has taken this one's place
                    return None
                self._running = self._queue.popleft() if self._queue else None
                if self._running is not None:
                    return self._running
            self._wakeup.wait()
