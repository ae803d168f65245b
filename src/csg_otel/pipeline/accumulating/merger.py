"""
The merges of all series of a meter provider.

The rule: a merge and a sum hold one lock, under which no code of the program runs. A recording thread never waits for a merge,
except at the first measurement of a series.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from csg_otel import faults, interruptions, names
from csg_otel.pipeline import _compat, _compat_metrics
from csg_otel.pipeline.accumulating.accumulator import Accumulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.sdk.metrics import MeterProvider

    from csg_otel.pipeline.accumulating.series import Series


_MOST_CHANGED: Final = 10_000
"""Series that wait for a merge: without collections, endless new attribute sets would fill the memory."""


class Merger:
    """Merges what was recorded into the SDK's aggregations of every reader, before each collection."""

    def __init__(self, provider: MeterProvider) -> None:
        """Merge before the collections of *provider*."""
        self._provider = provider
        self._changed: deque[Series] = deque()
        self._lock = threading.RLock()
        self._is_busy = False
        self.is_on = False
        """Whether measurements are merged; changed in a block of :meth:`changing`. Else they go to the SDK one by one."""
        self._generation = 0
        """Changes with the readers and views, and in a child: then the SDK has other streams."""
        self.has_exemplars = _compat_metrics.has_exemplars(provider)
        """Whether measurements in sampled spans become exemplars."""
        _compat.limit_cardinality(names.CARDINALITY_LIMIT)
        _compat_metrics.before_collections(provider, self.merge)

    def accumulator(self, kind: str, instrument: Any, record: Callable[..., None]) -> Accumulator:
        """Return the accumulator of *instrument*, made on a meter by the API's method for *kind*; *record* is its method."""
        return Accumulator(self, kind, instrument, record)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Let readers or views change in the block; what was recorded before it is for the present readers only."""
        self.merge()
        try:
            yield
        finally:
            with self._lock:
                self.merge()  # no series may have sums for the buckets of before
                self._generation += 1

    def register(self, series: Series) -> None:
        """Let the next merge look at *series*, unless its measurements go to the SDK one by one."""
        if series.generation != self._generation:
            self._prepare(series)
        if not series.accumulator.is_direct:
            series.is_registered = True
            self._changed.append(series)
            if len(self._changed) >= _MOST_CHANGED:
                self.merge()

    def _prepare(self, series: Series) -> None:
        """Look up the streams of *series*, as the SDK does at the first measurement, which is the start of the series."""
        accumulator = series.accumulator
        while series.generation != (generation := self._generation):
            streams = accumulator.streams
            if (
                accumulator.generation != generation
            ):  # without the lock, because the SDK may log, to handlers of the program
                streams = _compat_metrics.streams(self._provider, accumulator.instrument)
            with self._lock:
                if generation == self._generation:
                    self._place(series, streams)

    def _place(self, series: Series, streams: Sequence[Any]) -> None:
        accumulator = series.accumulator
        if accumulator.generation != self._generation:
            way = None
            if self.is_on:
                way = _compat_metrics.way(accumulator.kind, self._provider, accumulator.instrument, streams)
            accumulator.is_direct = way is None
            accumulator.is_in_order, accumulator.bounds = way or (False, ())
            accumulator.streams, accumulator.generation = streams, self._generation
        if not accumulator.is_direct:
            series.places = _compat_metrics.places(streams, series.attributes)
        series.generation = self._generation

    def merge(self) -> None:
        """Merge what was recorded until now."""
        failed: Exception | None = None
        with self._lock:
            self._is_busy = True
            try:
                for _ in range(len(self._changed)):
                    failed = self._merge_one(self._changed.popleft()) or failed
            finally:
                self._is_busy = False
        if failed is not None:  # reported without the lock, because handlers of the program run
            try:
                raise failed
            except Exception:  # noqa: BLE001 - a collection without these measurements is better than none
                faults.contain("metrics")

    def _merge_one(self, series: Series) -> Exception | None:
        series.is_registered = False  # before the look: what is recorded later registers the series again
        try:
            series.merge()
        except Exception as error:  # noqa: BLE001 - the other series do not depend on this one
            interruptions.let_through()
            return error
        return None

    def sum_up(self, series: Series) -> None:
        """Sum up what is pending in *series*; not while this thread or another one merges."""
        if self._is_busy:
            return
        with self._lock:
            self._is_busy = True
            try:
                series.sum_up()
            finally:
                self._is_busy = False

    def reset_after_fork(self) -> None:
        """Start from scratch in a child, where no thread holds the lock, and whose parent exports what is pending."""
        self._lock, self._is_busy = threading.RLock(), False
        self._generation += 1
        while self._changed:
            self._changed.popleft().reset()
