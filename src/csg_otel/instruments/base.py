"""
The base of the instruments that a program defines: the declared attributes, and the way of a measurement.

Most measurements have attributes that were seen before. The series of these are kept, so they cost one look-up and no check.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from csg_otel import attributes as clean
from csg_otel import faults, interruptions, metric_groups, names, scope, worker_policy
from csg_otel.errors import InstrumentError
from csg_otel.instruments.definitions import Attributes, Bounds, once
from csg_otel.tallies import TallySeries

_log = logging.getLogger("csg_otel")

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-/]{0,254}")

_METHODS: Final = {"counter": "add", "up_down_counter": "add", "histogram": "record", "gauge": "set"}
"""The method of an OTel instrument that takes a measurement, by kind."""


class Instrument:
    """The base of all instruments: a name, the declared attributes, and the rules for measurements."""

    factory: ClassVar[Callable[..., Any]]
    """Defines an instrument of this class: the function that a program calls."""
    _has_workers = False
    """Whether the definition says how several worker processes are combined."""

    def __init__(self, kind: names.Kind, name: str, unit: str, description: str, declared: Attributes) -> None:
        """
        Describe an instrument; the subclass creates it.

        Args:
            kind: The kind of its data.
            name: Its name.
            unit: Its UCUM unit; empty for none.
            description: One sentence about it; may be empty.
            declared: Its declared attributes; None allows every attribute.
        """
        if not _NAME.fullmatch(str(name)):
            raise InstrumentError(
                f"{name!r} is not a name for an instrument: use a letter, then at most 254 letters, digits or _ . - /"
            )
        self.name = name
        keys = tuple(declared or ())
        self.metric = names.Metric(name, kind, unit, description, keys)
        self._declared = None if declared is None else frozenset(keys)
        self._declared_values = declared if isinstance(declared, dict) else {}
        self._options: dict[str, Any] = {"unit": unit, "description": description, "attributes": declared}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the definition: a job of joblib or Ray that uses the instrument defines it again where it runs."""
        return _define_again, (type(self), self.name, self._definition())

    def _definition(self) -> dict[str, Any]:
        """Return the arguments of the factory, besides the name."""
        workers = {"workers": worker_policy.of(self.name, self.metric.kind)} if self._has_workers else {}
        return {**self._options, **workers}

    def allowed(self, attributes: Mapping[str, Any] | None) -> dict[str, clean.Value]:
        """Return clean *attributes* without those that are not declared, which are counted."""
        cleaned = clean.clean(attributes or {})
        if self._declared is None or cleaned.keys() <= self._declared:
            return cleaned
        undeclared = sorted(cleaned.keys() - self._declared)
        _count_dropped(self.name, undeclared)
        return {key: value for key, value in cleaned.items() if key in self._declared}


def _define_again(kind: type[Instrument], name: str, options: Mapping[str, Any]) -> Any:
    return kind.factory(name, **options)


class MeasuringInstrument(Instrument):
    """The base of the instruments that the program calls."""

    _buckets: Bounds = None
    """The bounds of a histogram; None for those that the unit implies."""

    def __init__(self, kind: names.Kind, name: str, unit: str, description: str, declared: Attributes) -> None:
        """Create an instrument; the arguments are those of the base."""
        super().__init__(kind, name, unit, description, declared)
        self._seen: dict[tuple[tuple[str, Any], ...], tuple[Any, tuple[type, ...] | None]] = {}
        """By attributes, their series, and the types of their values; None if all are text."""
        self._create()

    def _create(self) -> None:
        """Get the OTel instrument from the provider in use."""
        self._meter, otel_instrument = scope.meter(), scope.create(self.metric, bounds=self._buckets)
        self._otel_record = getattr(otel_instrument, _METHODS[self.metric.kind])
        self._find_series = getattr(otel_instrument, "series", None)
        self._seen = {}

    def _measure(self, value: Any, attributes: Mapping[str, Any] | None) -> None:
        """Record a valid number with the allowed attributes; never raises."""
        if not metric_groups.any_off or metric_groups.is_on(self.name):
            try:
                seen = self._seen.get(tuple(attributes.items()) if attributes else ())
                if seen is not None:
                    series, kinds = seen
                    same = kinds is None or kinds == tuple(map(type, attributes.values()))  # type: ignore[union-attr]
                    if same and series.put(value):
                        return
            except Exception:  # noqa: BLE001 - a mapping, a key or a value of any kind
                interruptions.let_through()
        self.record_checked(value, attributes)

    def series_of(self, allowed: dict[str, clean.Value]) -> Any:
        """Return the series of *allowed* attributes; None if measurements do not accumulate."""
        return None if self._find_series is None else self._find_series(allowed)

    def record_checked(self, value: Any, attributes: Mapping[str, Any] | None) -> None:
        """Record *value*, which may be anything, unless the instrument is off; never raises."""
        if not metric_groups.is_on(self.name):
            return
        try:
            number = clean.number(value)
            if number is None:
                faults.report(f"instrument {self.name}", f"{clean.value(value)!r} is not a number; it is left out")
            else:
                allowed = self.allowed(attributes)
                self._remember(attributes or {}, allowed)
                self._otel_record(number, allowed)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(f"instrument {self.name}")

    def _remember(self, attributes: Mapping[str, Any], allowed: dict[str, clean.Value]) -> None:
        """Keep the series of *attributes* if they are plain, and all *allowed*: those of dropped ones are counted each time."""
        if self._meter is not scope.meter():
            self._create()
        if self._find_series is None or len(allowed) != len(attributes) or not clean.sound(attributes):
            return
        series = self._find_series(allowed)
        if series is not None:
            if len(self._seen) >= names.CARDINALITY_LIMIT:
                self._seen.clear()
            kinds = tuple(map(type, allowed.values()))
            # Only numbers and booleans of different types are equal (True, 1 and 1.0): the first ones are kept.
            self._seen.setdefault(tuple(allowed.items()), (series, kinds if set(kinds) - {str} else None))


def _count_dropped(instrument: str, undeclared: Sequence[str]) -> None:
    series: TallySeries = once("dropped", _dropped_series)
    tally = series.at(instrument)
    if tally.value == 0:
        _log.warning(
            "instrument %r does not declare %s, so it is dropped; to keep it, add it to attributes= in the definition",
            instrument,
            ", ".join(map(repr, undeclared)),
        )
    tally.add(len(undeclared))


def _dropped_series() -> TallySeries:
    series = TallySeries(names.ATTRIBUTES_DROPPED)
    scope.create(names.ATTRIBUTES_DROPPED, [series.observe])
    return series
