"""
The expressions of rules, of the seed's names and of objectives.

Pure. A series is told apart by job, instance and the attributes its instrument declares, whatever else a scrape adds, so an
alert keeps its identity. Gauges of unit ``1`` are looked for under both names they go by: Python's exporter writes ``x``, the
collector's ``x_ratio``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from csg_otel import names
from csg_otel.alerts.expr import Aggregate, Binary, Expr, Matcher, Operator, Over, Quantile, Relabel, Select, Written
from csg_otel.alerts.text import duration

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref
    from csg_otel.alerts.spec import Counted, Rule

SCRAPED: Final = ("job", "instance")
"""The labels every scrape adds."""

RATE_WINDOW_S: Final = 300.0
"""What "over 5 m" means in the seed's names, in seconds."""

OPERATORS: Final[Mapping[str, Operator]] = {
    "greater_than": ">",
    "less_than": "<",
    "greater_than_or_equal": ">=",
    "less_than_or_equal": "<=",
    "equals": "==",
    "not_equals": "!=",
}
_TOLERANCE: Final = 1e-9
"""Relative difference below which numbers that are no whole ones are equal."""

_How = Literal["sum", "avg", "min", "max"]


def select(ref: Ref, filters: Iterable[tuple[str, str, str]] = (), suffix: str = "") -> Select:
    """Return the series of *ref* with *filters* (attribute, label, value)."""
    name = ref.series + suffix
    both = ref.unit == "1" and ref.kind in ("gauge", "up_down_counter") and not ref.alias
    return Select(
        (name, f"{name}_ratio") if both else (name,), tuple(Matcher(label, "=", value) for _, label, value in filters)
    )


def counted(ref: Ref, filters: Iterable[tuple[str, str, str]] = ()) -> Select:
    """Return the series of *ref* that count: a counter itself, of a histogram its calls."""
    return select(ref, filters, "_count" if ref.kind == "histogram" else "")


def identity(rule: Rule) -> tuple[str, ...]:
    """Return the labels that tell one series of *rule* from another; what went wrong is not one of them."""
    declared = [label for key, label in rule.ref.attributes if key != names.ERROR_TYPE]
    return tuple(dict.fromkeys([*SCRAPED, *declared, *(label for _, label, _ in rule.filters)]))


def value(rule: Rule) -> Expr:
    """Return what *rule* compares, one series for each identity."""
    by, shown = identity(rule), select(rule.ref, rule.filters)
    if rule.function == "quantile":
        buckets = Over("rate", select(rule.ref, rule.filters, "_bucket"), rule.window_s)
        return Quantile(rule.quantile, Aggregate("sum", (*by, "le"), buckets))
    if rule.function in ("rate", "increase"):
        return Aggregate("sum", by, Over(rule.function, counted(rule.ref, rule.filters), rule.window_s))
    worst: _How = "min" if rule.condition in ("less_than", "less_than_or_equal") else "max"
    if rule.function == "value":
        return Aggregate(worst, by, shown)
    return Aggregate(worst, by, Over(f"{rule.function}_over_time", shown, rule.window_s))  # type: ignore[arg-type] # avg, min or max


def condition(rule: Rule) -> Expr:
    """Return what has a series where *rule* holds, with the value compared as its value."""
    compared, threshold = value(rule), rule.threshold
    if rule.condition in ("equals", "not_equals") and not float(threshold).is_integer():
        off = abs(threshold) * _TOLERANCE
        if rule.condition == "equals":
            return Binary(Binary(compared, ">=", threshold - off), "<=", threshold + off)
        return Binary(Binary(compared, "<", threshold - off), "or", Binary(compared, ">", threshold + off))
    return Binary(compared, OPERATORS[rule.condition], threshold)


def missing(rule: Rule) -> Expr:
    """Return what has a series where nothing *rule* looks at was there in its window."""
    return Over("absent_over_time", counted(rule.ref, rule.filters), rule.window_s)


def ratio(part: Expr, whole: Expr) -> Expr:
    """Return part / whole: nought where there is no part, nothing where there is no whole."""
    return Binary(Binary(part, "or", Binary(0, "*", whole)), "/", Binary(whole, ">", 0))


def events(one: Counted, window_s: float) -> Expr:
    """Return how many events *one* counts a second, over *window_s* seconds; of a metric, one series a job."""
    if one.ref is None:
        return Written(one.promql.replace("[window]", f"[{duration(window_s)}]"))
    return Aggregate("sum", ("job",), Over("rate", counted(one.ref, one.filters), window_s))


# -- the seed's names ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recorded:
    """A part of a name of the seed: its expression and the labels that tell it from other parts."""

    expr: Expr
    labels: tuple[tuple[str, str], ...] = ()


def aliases(find: Callable[[str], Ref]) -> dict[str, tuple[Recorded, ...]]:
    """Return the expressions of every name of the seed; *find* looks instruments up (``Catalog.find``)."""
    return _Aliases(find).all()


def _percent(expr: Expr) -> Expr:
    return Binary(100, "*", expr)


def _sum(expr: Expr) -> Expr:
    return Aggregate("sum", SCRAPED, expr)


def _rate(of: Select) -> Expr:
    return _sum(Over("rate", of, RATE_WINDOW_S))


class _Aliases:
    """The seed's names over the instruments of one catalog."""

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
