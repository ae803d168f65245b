"""
Guarded callbacks of the program: they can neither block nor break a collection.

The SDK runs the callbacks of all observable instruments under one lock, once for each reader. A callback that blocks would stop
all metrics, and a callback that raises ``SystemExit`` would end the reader. So callbacks of the program run on a thread of
their own (``runner``), and all callbacks together have 30 ms in a collection. A callback that needs longer goes on running, and
the collection uses the values of its last run; pushed points have the time of that run. The rules: a callback never runs twice
at the same time, and every callback runs again after a while, however many callbacks there are.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics.export import AggregationTemporality, Gauge, Sum

from csg_otel import attributes as clean
from csg_otel import clocks, faults, interruptions, markers, names
from csg_otel.pipeline.runner import Run, Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opentelemetry.metrics import CallbackOptions, CallbackT
    from opentelemetry.sdk.metrics.export import Metric, MetricsData, ScopeMetrics

    from csg_otel.proxies.base import Scope

COLLECTION_BUDGET_S = 0.03
"""Seconds that one collection waits for all callbacks of the program together, so that a scrape takes less than 50 ms."""

_MAX_SHARE = 0.8
"""The share of the remaining budget that one callback may use, so that the callbacks after it get some of the budget, too."""

_MIN_WAIT_S = 0.001
"""Shortest wait in seconds; the switch to another thread and back takes a large part of a shorter one."""

_SLOW_S = _MAX_SHARE * COLLECTION_BUDGET_S
"""A run of this many seconds is slow by itself, whatever time the other callbacks take."""

_HUNG_S = 60.0
"""Seconds in one run after which the values of the run before are too old to be shown: four usual intervals."""

_MAX_OBSERVATIONS = 10 * names.CARDINALITY_LIMIT
"""Most observations that one run may return: ten times the series that are kept. A generator without an end stops here."""

_log = logging.getLogger("csg_otel")


_Stream = tuple[str, ...]
"""Name, version and schema URL of a scope, and the name of an instrument in it."""


class _Collection(threading.local):
    """
    The collection on this thread: the seconds it may still wait for callbacks, and the runs that begin after it.

    A collection by a reader of the program is outside of :func:`collection`: then ``deferred`` is None, and each callback has
    the whole budget, because nothing shows where one collection ends and the next begins.
    """

    only: frozenset[str] | None = None
    """The names of the instruments whose callbacks run; None for all."""
    remaining_s: float = 0.0
    deferred: list[Run] | None = None
    earlier: dict[_Stream, dict[frozenset[Any], int]] | None = None
    """The Unix times in nanoseconds of the values that come from earlier runs, by their attributes."""

    def available_s(self) -> float:
        """Return the seconds that the next callback may use a share of."""
        return COLLECTION_BUDGET_S if self.deferred is None else self.remaining_s


_collection = _Collection()
_runner = Runner()
_warned: set[str] = set()
"""The instrument that the warning about too many callbacks has named; empty before the warning."""


@contextmanager
def collection(only: frozenset[str] | None = None) -> Iterator[None]:
    """
    Give one budget to all callbacks within this block; the block is one collection on this thread.

    *only* are the names of the instruments whose callbacks run, by default all; the others observe nothing this time.
    """
    _collection.only = only
    _collection.remaining_s, _collection.deferred, _collection.earlier = COLLECTION_BUDGET_S, [], {}
    try:
        yield
    finally:
        deferred, _collection.deferred, _collection.earlier = _collection.deferred, None, None
        _collection.only = None
        for run in deferred:
            _runner.run_later(run)


def dated(data: MetricsData) -> MetricsData:
    """
    Return *data* of the collection on this thread; each point whose value comes from an earlier run has the time of that run.

    Deltas keep the collection's time: they are of the interval that ends there. A point whose attributes a view has changed
    keeps it, too.
    """
    if not (earlier := _collection.earlier):
        return data
    return replace(
        data,
        resource_metrics=[
            replace(resource, scope_metrics=[_dated_scope(scope, earlier) for scope in resource.scope_metrics])
            for resource in data.resource_metrics
        ],
    )


def _dated_scope(scope: ScopeMetrics, earlier: dict[_Stream, dict[frozenset[Any], int]]) -> ScopeMetrics:
    identity = scope.scope.name, scope.scope.version, scope.scope.schema_url
    metrics = [_dated_metric(metric, earlier.get(_stream(identity, metric.name), {})) for metric in scope.metrics]
    return replace(scope, metrics=metrics)


def _stream(scope: Sequence[Any], name: str) -> _Stream:
    return (*(part or "" for part in scope[:3]), name)


def _dated_metric(metric: Metric, times: dict[frozenset[Any], int]) -> Metric:
    data = metric.data
    if not times or not isinstance(data, (Gauge, Sum)):
        return metric
    if isinstance(data, Sum) and data.aggregation_temporality is AggregationTemporality.DELTA:
        return metric
    points = [
        replace(point, time_unix_nano=max(time_ns, point.start_time_unix_nano or 0))
        if (time_ns := times.get(frozenset((point.attributes or {}).items())))
        else point
        for point in data.data_points
    ]
    return replace(metric, data=replace(data, data_points=points))


def observable(scope: Scope, name: str, callback: CallbackT) -> Callable[[CallbackOptions], Sequence[Observation]]:
    """
    Return *callback* of the instrument *name* in *scope*, guarded.

    A callback marked with ``reads_snapshot`` runs on the collecting thread.
    """
    call = _caller(callback)
    observe: Callable[[CallbackOptions], Sequence[Observation]] = _Guarded(_stream(scope, name), name, call)
    if markers.is_marked(callback):
        observe = partial(_contained, name, call)

    def observe_if_collected(options: CallbackOptions) -> Sequence[Observation]:
        only = _collection.only
        return observe(options) if only is None or name in only else ()

    return observe_if_collected


def reset_after_fork() -> None:
    """Drop the parent's threads and runs; the child starts its own."""
    global _runner  # noqa: PLW0603 - a thread that does not exist in the child may have held its lock
    _runner = Runner()


def _caller(callback: CallbackT) -> Callable[[CallbackOptions], Any]:
    """Return *callback* as a function; the API also allows a generator, which receives the options by ``send()``."""
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
    """Run *call* and return its observations; if it raises, even ``SystemExit``, report it and return none."""
    try:
        observations = call(options)
        return () if observations is None else _sound(name, observations)
    except BaseException:  # noqa: BLE001 - a callback of the program must not end the reader
        faults.contain(f"callback of {name}")
        return ()


def _sound(name: str, observations: Iterable[Any]) -> tuple[Observation, ...]:
    """Return *observations* with valid values and attributes; only an observation without a number is left out."""
    kept: list[Observation] = []
    for count, item in enumerate(observations):
        if count >= _MAX_OBSERVATIONS:
            faults.report(
                f"observations of {name}",
                f"its callback returned more than {_MAX_OBSERVATIONS} observations; the others are left out. Let it return "
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
        except Exception:  # noqa: BLE001 - the item is no observation at all
            interruptions.let_through()
            faults.report(f"callback of {name}", f"{clean.value(item)!r} is no observation; it is left out")
    return tuple(kept)


class _Guarded:
    """A callback of the program that runs on another thread and within the budget of the collection."""

    def __init__(self, stream: _Stream, name: str, call: Callable[[CallbackOptions], Any]) -> None:
        self._stream = stream
        self._name = name
        self._call = call
        self._runner = _runner
        self._pending: Run | None = None
        self._observations: Sequence[Observation] = ()
        self._observed_ns = 0
        self._took_s = 0.0
        self._slow = False

    def __call__(self, options: CallbackOptions) -> Sequence[Observation]:
        """Return the callback's observations: of a new run, or of the last run if there is no time for another."""
        if self._runner is not _runner:  # this is a forked child, and the run and the values belong to the parent
            self._runner, self._pending, self._observations = _runner, None, ()
        runner, pending = self._runner, self._pending
        if pending is not None:
            if not pending.done.is_set():
                runner.unblock(COLLECTION_BUDGET_S)
                self._watch(pending.age_s)
                return self._earlier() if pending.age_s < _HUNG_S else ()
            self._take(pending)
        self._pending = run = Run(lambda: _contained(self._name, self._call, options))
        timeout_s, began_s = _MAX_SHARE * _collection.available_s(), clocks.monotonic()
        if timeout_s >= max(_MIN_WAIT_S, self._took_s):
            in_time = runner.run_now(run, timeout_s)
            # At most the timeout: a late wake-up on a busy machine is not the fault of the callback.
            _collection.remaining_s -= min(timeout_s, clocks.monotonic() - began_s)
            if in_time:
                self._take(run)
                self._pending = None
                return self._observations
            self._watch(run.age_s)
        else:
            self._warn_of_many()
            if _collection.deferred is None:
                runner.run_later(run)
            else:  # it runs after the collection, so that the two do not compete for the interpreter
                _collection.deferred.append(run)
        return self._earlier()

    def _earlier(self) -> Sequence[Observation]:
        """Return the observations of the last complete run, and note their time for :func:`dated`."""
        if self._observations and _collection.earlier is not None:
            keys = (frozenset((observation.attributes or {}).items()) for observation in self._observations)
            _collection.earlier.setdefault(self._stream, {}).update(dict.fromkeys(keys, self._observed_ns))
        return self._observations

    def _take(self, run: Run) -> None:
        """Keep the result of a run that has ended."""
        self._observations, self._observed_ns, self._took_s = run.result, run.ended_ns, run.took_s
        self._watch(run.took_s)
        # Half of the limit: otherwise a callback near the limit would be reported and recovered again and again.
        if self._slow and run.took_s < _SLOW_S / 2:
            self._slow = False
            faults.recovered(f"callback of {self._name}")

    def _watch(self, took_s: float) -> None:
        """Report a run that is slow by itself, once."""
        if took_s >= _SLOW_S and not self._slow:
            self._slow = True
            faults.report(
                f"callback of {self._name}",
                f"did not return in time: all callbacks of the program together have {COLLECTION_BUDGET_S * 1000:g} ms in a "
                "collection; its series show the values of its last complete run, if there is one; make it quicker, or let "
                "it read a value that is computed elsewhere",
            )

    def _warn_of_many(self) -> None:
        """Log once per process that the callbacks need too much time together, although each of them is quick."""
        if self._took_s < _SLOW_S and not _warned:
            _warned.add(self._name)
            _log.warning(
                "the callbacks of observable instruments need more than %g ms together; from now on some, such as the one "
                "of %s, show the values of their last run in a collection instead of new ones; make them quicker, or let "
                "them read values that are computed elsewhere",
                COLLECTION_BUDGET_S * 1000,
                self._name,
            )
