"""
PromQL of rules, of the seed's names and of objectives.

Pure. A series is told apart by job, instance and the attributes its instrument declares, whatever else a scrape adds, so an
alert keeps its identity. Gauges of unit ``1`` are looked for under both names they go by: Python's exporter writes ``x``, the
collector's ``x_ratio``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from csg_otel import names
from csg_otel.alerts.text import duration, number

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref
    from csg_otel.alerts.spec import Rule

SCRAPED: Final = ("job", "instance")
"""The labels every scrape adds."""

RATE_WINDOW: Final = "5m"
"""What "over 5 m" means in the seed's names."""

_OPERATORS: Final[Mapping[str, str]] = {
    "greater_than": ">",
    "less_than": "<",
    "greater_than_or_equal": ">=",
    "less_than_or_equal": "<=",
    "equals": "==",
    "not_equals": "!=",
}
_TOLERANCE: Final = 1e-9
"""Relative difference below which numbers that are no whole ones are equal."""


def quoted(value: str) -> str:
    """Return *value* as a string literal of PromQL."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def selector(series: str, matchers: Iterable[str] = (), *, unit: str = "", suffix: str = "") -> str:
    """Return the selector of *series* with *matchers*, under both its names where *unit* gives it two."""
    name, found = series + suffix, list(matchers)
    if unit == "1":
        found.insert(0, f'__name__=~"{name}|{name}_ratio"')
        name = ""
    return name + ("{" + ",".join(found) + "}" if found else "")


def select(rule: Rule, suffix: str = "") -> str:
    """Return the selector of what *rule* looks at."""
    matchers = [f"{label}={quoted(value)}" for _, label, value in rule.filters]
    unit = rule.ref.unit if rule.ref.kind in ("gauge", "up_down_counter") and not rule.ref.alias else ""
    return selector(rule.ref.series, matchers, unit=unit, suffix=suffix)


def identity(rule: Rule) -> tuple[str, ...]:
    """Return the labels that tell one series of *rule* from another; what went wrong is not one of them."""
    declared = [label for key, label in rule.ref.attributes if key != names.ERROR_TYPE]
    return tuple(dict.fromkeys([*SCRAPED, *declared, *(label for _, label, _ in rule.filters)]))


def value(rule: Rule) -> str:
    """Return the expression of what *rule* compares, one series for each identity."""
    by, window = ", ".join(identity(rule)), duration(rule.window_s)
    if rule.function == "quantile":
        rates = f"sum by ({by}, le) (rate({select(rule, '_bucket')}[{window}]))"
        return f"histogram_quantile({number(rule.quantile)}, {rates})"
    if rule.function in ("rate", "increase"):
        counted = select(rule, "_count" if rule.ref.kind == "histogram" else "")
        return f"sum by ({by}) ({rule.function}({counted}[{window}]))"
    shown = select(rule)
    if rule.function in ("avg", "min", "max"):
        shown = f"{rule.function}_over_time({shown}[{window}])"
    worst = "min" if rule.condition in ("less_than", "less_than_or_equal") else "max"
    return f"{worst} by ({by}) ({shown})"


def condition(rule: Rule) -> str:
    """Return the expression that has a series where *rule* holds, with the value compared as its value."""
    compared, threshold = value(rule), rule.threshold
    if rule.condition in ("equals", "not_equals") and not float(threshold).is_integer():
        off = abs(threshold) * _TOLERANCE
        low, high = number(threshold - off), number(threshold + off)
        if rule.condition == "equals":
            return f"({compared} >= {low}) <= {high}"
        return f"{compared} < {low} or {compared} > {high}"
    return f"{compared} {_OPERATORS[rule.condition]} {number(threshold)}"


def missing(rule: Rule) -> str:
    """Return the expression that has a series where nothing *rule* looks at was there in its window."""
    suffix = "_count" if rule.ref.kind == "histogram" else ""
    return f"absent_over_time({select(rule, suffix)}[{duration(rule.window_s)}])"


# -- the seed's names ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recorded:
    """A part of a name of the seed: its expression and the labels that tell it from other parts."""

    expr: str
    labels: tuple[tuple[str, str], ...] = ()


def aliases(find: Callable[[str], Ref]) -> dict[str, tuple[Recorded, ...]]:
    """Return the PromQL of every name of the seed; *find* looks instruments up (``Catalog.find``)."""
    return _Aliases(find).all()


class _Aliases:
    """The seed's names over the instruments of one catalog."""

    def __init__(self, find: Callable[[str], Ref]) -> None:
        self._find = find

    def all(self) -> dict[str, tuple[Recorded, ...]]:
        found = {**self._host(), **self._process(), **self._program()}
        return {name: found[name] for name in names.ALIASES}

    def _of(self, metric: names.Metric, *matchers: str, suffix: str = "") -> str:
        ref = self._find(metric.name)
        return selector(ref.series, matchers, unit=ref.unit if ref.kind != "counter" else "", suffix=suffix)

    def _matcher(self, metric: names.Metric, key: str, operator: str, wanted: str) -> str:
        return f"{self._label(metric, key)}{operator}{quoted(wanted)}"

    def _label(self, metric: names.Metric, key: str) -> str:
        return next(label for known, label in self._find(metric.name).attributes if known == key)

    def _plain(self, metric: names.Metric, factor: str = "", how: str = "max") -> tuple[Recorded, ...]:
        return (Recorded(f"{factor}{how} by (job, instance) ({self._of(metric)})"),)

    def _by(self, label: str, metric: names.Metric, key: str, how: str, *matchers: str, factor: str = "") -> str:
        """Return *metric* by its attribute *key*, under the name *label*."""
        return f"{factor}{how} by (job, instance, {label}) ({self._renamed(label, metric, key, *matchers)})"

    def _renamed(self, label: str, metric: names.Metric, key: str, *matchers: str) -> str:
        source = self._label(metric, key)
        return f'label_replace({self._of(metric, *matchers)}, "{label}", "$1", "{source}", "(.*)")'

    def _host(self) -> dict[str, tuple[Recorded, ...]]:
        cpu, files, io = names.SYSTEM_CPU_UTILIZATION, names.SYSTEM_FILESYSTEM_USAGE, names.SYSTEM_NETWORK_IO
        idle = self._matcher(cpu, names.CPU_MODE, "=", "idle")
        limit, available = (
            f"max by (job, instance) ({self._of(metric)})"
            for metric in (names.SYSTEM_MEMORY_LIMIT, names.SYSTEM_MEMORY_AVAILABLE)
        )
        loads = {"1m": names.SYSTEM_LOAD_1M, "5m": names.SYSTEM_LOAD_5M, "15m": names.SYSTEM_LOAD_15M}
        return {
            "system_cpu_usage_percent": (
                Recorded(f"100 * (1 - avg by (job, instance) ({self._of(cpu, idle)}))", (("type", "total"),)),
                Recorded(
                    f"100 * (1 - {self._by('cpu', cpu, names.CPU_LOGICAL_NUMBER, 'max', idle)})", (("type", "core"),)
                ),
            ),
            "system_memory_usage_bytes": (
                Recorded(f"{limit} - {available}", (("type", "used"),)),
                Recorded(available, (("type", "available"),)),
            ),
            "system_memory_usage_percent": (Recorded(f"100 * (1 - {available} / {limit})"),),
            "system_disk_usage_bytes": tuple(
                Recorded(
                    self._by(
                        "mount",
                        files,
                        names.MOUNTPOINT,
                        "max",
                        self._matcher(files, names.FILESYSTEM_STATE, "=", state),
                    ),
                    (("type", state),),
                )
                for state in ("used", "free")
            ),
            "system_disk_usage_percent": (
                Recorded(
                    self._by("mount", names.SYSTEM_FILESYSTEM_UTILIZATION, names.MOUNTPOINT, "max", factor="100 * ")
                ),
            ),
            "system_network_bytes_total": self._traffic(io, names.NETWORK_INTERFACE),
            "system_network_packets_total": self._traffic(names.SYSTEM_NETWORK_PACKET_COUNT, names.DEVICE),
            "system_load_average": tuple(
                Recorded(f"max by (job, instance) ({self._of(metric)})", (("period", period),))
                for period, metric in loads.items()
            ),
            "system_processes_total": self._plain(names.SYSTEM_PROCESS_COUNT, how="sum"),
        }

    def _traffic(self, metric: names.Metric, interface: str) -> tuple[Recorded, ...]:
        ours = self._matcher(metric, interface, "!~", "lo|lo0|Loopback.*")
        return tuple(
            Recorded(
                f"sum by (job, instance) ({self._of(metric, ours, self._matcher(metric, names.NETWORK_DIRECTION, '=', way))})",
                (("direction", shown),),
            )
            for shown, way in (("sent", "transmit"), ("received", "receive"))
        )

    def _process(self) -> dict[str, tuple[Recorded, ...]]:
        rss, vms = self._plain(names.PROCESS_MEMORY_USAGE), self._plain(names.PROCESS_MEMORY_VIRTUAL)
        return {
            "application_cpu_usage_percent": self._plain(names.PROCESS_CPU_UTILIZATION, "100 * ", "sum"),
            "application_memory_usage_bytes": (
                Recorded(rss[0].expr, (("type", "rss"),)),
                Recorded(vms[0].expr, (("type", "vms"),)),
            ),
            "application_memory_usage_percent": self._plain(names.PROCESS_MEMORY_UTILIZATION, "100 * "),
            "application_threads_total": self._plain(names.PROCESS_THREAD_COUNT),
            "application_file_descriptors_total": self._plain(names.PROCESS_FILE_DESCRIPTOR_COUNT),
            "application_uptime_seconds": self._plain(names.PROCESS_UPTIME),
        }

    def _program(self) -> dict[str, tuple[Recorded, ...]]:
        operation, cache, check = names.OPERATION_DURATION, names.CACHE_REQUESTS, names.HEALTH_CHECK_STATUS
        failed = self._matcher(operation, names.ERROR_TYPE, "!=", "")
        hit = self._matcher(cache, names.CACHE_RESULT, "=", "hit")
        passing = self._matcher(check, names.HEALTH_STATE, "=~", "healthy|warning")
        calls, failures = self._of(operation, suffix="_count"), self._of(operation, failed, suffix="_count")
        seconds = self._of(operation, suffix="_sum")
        return {
            "files_processed_total": (Recorded(self._by("type", names.FILES_PROCESSED, names.FILE_TYPE, "sum")),),
            "processing_duration_seconds": (Recorded(f"{_rate(seconds)} / ({_rate(calls)} > 0)"),),
            "processing_errors_total": (Recorded(f"{_sum(failures)} or 0 * {_sum(calls)}"),),
            "error_rate_percent": (_percent(failures, calls),),
            "cache_hit_rate_percent": (_percent(self._of(cache, hit), self._of(cache)),),
            "health_check_status": (Recorded(self._by("check", check, names.CHECK_NAME, "max", passing)),),
        }


def _sum(counted: str) -> str:
    return f"sum by (job, instance) ({counted})"


def _rate(counted: str) -> str:
    return _sum(f"rate({counted}[{RATE_WINDOW}])")


def _percent(part: str, whole: str) -> Recorded:
    """Return 100 x part / whole over the window; nought where there is no part, nothing where there is no whole."""
    return Recorded(f"100 * ({_rate(part)} or 0 * {_rate(whole)}) / ({_rate(whole)} > 0)")
