"""
Walls around callbacks that belong to the program.

The SDK runs every observable's callback under one lock, once for each reader: one that blocks stops all metrics, one that
raises ``SystemExit`` kills the reader. Callbacks of the program run on a runner thread with a deadline shared by the whole
collection; one that hangs is left alone, reported, and not started again before it returns. What it yields late is dropped.
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import contextmanager
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

from csg_otel import attributes as clean
from csg_otel import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opentelemetry.metrics import CallbackOptions, CallbackT

COLLECTION_BUDGET_S = 0.03
"""What all slow callbacks together may cost one collection, in seconds; a scrape stays well under 50 ms."""

_LEAST_S = 0.01
_TRUSTED = ("csg_otel.metrics.", "csg_otel.reporters.otel", "csg_otel.tallies", "csg_otel.faults", "csg_otel.providers")
"""Modules whose callbacks read snapshots only, so that a thread hop would buy nothing."""

_collection = threading.local()


@contextmanager
def collection(budget_s: float = COLLECTION_BUDGET_S) -> Iterator[None]:
    """Give the callbacks run by this thread's collection a common deadline, *budget_s* seconds from now."""
    _collection.deadline = time.monotonic() + budget_s
    try:
        yield
    finally:
        _collection.deadline = None


def observable(name: str, callback: CallbackT) -> Callable[[CallbackOptions], Sequence[Observation]]:
    """Wrap the *callback* of the instrument *name* so that it can neither block nor break a collection."""
    call = _caller(callback)
    if getattr(callback, "__module__", "").startswith(_TRUSTED):
        return lambda options: _contained(name, call, options) or ()
    return _Walled(name, call)


def reset_after_fork() -> None:
    """Forget the parent's runner threads; the child starts its own."""
    _runners.__init__()  # type: ignore[misc] # its locks may have been held by a thread that is gone


def _caller(callback: CallbackT) -> Callable[[CallbackOptions], Any]:
    """Return a plain function: the API also allows a generator that is sent the options."""
    if not isinstance(callback, GeneratorType):
        return callback  # type: ignore[return-value]
    started: list[bool] = []

    def send(options: CallbackOptions) -> Any:
        if not started:
            started.append(True)
            return next(callback)
        return callback.send(options)

    return send


def _contained(
    name: str, call: Callable[[CallbackOptions], Any], options: CallbackOptions
) -> Sequence[Observation] | None:
    """Run *call*; None and a report if it raises anything at all, ``SystemExit`` included."""
    try:
        found = call(options)
        return () if found is None else _sound(name, found)
    except BaseException:  # noqa: BLE001 - a callback of the program must not end the reader
        faults.contain(f"callback of {name}")
        return None


def _sound(name: str, found: Iterable[Any]) -> tuple[Observation, ...]:
    """Return the observations *found* without what could not be aggregated or encoded; it costs none of the others."""
    kept = []
    for one in found:
        try:
            value, attributes = clean.number(one.value), one.attributes
            if value is None:
                faults.report(f"callback of {name}", f"{clean.value(one.value)!r} is no measurement; it is left out")
                continue
            if value is not one.value or not (attributes is None or clean.sound(attributes)):
                one = Observation(value, clean.clean(attributes or {}), one.context)  # noqa: PLW2901 - as it should be
            kept.append(one)
        except Exception:  # noqa: BLE001 - it is no observation at all
            faults.report(f"callback of {name}", f"{clean.value(one)!r} is no observation; it is left out")
    return tuple(kept)


class _Job:
    """One run of a callback: what it returned, and whether anybody still waits for it."""

    def __init__(self, work: Callable[[], Sequence[Observation] | None]) -> None:
        self.work = work
        self.done = threading.Event()
        self.result: Sequence[Observation] | None = None
        self.abandoned = False

    def run(self) -> None:
        self.result = self.work()
        self.done.set()


class _Runners:
    """One daemon thread that runs jobs; left to itself and replaced when a job of its does not return in time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[_Job] | None = None

    def submit(self, job: _Job) -> None:
        with self._lock:
            if self._inbox is None:
                self._inbox = queue.SimpleQueue()
                threading.Thread(target=_run, args=(self._inbox,), name="csg-otel-callbacks", daemon=True).start()
            self._inbox.put(job)

    def abandon(self, job: _Job) -> None:
        with self._lock:
            job.abandoned = True
            self._inbox = None


def _run(inbox: queue.SimpleQueue[_Job]) -> None:
    job = inbox.get()
    while True:
        job.run()
        if job.abandoned:
            return
        job = inbox.get()


_runners = _Runners()


class _Walled:
    """A callback of the program behind a deadline; single flight."""

    def __init__(self, name: str, call: Callable[[CallbackOptions], Any]) -> None:
        self._name = name
        self._call = call
        self._pending: _Job | None = None

    def __call__(self, options: CallbackOptions) -> Sequence[Observation]:
        if self._pending is not None:
            if not self._pending.done.is_set():
                return ()
            self._pending = None
            faults.recovered(f"callback of {self._name}")
        job = _Job(lambda: _contained(self._name, self._call, options))
        _runners.submit(job)
        deadline = getattr(_collection, "deadline", None)
        remaining = COLLECTION_BUDGET_S if deadline is None else deadline - time.monotonic()
        if not job.done.wait(max(remaining, _LEAST_S)):
            _runners.abandon(job)
            self._pending = job
            faults.report(f"callback of {self._name}", "did not return in time; its series are missing until it does")
            return ()
        return job.result or ()
