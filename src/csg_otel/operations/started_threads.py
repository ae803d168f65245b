"""
Threads and jobs of thread pools, each with the piece of work that has started it.

Python passes no context to them. The rule: only the piece is passed on, never the context, so that traces are as without this;
where no piece is open, a thread and a job start exactly as before.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_ATTRIBUTE: Final = "_csg_otel_work"
"""The attribute of a thread that holds the piece of work."""

has_passed: Final = [False]
"""Whether a piece of work has ever been passed to a thread or a job; a look takes less time than one at the thread."""

_submitting: Final = threading.local()
"""Has the attribute ``now`` in a thread that gives a job to a pool. A thread that the pool starts then runs other jobs, too."""


def starter() -> Any:
    """Return the piece that has started this thread, or the job that it runs; None if none has."""
    return getattr(threading.current_thread(), _ATTRIBUTE, None)


@functools.lru_cache(maxsize=1)
def follow(current: Callable[[], Any]) -> None:
    """Pass the result of *current*, the open piece of work or None, to all threads and jobs from now on; does so once."""
    from concurrent.futures import ThreadPoolExecutor  # late: defining operations needs no pools

    threading.Thread.start = _start(threading.Thread.start, current)  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = _submit(ThreadPoolExecutor.submit, current)  # type: ignore[method-assign]


def _start(start: Callable[..., None], current: Callable[[], Any]) -> Callable[..., None]:
    @functools.wraps(start)
    def started(thread: threading.Thread) -> None:
        if not hasattr(_submitting, "now") and (piece := current()) is not None:
            has_passed[0] = True
            setattr(thread, _ATTRIBUTE, piece)
        start(thread)

    return started


def _submit(submit: Callable[..., Future[Any]], current: Callable[[], Any]) -> Callable[..., Future[Any]]:
    @functools.wraps(submit)
    def submitted(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        piece = current()
        if piece is None:
            return submit(pool, function, *args, **kwargs)
        _submitting.now = has_passed[0] = True
        try:
            return submit(pool, _run, piece, function, *args, **kwargs)
        finally:
            vars(_submitting).pop("now", None)

    return submitted


def _run(piece: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call *function* as a job that *piece* has started."""
    thread = threading.current_thread()
    before = getattr(thread, _ATTRIBUTE, None)
    setattr(thread, _ATTRIBUTE, piece)
    try:
        return function(*args, **kwargs)
    finally:
        setattr(thread, _ATTRIBUTE, before)
