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
from csg_otel.pipeline import _compat
from csg_otel.pipeline.accumulating.accumulator import Accumulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader

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
        self._is_on = False
        self.parts: Any = None
        """The functions that merge into the SDK's aggregations, of ``_compat_metrics``; None until they are needed."""
        self._generation = 0
        """Changes with the readers and views, and in a child: then the SDK has other streams."""
        _compat.limit_cardinality(names.CARDINALITY_LIMIT)

    def switch(self, *, on: bool) -> None:
        """Merge measurements from now on, or let them go to the SDK one by one; called in a block of :meth:`changing`."""
        if on and self.parts is None:
            from csg_otel.pipeline import _compat_metrics  # see ``self_test``

            _compat_metrics.before_collections(self._provider, self.merge)
            self.parts = _compat_metrics
        self._is_on = on

    def quicken(self, reader: MetricReader) -> None:
        """Let *reader*, one of this package that the provider has, collect quickly while measurements are merged."""
        if self.parts is not None:
            from csg_otel.pipeline import _compat_collection  # see ``self_test``

            _compat_collection.quicken(self._provider, reader, fast=self._is_on)

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
            if accumulator.generation != generation:
                # Without the lock, because the SDK may log, to handlers of the program.
                streams = self.parts.streams(self._provider, accumulator.instrument) if self._is_on else ()
            with self._lock:
                if generation == self._generation:
                    self._place(series, streams)

    def _place(self, series: Series, streams: Sequence[Any]) -> None:
        accumulator = series.accumulator
        if accumulator.generation != self._generation:
            way = None
            if self._is_on:
                way = self.parts.way(accumulator.kind, self._provider, accumulator.instrument, streams)
                accumulator.has_exemplars = self.parts.has_exemplars(self._provider)
            accumulator.is_direct, accumulator.parts = way is None, self.parts
            accumulator.is_in_order, accumulator.bounds = way or (False, ())
            accumulator.streams, accumulator.generation = streams, self._generation
        if not accumulator.is_direct:
            series.places = self.parts.places(streams, series.attributes)
        series.generation = self._generation

    def merge(self) -> None:
        """Merge what was recorded until now."""
        failed: Exception | None = None
        with self._lock:
            if self._is_busy:  # a signal handler collects, which has interrupted a merge or a sum: that one goes on
                return
            self._is_busy = True
            try:
                for _ in range(len(self._changed)):
                    failed = self._merge_first() or failed
            finally:
                self._is_busy = False
        if failed is not None:  # reported without the lock, because handlers of the program run
            try:
                raise failed
            except Exception:  # noqa: BLE001 - a collection without these measurements is better than none
                faults.contain("metrics")

    def _merge_first(self) -> Exception | None:
        """Merge the first changed series. It stays if a signal handler raises, and leaves if one has merged all."""
        if not self._changed:
            return None
        series, failed = self._changed[0], None
        series.is_registered = False  # before the look: what is recorded later registers the series again
        try:
            series.merge()
        except Exception as error:  # noqa: BLE001 - the other series do not depend on this one
            interruptions.let_through()
            failed = error
        if self._changed and self._changed[0] is series:
            self._changed.popleft()
        return failed

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
