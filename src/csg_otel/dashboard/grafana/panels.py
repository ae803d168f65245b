"""
The panels of the dashboard as values, and the JSON that Grafana 10 to 12 read.

Pure. The rule: each panel has a title, a description, a unit and the data source of the variable ``$datasource``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from csg_otel.dashboard.grafana.queries import Query

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

WIDTH: Final = 24
"""Columns of Grafana's grid."""

Kind = Literal["timeseries", "stat", "state-timeline", "heatmap", "table", "alertlist"]
Step = tuple[float | None, str]
"""A threshold: the value from which the colour holds (None for the lowest values), and the colour."""


@dataclass(frozen=True, slots=True)
class Panel:
    """
    One panel.

    *unit* is Grafana's name of a unit. *shows* are metrics and aliases whose values it charts, as *function* returns them;
    rules that compare the same become its threshold lines (*steps*). Width and height are in units of Grafana's grid.
    """

    title: str
    description: str
    queries: tuple[Query, ...] = ()
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 8
    shows: tuple[str, ...] = ()
    function: Literal["value", "rate", "quantile", "none"] = "value"
    stacked: bool = False
    named: tuple[tuple[str, str], ...] = ()
    """Words and colours of the values 0, 1, 2 and so on, where these are no numbers."""
    lowest: float | None = 0
    highest: float | None = None
    steps: tuple[Step, ...] = ()
    series_steps: tuple[tuple[str, tuple[Step, ...]], ...] = ()
    """Colours of single series: their legends, each with its thresholds."""
    links: tuple[tuple[str, str], ...] = ()
    """Links of the panel: titles and URLs."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the kind of panel, over the defaults here."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of panels under a title; a *collapsed* row asks for data only when it is opened."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


def as_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the panels of *rows*, placed from left to right and from top to bottom, with numbers from 1."""
    placed: list[dict[str, Any]] = []
    number, top = 1, 0
    for row in rows:
        head = {
            "type": "row",
            "id": number,
            "title": row.title,
            "collapsed": row.collapsed,
            "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
        }
        panels, bottom = _placed(row.panels, number + 1, top + 1)
        number += 1 + len(panels)
        top = top + 1 if row.collapsed else bottom
        placed += [{**head, "panels": panels}] if row.collapsed else [{**head, "panels": []}, *panels]
    return placed


def _placed(panels: Iterable[Panel], number: int, top: int) -> tuple[list[dict[str, Any]], int]:
    """Return *panels* below *top*, numbered from *number*, and the line below them."""
    placed: list[dict[str, Any]] = []
    left = height = 0
    for panel in panels:
        if left + panel.width > WIDTH:
            left, top, height = 0, top + height, 0
        grid = {"x": left, "y": top, "w": panel.width, "h": panel.height}
        placed.append(_panel(panel, number + len(placed), grid))
        left, height = left + panel.width, max(height, panel.height)
    return placed, top + height


def _panel(panel: Panel, number: int, grid: Mapping[str, int]) -> dict[str, Any]:
    targets = {} if not panel.queries else {"targets": [_target(*numbered) for numbered in enumerate(panel.queries)]}
    return {
        "type": panel.kind,
        "id": number,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": dict(grid),
        **targets,
        **({"transformations": [_COLUMNS]} if panel.kind == "table" else {}),
        "options": {**_OPTIONS[panel.kind], **panel.options},
        "fieldConfig": {"defaults": _defaults(panel), "overrides": [_override(*one) for one in panel.series_steps]},
        "links": [{"title": title, "url": url, "targetBlank": True} for title, url in panel.links],
    }


def _target(at: int, query: Query) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + at),
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
        "instant": query.instant,
        "range": not query.instant,
        "exemplar": query.exemplar,
        "format": query.format,
        "editorMode": "code",
    }


_COLUMNS: Final = {
    "id": "organize",
    "options": {
        "excludeByName": {"Time": True, "Value": True, "__name__": True},
        "indexByName": {},
        "renameByName": {},
    },
}
"""The columns of a table: the labels of its series."""

_LEGEND: Final = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
_NO_LEGEND: Final = {**_LEGEND, "showLegend": False}
_REDUCED: Final = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: Final[Mapping[Kind, Mapping[str, Any]]] = {
    "timeseries": {"legend": _LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
    "stat": {
        "reduceOptions": _REDUCED,
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "textMode": "auto",
        "orientation": "auto",
    },
    "state-timeline": {
        "mergeValues": True,
        "showValue": "never",
        "alignValue": "left",
        "rowHeight": 0.85,
        "legend": _NO_LEGEND,
        "tooltip": {"mode": "single", "sort": "none"},
    },
    "heatmap": {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "steps": 64,
            "reverse": False,
            "fill": "dark-orange",
            "exponent": 0.5,
        },
        "yAxis": {"unit": "s", "axisPlacement": "left", "reverse": False},
        "rowsFrame": {"layout": "auto"},
        "filterValues": {"le": 1e-9},  # no colour where there is no call
        "tooltip": {"show": True, "yHistogram": False},
        "legend": {"show": True},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "showValue": "never",
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
    "alertlist": {},
}
_CUSTOM: Final[Mapping[Kind, Mapping[str, Any]]] = {
    "timeseries": {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "showPoints": "never",
        "spanNulls": False,  # no line through a gap
    },
    "state-timeline": {"lineWidth": 0, "fillOpacity": 80},
}


def _defaults(panel: Panel) -> dict[str, Any]:
    """Return the defaults of the fields of *panel*: unit, limits, colours, thresholds."""
    limits = {"min": panel.lowest, "max": panel.highest}
    by_threshold = panel.kind in ("stat", "state-timeline")
    custom = dict(_CUSTOM.get(panel.kind, {}))
    if panel.kind == "timeseries":
        custom["fillOpacity"] = 30 if panel.stacked else 8
        custom["stacking"] = {"mode": "normal" if panel.stacked else "none", "group": "A"}
        custom["thresholdsStyle"] = {"mode": "dashed" if panel.steps else "off"}
    named = tuple((at or None, color) for at, (_, color) in enumerate(panel.named))
    steps = panel.steps or named or ((None, "blue" if panel.kind == "stat" else "green"),)
    return {
        "unit": panel.unit,
        **({} if by_threshold else {key: value for key, value in limits.items() if value is not None}),
        "color": {"mode": "thresholds" if by_threshold else "palette-classic-by-name"},
        "thresholds": _thresholds(steps),
        **({"mappings": [_mapping(panel.named)]} if panel.named else {}),
        **({"custom": custom} if custom else {}),
    }


def _thresholds(steps: Iterable[Step]) -> dict[str, Any]:
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def _override(series: str, steps: Iterable[Step]) -> dict[str, Any]:
    """Return the field override that gives the series of the legend *series* its own thresholds."""
    matched = {"id": "byName", "options": series}
    return {"matcher": matched, "properties": [{"id": "thresholds", "value": _thresholds(steps)}]}


def _mapping(named: Iterable[tuple[str, str]]) -> dict[str, Any]:
    values = {str(at): {"text": word, "color": color, "index": at} for at, (word, color) in enumerate(named)}
    return {"type": "value", "options": values}
