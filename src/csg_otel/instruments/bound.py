"""Instruments with attributes that are given once, ``counter.bind(attributes).add(1)``: Bind of OpenTelemetry's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from csg_otel import metric_groups

if TYPE_CHECKING:
    from csg_otel import attributes as clean
    from csg_otel.instruments.base import MeasuringInstrument


class _Bound:
    """An instrument with fixed attributes."""

    __slots__ = ("_instrument", "_series", "attributes")

    def __init__(self, instrument: MeasuringInstrument, attributes: dict[str, clean.Value]) -> None:
        """Bind *instrument* to allowed *attributes*."""
        self._instrument = instrument
        self._series: Any = None
        self.attributes = attributes

    def _record_checked(self, value: Any) -> None:
        is_on = metric_groups.is_on(self._instrument.name)  # perhaps only another group is off
        if not is_on or (metric_groups.any_off and self._series is not None and self._series.put(value)):
            return
        self._instrument.record_checked(value, self.attributes)
        self._series = self._instrument.series_of(self.attributes)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the instrument's definition and the attributes: they are bound again where a job runs."""
        return type(self._instrument).bind, (self._instrument, self.attributes)  # type: ignore[attr-defined] # all have it


class BoundCounter(_Bound):
    """A counter or an up-down counter with fixed attributes."""

    __slots__ = ()

    def add(self, amount: float = 1) -> None:
        """Add *amount*, in the counter's unit; negative only for an up-down counter."""
        if self._series is None or metric_groups.any_off or not self._series.put(amount):
            self._record_checked(amount)


class BoundHistogram(_Bound):
    """A histogram with fixed attributes."""

    __slots__ = ()

    def record(self, amount: float) -> None:
        """Record *amount*, one measurement in the histogram's unit."""
        if self._series is None or metric_groups.any_off or not self._series.put(amount):
            self._record_checked(amount)


class BoundGauge(_Bound):
    """A gauge with fixed attributes."""

    __slots__ = ()

    def set(self, value: float) -> None:
        """Set the current *value*, in the gauge's unit."""
        if self._series is None or metric_groups.any_off or not self._series.put(value):
            self._record_checked(value)
