"""
Measurements of the interpreter: pauses by the garbage collector, and event loops that run late.

The rule: a garbage collection may interrupt any code, so the callbacks of a collection take no lock and contain no Python code.
In Python code the program's signal handlers run, and the interpreter drops what they raise in a callback: a time limit would be
lost. The callbacks only append to a queue, and the sampling thread records the items of the queue later.
"""

from __future__ import annotations

import gc
import operator
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import clocks, faults, forks, names, scope
from csg_otel.markers import reads_snapshot

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

_KEPT_PAUSES: Final = 5_000
"""Upper bound of the pauses kept until the next sample records them: 3 MB at most; beyond it the oldest are dropped."""

GC_COUNTERS: Final = {
    names.GC_COLLECTIONS: "collections",
    names.GC_COLLECTED_OBJECTS: "collected",
    names.GC_UNCOLLECTABLE_OBJECTS: "uncollectable",
}
"""The counters of the garbage collector, and the key of each in ``gc.get_stats()``."""


class _Instruments:
    """The instruments, created at the first use and once in a process: OTel ignores the callbacks of a second creation."""

    def __init__(self) -> None:
        self._created: dict[str, Any] = {}

    def histogram(self, metric: names.Metric) -> Any:
        """Return the histogram *metric* describes."""
        instrument = self._created.get(metric.name)
        return self._created.setdefault(metric.name, scope.create(metric)) if instrument is None else instrument

    def counters(self) -> None:
        """Make the instruments of the collector's counters."""
        token = object()
        if self._created.setdefault("counters", token) is token:
            for metric, key in GC_COUNTERS.items():
                scope.create(metric, [_GcCounter(key)])


_instruments: Final = _Instruments()


# -- garbage collection -------------------------------------------------------------------------------------------------


_Mark = tuple[float, tuple[str, "Mapping[str, int]"]]
"""A begin or an end of a collection: seconds on the performance counter, and what the collector passes to a callback."""


def _marking_callbacks(marks: deque[_Mark]) -> list[Callable[[str, Any], object]]:
    """Return callbacks for ``gc.callbacks``, made of functions in C only, which together append to *marks* at each call."""
    newest: dict[str, Any] = {}
    readings = zip(iter(time.perf_counter, None), iter(newest.popitem, None), strict=False)  # endless; read by next()
    append = partial(next, map(marks.append, readings))
    # The collector passes two arguments. The first callback stores them; in the second, a property passes on only one.
    return [partial(operator.setitem, newest), property(append).__get__]


class RuntimeMonitor:
    """Measures every garbage collection between :meth:`start` and :meth:`stop`."""

    def __init__(self) -> None:
        """Prepare; measures nothing yet."""
        self._marks: deque[_Mark] = deque(maxlen=2 * _KEPT_PAUSES)
        self._callbacks = _marking_callbacks(self._marks)
        self._lock = threading.RLock()
        self._running = False

    def start(self) -> None:
        """Start measuring; idempotent."""
        if self._running:
            return
        self._running = True
        forks.follow(self.reset_after_fork)
        _monitors.add(self)
        _instruments.counters()
        _instruments.histogram(names.GC_PAUSE)
        gc.callbacks.extend(self._callbacks)

    def stop(self) -> None:
        """Record the last pauses and stop; idempotent."""
        if not self._running:
            return
        self._running = False
        for callback in reversed(self._callbacks):  # the second one needs the first
            with suppress(ValueError):
                gc.callbacks.remove(callback)
        _monitors.discard(self)
        self.flush()

    def flush(self) -> None:
        """Record the pauses measured so far; never from a callback of the collector."""
        histogram = _instruments.histogram(names.GC_PAUSE)
        for generation, pause_s in self._take_pauses():
            histogram.record(pause_s, {names.GC_GENERATION: generation})

    def _take_pauses(self) -> list[tuple[int, float]]:
        """Remove all marks; return the generation and the seconds of each pause whose begin and end are among them."""
        pauses = []
        began_s: float | None = None
        with self._lock:
            while self._marks:
                at_s, (phase, info) = self._marks.popleft()
                if phase == "stop" and began_s is not None:
                    pauses.append((info["generation"], at_s - began_s))
                began_s = at_s if phase == "start" else None
        return pauses

    def reset_after_fork(self) -> None:
        """Drop the parent's pauses, because the parent records them."""
        self._lock = threading.RLock()
        self._marks.clear()


_monitors: Final[set[RuntimeMonitor]] = set()


def flush() -> None:
    """Record the pauses of the garbage collector measured so far; the sampler calls it with every sample."""
    for monitor in tuple(_monitors):
        monitor.flush()


@reads_snapshot
class _GcCounter:
    """One of the collector's counts by generation, while a monitor runs. In a forked child it counts from the fork on."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._before = [0, 0, 0]
        forks.follow(self.reset_after_fork)

    def __call__(self, _options: CallbackOptions) -> Iterable[Observation]:
        if not _monitors:
            return []
        return [
            Observation(count - before, {names.GC_GENERATION: generation})
            for generation, (count, before) in enumerate(zip(self._counts(), self._before, strict=True))
        ]

    def _counts(self) -> list[int]:
        return [generation[self._key] for generation in gc.get_stats()]

    def reset_after_fork(self) -> None:
        """Count from 0: earlier collections belong to the parent."""
        self._before = self._counts()


# -- event loops --------------------------------------------------------------------------------------------------------


class LoopState(NamedTuple):
    """The last run of a watched loop's timer: its monotonic time, how late it was, and its interval."""

    name: str
    last_beat: float
    lag_s: float
    interval_s: float


class LoopWatch:
    """A timer in an event loop that measures how late it runs; made by :func:`watch_loop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str, interval_s: float) -> None:
        """Prepare; :func:`watch_loop` starts it."""
        self._loop = loop
        self._name = name
        self._interval_s = interval_s
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._stopped = False
        self._state = LoopState(name, clocks.monotonic(), 0.0, interval_s)

    @property
    def state(self) -> LoopState:
        """The newest measurement; readable from any thread."""
        return self._state

    @property
    def over(self) -> bool:
        """Whether the watch was stopped or its loop is closed."""
        return self._stopped or self._loop.is_closed()

    def start(self) -> None:
        """Start the timer, from any thread; does nothing for a closed loop."""
        self._in_loop(self._arm)

    def stop(self) -> None:
        """Stop watching, from any thread; idempotent."""
        self._stopped = True
        _watches.discard(self)
        self._in_loop(self._cancel)

    def _in_loop(self, call: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop is closed
            _watches.discard(self)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if not self._stopped:
            self._due_s = self._loop.time() + self._interval_s
            self._timer = self._loop.call_at(self._due_s, self._beat)

    def _beat(self) -> None:
        lag_s = max(0.0, self._loop.time() - self._due_s)
        self._state = LoopState(self._name, clocks.monotonic(), lag_s, self._interval_s)
        try:
            _instruments.histogram(names.EVENT_LOOP_LAG).record(lag_s, {names.LOOP_NAME: self._name})
        except Exception:  # noqa: BLE001 - the program's loop goes on
            faults.contain("metrics.loop")
        finally:
            self._arm()


class _Watches:
    """The watched loops, by weak references: the timer of each loop keeps its watch alive."""

    def __init__(self) -> None:
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Drop all loops: those of the parent run in the parent."""
        self._lock = threading.RLock()
        self._watches: weakref.WeakSet[LoopWatch] = weakref.WeakSet()

    def add(self, watch: LoopWatch) -> None:
        """Keep *watch* until its loop is gone."""
        with self._lock:
            self._watches.add(watch)

    def discard(self, watch: LoopWatch) -> None:
        """Drop *watch*."""
        with self._lock:
            self._watches.discard(watch)

    def states(self) -> list[LoopState]:
        """Return the state of every loop that is not closed."""
        with self._lock:
            watches = list(self._watches)
        return sorted(watch.state for watch in watches if not watch.over)


_watches: Final = _Watches()


def watch_loop(
    loop: asyncio.AbstractEventLoop | None = None, *, name: str = "main", interval_s: float = 0.5
) -> LoopWatch:
    """
    Measure how late *loop* (by default the one now running) runs a timer every *interval_s* seconds.

    The lag is recorded in the histogram ``csg.runtime.event_loop.lag`` under *name*, and :func:`loops` returns the newest.
    May be called before ``instrument()``, and from another thread if *loop* is given. The watch ends when ``stop()`` of the
    returned object is called, or with the loop. Raises RuntimeError without *loop* where no loop runs, ValueError if
    *interval_s* is not above 0.
    """
    import asyncio  # already loaded in a program that has a loop

    if interval_s <= 0:
        raise ValueError(f"watch_loop: interval_s must be above 0, not {interval_s}")
    watch = LoopWatch(loop if loop is not None else asyncio.get_running_loop(), name, interval_s)
    _watches.add(watch)
    watch.start()
    return watch


def loops() -> list[LoopState]:
    """Return the state of every watched loop, by name."""
    return _watches.states()
