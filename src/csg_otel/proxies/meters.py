"""
The proxy of a meter, and its instruments.

Values that the SDK would refuse, or could not encode later, are cleaned or left out here, and reported once.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackT

from csg_otel import attributes as clean
from csg_otel import faults, forks
from csg_otel.names import DURATION_BUCKETS_S, SIZE_BUCKETS_BY

if TYPE_CHECKING:
    from opentelemetry.util.types import Attributes

    from csg_otel.proxies.base import Scope

Guard = Callable[[str, CallbackT], Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]]
"""Wraps the callback of an observable instrument, given by name, so that it can neither block nor break a collection."""

Accumulate = Callable[[str, Any, Callable[..., None]], Any]
"""Returns the accumulator of a real instrument, from its kind, itself and its method that records."""

_ADVICE: Final[Mapping[str, Sequence[float]]] = {"s": DURATION_BUCKETS_S, "By": SIZE_BUCKETS_BY}
_MAX_NAME: Final = 255
"""Most characters of an instrument's name; the limit of the OTel specification."""
_MAX_UNIT: Final = 63
"""Most characters of a unit; the limit of the OTel specification."""
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_.\-/]")


def _name(name: Any) -> str:
    """Return a name that OTel allows: a letter, then letters, digits and ``_ . - /``, 255 characters at most."""
    fits = type(name) is str and len(name) <= _MAX_NAME and name[:1].isalpha() and name.isascii()
    if fits and not _NOT_IN_NAMES.search(name):
        return str(name)
    allowed = _NOT_IN_NAMES.sub("_", clean.text(name))
    allowed = (allowed if allowed[:1].isalpha() else f"unnamed_{allowed}")[:_MAX_NAME]
    faults.report(
        f"instrument {allowed}",
        f"{clean.text(name)!r} is not a name for an instrument, so it is exported as {allowed!r}; use a letter, then "
        f"letters, digits and _ . - /, at most {_MAX_NAME} characters",
    )
    return allowed


def _unit(name: str, unit: Any) -> str:
    """Return *unit* if OTel allows it (at most 63 ASCII characters), else an empty unit and a report."""
    if unit is None:
        return ""
    if type(unit) is str and unit.isascii() and len(unit) <= _MAX_UNIT:
        return unit
    faults.report(
        f"instrument {name}",
        f"{clean.text(unit)!r} is not a unit, so the instrument has none; use at most {_MAX_UNIT} ASCII characters",
    )
    return ""


def _bounds(name: str, bounds: Any, unit: str) -> Sequence[float] | None:
    """Return *bounds* if they are growing numbers, else the default bounds of *unit*."""
    if bounds is None:
        return _ADVICE.get(unit)
    listed = bounds if isinstance(bounds, (list, tuple, range)) else [None]
    numbers = [number for bound in listed if (number := clean.number(bound)) is not None]
    if len(numbers) == len(listed) and numbers == sorted(set(numbers)):
        return numbers or _ADVICE.get(unit)
    faults.report(
        f"instrument {name}",
        f"{clean.text(bounds)!r} are no bucket bounds, so the default bounds are used; pass a list of growing numbers",
    )
    return _ADVICE.get(unit)


class _Instrument:
    """An instrument that passes valid measurements to the real one."""

    _refuses_negative = False
    """Whether negative measurements are refused, as for counters and histograms."""

    def __init__(self, meter: metrics.Meter, kind: str, name: str, **options: Any) -> None:
        """Create the real instrument of *kind* on *meter*; *options* are the other arguments of the meter's method."""
        self.name = name
        create, arguments = f"create_{kind}", {"name": name, **options}
        try:
            self._real: Any = getattr(meter, create)(**arguments)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            self._real = getattr(metrics.NoOpMeter(name), create)(**arguments)
            faults.contain(f"instrument {name}")

    def _measure(self, method: str, value: Any, attributes: Any, context: Any) -> None:
        if not forks.mark[0]:
            forks.enter_child()
        try:
            number = clean.number(value)
            if number is None or (number < 0 and self._refuses_negative):
                wanted = "a number that is not negative" if self._refuses_negative else "a number"
                problem = f"{clean.value(value)!r} is no measurement for it and is left out; pass {wanted}"
                faults.report(f"instrument {self.name}", problem)
                return
            if attributes is not None and not clean.sound(attributes):
                attributes = clean.clean(attributes)
            if context is not None and not isinstance(context, Context):
                context = None
            self._pass_on(method, number, attributes, context)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("metrics")

    def _pass_on(self, method: str, number: float, attributes: Any, context: Context | None) -> None:
        getattr(self._real, method)(number, attributes, context)


class _Accumulating(_Instrument):
    """An instrument whose measurements are added up before the real one gets them, if there is an accumulator."""

    _METHOD: str
    """The method of the API that records."""

    def __init__(
        self, meter: metrics.Meter, kind: str, name: str, accumulate: Accumulate | None, **options: Any
    ) -> None:
        super().__init__(meter, kind, name, **options)
        record = getattr(self._real, self._METHOD)
        self._accumulator = None if accumulate is None else accumulate(kind, self._real, record)

    def series(self, attributes: Mapping[str, clean.Value]) -> Any:
        """Return the series of clean *attributes*, which records by ``put(number)``; None if nothing accumulates."""
        return None if self._accumulator is None else self._accumulator.series(attributes)

    def _pass_on(self, method: str, number: float, attributes: Any, context: Context | None) -> None:
        series = self.series(attributes or {})
        if series is None or not series.put(number, context):  # a number beyond all integers of OTLP
            super()._pass_on(method, number, attributes, context)


class _AddsMeasurements(_Accumulating):
    _METHOD = "add"

    def add(self, amount: float, attributes: Attributes | None = None, context: Context | None = None) -> None:
        """Add *amount* on the real instrument."""
        self._measure("add", amount, attributes, context)


class SafeCounter(_AddsMeasurements, metrics.Counter):
    """A counter that refuses no value by an exception."""

    _refuses_negative = True


class SafeUpDownCounter(_AddsMeasurements, metrics.UpDownCounter):
    """An up-down counter that refuses no value by an exception."""


class SafeHistogram(_Accumulating, metrics.Histogram):
    """A histogram that refuses no value by an exception."""

    _METHOD = "record"
    _refuses_negative = True

    def record(self, amount: float, attributes: Attributes | None = None, context: Context | None = None) -> None:
        """Record *amount* on the real histogram."""
        self._measure("record", amount, attributes, context)


class SafeGauge(_Accumulating, metrics._Gauge):  # noqa: SLF001 - the API's synchronous gauge has no other name
    """A synchronous gauge that refuses no value by an exception."""

    _METHOD = "set"

    def set(self, amount: float, attributes: Attributes | None = None, context: Context | None = None) -> None:
        """Set *amount* on the real gauge."""
        self._measure("set", amount, attributes, context)


class _Observable(_Instrument):
    """
    An observable instrument. A second registration of its name adds callbacks, and all callbacks run.

    If two observations have the same attributes, the last one counts: they never add up.
    """

    def __init__(self, meter: metrics.Meter, kind: str, name: str, **options: Any) -> None:
        self._callbacks: dict[Any, Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]] = {}
        super().__init__(meter, kind, name, callbacks=[self._observe], **options)

    def register(self, callback: CallbackT, guard: Guard) -> None:
        """Run *callback*, guarded, in every collection; a callback that is registered already stays the only one."""
        # By identity, because __eq__ and __hash__ of the program's objects may do anything.
        key = (id(callback.__self__), id(callback.__func__)) if isinstance(callback, MethodType) else id(callback)
        if key not in self._callbacks:
            # The guarded callback holds a reference to the callback, so its id is not used again.
            self._callbacks[key] = guard(self.name, callback)

    def _observe(self, options: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
        observed: dict[frozenset[Any], metrics.Observation] = {}
        for callback in tuple(self._callbacks.values()):
            for observation in callback(options):
                observed[frozenset((observation.attributes or {}).items())] = observation
        return observed.values()


class SafeObservableCounter(_Observable, metrics.ObservableCounter):
    """An observable counter whose callbacks are guarded."""


class SafeObservableUpDownCounter(_Observable, metrics.ObservableUpDownCounter):
    """An observable up-down counter whose callbacks are guarded."""


class SafeObservableGauge(_Observable, metrics.ObservableGauge):
    """An observable gauge whose callbacks are guarded."""


_OBSERVABLE: Mapping[str, Any] = {
    "observable_counter": SafeObservableCounter,
    "observable_up_down_counter": SafeObservableUpDownCounter,
    "observable_gauge": SafeObservableGauge,
}


class SafeMeter(metrics.Meter):
    """A meter that passes every call to the real meter, and returns one instrument for each name and unit."""

    def __init__(
        self, identity: Scope, real: metrics.Meter, guard: Guard, accumulate: Accumulate | None = None
    ) -> None:
        """Pass calls to *real*; *guard* wraps the callbacks of observable instruments, and *accumulate* other instruments."""
        super().__init__(*identity[:3])
        self._accumulate = accumulate
        self._guard = guard
        self._instruments: dict[tuple[str, str, str], Any] = {}
        self._mutex = threading.RLock()
        self._real = real

    def reset_lock(self) -> None:
        """Replace the lock in a forked child."""
        self._mutex = threading.RLock()

    def _make(self, kind: str, cls: Any, name: Any, unit: Any, description: Any, **options: Any) -> Any:
        name = _name(name)
        unit, description = _unit(name, unit), "" if description is None else clean.text(description)
        if "explicit_bucket_boundaries_advisory" in options:
            bounds = options["explicit_bucket_boundaries_advisory"]
            options["explicit_bucket_boundaries_advisory"] = _bounds(name, bounds, unit)
        # Not the description: two of the same instrument would be two metrics of one name, and one of them would be lost.
        key = (kind, name.lower(), unit)
        with self._mutex:
            if (instrument := self._instruments.get(key)) is None:
                instrument = cls(self._real, kind, name, unit=unit, description=description, **options)
                self._instruments[key] = instrument
        return instrument

    def _observable(
        self, kind: str, name: str, callbacks: Sequence[CallbackT] | None, unit: str, description: str
    ) -> Any:
        instrument = self._make(kind, _OBSERVABLE[kind], name, unit, description)
        try:
            for callback in callbacks or ():
                instrument.register(callback, self._guard)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(f"callbacks of {instrument.name}")
        return instrument

    def create_counter(self, name: str, unit: str = "", description: str = "") -> metrics.Counter:
        """Create a counter, or return the one of this name and unit."""
        counter: metrics.Counter = self._make(
            "counter", SafeCounter, name, unit, description, accumulate=self._accumulate
        )
        return counter

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> metrics.UpDownCounter:
        """Create an up-down counter, or return the one of this name and unit."""
        counter: metrics.UpDownCounter = self._make(
            "up_down_counter", SafeUpDownCounter, name, unit, description, accumulate=self._accumulate
        )
        return counter

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> metrics.Histogram:
        """
        Create a histogram, or return the one of this name and unit.

        Args:
            name: The name.
            unit: The UCUM unit. Default none.
            description: The description. Default none.
            explicit_bucket_boundaries_advisory: Upper bounds of the buckets, in *unit*. Default: bounds for durations if the
                unit is ``s``, for sizes if it is ``By``, else the SDK's.
        """
        bounds = explicit_bucket_boundaries_advisory
        histogram: metrics.Histogram = self._make(
            "histogram",
            SafeHistogram,
            name,
            unit,
            description,
            accumulate=self._accumulate,
            explicit_bucket_boundaries_advisory=bounds,
        )
        return histogram

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> SafeGauge:
        """Create a synchronous gauge, or return the one of this name and unit."""
        gauge: SafeGauge = self._make("gauge", SafeGauge, name, unit, description, accumulate=self._accumulate)
        return gauge

    def create_observable_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableCounter:
        """Create an observable counter, or add *callbacks* to the one of this name and unit."""
        counter: metrics.ObservableCounter = self._observable("observable_counter", name, callbacks, unit, description)
        return counter

    def create_observable_up_down_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableUpDownCounter:
        """Create an observable up-down counter, or add *callbacks* to the one of this name and unit."""
        counter: metrics.ObservableUpDownCounter = self._observable(
            "observable_up_down_counter", name, callbacks, unit, description
        )
        return counter

    def create_observable_gauge(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableGauge:
        """Create an observable gauge, or add *callbacks* to the one of this name and unit."""
        gauge: metrics.ObservableGauge = self._observable("observable_gauge", name, callbacks, unit, description)
        return gauge
