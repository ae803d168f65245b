"""The System pane: the newest numbers of host and process, and their charts. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from csg_otel import names
from csg_otel.dashboard.view.charts import MOST_LINES, chart, chart_line, metric_chart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from csg_otel.dashboard.model import Chart, Series, SystemNumbers
    from csg_otel.dashboard.store.values import Instrument
    from csg_otel.dashboard.view.charts import Window

_PERCENT: Final = "%"

_TRENDS: Final[Mapping[str, tuple[str, str, Sequence[tuple[str, str]]]]] = {
    "cpu": ("CPU", _PERCENT, (("host", 'system_cpu_usage_percent{type="total"}'),)),
    "memory": ("Memory", _PERCENT, (("host", "system_memory_usage_percent"),)),
    "load": (
        "Load average",
        "{thread}",
        tuple((period, f'system_load_average{{period="{period}"}}') for period in ("1m", "5m", "15m")),
    ),
    "process_cpu": ("CPU of the process", _PERCENT, (("process", "application_cpu_usage_percent"),)),
    "process_memory": (
        "Memory of the process",
        "By",
        (("physical (RSS)", 'application_memory_usage_bytes{type="rss"}'),),
    ),
    "process_files": (
        "Threads and files",
        "1",
        (("threads", "application_threads_total"), ("open files", "application_file_descriptors_total")),
    ),
}
"""Charts of aliases: title, unit, and the lines by label."""

_INSTRUMENTS: Final = {
    "disk_io": ("Disk", names.SYSTEM_DISK_IO, (names.DISK_DIRECTION,)),
    "network": ("Network", names.SYSTEM_NETWORK_IO, (names.NETWORK_DIRECTION,)),
    "cgroup_cpu": ("CPU of the control group", names.CONTAINER_CPU_USAGE, ()),
    "cgroup_memory": ("Memory of the control group", names.CONTAINER_MEMORY_USAGE, ()),
}
"""Charts of instruments: title, instrument, and the attributes that split them."""

COMPARED: Final = {
    "cpu": "system_cpu_usage_percent",
    "memory": "system_memory_usage_percent",
    "disk": "system_disk_usage_percent",
    "process_cpu": "application_cpu_usage_percent",
}
"""The alias that rules compare, by chart."""

_ORDER: Final = (
    *("cpu", "memory", "load", "disk", "disk_io", "network", "process_cpu", "process_memory", "process_files"),
    *("cgroup_cpu", "cgroup_memory"),
)
_DISK: Final = "system_disk_usage_percent{mount="


def charts(
    trend: Callable[[str], list[tuple[float, float]]],
    trends: Sequence[str],
    instrument: Callable[[str], Instrument | None],
    window: Window,
) -> list[Chart]:
    """
    Return the charts that have data.

    Args:
        trend: Returns the Unix times and values of one of *trends*.
        trends: The names of the series that ``metrics.History`` has.
        instrument: Returns an instrument by name; None if it has no values.
        window: The times.
    """
    disks = [(name.split('"')[1], name) for name in trends if name.startswith(_DISK)][:MOST_LINES]
    aliases = {**_TRENDS, "disk": ("Disk space in use", _PERCENT, disks)}
    drawn: dict[str, Chart] = {}
    for key, (title, unit, lines) in aliases.items():
        drawn[key] = chart(key, window, _lines(lines, trend, window), title=title, unit=unit, kind="gauge")
    for key, (title, metric, by) in _INSTRUMENTS.items():
        history = instrument(metric.name)
        if history is not None:
            drawn[key] = {**metric_chart(history, window, by), "id": key, "title": title}
    return [drawn[key] for key in _ORDER if key in drawn and drawn[key]["series"]]


def _lines(
    lines: Sequence[tuple[str, str]], trend: Callable[[str], list[tuple[float, float]]], window: Window
) -> list[Series]:
    series: list[Series] = []
    for label, name in lines:
        values = window.grid((at - window.offset_s, value) for at, value in trend(name))
        if any(value is not None for value in values):
            series.append(chart_line(label, {}, "value", values))
    return series


def numbers(snapshot: Mapping[str, Any]) -> SystemNumbers:
    """Return the numbers of a snapshot of all metrics (``metrics.snapshot``); None where it has none."""
    system, own = snapshot.get("system", {}), snapshot.get("application", {})
    used, available = (_at(system, "system_memory_usage_bytes", state) for state in ("used", "available"))
    percents = [value for value in (system.get("system_disk_usage_percent") or {}).items() if value[1] is not None]
    fullest = max(percents, key=lambda item: item[1], default=(None, None))
    return {
        "cpu_percent": _at(system, "system_cpu_usage_percent", "total"),
        "memory_percent": system.get("system_memory_usage_percent"),
        "memory_used_bytes": used,
        "memory_total_bytes": used + available if used is not None and available is not None else None,
        "disk_percent": fullest[1],
        "disk_free_bytes": _at(system, "system_disk_usage_bytes", "free", fullest[0]),
        "load_1m": _at(system, "system_load_average", "1m"),
        "process_cpu_percent": own.get("application_cpu_usage_percent"),
        "process_memory_bytes": _at(own, "application_memory_usage_bytes", "rss"),
        "process_threads": own.get("application_threads_total"),
        "process_open_files": own.get("application_file_descriptors_total"),
    }


def _at(tree: Mapping[str, Any], *path: str | None) -> float | None:
    """Return the number at *path* in *tree*; None if it is not there."""
    value: Any = tree
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value if isinstance(value, (int, float)) else None


def uptime(snapshot: Mapping[str, Any], now: float) -> float | None:
    """Return the seconds since the process started at *now* (Unix seconds); None without a sample, which has its own time."""
    sampled = _at(snapshot, "application", "application_uptime_seconds")
    if sampled is None:
        return None
    return sampled + max(0.0, now - datetime.fromisoformat(snapshot["timestamp"]).timestamp())
