"""Charts as SVG: axes with a unit, gaps, thresholds, and a legend with numbers; nothing needs a script. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.report.markup import Markup, element, join
from csg_otel.dashboard.view import axis, phrases
from csg_otel.dashboard.view import text as view_text
from csg_otel.display import cut

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Chart, Series, Threshold

WIDTH: Final = 560
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 10.0, 22.0, 22.0
_COLOURS: Final = 8
_UNIT_CELLS: Final = 30
_FAR: Final = 3.0
"""A threshold further away than this many times the largest value is written below the chart: drawn, it would flatten it."""


def chart(document: Chart) -> Markup:
    """Return *document* as a figure: one drawing for the lines of each unit, the rate of a histogram below its quantiles."""
    lines: dict[str, list[Series]] = {}
    for line in document["series"]:
        lines.setdefault(phrases.unit(document, line), []).append(line)
    blocks = [
        _plot(document, series, unit, document["thresholds"] if unit == document["unit"] else [], height)
        for (unit, series), height in zip(lines.items(), (180, 106), strict=False)
    ]
    hidden = document["hidden"] + sum(max(0, len(series) - _COLOURS) for series in lines.values())
    note = element("p", f"{hidden} more series not shown.", class_="note") if hidden else None
    return element("figure", element("figcaption", document["title"]), blocks, note, class_="chart")


def _plot(
    document: Chart,
    series: Sequence[Series],
    unit: str,
    thresholds: Sequence[Threshold],
    height: int,
) -> Markup:
    """Return axes, lines and legend of the first eight *series*, *height* pixels high."""
    shown = series[:_COLOURS]
    values = [value for each in shown for value in each["values"]]
    if not any(value is not None for value in values):
        return element("p", "No values in this time.", class_="empty")
    largest = max(abs(value) for value in values if value is not None)
    near = [each for each in thresholds if unit == "%" or abs(each["value"]) <= _FAR * largest]
    scale = axis.value_axis([*values, *(each["value"] for each in near)], unit)
    area = _Area(document["times"], scale, height)
    drawing = element(
        "svg",
        area.grid(),
        [area.line(each, number) for number, each in enumerate(shown)],
        [area.threshold(each) for each in near],
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_label=f"{document['title']}: {', '.join(each['label'] for each in shown)}",
    )
    far = [each for each in thresholds if each not in near]
    return join(drawing, _legend(document, shown), [_beyond(each, unit) for each in far])


class _Area:
    """The area of a chart: its places for times and values, and what is drawn in it."""

    def __init__(self, times: Sequence[float], scale: axis.Axis, height: int) -> None:
        self._times = times
        self._scale = scale
        self._bottom = height - _BOTTOM
        self._start, self._end = (times[0], times[-1]) if len(times) > 1 else (times[0] - 30, times[0] + 30)

    def x(self, at: float) -> float:
        return _LEFT + (at - self._start) / (self._end - self._start) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return self._bottom - (value - self._scale.low) / (self._scale.high - self._scale.low) * (self._bottom - _TOP)

    def grid(self) -> Markup:
        """Return the lines and labels of both axes."""
        right, bottom = WIDTH - _RIGHT, self._bottom
        rows = [
            (
                element("line", x1=_LEFT, x2=right, y1=self.y(tick.value), y2=self.y(tick.value)),
                element("text", tick.label, x=_LEFT - 6, y=self.y(tick.value) + 3.5, text_anchor="end"),
            )
            for tick in self._scale.ticks
        ]
        columns = [
            (
                element("line", x1=self.x(tick.value), x2=self.x(tick.value), y1=bottom, y2=bottom + 4),
                element("text", tick.label, x=self.x(tick.value), y=bottom + 16, text_anchor="middle"),
            )
            for tick in axis.time_axis(self._start, self._end)
            if self.x(tick.value) <= right - 14
        ]
        unit = element("text", cut(self._scale.unit, _UNIT_CELLS), x=0, y=10)
        return element("g", rows, columns, unit, class_="grid")

    def line(self, series: Series, number: int) -> Markup:
        """Return the line of *series*, broken where it has no value; a value without neighbours is a dot."""
        moves, dots = [], []
        for run in axis.runs(series["values"]):
            points = [(self.x(self._times[at]), self.y(_value(series, at))) for at in run]
            if len(points) == 1:
                dots.append(element("circle", cx=points[0][0], cy=points[0][1], r=2))
            else:
                moves.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points))
        path = element("path", d="".join(moves)) if moves else None
        return element("g", element("title", series["label"]), path, dots, class_=f"line s{number + 1}")

    def threshold(self, threshold: Threshold) -> Markup:
        """Return the dashed line of *threshold* with its label."""
        y = self.y(threshold["value"])
        # Two limits are often close: one label stands above its line, the other below.
        is_warning = severity_class(threshold["severity"]) == "warning"
        label_y = y + 12 if is_warning or y < _TOP + 6 else y - 4
        return element(
            "g",
            element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y),
            element("text", threshold["label"], x=WIDTH - _RIGHT - 2, y=label_y, text_anchor="end"),
            class_=f"threshold {severity_class(threshold['severity'])}",
        )


def _value(series: Series, at: int) -> float:
    value = series["values"][at]
    return math.nan if value is None else value


def severity_class(severity: str) -> str:
    """Return the class of the colour of *severity*, which is a word of a rule or of a check."""
    return "warning" if severity.lower() in {"warning", "info", "warn"} else "critical"


def _legend(document: Chart, shown: Sequence[Series]) -> Markup:
    """Return the table of the series: colour, name, newest, smallest and largest value."""
    rows = []
    for place, series in enumerate(shown):
        key = element("span", class_=f"key s{place + 1}")
        cells = [element("td", number, class_="number") for number in phrases.numbers(document, series)]
        rows.append(element("tr", element("td", key, series["label"]), cells))
    heads = [element("th", title, class_="number") for title in ("last", "min", "max")]
    return element("table", element("tr", element("th", ""), heads), rows, class_="legend")


def _beyond(threshold: Threshold, unit: str) -> Markup:
    limit = f"{threshold['label']}: {view_text.value(threshold['value'], unit)}, beyond this chart"
    return element("p", limit, class_=f"note {severity_class(threshold['severity'])}")
