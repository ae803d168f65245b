"""Flushes of a global provider: of this package's destinations and of others' processors, together, within one deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from csg_otel import clocks, faults, waits
from csg_otel.attributes import number
from csg_otel.pipeline import _compat
from csg_otel.threads import OwnThread

FlushOwn = Callable[[float], bool]
"""Sends the items of this package's destinations until a monotonic time; True if all are acknowledged or on disk."""

DEFAULT_MS: Final = 30_000
"""Milliseconds of a flush if the caller gives none; the SDK's default."""

SHUTDOWN_S: Final = 5.0
"""Seconds in which destinations are flushed when another shuts a provider down: the usual budget of a shutdown."""

_MAX_THREADS: Final = 8
"""Most flushes of others at the same time; more of them means that they hang."""


def nothing_to_flush(_deadline: float) -> bool:
    """Return True: there are no destinations."""
    return True


def deadline_after(timeout_millis: Any) -> float:
    """Return the monotonic time *timeout_millis* from now; anything that is no number counts as 0."""
    timeout_s = (number(timeout_millis) or 0.0) / 1000
    return clocks.monotonic() + min(max(0.0, timeout_s), threading.TIMEOUT_MAX / 2)


def contained(owner: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    """Return the result of *method* of *owner*, which is not ours; False and a report if it raises or does not exist."""
    try:
        return getattr(owner, method)(*args, **kwargs)
    except Exception:  # noqa: BLE001 - telemetry never raises into the program
        faults.contain(type(owner).__name__)
        return False


def flush(own: FlushOwn, others: Sequence[Any], timeout_millis: Any) -> bool:
    """Flush by *own*, and by ``force_flush`` of each of *others*, within *timeout_millis*; True only if all succeed."""
    deadline = deadline_after(timeout_millis)
    finish = start(others, deadline)
    sent = own(deadline)
    return finish() and sent


def start(others: Sequence[Any], deadline: float) -> Callable[[], bool]:
    """
    Flush each of *others* by ``force_flush``, on a thread, because many do not keep to their timeout.

    Return a function that waits until the monotonic *deadline*; its result is True only if all succeed.
    """
    results: list[bool] = []
    done = waits.Latch()

    def flush_others() -> None:
        for other in others:
            left_ms = max(0, int((deadline - clocks.monotonic()) * 1000))
            results.append(contained(other, "force_flush", left_ms) is not False)
        done.set()

    def finish() -> bool:
        if others and not started:
            flush_others()
        return not others or (done.wait(deadline - clocks.monotonic()) and all(results))

    started = bool(others) and _run_on_thread(flush_others)
    return finish


def _run_on_thread(work: Callable[[], None]) -> bool:
    """Run *work* on a thread; return False if no thread can be started, as at the end of the interpreter."""

    def run() -> None:
        _compat.suppress_instrumentation()
        work()

    if sum(thread.name == "csg-otel-flush" for thread in threading.enumerate()) >= _MAX_THREADS:
        return True  # none of them returns: this flush fails at its deadline
    try:
        OwnThread(target=run, name="csg-otel-flush").start()
    except RuntimeError:
        return False
    return True
