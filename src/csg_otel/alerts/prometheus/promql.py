"""
The PromQL expressions of the aliases (short metric names such as ``system_cpu_usage_percent``, ``names.ALIASES``).

Pure. The rule file records each of them under exactly that name; a dashboard shows the same expressions, with the window of its
chart. The expressions of rules are in ``alerts.conditions``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from csg_otel import names
from csg_otel.alerts.conditions import SCRAPED, Filtering, filtered, growth, ratio
from csg_otel.alerts.expr import Aggregate, Binary, Expr, Relabel, Select

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref

RATE_WINDOW_S: Final = 300.0
"""Window of the rates in seconds; the aliases are defined over 5 minutes."""

_How = Literal["sum", "avg", "min", "max"]


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """One recording rule of an alias: its expression, and the labels that distinguish it from the alias's other rules."""

    expr: Expr
    labels: tuple[tuple[str, str], ...] = ()


def aliases(find: Callable[[str], Ref]) -> dict[str, tuple[RecordingRule, ...]]:
    """Return the recording rules of every alias; *find* returns an instrument by its name (``Catalog.find``)."""
    return _Aliases(find).recorded()


def shown(find: Callable[[str], Ref], per_second: Callable[[Select], Expr]) -> dict[str, tuple[RecordingRule, ...]]:
    """
    Return the expressions of every alias for a chart: those of its recording rules, with counters as rates.

    Args:
        find: returns an instrument by its name (``Catalog.find``).
        per_second: returns the rate of counters; recording rules take it over 5 minutes.
    """
    return _Aliases(find, per_second).all()


def recorded(find: Callable[[str], Ref]) -> dict[str, list[tuple[Expr, tuple[tuple[str, str], ...]]]]:
    """Return the expressions of every alias with the labels of their series, as ``evaluate.Evaluator`` reads them."""
    return {name: [(part.expr, part.labels) for part in parts] for name, parts in aliases(find).items()}


def _percent(expr: Expr) -> Expr:
    return Binary(100, "*", expr)


def _sum(expr: Expr) -> Expr:
    return Aggregate("sum", SCRAPED, expr)


class _Aliases:
    """Builds the expressions of all aliases from the instruments of one catalog."""

    def __init__(self, find: Callable[[str], Ref], per_second: Callable[[Select], Expr] | None = None) -> None:
        self._find = find
        self._per_second = per_second

    def all(self) -> dict[str, tuple[RecordingRule, ...]]:
        rules = {**self._host(), **self._process(), **self._program()}
        return {name: rules[name] for name in names.ALIASES}

    def recorded(self) -> dict[str, tuple[RecordingRule, ...]]:
        """Return the rules with the labels of recorded series."""
        return {name: tuple(self._of_service(name, rule) for rule in rules) for name, rules in self.all().items()}

    def _of_service(self, alias: str, rule: RecordingRule) -> RecordingRule:
        """
        Return *rule* with the fixed labels of *alias*, and the label by which rules select the service's own series of it.

        Rules without a service are for any program; there the name of the job stands for that of the program.
        """
        service = tuple((matcher.label, matcher.value) for matcher in self._find(alias).matchers)
        fixed = names.ALIASES[alias].fixed_labels(next((name for _, name in service), ""))
        expr = rule.expr
        for label in (label for label, value in fixed.items() if not value):
            expr = Relabel(expr, label, "job")
        literal = tuple((label, value) for label, value in fixed.items() if value)
        return replace(rule, expr=expr, labels=(*literal, *rule.labels, *service))

    def _rate(self, metric: names.Metric, *filters: Filtering) -> Expr:
        series = self._series(metric, *filters)
        if self._per_second is not None:
            return _sum(self._per_second(series))
        return _sum(growth("rate", self._find(metric.name), series, RATE_WINDOW_S))

    def _series(self, metric: names.Metric, *filters: Filtering) -> Select:
        return filtered(self._find(metric.name), *filters)

    def _counter(self, metric: names.Metric, *filters: Filtering) -> Expr:
        series = self._series(metric, *filters)
        return series if self._per_second is None else self._per_second(series)

    def _gauge(self, metric: names.Metric, how: _How = "max") -> Expr:
        return Aggregate(how, SCRAPED, self._series(metric))

    def _by(self, label: str, metric: names.Metric, key: str, how: _How, *filters: Filtering) -> Expr:
        """
        Return *metric* aggregated per value of an attribute.

        Args:
            label: label of the result; its value is that of the attribute.
            metric: the instrument.
            key: key of the attribute.
            how: the aggregation of series that differ in other attributes.
            filters: conditions on attributes: key, operator and value.
        """
        read = self._counter if metric.kind == "counter" else self._series
        renamed = Relabel(read(metric, *filters), label, self._find(metric.name).label(key))
        return Aggregate(how, (*SCRAPED, label), renamed)

    def _host(self) -> dict[str, tuple[RecordingRule, ...]]:
        cpu, disk = names.SYSTEM_CPU_UTILIZATION, names.SYSTEM_FILESYSTEM_USAGE
        idle: Filtering = (names.CPU_MODE, "=", "idle")
        # A read-only file system stays as full as it is. Series without a mode count.
        writable: Filtering = (names.FILESYSTEM_MODE, "!=", names.READ_ONLY)
        total = Binary(1, "-", Aggregate("avg", SCRAPED, self._series(cpu, idle)))
        core = Binary(1, "-", self._by("cpu", cpu, names.CPU_LOGICAL_NUMBER, "max", idle))
        limit, available = self._gauge(names.SYSTEM_MEMORY_LIMIT), self._gauge(names.SYSTEM_MEMORY_AVAILABLE)
        loads = {"1m": names.SYSTEM_LOAD_1M, "5m": names.SYSTEM_LOAD_5M, "15m": names.SYSTEM_LOAD_15M}
        return {
            "system_cpu_usage_percent": _parts("type", {"total": _percent(total), "per_cpu": _percent(core)}),
            "system_memory_usage_bytes": _parts(
                "type", {"used": Binary(limit, "-", available), "available": available}
            ),
            "system_memory_usage_percent": (RecordingRule(_percent(Binary(1, "-", Binary(available, "/", limit)))),),
            "system_disk_usage_bytes": _parts(
                "type",
                {
                    state: self._by(
                        "mount", disk, names.MOUNTPOINT, "max", (names.FILESYSTEM_STATE, "=", state), writable
                    )
                    for state in ("used", "free")
                },
            ),
            "system_disk_usage_percent": (
                RecordingRule(
                    _percent(self._by("mount", names.SYSTEM_FILESYSTEM_UTILIZATION, names.MOUNTPOINT, "max", writable))
                ),
            ),
            "system_network_bytes_total": self._traffic(names.SYSTEM_NETWORK_IO, names.NETWORK_INTERFACE),
            "system_network_packets_total": self._traffic(names.SYSTEM_NETWORK_PACKET_COUNT, names.DEVICE),
            "system_load_average": _parts("period", {period: self._gauge(metric) for period, metric in loads.items()}),
            "system_processes_total": (RecordingRule(self._gauge(names.SYSTEM_PROCESS_COUNT, "sum")),),
        }

    def _traffic(self, metric: names.Metric, interface: str) -> tuple[RecordingRule, ...]:
        def sums(direction: str) -> Expr:
            no_loopback: Filtering = (interface, "!~", "lo|lo0|Loopback.*")
            return _sum(self._counter(metric, no_loopback, (names.NETWORK_DIRECTION, "=", direction)))

        return _parts("direction", {"sent": sums("transmit"), "received": sums("receive")})

    def _process(self) -> dict[str, tuple[RecordingRule, ...]]:
        rss, vms = self._gauge(names.PROCESS_MEMORY_USAGE), self._gauge(names.PROCESS_MEMORY_VIRTUAL)
        return {
            "application_cpu_usage_percent": (
                RecordingRule(_percent(self._gauge(names.PROCESS_CPU_UTILIZATION, "sum"))),
            ),
            "application_memory_usage_bytes": _parts("type", {"rss": rss, "vms": vms}),
            "application_memory_usage_percent": (
                RecordingRule(_percent(self._gauge(names.PROCESS_MEMORY_UTILIZATION))),
            ),
            "application_threads_total": (RecordingRule(self._gauge(names.PROCESS_THREAD_COUNT)),),
            "application_file_descriptors_total": (RecordingRule(self._gauge(names.PROCESS_FILE_DESCRIPTOR_COUNT)),),
            "application_uptime_seconds": (RecordingRule(self._gauge(names.PROCESS_UPTIME)),),
        }

    def _program(self) -> dict[str, tuple[RecordingRule, ...]]:
        work, cache = names.WORK_FINISHED, names.CACHE_REQUESTS
        failed: Filtering = (names.OUTCOME, "=", "error")
        finished, failures = self._counter(work), self._counter(work, failed)
        work_rate, failure_rate, seconds_rate = self._rate(work), self._rate(work, failed), self._rate(names.WORK_TIME)
        hit_rate = self._rate(cache, (names.CACHE_RESULT, "=", "hit"))
        passing = self._by(
            "check", names.HEALTH_CHECK_STATUS, names.CHECK_NAME, "max", (names.HEALTH_STATE, "=~", "healthy|warning")
        )
        return {
            "files_processed_total": (RecordingRule(self._by("type", names.FILES_PROCESSED, names.FILE_TYPE, "sum")),),
            "processing_duration_seconds": (RecordingRule(Binary(seconds_rate, "/", Binary(work_rate, ">", 0))),),
            "processing_errors_total": (RecordingRule(Binary(_sum(failures), "or", Binary(0, "*", _sum(finished)))),),
            "error_rate_percent": (RecordingRule(_percent(ratio(failure_rate, work_rate))),),
            "cache_hit_rate_percent": (RecordingRule(_percent(ratio(hit_rate, self._rate(cache)))),),
            "health_check_status": (RecordingRule(passing),),
        }


def _parts(label: str, parts: Mapping[str, Expr]) -> tuple[RecordingRule, ...]:
    return tuple(RecordingRule(expr, ((label, name),)) for name, expr in parts.items())
