"""
The queries of Datadog for rules, and for the aliases (short metric names, ``names.ALIASES``).

Pure. Metrics have their OTel names, except that Datadog puts ``otel.`` before ``system.`` and ``process.``, because its Agent
has metrics of the same names (docs.datadoghq.com, "Metrics mapping"). Counters arrive as deltas, histograms as distributions.
The rule: text from the configuration is reduced to the characters that Datadog allows in a tag, so it can't end a query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from csg_otel import names
from csg_otel.alerts import conditions
from csg_otel.alerts.text import number

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref
    from csg_otel.alerts.model import Counted, Rule

GROUPS: Final = ("service", "host")
"""The tags by which the series of two programs differ."""

_RATE_WINDOW_S: Final = 300.0
"""Window of the rates in seconds; the aliases are defined over 5 minutes."""

_NO_TAG: Final = re.compile(r"[^\w\-:./]")


def tag(text: str) -> str:
    """Return *text* as Datadog stores tags: in lower case, with ``_`` for characters that a tag can't have."""
    return _NO_TAG.sub("_", text.lower())


def metric_name(name: str) -> str:
    """Return the name in Datadog of the metric with the OTel *name*."""
    return f"otel.{name}" if name.startswith(("system.", "process.")) else name


def window(seconds: float) -> str:
    """Return the evaluation window: whole minutes up to a day, whole hours above; at least a minute."""
    minutes = max(1, -(-int(seconds) // 60))
    return f"last_{minutes}m" if minutes <= 24 * 60 else f"last_{-(-minutes // 60)}h"


@dataclass(frozen=True, slots=True)
class Scope:
    """The series that a query selects (*tags*), and the tags that it groups them by (*by*)."""

    tags: tuple[str, ...] = ()
    by: tuple[str, ...] = GROUPS

    def of(self, how: str, metric: str, *tags: str) -> str:
        """Return the query of the OTel *metric*, aggregated by *how* (``sum``, ``max``, ...); *tags* are further tags."""
        selected, by = ",".join((*self.tags, *tags)) or "*", ",".join(self.by)
        return f"{how}:{metric_name(metric)}{{{selected}}}" + (f" by {{{by}}}" if by else "")


def over(query: str, seconds: float, how: str) -> str:
    """Return *query* aggregated by *how* over the *seconds* before each point."""
    return f"moving_rollup({query}, {number(round(seconds))}, '{how}')"


@dataclass(frozen=True, slots=True)
class Part:
    """
    One of the queries that make up an alias.

    *query* returns its text for a scope. *labels* distinguish it from the alias's other queries, and *tags* are the tags in
    Datadog of the alias's further labels.
    """

    query: Callable[[Scope], str]
    labels: tuple[tuple[str, str], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def _gauge(how: str, metric: names.Metric, *tags: str, factor: str = "") -> Callable[[Scope], str]:
    return lambda scope: factor + scope.of(how, metric.name, *tags)


def _used(scope: Scope) -> str:
    limit, available = names.SYSTEM_MEMORY_LIMIT.name, names.SYSTEM_MEMORY_AVAILABLE.name
    return f"{scope.of('max', limit)} - {scope.of('max', available)}"


def _used_percent(scope: Scope) -> str:
    limit, available = names.SYSTEM_MEMORY_LIMIT.name, names.SYSTEM_MEMORY_AVAILABLE.name
    return f"100 * (1 - {scope.of('max', available)} / {scope.of('max', limit)})"


def _busy(how: str) -> Callable[[Scope], str]:
    idle = f"{names.CPU_MODE}:idle"
    return lambda scope: f"100 * (1 - {scope.of(how, names.SYSTEM_CPU_UTILIZATION.name, idle)})"


def _traffic(metric: names.Metric, interface: str) -> tuple[Part, ...]:
    no_loopback = [f"!{interface}:{loopback}" for loopback in ("lo", "lo0", "loopback*")]
    ways = {"sent": "transmit", "received": "receive"}
    return tuple(
        Part(_gauge("sum", metric, f"{names.NETWORK_DIRECTION}:{way}", *no_loopback), (("direction", name),))
        for name, way in ways.items()
    )


_FAILED: Final = f"{names.OUTCOME}:error"


def _percent(metric: names.Metric, part: str) -> Callable[[Scope], str]:
    """Return the query of the percentage of counts that have the tag *part*, over the window; 0 if there are none."""

    def query(scope: Scope) -> str:
        counted, total = (f"{scope.of('sum', metric.name, *tags)}.as_count()" for tags in ((part,), ()))
        return f"100 * {over(f'default_zero({counted})', _RATE_WINDOW_S, 'sum')} / {over(total, _RATE_WINDOW_S, 'sum')}"

    return query


def _mean_duration(scope: Scope) -> str:
    metrics = (names.WORK_TIME, names.WORK_FINISHED)
    seconds, pieces = (over(f"{scope.of('sum', m.name)}.as_count()", _RATE_WINDOW_S, "sum") for m in metrics)
    return f"{seconds} / {pieces}"


def _passing(scope: Scope) -> str:
    states = (
        scope.of("max", names.HEALTH_CHECK_STATUS.name, f"{names.HEALTH_STATE}:{s}") for s in ("healthy", "warning")
    )
    return " + ".join(states)


_CPU: Final = {"cpu": names.CPU_LOGICAL_NUMBER}
_MOUNT: Final = {"mount": names.MOUNTPOINT}
_WRITABLE: Final = f"!{names.FILESYSTEM_MODE}:{names.READ_ONLY}"
_PROCESS: Final = {"process": "service"}
_LOADS: Final = {"1m": names.SYSTEM_LOAD_1M, "5m": names.SYSTEM_LOAD_5M, "15m": names.SYSTEM_LOAD_15M}

ALIASES: Final[Mapping[str, tuple[Part, ...]]] = {
    "system_cpu_usage_percent": (
        Part(_busy("avg"), (("type", "total"),)),
        Part(_busy("max"), (("type", "per_cpu"),), _CPU),
    ),
    "system_memory_usage_bytes": (
        Part(_used, (("type", "used"),)),
        Part(_gauge("max", names.SYSTEM_MEMORY_AVAILABLE), (("type", "available"),)),
    ),
    "system_memory_usage_percent": (Part(_used_percent),),
    "system_disk_usage_bytes": tuple(
        Part(
            _gauge("max", names.SYSTEM_FILESYSTEM_USAGE, f"{names.FILESYSTEM_STATE}:{state}", _WRITABLE),
            (("type", state),),
            _MOUNT,
        )
        for state in ("used", "free")
    ),
    "system_disk_usage_percent": (
        Part(_gauge("max", names.SYSTEM_FILESYSTEM_UTILIZATION, _WRITABLE, factor="100 * "), (), _MOUNT),
    ),
    "system_network_bytes_total": _traffic(names.SYSTEM_NETWORK_IO, names.NETWORK_INTERFACE),
    "system_network_packets_total": _traffic(names.SYSTEM_NETWORK_PACKET_COUNT, names.DEVICE),
    "system_load_average": tuple(
        Part(_gauge("max", metric), (("period", period),)) for period, metric in _LOADS.items()
    ),
    "system_processes_total": (Part(_gauge("sum", names.SYSTEM_PROCESS_COUNT)),),
    "application_cpu_usage_percent": (
        Part(_gauge("sum", names.PROCESS_CPU_UTILIZATION, factor="100 * "), (), _PROCESS),
    ),
    "application_memory_usage_bytes": (
        Part(_gauge("max", names.PROCESS_MEMORY_USAGE), (("type", "rss"),), _PROCESS),
        Part(_gauge("max", names.PROCESS_MEMORY_VIRTUAL), (("type", "vms"),), _PROCESS),
    ),
    "application_memory_usage_percent": (
        Part(_gauge("max", names.PROCESS_MEMORY_UTILIZATION, factor="100 * "), (), _PROCESS),
    ),
    "application_threads_total": (Part(_gauge("max", names.PROCESS_THREAD_COUNT), (), _PROCESS),),
    "application_file_descriptors_total": (Part(_gauge("max", names.PROCESS_FILE_DESCRIPTOR_COUNT), (), _PROCESS),),
    "application_uptime_seconds": (Part(_gauge("max", names.PROCESS_UPTIME), (), _PROCESS),),
    "files_processed_total": (Part(_gauge("sum", names.FILES_PROCESSED), (), {"type": names.FILE_TYPE}),),
    "processing_duration_seconds": (Part(_mean_duration),),
    "processing_errors_total": (Part(_gauge("sum", names.WORK_FINISHED, _FAILED)),),
    "error_rate_percent": (Part(_percent(names.WORK_FINISHED, _FAILED)),),
    "cache_hit_rate_percent": (Part(_percent(names.CACHE_REQUESTS, f"{names.CACHE_RESULT}:hit")),),
    "health_check_status": (Part(_passing, (), {"check": names.CHECK_NAME}),),
}
"""The queries of each alias, by its name; their PromQL is in ``prometheus.promql``."""


@dataclass(frozen=True, slots=True)
class Value:
    """The compared value of a monitor: its query, and the labels that distinguish it from the rule's other monitors."""

    query: str
    labels: tuple[tuple[str, str], ...] = ()


def values(rule: Rule, service: str) -> tuple[Value, ...]:
    """Return the compared values of *rule*: one; for an alias, one for each of its queries that the filters select."""
    filters = {key: value for key, _, value in rule.filters}
    if rule.ref.name == names.UP:  # Datadog scrapes no targets: a program that has died is one that reports no age
        age = _scope(service, {}, ()).of("min", names.PROCESS_UPTIME.name)
        return (Value(f"clamp_max({age}, 1)"),)
    if not rule.ref.alias:
        declared = [key for key, _ in rule.ref.attributes if key not in conditions.KINDS]
        scope = _scope(service, filters, declared)
        return (Value(_valued(rule, scope.of(_aggregator(rule), rule.ref.name))),)
    compared = []
    filters = _distinguishing(rule.ref.name, filters)
    for part in _parts(rule.ref.name, filters):
        mapped = {part.tags[key]: value for key, value in filters.items() if key in part.tags}
        query = part.query(_scope(service, mapped, part.tags.values()))
        labels = tuple(label for label in part.labels if label[0] not in filters)
        compared.append(Value(_valued(rule, query), labels))
    return tuple(compared)


def counted(events: Counted, ref: Ref, service: str) -> str:
    """Return the query of the number of *events*, which the metric *ref* counts."""
    filters = {key: value for key, _, value in events.filters}
    if not ref.alias:
        how = "count" if ref.kind == "histogram" else "sum"
        return f"{_scope(service, filters, (), by=()).of(how, ref.name)}.as_count()"
    queries = []
    filters = _distinguishing(ref.name, filters)
    for part in _parts(ref.name, filters):
        mapped = {part.tags[key]: value for key, value in filters.items() if key in part.tags}
        queries.append(f"{part.query(_scope(service, mapped, (), by=()))}.as_count()")
    return " + ".join(queries)


def constants(alias: str) -> dict[str, str]:
    """Return the labels of *alias* that have the same value in every program; Datadog has no tags of them."""
    return {label: value for label, value in names.ALIASES[alias].fixed if value != names.PROGRAM}


def _distinguishing(alias: str, filters: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in filters.items() if key not in constants(alias)}


def _parts(alias: str, filters: Mapping[str, str]) -> list[Part]:
    """Return the queries of *alias* that *filters* select."""
    return [
        part
        for part in ALIASES[alias]
        if all(filters.get(key, value) == value for key, value in part.labels)
        and filters.keys() <= {*dict(part.labels), *part.tags}
    ]


def _scope(service: str, filters: Mapping[str, str], declared: Iterable[str], *, by: tuple[str, ...] = GROUPS) -> Scope:
    """
    Return the scope of a query.

    Args:
        service: name of the service; empty for any.
        filters: values of attributes that the series must have.
        declared: attributes that the series are grouped by, besides those of the filters.
        by: tags that they are always grouped by; by default service and host; empty for a single series.
    """
    own = {"service": service} if service else {}
    tags = [f"{tag(key)}:{tag(value)}" for key, value in {**own, **filters}.items()]
    groups = dict.fromkeys((*by, *(tag(key) for key in declared), *(tag(key) for key in filters if by)))
    return Scope(tuple(tags), tuple(groups))


def _aggregator(rule: Rule) -> str:
    if rule.function == "quantile":
        return f"p{number(round(100 * rule.quantile, 6))}"
    if rule.function in ("rate", "increase"):
        return "count" if rule.ref.kind == "histogram" else "sum"
    return "min" if rule.condition in ("less_than", "less_than_or_equal") else "max"


def _valued(rule: Rule, query: str) -> str:
    if rule.function == "rate":
        return over(f"{query}.as_rate()", rule.window_s, "avg")
    if rule.function == "increase":
        return over(f"{query}.as_count()", rule.window_s, "sum")
    if rule.function == "quantile":
        return over(query, rule.window_s, "avg")
    return query if rule.function == "value" else over(query, rule.window_s, rule.function)
