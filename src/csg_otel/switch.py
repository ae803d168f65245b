"""
OTel providers that can be exchanged under live instruments.

OpenTelemetry's global providers can be set once in a process. These are set, and the real ones are plugged in behind them
as often as needed: instruments and tracers made at import keep working through every exchange. OTel API only; the one rule:
nothing here raises into the program.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.metrics import CallbackT

from csg_otel import faults
from csg_otel.names import DURATION_BUCKETS_S, SIZE_BUCKETS_BY

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.util.types import Attributes

Guard = Callable[[str, CallbackT], Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]]
"""Wraps an observable's callback so that it can neither block nor break a collection; takes the instrument's name too."""

_ADVICE: Mapping[str, Sequence[float]] = {"s": DURATION_BUCKETS_S, "By": SIZE_BUCKETS_BY}


class SwitchTracer(trace.Tracer):
    """A tracer that hands every call to the tracer now plugged in."""

    def __init__(self, scope: tuple[Any, ...]) -> None:
        self._scope = scope
        self._real: trace.Tracer = trace.NoOpTracer()

    def bind(self, provider: trace.TracerProvider) -> None:
        """Use *provider* from now on."""
        self._real = provider.get_tracer(*self._scope)

    def start_span(self, *args: Any, **kwargs: Any) -> trace.Span:
        """Start a span on the tracer plugged in."""
        return self._real.start_span(*args, **kwargs)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        """Start a span on the tracer plugged in and make it current."""
        return self._real.start_as_current_span(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """Offer what the plugged-in tracer offers beyond the API."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._real, name)


class _Switch:
    """What the three providers share: the real one, and the handles to rebind when it changes."""

    def __init__(self, idle: Any) -> None:
        self._lock = threading.RLock()
        self._idle = idle
        self._real: Any = idle
        self._handles: weakref.WeakSet[Any] = weakref.WeakSet()

    def switch(self, real: Any | None) -> None:
        """Plug *real* in behind every handle given out so far; None makes them all no-ops."""
        with self._lock:
            self._real = self._idle if real is None else real
            for handle in list(self._handles):
                handle.bind(self._real)

    def _bound(self, handle: Any) -> Any:
        with self._lock:
            handle.bind(self._real)
            self._handles.add(handle)
        return handle

    def reset_lock(self) -> None:
        """Replace the locks; for a forked child, where their holders no longer exist."""
        self._lock = threading.RLock()
        for handle in list(self._handles):
            if isinstance(handle, SwitchMeter):
                handle.reset_lock()

    def __getattr__(self, name: str) -> Any:
        """Offer what the plugged-in provider offers beyond the API (``add_span_processor``, ``resource``, ...)."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._real, name)


class SwitchTracerProvider(_Switch, trace.TracerProvider):
    """A tracer provider whose real one can be exchanged."""

    def __init__(self) -> None:
        super().__init__(trace.NoOpTracerProvider())

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> trace.Tracer:
        """Return a tracer that survives every exchange."""
        scope = (instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        tracer: trace.Tracer = self._bound(SwitchTracer(scope))
        return tracer


class SwitchLogger(_logs.Logger):
    """A logger that hands every record to the logger now plugged in."""

    def __init__(self, scope: tuple[Any, ...]) -> None:
        super().__init__(scope[0], scope[1], scope[2], scope[3])
        self._scope = scope
        self._real: _logs.Logger = _logs.NoOpLogger(scope[0])

    def bind(self, provider: _logs.LoggerProvider) -> None:
        """Use *provider* from now on."""
        self._real = provider.get_logger(*self._scope)

    def emit(self, *args: Any, **kwargs: Any) -> None:
        """Emit a record on the logger plugged in."""
        try:
            self._real.emit(*args, **kwargs)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("logs")

    def enabled(self, *args: Any, **kwargs: Any) -> bool:
        """Tell whether a record would go anywhere."""
        return self._real.enabled(*args, **kwargs)


class SwitchLoggerProvider(_Switch, _logs.LoggerProvider):
    """A logger provider whose real one can be exchanged."""

    def __init__(self) -> None:
        super().__init__(_logs.NoOpLoggerProvider())

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Any | None = None,
    ) -> _logs.Logger:
        """Return a logger that survives every exchange."""
        logger: _logs.Logger = self._bound(SwitchLogger((name, version, schema_url, attributes)))
        return logger


class _Instrument:
    """An instrument's recipe and the real instrument made from it by the meter now plugged in."""

    def __init__(self, kind: str, name: str, unit: str, description: str, **options: Any) -> None:
        self._recipe = (kind, name, unit, description)
        self._options = options
        self._real: Any = None

    def bind(self, meter: metrics.Meter) -> None:
        """Make the real instrument on *meter*."""
        kind, name, unit, description = self._recipe
        self._real = getattr(meter, f"create_{kind}")(name=name, unit=unit, description=description, **self._options)

    def _put(self, method: str, value: float, attributes: Attributes | None, context: Context | None) -> None:
        try:
            getattr(self._real, method)(value, attributes, context)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("metrics")


class _Adding(_Instrument):
    def add(self, amount: float, attributes: Attributes | None = None, context: Context | None = None) -> None:
        """Add *amount* on the instrument plugged in."""
        self._put("add", amount, attributes, context)


class SwitchCounter(_Adding, metrics.Counter):
    """A counter that survives every exchange."""


class SwitchUpDownCounter(_Adding, metrics.UpDownCounter):
    """An up-down counter that survives every exchange."""


class SwitchHistogram(_Instrument, metrics.Histogram):
    """A histogram that survives every exchange."""

    def record(self, amount: float, attributes: Attributes | None = None, context: Context | None = None) -> None:
        """Record *amount* on the histogram plugged in."""
        self._put("record", amount, attributes, context)


class SwitchGauge(_Instrument, metrics._Gauge):  # noqa: SLF001 - the API's synchronous gauge has no other name
    """A synchronous gauge that survives every exchange."""

    def set(self, amount: float, attributes: Attributes | None = None, context: Context | None = None) -> None:
        """Set *amount* on the gauge plugged in."""
        self._put("set", amount, attributes, context)


class _Observable(_Instrument):
    """An observable instrument; all callbacks given for its name run, because a second registration is not an error."""

    def __init__(self, kind: str, name: str, unit: str, description: str) -> None:
        self.callbacks: list[Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]] = []
        super().__init__(kind, name, unit, description, callbacks=[self._observe])

    def _observe(self, options: metrics.CallbackOptions) -> Iterator[metrics.Observation]:
        for callback in tuple(self.callbacks):
            yield from callback(options)


class SwitchObservableCounter(_Observable, metrics.ObservableCounter):
    """An observable counter that survives every exchange."""


class SwitchObservableUpDownCounter(_Observable, metrics.ObservableUpDownCounter):
    """An observable up-down counter that survives every exchange."""


class SwitchObservableGauge(_Observable, metrics.ObservableGauge):
    """An observable gauge that survives every exchange."""


_OBSERVABLE: Mapping[str, Any] = {
    "observable_counter": SwitchObservableCounter,
    "observable_up_down_counter": SwitchObservableUpDownCounter,
    "observable_gauge": SwitchObservableGauge,
}


class SwitchMeter(metrics.Meter):
    """A meter that remembers its instruments, so that they can be made again on the next real meter."""

    def __init__(self, scope: tuple[Any, ...], guard: Guard) -> None:
        super().__init__(scope[0], scope[1], scope[2])
        self._scope = scope
        self._guard = guard
        self._made: dict[tuple[str, str, str, str], Any] = {}
        self._mutex = threading.RLock()
        self._real: metrics.Meter = metrics.NoOpMeter(scope[0])

    def bind(self, provider: metrics.MeterProvider) -> None:
        """Make every instrument again on *provider*'s meter of this scope."""
        with self._mutex:
            self._real = provider.get_meter(*self._scope)
            for instrument in self._made.values():
                instrument.bind(self._real)

    def reset_lock(self) -> None:
        """Replace the lock; for a forked child."""
        self._mutex = threading.RLock()

    def _make(self, kind: str, cls: Any, name: str, unit: str, description: str, **options: Any) -> Any:
        key = (kind, name.lower(), unit, description)
        with self._mutex:
            if (instrument := self._made.get(key)) is None:
                instrument = cls(kind, name, unit, description, **options)
                instrument.bind(self._real)
                self._made[key] = instrument
        return instrument

    def _observable(
        self, kind: str, name: str, callbacks: Sequence[CallbackT] | None, unit: str, description: str
    ) -> Any:
        instrument = self._make(kind, _OBSERVABLE[kind], name, unit, description)
        instrument.callbacks.extend(self._guard(name, callback) for callback in callbacks or ())
        return instrument

    def create_counter(self, name: str, unit: str = "", description: str = "") -> metrics.Counter:
        """Make a counter, or return the one of this name, unit and description."""
        counter: metrics.Counter = self._make("counter", SwitchCounter, name, unit, description)
        return counter

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> metrics.UpDownCounter:
        """Make an up-down counter, or return the one of this name, unit and description."""
        counter: metrics.UpDownCounter = self._make("up_down_counter", SwitchUpDownCounter, name, unit, description)
        return counter

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> metrics.Histogram:
        """Make a histogram; where no buckets are advised, seconds and bytes get fitting ones instead of the SDK's."""
        advice = explicit_bucket_boundaries_advisory or _ADVICE.get(unit)
        histogram: metrics.Histogram = self._make(
            "histogram", SwitchHistogram, name, unit, description, explicit_bucket_boundaries_advisory=advice
        )
        return histogram

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> SwitchGauge:
        """Make a synchronous gauge, or return the one of this name, unit and description."""
        gauge: SwitchGauge = self._make("gauge", SwitchGauge, name, unit, description)
        return gauge

    def create_observable_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableCounter:
        """Make an observable counter, or add *callbacks* to the one of this name, unit and description."""
        made: metrics.ObservableCounter = self._observable("observable_counter", name, callbacks, unit, description)
        return made

    def create_observable_up_down_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableUpDownCounter:
        """Make an observable up-down counter, or add *callbacks* to the one of this name, unit and description."""
        made: metrics.ObservableUpDownCounter = self._observable(
            "observable_up_down_counter", name, callbacks, unit, description
        )
        return made

    def create_observable_gauge(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableGauge:
        """Make an observable gauge, or add *callbacks* to the one of this name, unit and description."""
        made: metrics.ObservableGauge = self._observable("observable_gauge", name, callbacks, unit, description)
        return made


class SwitchMeterProvider(_Switch, metrics.MeterProvider):
    """A meter provider whose real one can be exchanged; *guard* wraps every callback registered through it."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(metrics.NoOpMeterProvider())
        self._guard = guard
        self._meters: dict[tuple[Any, ...], SwitchMeter] = {}

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> metrics.Meter:
        """Return the one meter of this scope; it survives every exchange."""
        key = (name, version, schema_url, tuple(sorted((attributes or {}).items(), key=lambda item: item[0])))
        with self._lock:
            if key not in self._meters:
                self._meters[key] = self._bound(SwitchMeter((name, version, schema_url, attributes), self._guard))
            return self._meters[key]
