"""
Instruments that the program defines: counters, histograms and gauges.

Uses the OTel API only, so a library may define instruments without any set-up; they start to work with ``instrument()``. The
rule: a mistake in a definition raises at once, a mistake in a measurement never raises.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import attributes as clean
from csg_otel import faults, interruptions, metric_groups, names, scope
from csg_otel.instruments import definitions
from csg_otel.instruments.base import Instrument, MeasuringInstrument
from csg_otel.instruments.bound import BoundCounter, BoundGauge, BoundHistogram
from csg_otel.instruments.definitions import Attributes, Bounds, Declared, define

_MAX_ZERO_SERIES: Final = 200
"""Largest number of series of one instrument that start at 0; of more combinations, most would never be used."""


class Counter(MeasuringInstrument):
    """A sum that only grows."""

    def __init__(self, name: str, unit: str, description: str, declared: Attributes) -> None:
        super().__init__("counter", name, unit, description, declared)
        self._zero_series = self._declared_series()
        _counters.append(self)
        self.start_at_zero()

    def add(self, amount: float = 1, attributes: Mapping[str, Any] | None = None) -> None:
        """Add *amount*, 0 or more, in the counter's unit, to the series of *attributes*."""
        self._measure(amount, attributes)

    def bind(self, attributes: Mapping[str, Any] | None = None) -> BoundCounter:
        """Return this counter with fixed *attributes*; their series starts at 0."""
        bound = BoundCounter(self, self.allowed(attributes))
        allowed = bound.attributes
        if allowed not in self._zero_series and len(self._zero_series) < _MAX_ZERO_SERIES:
            self._zero_series.append(allowed)
            self.add(0, allowed)
        return bound

    def start_at_zero(self) -> None:
        """Start the declared and bound series at 0, so that ``rate()`` and ``absent()`` work from the first scrape."""
        for series in tuple(self._zero_series):
            self.add(0, series)

    def _declared_series(self) -> list[dict[str, Any]]:
        if self._declared and not self._declared_values:
            return []
        values = [[(key, value) for value in declared] for key, declared in self._declared_values.items()]
        return [dict(series) for series in itertools.islice(itertools.product(*values), _MAX_ZERO_SERIES)]


class UpDownCounter(MeasuringInstrument):
    """A sum that grows and shrinks, such as a queue's length."""

    _has_workers = True

    def __init__(self, name: str, unit: str, description: str, declared: Attributes) -> None:
        super().__init__("up_down_counter", name, unit, description, declared)

    def add(self, amount: float = 1, attributes: Mapping[str, Any] | None = None) -> None:
        """Add *amount*, which may be negative, in the counter's unit, to the series of *attributes*."""
        self._measure(amount, attributes)

    def bind(self, attributes: Mapping[str, Any] | None = None) -> BoundCounter:
        """Return this counter with fixed *attributes*."""
        return BoundCounter(self, self.allowed(attributes))


class Histogram(MeasuringInstrument):
    """A distribution of measurements."""

    def __init__(self, name: str, unit: str, description: str, declared: Attributes, buckets: Bounds) -> None:
        self._buckets = buckets
        super().__init__("histogram", name, unit, description, declared)
        self._options["buckets"] = buckets

    def record(self, amount: float, attributes: Mapping[str, Any] | None = None) -> None:
        """Record *amount*, one measurement in the histogram's unit, with *attributes*."""
        self._measure(amount, attributes)

    def bind(self, attributes: Mapping[str, Any] | None = None) -> BoundHistogram:
        """Return this histogram with fixed *attributes*."""
        return BoundHistogram(self, self.allowed(attributes))


class Gauge(MeasuringInstrument):
    """A value that is set, such as a temperature; the last one counts."""

    _has_workers = True

    def __init__(self, name: str, unit: str, description: str, declared: Attributes) -> None:
        super().__init__("gauge", name, unit, description, declared)

    def set(self, value: float, attributes: Mapping[str, Any] | None = None) -> None:
        """Set the current *value*, in the gauge's unit, of the series of *attributes*."""
        self._measure(value, attributes)

    def bind(self, attributes: Mapping[str, Any] | None = None) -> BoundGauge:
        """Return this gauge with fixed *attributes*."""
        return BoundGauge(self, self.allowed(attributes))


Observed = float | Iterable[tuple[float, Mapping[str, Any]]]
"""The result of a callback: a number, or pairs of a number and its attributes."""


class ObservableGauge(Instrument):
    """A value that a callback returns when metrics are collected."""

    _has_workers = True

    def __init__(
        self, name: str, callback: Callable[[], Observed], unit: str, description: str, declared: Attributes
    ) -> None:
        super().__init__("gauge", name, unit, description, declared)
        self.callback = callback
        scope.create(self.metric, [metric_groups.switchable(self.metric, self._observe)])

    def _definition(self) -> dict[str, Any]:
        return {**super()._definition(), "callback": self.callback}

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        result: Any = self.callback()
        if clean.number(result) is not None:
            return [Observation(result)]
        observations = []
        for pair in result:
            try:
                value, attributes = pair
                observations.append(Observation(value, self.allowed(attributes)))
            except Exception:  # noqa: BLE001 - a wrong pair must not cost the others
                interruptions.let_through()
                faults.report(f"instrument {self.name}", f"{clean.value(pair)!r} is no pair of a number and attributes")
        return observations


_counters: list[Counter] = []


def start_at_zero() -> None:
    """Start the declared series of every counter at 0; called after a provider is installed."""
    for instrument in _counters:
        instrument.start_at_zero()


def declared() -> tuple[names.Metric, ...]:
    """Return the instruments that the program has defined so far, each with its declared attributes."""
    return tuple(instrument.metric for instrument in definitions.instruments())


def counter(name: str, *, unit: str = "", description: str = "", attributes: Declared = None) -> Counter:
    """
    Return the counter of this name, made at the first call: a sum that only grows.

    Raises InstrumentError for a name that is not allowed, and for attributes that are not names or names with values.

    Args:
        name: Its name.
        unit: A UCUM unit (``s``, ``By``) or an annotation such as ``{order}``; by default none.
        description: One sentence about it; by default empty.
        attributes: The declared attributes of its measurements: their names, or their names with all their values. With the
            values, every series starts at 0. A text is one name. Attributes that are not declared are dropped, counted and
            logged once. By default nothing is declared, and all attributes are kept.
    """
    defined: Counter = define(
        "counter", name, lambda declared: Counter(name, unit, description, declared), unit=unit, declared=attributes
    )
    return defined


def up_down_counter(
    name: str,
    *,
    unit: str = "",
    description: str = "",
    attributes: Declared = None,
    workers: names.Workers | None = None,
) -> UpDownCounter:
    """
    Return the up-down counter of this name, made at the first call: a sum that grows and shrinks.

    Args:
        name: Its name.
        unit: Its unit, as for :func:`counter`.
        description: One sentence about it.
        attributes: Declared attributes, as for :func:`counter`.
        workers: How a scrape combines several worker processes, as for :func:`gauge`.
    """
    defined: UpDownCounter = define(
        "up-down counter",
        name,
        lambda declared: UpDownCounter(name, unit, description, declared),
        workers,
        unit=unit,
        declared=attributes,
    )
    return defined


def histogram(
    name: str,
    *,
    unit: str = "",
    description: str = "",
    attributes: Declared = None,
    buckets: Iterable[float] | None = None,
) -> Histogram:
    """
    Return the histogram of this name, made at the first call: a distribution of measurements.

    Args:
        name: Its name.
        unit: Its unit, as for :func:`counter`.
        description: One sentence about it.
        attributes: Declared attributes, as for :func:`counter`.
        buckets: Upper bounds in *unit*, ascending; by default bounds for seconds or bytes if the unit is ``s`` or ``By``.
    """
    bounds = definitions.bounds(name, buckets)
    defined: Histogram = define(
        "histogram",
        name,
        lambda declared: Histogram(name, unit, description, declared, bounds),
        unit=unit,
        declared=attributes,
        buckets=bounds,
    )
    return defined


def gauge(
    name: str,
    *,
    unit: str = "",
    description: str = "",
    attributes: Declared = None,
    workers: names.Workers | None = None,
) -> Gauge:
    """
    Return the gauge of this name, made at the first call: a value that is set.

    Args:
        name: Its name.
        unit: Its unit, as for :func:`counter`.
        description: One sentence about it.
        attributes: Declared attributes, as for :func:`counter`.
        workers: How a scrape combines several worker processes: the value of ``each`` living process under its
            ``process.pid`` (the default), their ``sum``, ``min`` or ``max``, or ``one`` value that is the same in all.
    """
    defined: Gauge = define(
        "gauge",
        name,
        lambda declared: Gauge(name, unit, description, declared),
        workers,
        unit=unit,
        declared=attributes,
    )
    return defined


def observable_gauge(
    name: str,
    callback: Callable[[], Observed],
    *,
    unit: str = "",
    description: str = "",
    attributes: Declared = None,
    workers: names.Workers | None = None,
) -> ObservableGauge:
    """
    Return the gauge of this name, whose value *callback* returns at each collection; a later definition replaces the callback.

    Args:
        name: Its name.
        callback: Returns a number, or pairs of a number and attributes. It should take a few milliseconds at most: a slow one
            shows its last value (with its time in OTLP), and one that raises is left out; both are reported.
        unit: Its unit, as for :func:`counter`.
        description: One sentence about it.
        attributes: Declared attributes, as for :func:`counter`.
        workers: How a scrape combines several worker processes, as for :func:`gauge`.
    """
    defined: ObservableGauge = define(
        "observable gauge",
        name,
        lambda declared: ObservableGauge(name, callback, unit, description, declared),
        workers,
        unit=unit,
        declared=attributes,
    )
    defined.callback = callback
    return defined


Counter.factory = staticmethod(counter)
UpDownCounter.factory = staticmethod(up_down_counter)
Histogram.factory = staticmethod(histogram)
Gauge.factory = staticmethod(gauge)
ObservableGauge.factory = staticmethod(observable_gauge)
