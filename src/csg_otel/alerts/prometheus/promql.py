"""
The expressions of the metric names that the monitoring guide uses (``names.ALIASES``), such as ``system_cpu_usage_percent``.

Pure. The rules file records each of them under exactly that name. The expressions of rules are in ``alerts.conditions``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from csg_otel import names
from csg_otel.alerts.conditions import SCRAPED, ratio, select
from csg_otel.alerts.expr import Aggregate, Binary, Expr, Matcher, Over, Relabel, Select

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref

RATE_WINDOW_S: Final = 300.0
"""Window of the rates in seconds; the monitoring guide defines them over 5 minutes."""

_How = Literal["sum", "avg", "min", "max"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recording rule of a name: its expression, and the labels by which it differs from the name's other rules."""

    expr: Expr
    labels: tuple[tuple[str, str], ...] = ()


def aliases(find: Callable[[str], Ref]) -> dict[str, tuple[Recorded, ...]]:
    """Return the recording rules of every name; *find* returns an instrument by its name (``Catalog.find``)."""
    return _Aliases(find).all()


def _percent(expr: Expr) -> Expr:
    return Binary(100, "*", expr)


def _sum(expr: Expr) -> Expr:
    return Aggregate("sum", SCRAPED, expr)


def _rate(of: Select) -> Expr:
    return _sum(Over("rate", of, RATE_WINDOW_S))


class _Aliases:
    """The names, over the instruments of one catalog."""

    def __init__(self, find: Callable[[str], Ref]) -> None:
        self._find = find

    def all(self) -> dict[str, tuple[Recorded, ...]]:
        found = {**self._host(), **self._process(), **self._program()}
        return {name: found[name] for name in names.ALIASES}

    def _label(self, metric: names.Metric, key: str) -> str:
        return next(label for known, label in self._find(metric.name).attributes if known == key)

    def _of(
        self, metric: names.Metric, *filters: tuple[str, Literal["=", "!=", "=~", "!~"], str], suffix: str = ""
    ) -> Select:
        found = select(self._find(metric.name), suffix=suffix)
        return Select(
            found.names, tuple(Matcher(self._label(metric, key), how, wanted) for key, how, wanted in filters)
        )

    def _one(self, metric: names.Metric, how: _How = "max") -> Expr:
        return Aggregate(how, SCRAPED, self._of(metric))

    def _by(
        self, label: str, metric: names.Metric, key: str, how: _How, *filters: tuple[str, Literal["=", "=~"], str]
    ) -> Expr:
        """Return *metric* by its attribute *key*, under the name *label*."""
        renamed = Relabel(self._of(metric, *filters), label, self._label(metric, key))
        return Aggregate(how, (*SCRAPED, label), renamed)

    def _host(self) -> dict[str, tuple[Recorded, ...]]:
        cpu, disk = names.SYSTEM_CPU_UTILIZATION, names.SYSTEM_FILESYSTEM_USAGE
        idle: tuple[str, Literal["="], str] = (names.CPU_MODE, "=", "idle")
        total = Binary(1, "-", Aggregate("avg", SCRAPED, self._of(cpu, idle)))
        core = Binary(1, "-", self._by("cpu", cpu, names.CPU_LOGICAL_NUMBER, "max", idle))
        limit, available = self._one(names.SYSTEM_MEMORY_LIMIT), self._one(names.SYSTEM_MEMORY_AVAILABLE)
        loads = {"1m": names.SYSTEM_LOAD_1M, "5m": names.SYSTEM_LOAD_5M, "15m": names.SYSTEM_LOAD_15M}
        return {
            "system_cpu_usage_percent": _parts("type", {"total": _percent(total), "core": _percent(core)}),
            "system_memory_usage_bytes": _parts(
                "type", {"used": Binary(limit, "-", available), "available": available}
            ),
            "system_memory_usage_percent": (Recorded(_percent(Binary(1, "-", Binary(available, "/", limit)))),),
            "system_disk_usage_bytes": _parts(
                "type",
                {
                    state: self._by("mount", disk, names.MOUNTPOINT, "max", (names.FILESYSTEM_STATE, "=", state))
                    for state in ("used", "free")
                },
            ),
            "system_disk_usage_percent": (
                Recorded(_percent(self._by("mount", names.SYSTEM_FILESYSTEM_UTILIZATION, names.MOUNTPOINT, "max"))),
            ),
            "system_network_bytes_total": self._traffic(names.SYSTEM_NETWORK_IO, names.NETWORK_INTERFACE),
            "system_network_packets_total": self._traffic(names.SYSTEM_NETWORK_PACKET_COUNT, names.DEVICE),
            "system_load_average": _parts("period", {period: self._one(metric) for period, metric in loads.items()}),
            "system_processes_total": (Recorded(self._one(names.SYSTEM_PROCESS_COUNT, "sum")),),
        }

    def _traffic(self, metric: names.Metric, interface: str) -> tuple[Recorded, ...]:
        def sums(way: str) -> Expr:
            beyond: tuple[str, Literal["!~"], str] = (interface, "!~", "lo|lo0|Loopback.*")
            return _sum(self._of(metric, beyond, (names.NETWORK_DIRECTION, "=", way)))

        return _parts("direction", {"sent": sums("transmit"), "received": sums("receive")})

    def _process(self) -> dict[str, tuple[Recorded, ...]]:
        rss, vms = self._one(names.PROCESS_MEMORY_USAGE), self._one(names.PROCESS_MEMORY_VIRTUAL)
        return {
            "application_cpu_usage_percent": (Recorded(_percent(self._one(names.PROCESS_CPU_UTILIZATION, "sum"))),),
            "application_memory_usage_bytes": _parts("type", {"rss": rss, "vms": vms}),
            "application_memory_usage_percent": (Recorded(_percent(self._one(names.PROCESS_MEMORY_UTILIZATION))),),
            "application_threads_total": (Recorded(self._one(names.PROCESS_THREAD_COUNT)),),
            "application_file_descriptors_total": (Recorded(self._one(names.PROCESS_FILE_DESCRIPTOR_COUNT)),),
            "application_uptime_seconds": (Recorded(self._one(names.PROCESS_UPTIME)),),
        }

    def _program(self) -> dict[str, tuple[Recorded, ...]]:
        operation, cache = names.OPERATION_DURATION, names.CACHE_REQUESTS
        calls, failures = (
            self._of(operation, *failed, suffix="_count") for failed in ((), ((names.ERROR_TYPE, "!=", ""),))
        )
        seconds = self._of(operation, suffix="_sum")
        hits = self._of(cache, (names.CACHE_RESULT, "=", "hit"))
        passing = self._by(
            "check", names.HEALTH_CHECK_STATUS, names.CHECK_NAME, "max", (names.HEALTH_STATE, "=~", "healthy|warning")
        )
        return {
            "files_processed_total": (Recorded(self._by("type", names.FILES_PROCESSED, names.FILE_TYPE, "sum")),),
            "processing_duration_seconds": (Recorded(Binary(_rate(seconds), "/", Binary(_rate(calls), ">", 0))),),
            "processing_errors_total": (Recorded(Binary(_sum(failures), "or", Binary(0, "*", _sum(calls)))),),
            "error_rate_percent": (Recorded(_percent(ratio(_rate(failures), _rate(calls)))),),
            "cache_hit_rate_percent": (Recorded(_percent(ratio(_rate(hits), _rate(self._of(cache))))),),
            "health_check_status": (Recorded(passing),),
        }


def _parts(label: str, parts: Mapping[str, Expr]) -> tuple[Recorded, ...]:
    return tuple(Recorded(expr, ((label, name),)) for name, expr in parts.items())
