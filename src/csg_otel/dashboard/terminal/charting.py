"""A chart of the model as rows: title, axes with units, lines, thresholds, the values under the mouse, and a legend. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.terminal.rows import SERIES_STYLES, Row, Segment, fit, joined, text
from csg_otel.dashboard.view import block_chart
from csg_otel.dashboard.view.axis import value_axis
from csg_otel.dashboard.view.text import clock, value
from csg_otel.display import cells, clean, cut

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Chart, Series
    from csg_otel.dashboard.view.axis import Axis

_AXIS: Final = 10
"""Cells of the values' axis, with the line beside it."""
_LEGEND: Final = 6
"""Most series of a legend; the others are counted."""


def by_unit(chart: Chart) -> list[Chart]:
    """Return *chart* with rates in the unit of rates; a histogram's rate, which has another unit, in a chart of its own."""
    rates = [one for one in chart["series"] if one["field"] == "rate"]
    others = [one for one in chart["series"] if one["field"] != "rate"]
    if not rates:
        return [chart]
    unit = "1" if others or chart["unit"] in ("", "1") else chart["unit"]
    title = "Rate" if others else chart["title"]
    rate: Chart = {**chart, "title": title, "unit": f"{unit}/s", "series": rates}
    return [{**chart, "series": others}, {**rate, "thresholds": []}] if others else [rate]


def chart_rows(
    chart: Chart, width: int, height: int, hover: int | None = None, marks: Sequence[float] = ()
) -> list[Row]:
    """
    Return a chart of *width* cells with *height* rows of lines, and title, axis and legend in further rows.

    Args:
        chart: The document.
        width: Cells.
        height: Rows of the plot.
        hover: The cell under the mouse: its values are in the legend. Default: those of the last mark, or the newest.
        marks: Unix times that are marked. Default: none.
    """
    inner = max(8, width - _AXIS)
    numbers = [v for one in chart["series"] for v in one["values"] if v is not None and math.isfinite(v)]
    name = cut(clean(chart["title"]), width - 14)
    if not numbers:
        return [Row(text(Segment(name, "bold"))), Row(text(Segment("  No values in this time.", "dim")))]
    limits = [threshold["value"] for threshold in chart["thresholds"] if threshold["value"] <= max(numbers) * 2]
    axis = value_axis([*numbers, *limits], chart["unit"], 3 if height < 8 else 5)
    unit = "per second" if axis.unit == "/s" else axis.unit
    title = text(Segment(name, "bold"), Segment(f"  {unit}", "dim"))
    marked = [_position(chart["times"], mark) for mark in marks]
    position = marked[-1] if marked else None
    if hover is not None:
        position = block_chart.position_of(hover - _AXIS, len(chart["times"]), inner)
    rows = [Row(title), *_plot(chart, (inner, height), axis, position, marked), Row(_times(chart, inner))]
    return [*rows, *_legend(chart, width, position)]


def _plot(chart: Chart, size: tuple[int, int], axis: Axis, at: int | None, marked: Sequence[int]) -> list[Row]:
    width, height = size
    low, high = axis.low, axis.high
    values = [one["values"] for one in _by_name(chart)]
    grid = block_chart.plot(values, width, height, low, high)
    styled = [[(cell.text, "" if cell.series is None else _style(cell.series)) for cell in row] for row in grid]
    for threshold in chart["thresholds"]:
        if low <= threshold["value"] <= high:
            style = threshold["severity"] if threshold["severity"] in ("warning", "critical") else "unknown"
            _under(styled[block_chart.row_of(threshold["value"], height, low, high)], "╌", style)
    for position, style in (*((at, "dim") for at in [at] if at is not None), *((mark, "accent") for mark in marked)):
        column = block_chart.column_of(position, len(chart["times"]), width)
        for row in styled:
            row[column] = ("│", style) if row[column][0] in (" ", "╌", "│") else row[column]
    labels = {block_chart.row_of(tick.value, height, low, high): tick.label for tick in axis.ticks}
    return [
        Row((Segment(fit(labels.get(index, ""), _AXIS - 2, right=True), "dim"), Segment(" │", "line"), *joined(row)))
        for index, row in enumerate(styled)
    ]


def _position(times: Sequence[float], at: float) -> int:
    """Return the place in *times* that is nearest to *at*."""
    return min(range(len(times)), key=lambda index: abs(times[index] - at))


def _by_name(chart: Chart) -> list[Series]:
    """Return the series by name, so that each keeps its colour."""
    return sorted(chart["series"], key=lambda one: one["label"])


def _under(row: list[tuple[str, str]], character: str, style: str) -> None:
    row[:] = [(character, style) if content == " " else (content, old) for content, old in row]


def _times(chart: Chart, width: int) -> tuple[Segment, ...]:
    times = chart["times"]
    line = [" "] * width
    for share in (0.0, 0.5, 1.0) if width >= 30 else (0.0, 1.0):
        mark = clock(times[round(share * (len(times) - 1))])[: 8 if chart["step_s"] < 60 else 5]
        begin = min(width - len(mark), max(0, round(share * width) - (len(mark) // 2 if 0 < share < 1 else 0)))
        line[begin : begin + len(mark)] = mark
    return (Segment(" " * _AXIS), Segment("".join(line), "dim"))


def _legend(chart: Chart, width: int, at: int | None) -> list[Row]:
    """Return name and value of each series, the greatest value first."""
    shown = [(one["label"], _at(one["values"], at), index) for index, one in enumerate(_by_name(chart))]
    shown.sort(key=lambda item: -math.inf if item[1] is None else -item[1] if math.isfinite(item[1]) else 0.0)
    moment = "" if at is None else clock(chart["times"][at])
    parts = [(f"━ {clean(label)} ", value(number, chart["unit"]), _style(index)) for label, number, index in shown]
    left_out = chart["hidden"] + max(0, len(parts) - _LEGEND)
    segments = [Segment(fit(moment, _AXIS), "dim")]
    rows: list[Row] = []
    used = _AXIS
    for label, number, style in parts[:_LEGEND]:
        name = cut(label, max(8, width - _AXIS - cells(number) - 3))
        need = cells(name) + cells(number) + 3
        if used > _AXIS and used + need > width:
            rows.append(Row(tuple(segments)))
            segments, used = [Segment(" " * _AXIS)], _AXIS
        segments += [Segment(name, style), Segment(f"{number}   ")]
        used += need
    if left_out:
        segments.append(Segment(f"{left_out} more", "dim"))
    return [*rows, Row(tuple(segments))]


def _at(values: Sequence[float | None], at: int | None) -> float | None:
    if at is not None:
        return values[at] if at < len(values) else None
    return next((number for number in reversed(values) if number is not None), None)


def _style(index: int) -> str:
    return f"series{index % SERIES_STYLES}"
