"""Instruments of the program: its own, and ready-made business metrics."""

from csg_otel.instruments.business import Cache, cache, event, observe_cache
from csg_otel.instruments.defined import (
    Counter,
    Gauge,
    Histogram,
    ObservableGauge,
    UpDownCounter,
    counter,
    gauge,
    histogram,
    observable_gauge,
    start_at_zero,
    up_down_counter,
)

__all__ = [
    "Cache",
    "Counter",
    "Gauge",
    "Histogram",
    "ObservableGauge",
    "UpDownCounter",
    "cache",
    "counter",
    "event",
    "gauge",
    "histogram",
    "observable_gauge",
    "observe_cache",
    "start_at_zero",
    "up_down_counter",
]
