"""
Metrics for a developer: a table of the changed series, and one line each for health and for the host. Pure.

The program's own metrics are shown series by series. The metrics of the host and of telemetry itself are summarised, because
they change all the time and are seldom important. ``debug`` shows every change as a row.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from csg_otel import names
from csg_otel.display import cells, clean, cut, quantity, size
from csg_otel.exporters.console.series import Change, Point, Series, percentile
from csg_otel.exporters.console.text import Line, Look, Segment, gutter
from csg_otel.plain_values import plain

_MAX_ROWS: Final = 20
"""Rows of the table; more would push the program's own output off the screen."""
_QUIET: Final = (
    *("system.", "process.", "container.", "cpython.", "csg.runtime.", "csg.exporter.", "csg.spool.", "otel.sdk."),
    *("csg.health.",),
)
"""Prefixes of the metrics that are summarised."""
_STATES: Final = {"critical": "red", "warning": "yellow", "unknown": "dim", "healthy": "green"}
"""The style of each state, worst state first: a narrow terminal cuts the end of the line."""


def metric_lines(changed: Sequence[Change], look: Look) -> list[Line]:
    """
    Return the table of changed series, one aligned line per series; empty if no change gets a row.

    If a name with its attributes is too long for the line, the metric's series are listed below its name.
    """
    rows = [row for row in (_row(change, look) for change in changed if shown(change, look)) if row is not None]
    if not rows:
        return []
    hidden = 0 if look.debug else max(0, len(rows) - _MAX_ROWS)
    kept = rows[: len(rows) - hidden]
    room = _room_for_names(kept, look)
    if room is not None and max(cells(row.name) for row in kept) > room:
        kept = _stacked(kept, room)
    name, before, after = (max(map(cells, column)) for column in zip(*(row.texts for row in kept), strict=True))
    name = name if room is None else min(name, room)
    at_ns = max(change.after.at_ns for change in changed)
    lines: list[Line] = [
        [
            *(gutter(at_ns, "metrics", "cyan") if number == 0 else gutter(0, "")),
            Segment(_left(cut(row.name, name, look.glyphs.more), name), "red" if row.failed else ""),
            Segment(f"  {_right(row.before, before)} ", "dim"),
            Segment("-> " if row.arrow else "   ", "dim"),
            Segment(_left(row.after, after)),
            Segment(f"  {row.extra}" if row.extra else "", "dim"),
        ]
        for number, row in enumerate(kept)
    ]
    if hidden:
        lines.append([*gutter(0, ""), Segment(f"{look.glyphs.more} and {hidden} more series changed", "dim")])
    return lines


def _room_for_names(rows: Sequence[_Row], look: Look) -> int | None:
    """Return the number of cells that remain for names beside the values; None if there is no limit."""
    if look.room is None:
        return None
    before, after = max(cells(row.before) for row in rows), max(cells(row.after) for row in rows)
    return max(16, look.room - before - after - 8 - max(min(cells(row.extra), 14) for row in rows))


def _stacked(rows: Sequence[_Row], room: int) -> list[_Row]:
    """Return *rows*; if a metric has several series or one that does not fit, its name becomes a row of its own above them."""
    stacked: list[_Row] = []
    for metric, group in itertools.groupby(rows, key=lambda row: row.metric):
        series = list(group)
        if len(series) == 1 and cells(series[0].name) <= room:
            stacked += series
        else:
            stacked.append(_Row(metric, "", "", "", False, "", False))
            stacked += [row._replace(metric="", label=f"  {row.label[1:-1] or 'no attributes'}") for row in series]
    return stacked


class _Row(NamedTuple):
    metric: str
    label: str
    before: str
    after: str
    arrow: bool
    extra: str
    failed: bool

    @property
    def name(self) -> str:
        """The metric with the attributes of the series."""
        return self.metric + self.label

    @property
    def texts(self) -> tuple[str, str, str]:
        """The texts that are aligned."""
        return self.name, self.before, self.after


def shown(change: Change, look: Look) -> bool:
    """Return whether a change gets a row: always with ``debug``, else unless it is summarised or a new series with value 0."""
    if look.debug:
        return True
    if change.after.name.startswith(_QUIET):
        return False
    return change.before is not None or change.after.value != 0


def _row(change: Change, look: Look) -> _Row | None:
    point, old = change.after, change.before
    unit = "" if point.kind == "histogram" else point.unit
    after = quantity(point.value, unit)
    before = quantity(old.value, unit) if old is not None else ""
    if before == after and not look.debug:
        return None
    arrow = old is not None or point.kind in ("counter", "histogram")
    failed = any(key == names.ERROR_TYPE for key, _ in point.attributes)
    return _Row(clean(point.name), _label(point, look), before, after, arrow, _distribution(change), failed)


def _distribution(change: Change) -> str:
    """Return mean and percentiles of a histogram's new measurements as text; empty for other kinds."""
    if change.after.kind != "histogram" or change.measured <= 0:
        return ""
    unit = change.after.unit
    statistics = [("mean", change.mean), ("p50", percentile(change, 0.5)), ("p95", percentile(change, 0.95))]
    return "  ".join(f"{word} {quantity(value, unit)}" for word, value in statistics if value is not None)


def _label(point: Point, look: Look) -> str:
    """Return ``{key=value, ...}``; a key is shortened to its last component if that is unique, and ``name=`` is left out."""
    short = Counter(key.rsplit(".", 1)[-1] for key, _ in point.attributes if key != names.ERROR_TYPE)
    parts = []
    for key, value in point.attributes:
        last = key.rsplit(".", 1)[-1]
        text = cut(clean(plain(value)[:1000]), 40, look.glyphs.more)
        if short[last] > 1 or key == names.ERROR_TYPE:
            parts.append(f"{clean(key)}={text}")
        else:
            parts.append(text if last == "name" else f"{clean(last)}={text}")
    return "{" + ", ".join(sorted(parts, key=_importance)) + "}" if parts else ""


def _importance(part: str) -> tuple[bool, bool]:
    """Return a sort key that puts names first and error types second, because the end of the label may be cut."""
    return "=" in part, not part.startswith(f"{names.ERROR_TYPE}=")


def _left(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def _right(text: str, width: int) -> str:
    return " " * (width - cells(text)) + text


# -- health -------------------------------------------------------------------------------------------------------------


def health_states(series: Series) -> dict[str, str]:
    """Return the state of each check by name; a name that begins with a space holds the reason why all are suspended."""
    states: dict[str, str] = {}
    for point in series.values():
        if point.value == 1 and point.name == names.HEALTH_CHECK_STATUS.name:
            states[point.get(names.CHECK_NAME)] = point.get(names.HEALTH_STATE)
        elif point.value == 1 and point.name == names.HEALTH_BYPASS.name:
            states[" bypass"] = "checks are switched off"
        elif point.value == 1 and point.name == names.HEALTH_MAINTENANCE.name:
            states[" maintenance"] = "in maintenance"
    return states


def health_line(states: Mapping[str, str], at_ns: int, look: Look) -> Line:
    """Return the line with the number of checks in each state and the names of the unhealthy ones."""
    glyphs = look.glyphs
    marks = {"healthy": glyphs.good, "warning": glyphs.warning, "critical": glyphs.bad, "unknown": "?"}
    color = next((_STATES[state] for state in ("critical", "warning") if state in states.values()), "green")
    line = gutter(at_ns, "health", color)
    for state, style in _STATES.items():
        checks = sorted(name for name, current in states.items() if current == state)
        if checks:
            line.append(Segment(f"{marks[state]} {len(checks)} {state}", style))
            line.append(Segment(f" {_listed(checks)}  " if state != "healthy" else "  "))
    line.extend(Segment(f"{text}  ", "yellow") for name, text in sorted(states.items()) if name.startswith(" "))
    return line


def _listed(checks: Sequence[str]) -> str:
    return ", ".join(checks[:4]) + (f" and {len(checks) - 4} more" if len(checks) > 4 else "")


# -- the host -----------------------------------------------------------------------------------------------------------


def host_lines(series: Series, at_ns: int, look: Look) -> list[Line]:
    """Return the values of host and process in one line, or in two if the terminal is too narrow."""
    points: dict[str, list[Point]] = {}
    for point in series.values():
        if point.name.startswith(_QUIET):
            points.setdefault(point.name, []).append(point)
    host, process = "  ".join(_host(points)), "  ".join(_process(points))
    if not host and not process:
        return []
    both = f"{host}  |  process  {process}" if host and process else host
    if not host:
        return [[*gutter(at_ns, "process", "dim"), Segment(process, "dim")]]
    if look.room is None or cells(both) <= look.room:
        return [[*gutter(at_ns, "host", "dim"), Segment(both, "dim")]]
    lines: list[Line] = [[*gutter(at_ns, "host", "dim"), Segment(host, "dim")]]
    return [*lines, [*gutter(0, "process", "dim"), Segment(process, "dim")]] if process else lines


def _host(points: Mapping[str, Sequence[Point]]) -> Iterator[str]:
    idle = _values(points, names.SYSTEM_CPU_UTILIZATION, names.CPU_MODE, "idle")
    if idle:
        yield f"cpu {_percent(1 - sum(idle) / len(idle))}"
    total, free = _values(points, names.SYSTEM_MEMORY_LIMIT), _values(points, names.SYSTEM_MEMORY_AVAILABLE)
    if total and free and total[0]:
        yield f"mem {_percent(1 - free[0] / total[0])}"
    if load := _values(points, names.SYSTEM_LOAD_1M):
        yield f"load {load[0]:.2f}"
    disks = [
        point
        for point in points.get(names.SYSTEM_FILESYSTEM_UTILIZATION.name, ())
        if point.get(names.FILESYSTEM_MODE) != names.READ_ONLY
    ]
    if disks:
        fullest = max(disks, key=lambda point: (point.value, point.get(names.MOUNTPOINT) == "/"))
        yield f"disk {cut(clean(fullest.get(names.MOUNTPOINT)), 20)} {_percent(fullest.value)}"
    limit, used = _values(points, names.CONTAINER_MEMORY_LIMIT), _values(points, names.CONTAINER_MEMORY_USAGE)
    if limit and used and limit[0]:
        yield f"container mem {_percent(used[0] / limit[0])}"


def _process(points: Mapping[str, Sequence[Point]]) -> Iterator[str]:
    if cpu := _values(points, names.PROCESS_CPU_UTILIZATION):
        yield f"cpu {_percent(sum(cpu))}"
    if rss := _values(points, names.PROCESS_MEMORY_USAGE):
        yield f"rss {size(rss[0])}"
    if threads := _values(points, names.PROCESS_THREAD_COUNT):
        yield f"threads {threads[0]:.0f}"
    if files := _values(points, names.PROCESS_FILE_DESCRIPTOR_COUNT):
        yield f"fds {files[0]:.0f}"


def _values(points: Mapping[str, Iterable[Point]], metric: names.Metric, key: str = "", value: str = "") -> list[float]:
    return [point.value for point in points.get(metric.name, ()) if not key or point.get(key) == value]


def _percent(share: float) -> str:
    return f"{max(0.0, share) * 100:.0f}%"
