"""
Instruments the program defines: counters, histograms and gauges.

Uses the OTel API only, so a library may define instruments without setting anything up; they start working with
``instrument()``. The rule: a mistake in a definition raises where it is made, a mistake in a measurement never does.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, get_args

from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import attributes as clean
from csg_otel import faults, metric_groups, names, scope, worker_policy
from csg_otel.errors import InstrumentError, suggestion
from csg_otel.tallies import TallySeries

Declared = Sequence[str] | Mapping[str, Sequence[str]] | None

_log = logging.getLogger("csg_otel")

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-/]{0,254}")
_MOST_ZEROS: Final = 200
"""Series one instrument starts at nought; a product of values beyond that says the values are not known beforehand."""

_shared: dict[str, Any] = {}


def once(key: str, make: Callable[[], Any]) -> Any:
    """Return what *make* makes, made once: nothing is registered at import, and OTel ignores a second registration."""
    if key not in _shared:
        _shared.setdefault(key, make())
    return _shared[key]


class _Instrument:
    """A name, the attributes it declares, and the OTel instrument underneath."""

    def __init__(self, kind: names.Kind, name: str, unit: str, description: str, declared: Declared) -> None:
        if not _NAME.fullmatch(str(name)):
            raise InstrumentError(
                f"{name!r} is not a name for an instrument (a letter, then at most 254 letters, digits or _ . - /)"
            )
        self.name = name
        self._metric = names.Metric(name, kind, unit, description, tuple(declared or ()))
        self._declared = None if declared is None else frozenset(declared)
        self._known = declared if isinstance(declared, Mapping) else {}

    def _attributes(self, given: Mapping[str, Any] | None) -> dict[str, clean.Value]:
        found = clean.clean(given or {})
        if self._declared is None or found.keys() <= self._declared:
            return found
        undeclared = sorted(found.keys() - self._declared)
        _dropped(self.name, undeclared)
        return {key: value for key, value in found.items() if key in self._declared}

    def _put(self, method: Callable[..., None], value: Any, given: Mapping[str, Any] | None) -> None:
        if not metric_groups.is_on(self.name):
            return
        try:
            number = clean.number(value)
            if number is None:
                faults.report(f"instrument {self.name}", f"{clean.value(value)!r} is no measurement; it is left out")
            else:
                method(number, self._attributes(given))
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(f"instrument {self.name}")


def _dropped(instrument: str, undeclared: Sequence[str]) -> None:
    series: TallySeries = once("dropped", _dropped_series)
    tally = series.at(instrument)
    if tally.value == 0:
        _log.warning("instrument %r does not declare %s; dropped", instrument, ", ".join(map(repr, undeclared)))
    tally.add(len(undeclared))


def _dropped_series() -> TallySeries:
    series = TallySeries(names.ATTRIBUTES_DROPPED)
    scope.create(names.ATTRIBUTES_DROPPED, [series.observe])
    return series


class Counter(_Instrument):
    """A sum that only grows."""

    def __init__(self, name: str, unit: str, description: str, declared: Declared) -> None:
        super().__init__("counter", name, unit, description, declared)
        self._real = scope.create(self._metric)
        _at_zero.append(self)
        self.start_at_zero()

    def add(self, amount: float = 1, attributes: Mapping[str, Any] | None = None) -> None:
        """Add *amount*, nought or more, in the counter's unit."""
        self._put(self._real.add, amount, attributes)

    def start_at_zero(self) -> None:
        """Show every series that is known beforehand, so that ``rate()`` and ``absent()`` work from the first scrape."""
        if self._declared and not self._known:
            return
        values = [[(key, value) for value in known] for key, known in self._known.items()]
        for series in itertools.islice(itertools.product(*values), _MOST_ZEROS):
            self.add(0, dict(series))


class UpDownCounter(_Instrument):
    """A sum that grows and shrinks, such as a queue's length."""

    def __init__(self, name: str, unit: str, description: str, declared: Declared) -> None:
        super().__init__("up_down_counter", name, unit, description, declared)
        self._real = scope.create(self._metric)

    def add(self, amount: float = 1, attributes: Mapping[str, Any] | None = None) -> None:
        """Add *amount*, which may be negative, in the counter's unit."""
        self._put(self._real.add, amount, attributes)


class Histogram(_Instrument):
    """A distribution of measurements."""

    def __init__(
        self, name: str, unit: str, description: str, declared: Declared, buckets: Sequence[float] | None
    ) -> None:
        super().__init__("histogram", name, unit, description, declared)
        bounds = tuple(buckets) if buckets is not None else None
        if bounds is not None and any(a >= b for a, b in itertools.pairwise(bounds)):
            raise InstrumentError(f"the buckets of {name!r} do not grow: {bounds}")
        self._real = scope.create(self._metric, bounds=bounds)

    def record(self, amount: float, attributes: Mapping[str, Any] | None = None) -> None:
        """Record one measurement in the histogram's unit."""
        self._put(self._real.record, amount, attributes)


class Gauge(_Instrument):
    """A value that is set, such as a temperature; the last one counts."""

    def __init__(self, name: str, unit: str, description: str, declared: Declared) -> None:
        super().__init__("gauge", name, unit, description, declared)
        self._real = scope.create(self._metric)

    def set(self, value: float, attributes: Mapping[str, Any] | None = None) -> None:
        """Set the present value, in the gauge's unit."""
        self._put(self._real.set, value, attributes)


Observed = float | Iterable[tuple[float, Mapping[str, Any]]]


class ObservableGauge(_Instrument):
    """A value that is asked for when metrics are collected."""

    def __init__(
        self, name: str, callback: Callable[[], Observed], unit: str, description: str, declared: Declared
    ) -> None:
        super().__init__("gauge", name, unit, description, declared)
        self.callback = callback
        scope.create(self._metric, [metric_groups.switchable(self._metric, self._observe)])

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        found: Any = self.callback()
        if clean.number(found) is not None:
            return [Observation(found)]
        observed = []
        for pair in found:
            try:
                value, attributes = pair
                observed.append(Observation(value, self._attributes(attributes)))
            except Exception:  # noqa: BLE001 - one that is no pair costs none of the others
                faults.report(f"instrument {self.name}", f"{clean.value(pair)!r} is no pair of a number and attributes")
        return observed


_at_zero: list[Counter] = []


def start_at_zero() -> None:
    """Show every series known beforehand at nought; called when a provider has been plugged in."""
    for instrument in _at_zero:
        instrument.start_at_zero()


def declared() -> tuple[names.Metric, ...]:
    """Return what the program has defined so far, each with the attributes it declares."""
    made = [one for key, one in _shared.items() if key.startswith(_KEY)]
    return tuple(instrument._metric for _, instrument in made)  # noqa: SLF001 - of this module


_KEY: Final = "instrument "


def _define(kind: str, name: str, make: Callable[[], Any], workers: names.Workers | None = None) -> Any:
    """Return the instrument of this name, made once; the same name for another kind is a mistake."""
    if workers is not None:
        if workers not in get_args(names.Workers):
            known = get_args(names.Workers)
            raise InstrumentError(
                f"{name}: workers={workers!r} is not known{suggestion(workers, known)} (known: {', '.join(known)})"
            )
        worker_policy.declare(str(name), workers)
    known, made = once(f"{_KEY}{str(name).lower()}", lambda: (kind, make()))
    if known != kind:
        raise InstrumentError(f"{name!r} is a {known} already and can't be a {kind} too")
    return made


def counter(name: str, *, unit: str = "", description: str = "", attributes: Declared = None) -> Counter:
    """
    Make a counter, or return the one of this name: a sum that only grows.

    *unit* is a UCUM unit (``s``, ``By``) or an annotation such as ``{order}``. *attributes* declares what its measurements
    may carry: names, or names with the values known beforehand, which then start at nought. What is not declared is
    dropped, counted and logged once; without a declaration everything is kept. Raises InstrumentError for a bad name.
    """
    made: Counter = _define("counter", name, lambda: Counter(name, unit, description, attributes))
    return made


def up_down_counter(
    name: str,
    *,
    unit: str = "",
    description: str = "",
    attributes: Declared = None,
    workers: names.Workers | None = None,
) -> UpDownCounter:
    """
    Make an up-down counter, or return the one of this name: a sum that grows and shrinks.

    *workers* as for :func:`gauge`; see :func:`counter` for the rest.
    """
    made: UpDownCounter = _define(
        "up-down counter", name, lambda: UpDownCounter(name, unit, description, attributes), workers
    )
    return made


def histogram(
    name: str,
    *,
    unit: str = "",
    description: str = "",
    attributes: Declared = None,
    buckets: Sequence[float] | None = None,
) -> Histogram:
    """
    Make a histogram, or return the one of this name: a distribution of measurements.

    *buckets* are upper bounds in *unit*; by default those for seconds or bytes where the unit is ``s`` or ``By``. See
    :func:`counter`.
    """
    made: Histogram = _define("histogram", name, lambda: Histogram(name, unit, description, attributes, buckets))
    return made


def gauge(
    name: str,
    *,
    unit: str = "",
    description: str = "",
    attributes: Declared = None,
    workers: names.Workers | None = None,
) -> Gauge:
    """
    Make a gauge, or return the one of this name: a value that is set.

    *workers* says what a scrape of several worker processes shows: the value of ``each`` living one under its
    ``process.pid`` (the default), their ``sum``, ``min`` or ``max``, or that of ``one``, where it is the same in all. See
    :func:`counter` for the rest.
    """
    made: Gauge = _define("gauge", name, lambda: Gauge(name, unit, description, attributes), workers)
    return made


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
    Make a gauge whose value *callback* returns whenever metrics are collected; given again, the new callback counts.

    It returns a number, or pairs of a number and attributes. It must be quick: one that takes longer than a few
    milliseconds or raises has its series left out of that collection, and is reported. *workers* as for :func:`gauge`; see
    :func:`counter` for the rest.
    """
    made: ObservableGauge = _define(
        "observable gauge", name, lambda: ObservableGauge(name, callback, unit, description, attributes), workers
    )
    made.callback = callback
    return made
