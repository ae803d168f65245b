"""
One run of a check on a daemon thread, with a deadline.

An execution has one result, the first: what comes after the deadline's does not count. The thread of one that hangs is
left alone; Python can't end it, and a daemon does not keep the process alive.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from csg_otel.health import results
from csg_otel.status import CheckResult, HealthStatus

if TYPE_CHECKING:
    from csg_otel.health.definition import Check

Around = Callable[["Execution", Callable[[], Any]], Any]
"""Runs a check's function, on the check's thread; telemetry puts a span around it."""


class Execution:
    """A run under way, or over. ``began`` and ``deadline`` are monotonic seconds."""

    def __init__(self, check: Check, timeout_s: float, finished: Callable[[Execution, CheckResult], None]) -> None:
        self.check = check
        self.timeout_s = timeout_s
        self.began = time.monotonic()
        self.deadline = self.began + timeout_s
        self.error: BaseException | None = None
        self.result: CheckResult | None = None
        self.ended = threading.Event()
        """Set when there is a result."""
        self.returned = False
        """Whether the function has come back; a run that timed out may still hang."""
        self._finished = finished
        self._lock = threading.Lock()
        self._cancel: Callable[[], Any] = lambda: None

    def start(self, around: Around, context: contextvars.Context, loops: Loops) -> None:
        """Run the check; on a daemon thread unless it is one that returns at once."""
        run = context.copy().run
        if self.check.inline:
            run(self._run, around, loops)
            return
        name = f"csg-otel-check-{self.check.name}"
        threading.Thread(target=run, args=(self._run, around, loops), name=name, daemon=True).start()

    def _run(self, around: Around, loops: Loops) -> None:
        failure = HealthStatus(self.check.failure_status)
        try:
            result = results.of_value(around(self, lambda: self._call(loops)), failure)
        except BaseException as error:  # noqa: BLE001 - SystemExit in a check is a verdict, not the program's end
            self.error = error
            result = results.of_error(error, failure)
        finally:
            self.returned = True
        self.finish(result)

    def _call(self, loops: Loops) -> Any:
        value = self.check.function()
        return loops.wait(self, value) if inspect.isawaitable(value) else value

    def on_timeout(self, cancel: Callable[[], Any]) -> None:
        """Call *cancel* when the deadline passes, so that a coroutine does not hang for ever."""
        self._cancel = cancel

    def expire(self) -> None:
        """Give the run the result of a missed deadline, if it has none yet."""
        if self.finish(results.of_timeout(self.timeout_s, time.monotonic() - self.began)):
            self._cancel()

    def finish(self, result: CheckResult) -> bool:
        """Take *result* unless there is one already; True if it was taken."""
        with self._lock:
            if self.result is not None:
                return False
            took_s = time.monotonic() - self.began
            self.result = replace(result, response_time_ms=took_s * 1000, timestamp=time.time())
        try:
            self._finished(self, self.result)
        finally:
            self.ended.set()
        return True

    def wait(self) -> CheckResult:
        """Wait for the result, at most until the deadline, and return it."""
        if not self.ended.wait(max(0.0, self.deadline - time.monotonic())):
            self.expire()
            self.ended.wait(1.0)  # another caller may be just about to set it
        assert self.result is not None  # noqa: S101 - expire() gave it one
        return self.result


class Loops:
    """
    The event loops of async checks: one each, kept between runs so that what a check opens stays usable.

    A run drives the loop on its own thread, so a check that blocks its loop blocks nothing else.
    """

    def __init__(self) -> None:
        self._loops: dict[str, asyncio.AbstractEventLoop] = {}

    def wait(self, execution: Execution, awaitable: Any) -> Any:
        """Run *awaitable* to its end and return what it returns; cancelled at the execution's deadline."""
        check = execution.check
        if check.loop == "app":
            return self._on_app_loop(execution, awaitable)
        loop = self._loops.get(check.name)
        if loop is None or loop.is_closed():
            loop = self._loops[check.name] = asyncio.new_event_loop()
        task = loop.create_task(_awaited(awaitable))
        execution.on_timeout(lambda: loop.call_soon_threadsafe(task.cancel))
        return loop.run_until_complete(task)

    def _on_app_loop(self, execution: Execution, awaitable: Any) -> Any:
        loop = execution.check.app_loop
        if loop is None or loop.is_closed():
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            return CheckResult(HealthStatus.UNKNOWN, "the program's event loop is not known or is closed")
        future = asyncio.run_coroutine_threadsafe(_awaited(awaitable), loop)
        execution.on_timeout(future.cancel)
        return future.result()

    def forget(self, name: str) -> None:
        """Close the loop of the check *name*, if it is not in use."""
        loop = self._loops.pop(name, None)
        if loop is not None and not loop.is_running():
            loop.close()

    def close(self) -> None:
        """Close all loops that are not in use."""
        for name in tuple(self._loops):
            self.forget(name)

    def reset_after_fork(self) -> None:
        """Forget the parent's loops; their selectors are shared with it."""
        self._loops.clear()


async def _awaited(awaitable: Any) -> Any:
    return await awaitable
