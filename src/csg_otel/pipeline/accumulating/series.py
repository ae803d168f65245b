"""
The series of accumulating instruments.

A program records on any thread, in signal handlers and right after a fork. So recording takes no lock: it appends to a list.
Measurements are summed up after every few of them, by the thread that has recorded the last one, so memory is bounded.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from csg_otel import faults, forks
from csg_otel._compat_context import SPAN_KEY, current

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from csg_otel.pipeline._compat_metrics import Place
    from csg_otel.pipeline.accumulating.accumulator import Accumulator

_MOST_PENDING: Final = 256
"""Measurements that are kept one by one: summing up 256 takes 20 us, which is no noticeable delay."""

_LARGEST: Final = 2**63
"""The smallest positive integer that OTLP can't carry."""

_INFINITE: Final = math.inf

_numbers: Final = itertools.count()
"""The numbers of measurements of gauges, in the order in which they were set."""

Exemplar = tuple[float, int, "SpanContext"]
"""A measurement in a sampled span: its value, its time in nanoseconds since the epoch, and the context of the span."""

_Buckets = tuple[Sequence[int], float, tuple[float, float]]
"""The counts of the buckets of a histogram, the total, and the least and the greatest measurement."""


class Series:
    """The measurements of one attribute set of one instrument since the last merge."""

    __slots__ = (
        "_least",
        "_least_float",
        "_pending",
        "_push",
        "_sampled",
        "_sums",
        "accumulator",
        "attributes",
        "generation",
        "is_registered",
        "places",
    )

    def __init__(self, accumulator: Accumulator, attributes: dict[str, Any]) -> None:
        """Begin a series of *accumulator* with the clean *attributes*, which do not change."""
        self._least = accumulator.least
        self._least_float = float(accumulator.least)
        self._pending: list[Any] = []
        self._push: Callable[[float], None] = self._pending.append
        self._sampled: list[Exemplar] = []
        self.accumulator = accumulator
        self.attributes = attributes
        self.is_registered = False
        """Whether the next merge looks at the series."""
        self.generation = -1
        """The state of the merger in which the places were looked up."""
        self.places: Sequence[Place] = ()
        """The places of the series in the SDK's streams."""
        self._clear()

    def put(self, value: Any, context: Context | None = None) -> bool:
        """
        Record *value* in *context*, by default in the current one; return False for a value that must be looked at first.

        Plain numbers that the instrument allows are recorded, and nothing else. Never raises.
        """
        kind = type(value)  # numbers of one type are compared in half of the time
        if kind is int:
            if not self._least <= value < _LARGEST:
                return False
        elif kind is not float or not self._least_float <= value < _INFINITE:
            return False
        span_context = None
        try:
            if not forks.mark[0]:
                forks.enter_child()
            span: Any = (current() if context is None else context).get(SPAN_KEY)
            if span is not None:
                span_context = span.get_span_context()
        except Exception:  # noqa: BLE001 - telemetry never raises into the program; a span may be of any kind
            faults.contain("metrics")
        self.keep(value, span_context, context)
        return True

    def keep(self, value: float, span_context: Any, context: Context | None) -> None:
        """
        Record the valid *value* in the span of *context*, which has *span_context*; None for no span. Never raises.

        The caller has looked at ``forks.mark``.
        """
        try:
            if not self.is_registered:
                self.accumulator.register(self)
                if self.accumulator.is_direct:
                    self.accumulator.record(value, self.attributes, context)
                    return
            self._push(value)
            if span_context is not None and span_context.trace_flags & 1:
                self._sampled.append((value, time_ns(), span_context))
            if not self.is_registered:  # a merge has looked at the series before the measurement was there
                self.accumulator.register(self)
            if len(self._pending) >= _MOST_PENDING:
                self.accumulator.sum_up(self)
        except Exception:  # noqa: BLE001 - as above
            faults.contain("metrics")

    def sum_up(self) -> None:
        """Sum up what is pending; the caller holds the lock of merges."""
        if self.accumulator.is_in_order:
            if not self.accumulator.parts.is_any_locked(self.places):  # else after the next measurement
                self._pass_on()
            return
        count = len(self._pending)
        if count:
            sums = self._summed(self._pending[:count])
            # No call stands between these two, so no signal handler runs there: its exception would count a measurement
            # never, or twice.
            del self._pending[:count]
            self._sums = sums
        if sampled := _drain(self._sampled):
            self._offer(sampled)

    def merge(self) -> None:
        """Merge what was recorded into every stream; the caller holds the lock of merges."""
        if self.accumulator.is_direct:  # since a moment ago
            for value in self._values(_drain(self._pending)):
                self.accumulator.record(value, self.attributes)
        elif self.accumulator.is_in_order:
            self._pass_on()
        else:
            self.sum_up()
            self._take()

    def _pass_on(self) -> None:
        """Add what is pending to every stream, in order."""
        values, sampled = self._values(_drain(self._pending)), _drain(self._sampled)
        exemplars = sampled if self.accumulator.has_exemplars else ()
        for place in self.places:
            self.accumulator.parts.add_in_order(place, values, exemplars)

    def _values(self, items: list[Any]) -> list[float]:
        """Return the values of *items*, which were pending."""
        return items

    def reset(self) -> None:
        """Forget what was recorded."""
        self._pending.clear()
        self._sampled.clear()
        self.is_registered = False
        self._clear()

    def _clear(self) -> None:
        raise NotImplementedError

    def _summed(self, items: list[Any]) -> Any:
        """Return the sums with *items*, which are pending; nothing changes."""
        raise NotImplementedError

    def _offer(self, sampled: list[Exemplar]) -> None:
        raise NotImplementedError

    def _take(self) -> None:
        raise NotImplementedError


class _OneExemplar(Series):
    """A series that keeps one exemplar: as in the SDK's reservoir of size 1, each measurement has the same chance."""

    __slots__ = ("_exemplar", "_offered")

    def _clear(self) -> None:
        self._exemplar: Exemplar | None = None
        self._offered = 0

    def _offer(self, sampled: list[Exemplar]) -> None:
        self._offered += len(sampled)
        if random.randrange(self._offered) < len(sampled):
            self._exemplar = random.choice(sampled)

    def _exemplars(self) -> Sequence[Exemplar]:
        return () if self._exemplar is None or not self.accumulator.has_exemplars else (self._exemplar,)


class SumSeries(_OneExemplar):
    """A series of a counter or an up-down counter; its sums are the total."""

    __slots__ = ()

    def _clear(self) -> None:
        super()._clear()
        self._sums: float = 0

    def _summed(self, items: list[Any]) -> float:
        return _sum(items, self._sums)

    def _take(self) -> None:
        total, exemplars = self._sums, self._exemplars()
        self._clear()
        for place in self.places:
            self.accumulator.parts.add(place, total, exemplars)


class GaugeSeries(_OneExemplar):
    """
    A series of a gauge. Several may be one in a stream, so each measurement has a number: the last one of all counts.

    Its sums are the number of the last one and its value.
    """

    __slots__ = ()

    def __init__(self, accumulator: Accumulator, attributes: dict[str, Any]) -> None:
        """Begin a series, as the base does."""
        super().__init__(accumulator, attributes)
        append = self._push
        self._push = lambda value: append((next(_numbers), value))  # type: ignore[arg-type] # the pairs are taken apart below

    def _clear(self) -> None:
        super()._clear()
        self._sums: tuple[int, float] | None = None

    def _values(self, items: list[Any]) -> list[float]:
        return [value for _, value in items]

    def _summed(self, items: list[Any]) -> tuple[int, float]:
        last: tuple[int, float] = items[-1]
        return last

    def _take(self) -> None:
        sums, exemplars = self._sums, self._exemplars()
        self._clear()
        if sums is not None:
            for place in self.places:
                self.accumulator.parts.set_last(place, *sums, exemplars)


class HistogramSeries(Series):
    """
    A series of a histogram with explicit bounds.

    Its sums are the counts of the buckets, the total, and the least and the greatest measurement.
    """

    __slots__ = ("_exemplars",)

    def _clear(self) -> None:
        self._sums: _Buckets | None = None
        self._exemplars: dict[int, Exemplar] = {}

    def _summed(self, items: list[Any]) -> _Buckets:
        bounds = self.accumulator.bounds
        before, start, (least, greatest) = self._sums or ((0,) * (len(bounds) + 1), 0, (math.inf, -math.inf))
        counts, total = list(before), _sum(items, start)
        items.sort()  # so one search a bucket is enough
        extremes, below = (min(least, items[0]), max(greatest, items[-1])), 0
        for index, bound in enumerate(bounds):
            up_to = bisect_right(items, bound, below)
            counts[index] += up_to - below
            below = up_to
            if below == len(items):
                break
        else:
            counts[-1] += len(items) - below
        return counts, total, extremes

    def _offer(self, sampled: list[Exemplar]) -> None:
        # As in the SDK's reservoir for buckets, the last measurement of each bucket stays.
        bounds = self.accumulator.bounds
        for exemplar in sampled:
            self._exemplars[bisect_left(bounds, exemplar[0])] = exemplar

    def _take(self) -> None:
        sums = self._sums
        if sums is None:
            return
        exemplars = tuple(self._exemplars.values()) if self.accumulator.has_exemplars else ()
        self._clear()
        for place in self.places:
            self.accumulator.parts.add_buckets(place, *sums, exemplars)


def _drain(items: list[Any]) -> list[Any]:
    """Remove and return the present *items*; other threads only append."""
    count = len(items)
    drained = items[:count]
    del items[:count]
    return drained


def _sum(values: list[float], start: float) -> float:
    """Return *start* plus *values*, added in order as the SDK adds them: ``sum()`` rounds differently since Python 3.12."""
    return functools.reduce(operator.add, values, start)
