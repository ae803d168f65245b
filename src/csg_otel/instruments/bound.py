"""Instruments with attributes that are given once, ``counter.bind(attributes).add(1)``: Bind of OpenTelemetry's API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class _Bound:
    """An instrument with fixed attributes."""

    __slots__ = ("_attributes", "_instrument", "_measure")

    def __init__(self, measure: Callable[[float], None], instrument: Any, attributes: Mapping[str, Any] | None) -> None:
        """
        Bind *instrument*.

        Args:
            measure: Measures a value with the attributes.
            instrument: The instrument; its method ``bind`` returns an object such as this one.
            attributes: The attributes.
        """
        self._measure = measure
        self._instrument = instrument
        self._attributes = attributes

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the instrument's definition and the attributes: they are bound again where a job runs."""
        return type(self._instrument).bind, (self._instrument, self._attributes)


class BoundCounter(_Bound):
    """A counter or an up-down counter with fixed attributes."""

    def add(self, amount: float = 1) -> None:
        """Add *amount*, in the counter's unit; negative only for an up-down counter."""
        self._measure(amount)


class BoundHistogram(_Bound):
    """A histogram with fixed attributes."""

    def record(self, amount: float) -> None:
        """Record *amount*, one measurement in the histogram's unit."""
        self._measure(amount)


class BoundGauge(_Bound):
    """A gauge with fixed attributes."""

    def set(self, value: float) -> None:
        """Set the current *value*, in the gauge's unit."""
        self._measure(value)
