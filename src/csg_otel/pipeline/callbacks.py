"""
Callbacks of the program, guarded: they can neither block nor break a collection.

The SDK runs every observable's callback under one lock, once for each reader: one that blocks stops all metrics, one that
raises ``SystemExit`` kills the reader. So callbacks of the program run on a thread of their own (``runner``), and all of them
together may cost a collection 30 ms. A callback that is not back by then goes on running, and the collection takes the values
of its last run. The rules: a callback never runs twice at the same time, and each one runs again sooner or later, however many
come before it.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

from csg_otel import attributes as clean
from csg_otel import faults, markers, names
from csg_otel.pipeline.runner import Run, Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opentelemetry.metrics import CallbackOptions, CallbackT

COLLECTION_BUDGET_S = 0.03
"""How long one collection waits for all callbacks of the program together, in seconds; a scrape stays well under 50 ms."""

_MOST_SHARE = 0.8
"""The part of what is left of the budget that one callback may use, so that those after it get some of it, too."""

_LEAST_WAIT_S = 0.001
"""A shorter wait, in seconds, is not worth the change to another thread and back."""

_SLOW_S = _MOST_SHARE * COLLECTION_BUDGET_S
"""A run of this many seconds is slow by itself, whatever the other callbacks cost."""

_HUNG_S = 60.0
"""After this many seconds in one run, the values of the run before are too old to be shown: four usual intervals."""

_MOST_OBSERVATIONS = 10 * names.CARDINALITY_LIMIT
"""Observations that one run may return: ten times the series that are kept. A generator without an end stops here."""

_log = logging.getLogger("csg_otel")


class _Collection(threading.local):
    """The collection of this thread: the seconds it may still wait for callbacks, and the runs that begin after it."""

    left_s: float = COLLECTION_BUDGET_S
    deferred: list[Run] | None = None
    """None outside of :func:`collection`, as in a collection by a reader of the program."""


_collection = _Collection()
_runner = Runner()
_warned: set[str] = set()
"""Instruments for which it was logged that callbacks are too slow together; at most one."""


@contextmanager
def collection() -> Iterator[None]:
    """Let all callbacks within this block, which is one collection by this thread, share one budget."""
    _collection.left_s, _collection.deferred = COLLECTION_BUDGET_S, []
    try:
        yield
    finally:
        deferred, _collection.deferred = _collection.deferred, None
        _collection.left_s = COLLECTION_BUDGET_S
        for run in deferred:
            _runner.run_later(run)


def observable(name: str, callback: CallbackT) -> Callable[[CallbackOptions], Sequence[Observation]]:
    """Return *callback* of the instrument *name*, guarded; one marked as reading a snapshot runs without a thread."""
    call = _caller(callback)
    if markers.is_marked(callback):
        return lambda options: _contained(name, call, options)
    return _Guarded(name, call)


def reset_after_fork() -> None:
    """Forget the parent's threads and what they run; the child starts its own."""
    global _runner  # noqa: PLW0603 - its lock may have been held by a thread that is gone
    _runner = Runner()


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


def _contained(name: str, call: Callable[[CallbackOptions], Any], options: CallbackOptions) -> Sequence[Observation]:
    """Run *call*; nothing and a report if it raises anything at all, ``SystemExit`` included."""
    try:
        observations = call(options)
        return () if observations is None else _sound(name, observations)
    except BaseException:  # noqa: BLE001 - a callback of the program must not end the reader
        faults.contain(f"callback of {name}")
        return ()


def _sound(name: str, observations: Iterable[Any]) -> tuple[Observation, ...]:
    """Return *observations* without those that can't be aggregated or encoded; a bad one costs none of the others."""
    kept: list[Observation] = []
    for count, item in enumerate(observations):
        if count >= _MOST_OBSERVATIONS:
            faults.report(
                f"observations of {name}",
                f"its callback returned more than {_MOST_OBSERVATIONS} observations; the others are left out. Let it return "
                "one for each series",
            )
            break
        try:
            value, attributes = clean.number(item.value), item.attributes
            if value is None:
                faults.report(f"callback of {name}", f"{clean.value(item.value)!r} is no measurement; it is left out")
            elif value is item.value and (attributes is None or clean.sound(attributes)):
                kept.append(item)
            else:
                kept.append(Observation(value, clean.clean(attributes or {}), item.context))
        except Exception:  # noqa: BLE001 - it is no observation at all
            faults.report(f"callback of {name}", f"{clean.value(item)!r} is no observation; it is left out")
    return tuple(kept)


class _Guarded:
    """A callback of the program, run elsewhere and within the budget of the collection."""

    def __init__(self, name: str, call: Callable[[CallbackOptions], Any]) -> None:
        self._name = name
        self._call = call
        self._runner = _runner
        self._pending: Run | None = None
        self._observations: Sequence[Observation] = ()
        self._took_s = 0.0
        self._slow = False

    def __call__(self, options: CallbackOptions) -> Sequence[Observation]:
        """Return the callback's observations: those of a run now, or of its last one if there is no time for another."""
        if self._runner is not _runner:  # this is a forked child: the run and the values are the parent's
            self._runner, self._pending, self._observations = _runner, None, ()
        runner, pending = self._runner, self._pending
        if pending is not None:
            if not pending.done.is_set():
                runner.unblock(COLLECTION_BUDGET_S)
                self._watch(pending.age_s)
                return self._observations if pending.age_s < _HUNG_S else ()
            self._take(pending)
        self._pending = run = Run(lambda: _contained(self._name, self._call, options))
        most_s, began_s = _MOST_SHARE * _collection.left_s, time.monotonic()
        if most_s >= max(_LEAST_WAIT_S, self._took_s):
            in_time = runner.run_now(run, most_s)
            # Not more than was granted: a late wake-up on a busy machine is not the callback's.
            _collection.left_s -= min(most_s, time.monotonic() - began_s)
            if in_time:
                self._take(run)
                self._pending = None
            else:
                self._watch(run.age_s)
        else:
            self._warn_of_many()
            if _collection.deferred is None:
                runner.run_later(run)
            else:  # so that it does not compete with the collection for the interpreter
                _collection.deferred.append(run)
        return self._observations

    def _take(self, run: Run) -> None:
        """Keep the result of a run that has ended."""
        self._observations, self._took_s = run.result, run.took_s
        self._watch(run.took_s)
        if (
            self._slow and run.took_s < _SLOW_S / 2
        ):  # not at once, so that a callback at the limit is not reported for ever
            self._slow = False
            faults.recovered(f"callback of {self._name}")

    def _watch(self, took_s: float) -> None:
        """Report a run that is slow by itself, once."""
        if took_s >= _SLOW_S and not self._slow:
            self._slow = True
            faults.report(
                f"callback of {self._name}",
                f"did not return within the {COLLECTION_BUDGET_S * 1000:g} ms that all callbacks of the program share in "
                "a collection; until it does, its series show the values of its last run, and are missing before the first",
            )

    def _warn_of_many(self) -> None:
        """Log once in the life of the process that callbacks are quick each and too slow together."""
        if self._took_s < _SLOW_S and not _warned:
            _warned.add(self._name)
            _log.warning(
                "the callbacks of observable instruments need more than %g ms together; from now on some, such as the one "
                "of %s, show the values of their last run in a collection instead of new ones; make them quicker, or let "
                "them read values that are computed elsewhere",
                COLLECTION_BUDGET_S * 1000,
                self._name,
            )
