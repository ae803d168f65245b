"""
Metric points as plain values: what snapshots, history, dashboards and checks read. Pure; knows nothing of the SDK.

One point is one series at one moment, cumulative since the process started where its kind is a counter or a histogram.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class NumberPoint:
    """The value of one series, in the instrument's *unit*."""

    name: str
    kind: Literal["counter", "up_down_counter", "gauge"]
    unit: str
    attributes: Mapping[str, Any]
    value: int | float


@dataclass(frozen=True, slots=True)
class HistogramPoint:
    """
    The distribution of one series: *counts* has one more item than *bounds*, the last for what is above every bound.

    ``total`` is the sum of the measurements, in the instrument's *unit*.
    """

    name: str
    unit: str
    attributes: Mapping[str, Any]
    count: int
    total: float
    bounds: tuple[float, ...]
    counts: tuple[int, ...]


Point = NumberPoint | HistogramPoint
