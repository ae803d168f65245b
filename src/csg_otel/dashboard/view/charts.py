"""
Charts: the values of several series on one grid of times, and the rows of the list of instruments. Pure.

A step without a value stays a gap. Series of one group are combined: rates and sums are added up, gauges are averaged, and
means too, by their rates. Quantiles can't be combined: a group of several series has none, but all series have a total.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.store.series import LIVE_SPAN_S
from csg_otel.metrics.history import FINE_STEP_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from csg_otel.dashboard.model import Chart, MetricRow, Series
    from csg_otel.dashboard.store.series import SeriesHistory
    from csg_otel.dashboard.store.values import Instrument

Items = list[tuple[float, float]]
"""Times (Unix seconds) and values, the oldest first."""

MOST_LINES: Final = 12
"""Series in one chart: more have no colour of their own."""

_QUANTILE_FIELDS: Final = ("p50", "p95", "p99", "mean", "rate")
_SPARK: Final = 30
"""Values of a small chart in a list."""


@dataclass(frozen=True, slots=True)
class Window:
    """The times of a chart: from *start* to *end* (Unix seconds) in steps of *step_s*; the offset converts monotonic times."""

    start: float
    end: float
    step_s: float
    offset_s: float

    @classmethod
    def of(cls, end: float, range_s: float, points: int, offset_s: float) -> Window:
        """Return the window of *range_s* seconds before *end*: *points* steps at most, of 1 s or multiples of 10 s or 60 s."""
        least_s = 1.0 if range_s <= LIVE_SPAN_S else 10.0 if range_s <= 3600 else 60.0
        step_s = max(least_s, math.ceil(range_s / points / least_s) * least_s)
        last = math.ceil(end / step_s) * step_s
        return cls(last - math.ceil(range_s / step_s) * step_s, last, step_s, offset_s)

    @property
    def times(self) -> list[float]:
        """The start of each step."""
        return [self.start + step * self.step_s for step in range(round((self.end - self.start) / self.step_s))]

    def grid(self, items: Iterable[tuple[float, float]]) -> list[float | None]:
        """Return the mean of *items* (monotonic times) in each step; None for a step without any."""
        size = round((self.end - self.start) / self.step_s)
        sums, counts = [0.0] * size, [0] * size
        for at_s, value in items:
            step = int((at_s + self.offset_s - self.start) // self.step_s)
            if 0 <= step < size:
                sums[step] += value
                counts[step] += 1
        return [total / count if count else None for total, count in zip(sums, counts, strict=True)]


def chart(
    key: str, window: Window, series: list[Series], *, title: str, unit: str, kind: str, hidden: int = 0
) -> Chart:
    """Return a chart of *series* without thresholds and exemplars."""
    return {
        "id": key,
        "title": title,
        "unit": unit,
        "kind": kind,
        "step_s": window.step_s,
        "times": window.times,
        "series": series,
        "thresholds": [],
        "exemplars": [],
        "hidden": hidden,
    }


def metric_chart(
    instrument: Instrument,
    window: Window,
    by: Sequence[str] = (),
    only: Sequence[tuple[str, str]] = (),
    *,
    lines: int = MOST_LINES,
) -> Chart:
    """
    Return the chart of *instrument*.

    Args:
        instrument: The instrument with its history.
        window: The times.
        by: Attributes that split the chart: one line for each combination of their values. Default: gauges by all attributes,
            counters and histograms in one line.
        only: Attributes and values that a series must have. Default: none.
        lines: The largest number of lines; of further ones those with the lowest values are hidden. Default: 12.
    """
    series = {key: value for key, value in instrument.series.items() if set(only) <= set(key)}
    fields = _fields(instrument.kind)
    if not by and not only and instrument.total is not None and instrument.kind != "up_down_counter":
        return _finished(instrument, window, [_overall(field, window, instrument) for field in fields], lines)
    split = tuple(by) or (_attribute_names(series) if instrument.kind in ("gauge", "up_down_counter") else ())
    groups: defaultdict[tuple[tuple[str, str], ...], list[SeriesHistory]] = defaultdict(list)
    for key, history in series.items():
        groups[tuple(pair for pair in key if pair[0] in split)].append(history)
    if instrument.kind == "histogram":
        for group, members in groups.items():
            if len(members) == len(instrument.series) and instrument.total is not None and not instrument.hidden:
                groups[group] = [instrument.total]
        fields = _histogram_fields(list(groups.values()))
    rows = [
        _row(dict(group), field, members, window, instrument) for group, members in groups.items() for field in fields
    ]
    return _finished(instrument, window, rows, lines)


def _fields(kind: str) -> tuple[str, ...]:
    return _QUANTILE_FIELDS if kind == "histogram" else ("rate",) if kind == "counter" else ("value",)


def _histogram_fields(groups: Sequence[Sequence[SeriesHistory]]) -> tuple[str, ...]:
    """Return what is known of every group: no quantile of several series together follows from theirs, but the mean does."""
    merged = any(len(members) > 1 for members in groups)
    if len(groups) <= 1:
        return ("mean", "rate") if merged else _QUANTILE_FIELDS
    return ("mean",) if merged else ("p95",)


def _attribute_names(series: Iterable[tuple[tuple[str, str], ...]]) -> tuple[str, ...]:
    return tuple(sorted({name for key in series for name, _ in key}))


def _row(
    attributes: Mapping[str, str], field: str, members: Sequence[SeriesHistory], window: Window, instrument: Instrument
) -> Series:
    name = ", ".join(attributes.values())
    is_quantile = field in _QUANTILE_FIELDS and field != "rate"
    label = " ".join(filter(None, (field if is_quantile or instrument.kind == "histogram" else "", name)))
    return {
        "label": label or instrument.name,
        "attributes": dict(attributes),
        "field": field,
        "values": _values(field, members, window, instrument.kind),
    }


def _values(field: str, members: Sequence[SeriesHistory], window: Window, kind: str) -> list[float | None]:
    grids = _grids(field, members, window)
    if field != "mean" or len(members) < 2:
        return _combined(grids, sum if _is_summed(field, kind) else _mean)
    # The mean of several series weighs each by its rate.
    rates = _grids("rate", members, window)
    return [
        _weighted([(mean, rate or 0.0) for mean, rate in zip(*step, strict=True) if mean is not None])
        for step in zip(zip(*grids, strict=True), zip(*rates, strict=True), strict=True)
    ]


def _grids(field: str, members: Sequence[SeriesHistory], window: Window) -> list[list[float | None]]:
    """Return the values of each of *members* in each step of *window*."""
    since_s = window.start - window.offset_s
    lines = [member.lines.get(field) for member in members]
    if window.step_s < FINE_STEP_S:
        return [window.grid(() if line is None else line.seconds(since_s)) for line in lines]
    # Without rates and quantiles of single seconds: their mean is not that of ten seconds.
    live = field == "value"
    return [window.grid(() if line is None else line.items(since_s, live=live)) for line in lines]


def _weighted(pairs: Sequence[tuple[float, float]]) -> float | None:
    total = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if total else None


def _overall(field: str, window: Window, instrument: Instrument) -> Series:
    """Return the line of all series of *instrument*; a counter has a total since its first hidden series."""
    total = [instrument.total] if instrument.total is not None else []
    row = _row({}, field, total, window, instrument)
    if instrument.kind != "histogram" and instrument.series:
        before = _row({}, field, list(instrument.series.values()), window, instrument)["values"]
        row["values"] = [kept if now is None else now for now, kept in zip(row["values"], before, strict=True)]
    return row


def _is_summed(field: str, kind: str) -> bool:
    return field == "rate" or (field == "value" and kind != "gauge")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _combined(grids: Sequence[list[float | None]], how: Callable[[list[float]], float]) -> list[float | None]:
    if len(grids) == 1:
        return grids[0]
    steps = ([value for value in step if value is not None] for step in zip(*grids, strict=True))
    return [how(values) if values else None for values in steps]


def _finished(instrument: Instrument, window: Window, rows: list[Series], lines: int) -> Chart:
    """Return the chart of the *lines* rows with the highest values; rows without a value are left out."""
    rows = [row for row in rows if any(value is not None for value in row["values"])]
    kept = rows
    if len(rows) > lines:
        kept = sorted(rows, key=lambda row: -max(abs(value) for value in row["values"] if value is not None))
    finished = chart(
        instrument.name,
        window,
        sorted(kept[:lines], key=_order),
        title=instrument.name,
        unit=instrument.unit,
        kind=instrument.kind,
        hidden=instrument.hidden + max(0, len(rows) - lines),
    )
    finished["exemplars"] = [row for row in instrument.exemplars if row["time"] >= window.start]
    return finished


def _order(row: Series) -> tuple[str, int]:
    fields = ("value", *_QUANTILE_FIELDS)
    return str(list(row["attributes"].values())), fields.index(row["field"]) if row["field"] in fields else 0


def metric_row(instrument: Instrument, window: Window) -> MetricRow:
    """Return the row of *instrument* in the list, with a small chart over *window*."""
    field = "mean" if instrument.kind == "histogram" else _fields(instrument.kind)[0]
    members = [instrument.total] if instrument.total is not None else list(instrument.series.values())
    now_s = window.end - window.step_s - window.offset_s
    current = [member for member in members if not member.has_ended(now_s)]
    row = (
        _row({}, field, members, window, instrument)
        if instrument.total is None
        else _overall(field, window, instrument)
    )
    values = row["values"][-_SPARK:]
    # The mean of several gauges is no value of anything: limits of different checks, shares of different states.
    is_mixed = instrument.kind == "gauge" and len(current) > 1
    attributes: dict[str, set[str]] = {}
    for key in instrument.series:
        for name, value in key:
            attributes.setdefault(name, set()).add(value)
    return {
        "name": instrument.name,
        "kind": instrument.kind,  # type: ignore[typeddict-item] # the kinds of points
        "unit": instrument.unit,
        "description": instrument.description,
        "series": len(instrument.series) + instrument.hidden,
        "latest": None if is_mixed else _latest(field, current, instrument.kind),
        "values": [] if is_mixed else values,
        "attributes": {name: sorted(words) for name, words in sorted(attributes.items())},
        "exemplars": bool(instrument.exemplars),
    }


def _latest(field: str, members: Sequence[SeriesHistory], kind: str) -> float | None:
    """Return the newest value of all *members* together, with all its digits."""
    pairs = [
        (line.latest, rate.latest or 0.0 if (rate := member.lines.get("rate")) is not None else 0.0)
        for member in members
        if (line := member.lines.get(field)) is not None and line.latest is not None
    ]
    values = [value for value, _ in pairs]
    if _is_summed(field, kind) or not values:
        return sum(values) if values else None
    weighted = _weighted(pairs) if field == "mean" else None
    return _mean(values) if weighted is None else weighted


def chart_line(label: str, attributes: Mapping[str, Any], field: str, values: list[float | None]) -> Series:
    """Return one line of a chart."""
    return {"label": label, "attributes": dict(attributes), "field": field, "values": values}
