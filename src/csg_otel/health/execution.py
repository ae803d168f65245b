"""
One run of a check on a daemon thread, with a deadline.

An execution has one result, the first: a result that comes after the deadline does not count. The thread of a check that
hangs is abandoned: Python can't end it, and as a daemon it does not keep the process alive.
"""

from __future__ import annotations

import contextvars
import inspect
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from csg_otel import clocks, interruptions, waits
from csg_otel.check_result import CheckFailure, CheckResult
from csg_otel.health import results
from csg_otel.status import HealthStatus
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    import asyncio

    from csg_otel.health.definition import Check
    from csg_otel.health.observer import HealthObserver


_NO_APP_LOOP: Final = (
    "the program's event loop is closed, or was not running where the check was defined; define the check inside the loop, "
    "or use loop='private'"
)


class ResultReceiver(Protocol):
    """The owner of executions, which receives the result of each."""

    def receive_result(self, execution: Execution, result: CheckResult) -> None:
        """Record *result*, the only one of *execution*."""
        ...


class Execution:
    """One run of a check, running or finished. ``began`` and ``deadline`` are monotonic seconds."""

    def __init__(self, check: Check, timeout_s: float, receiver: ResultReceiver) -> None:
        self.check = check
        self.timeout_s = timeout_s
        self.began = clocks.monotonic()
        self.deadline = self.began + timeout_s
        self.error: BaseException | None = None
        self.result: CheckResult | None = None
        self.ended = waits.Latch()
        """Set when there is a result."""
        self.returned = False
        """Whether the function has returned; after a timeout it may still hang."""
        self._receiver = receiver
        self._lock = threading.Lock()
        self._cancel_coroutine: Callable[[], object] | None = None

    @property
    def unexpected_error(self) -> BaseException | None:
        """The exception that failed the run, unless it is a :class:`CheckFailure`; its message may hold a secret."""
        return None if isinstance(self.error, CheckFailure) else self.error

    def start(self, observer: HealthObserver, context: contextvars.Context, loops: Loops) -> None:
        """Run the check: on a daemon thread, or at once if it is ``inline``."""
        run = context.copy().run
        if self.check.inline:
            run(self._run, observer, loops)
            return
        name = f"csg-otel-check-{self.check.name}"
        thread = OwnThread(run, name=name, args=(self._run, observer, loops), runs_program=not self.check.own)
        try:
            thread.start()
        except BaseException:
            self.returned = True  # nothing hangs: the next run is tried
            raise

    def _run(self, observer: HealthObserver, loops: Loops) -> None:
        failure = HealthStatus(self.check.failure_status)
        try:
            value = observer.run_check(self, lambda: self._call(loops))
            result = results.scrubbed(results.from_value(value, failure))
        except BaseException as error:  # noqa: BLE001 - SystemExit in a check fails the check, not the program
            self.error = error
            result = results.scrubbed(results.from_error(error, failure))
            interruptions.let_through()
        finally:
            self.returned = True
            self.finish(result)

    def _call(self, loops: Loops) -> Any:
        value = self.check.function()
        return loops.wait(self, value) if inspect.isawaitable(value) else value

    def on_timeout(self, cancel: Callable[[], object]) -> None:
        """Keep *cancel*, which is called when the deadline passes, so that a coroutine does not hang for ever."""
        self._cancel_coroutine = cancel

    def expire(self) -> None:
        """Set the result of a missed deadline, if the run has no result yet."""
        timed_out = self.finish(results.from_timeout(self.timeout_s, clocks.monotonic() - self.began))
        if timed_out and self._cancel_coroutine is not None:
            self._cancel_coroutine()

    def finish(self, result: CheckResult) -> bool:
        """Set *result* unless there is one already; return whether it was set."""
        with self._lock:
            if self.result is not None:
                return False
            took_s = clocks.monotonic() - self.began
            self.result = replace(
                result, response_time_ms=took_s * 1000, timestamp=time.time(), category=self.check.category
            )
        try:
            self._receiver.receive_result(self, self.result)
        finally:
            self.ended.set()
        return True

    def wait(self) -> CheckResult:
        """Wait for the result, at most until the deadline, and return it."""
        if not self.ended.wait(self.deadline - clocks.monotonic()):
            self.expire()
            self.ended.wait(1.0)  # another thread may be setting it at this moment
        assert self.result is not None  # noqa: S101 - expire() gave it one
        return self.result


class Loops:
    """
    The event loops of async checks: one per check, kept between runs so that a connection the check opened stays usable.

    Each run drives the loop on its own thread, so a check that blocks its loop blocks no other check.
    """

    def __init__(self) -> None:
        self._loops: dict[str, asyncio.AbstractEventLoop] = {}

    def wait(self, execution: Execution, awaitable: Any) -> Any:
        """Run *awaitable* and return its value; it is cancelled at the execution's deadline."""
        check = execution.check
        if check.loop == "app":
            return self._on_app_loop(execution, awaitable)
        loop = self._loops.get(check.name)
        if loop is None or loop.is_closed():
            import asyncio  # few programs have checks that are coroutines

            loop = self._loops[check.name] = asyncio.new_event_loop()
        task = loop.create_task(_awaited(awaitable))
        execution.on_timeout(lambda: _cancel(loop, task))
        try:
            return loop.run_until_complete(task)
        finally:
            if self._loops.get(check.name) is not loop:  # it was forgotten meanwhile, and nothing else closes it
                loop.close()

    def _on_app_loop(self, execution: Execution, awaitable: Any) -> Any:
        loop = execution.check.app_loop
        if loop is None or loop.is_closed():
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            return CheckResult(HealthStatus.UNKNOWN, _NO_APP_LOOP)
        import asyncio  # already loaded, because there is a loop

        future = asyncio.run_coroutine_threadsafe(_awaited(awaitable), loop)
        execution.on_timeout(future.cancel)
        return future.result()

    def forget(self, name: str) -> None:
        """Remove the loop of the check *name*, and close it unless a run uses it."""
        loop = self._loops.pop(name, None)
        if loop is not None and not loop.is_running():
            loop.close()

    def close(self) -> None:
        """Remove all loops, and close each unless a run uses it."""
        for name in tuple(self._loops):
            self.forget(name)

    def reset_after_fork(self) -> None:
        """Drop the loops without closing them: their selectors are shared with the parent process."""
        self._loops.clear()


def _cancel(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    with suppress(RuntimeError):  # the run has ended at this moment, and its loop is closed
        loop.call_soon_threadsafe(task.cancel)


async def _awaited(awaitable: Any) -> Any:
    return await awaitable
