"""Instruments and their charts. Pure."""

from typing import Literal, TypedDict

from csg_otel.dashboard.model.overview import SystemNumbers
from csg_otel.dashboard.model.words import Attributes


class MetricRow(TypedDict):
    """
    One instrument: ``latest`` is its newest value (a rate per second for counters, the mean for histograms).

    ``latest`` is None and ``values`` is empty for a gauge of several series: each has its own value.
    """

    name: str
    kind: Literal["counter", "up_down_counter", "gauge", "histogram"]
    unit: str
    description: str
    series: int
    latest: float | None
    values: list[float | None]
    attributes: dict[str, list[str]]
    exemplars: bool


class MetricsPage(TypedDict):
    """``/api/v1/metrics``: every instrument, by name."""

    time: float
    metrics: list[MetricRow]


class Series(TypedDict):
    """One line of a chart; ``field`` is ``value``, ``rate``, ``mean``, ``p50``, ``p95``, ``p99``. None is a gap."""

    label: str
    attributes: Attributes
    field: str
    values: list[float | None]


class Threshold(TypedDict):
    """A line of a chart at ``value``, from a rule or a check."""

    label: str
    value: float
    severity: str


class ExemplarRow(TypedDict):
    """One measurement with the trace it was made in."""

    time: float
    value: float
    trace_id: str
    span_id: str
    attributes: Attributes


class Chart(TypedDict):
    """
    One chart: the values of all series at the same ``times``.

    ``/api/v1/metrics/series`` returns one, ``/api/v1/system`` several. ``hidden`` is the number of series left out.
    """

    id: str
    title: str
    unit: str
    kind: str
    step_s: float
    times: list[float]
    series: list[Series]
    thresholds: list[Threshold]
    exemplars: list[ExemplarRow]
    hidden: int


class SystemPage(TypedDict):
    """``/api/v1/system``: the charts of host and process."""

    time: float
    numbers: SystemNumbers
    charts: list[Chart]
