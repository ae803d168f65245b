"""Instruments with attributes that are given once, ``counter.bind(attributes).add(1)``: Bind of OpenTelemetry's API."""

from __future__ import annotations

from collections.abc import Callable


class BoundCounter:
    """A counter or an up-down counter with fixed attributes."""

    __slots__ = ("_measure",)

    def __init__(self, measure: Callable[[float], None]) -> None:
        self._measure = measure

    def add(self, amount: float = 1) -> None:
        """Add *amount*, in the counter's unit; negative only for an up-down counter."""
        self._measure(amount)


class BoundHistogram:
    """A histogram with fixed attributes."""

    __slots__ = ("_measure",)

    def __init__(self, measure: Callable[[float], None]) -> None:
        self._measure = measure

    def record(self, amount: float) -> None:
        """Record *amount*, one measurement in the histogram's unit."""
        self._measure(amount)


class BoundGauge:
    """A gauge with fixed attributes."""

    __slots__ = ("_measure",)

    def __init__(self, measure: Callable[[float], None]) -> None:
        self._measure = measure

    def set(self, value: float) -> None:
        """Set the current *value*, in the gauge's unit."""
        self._measure(value)
