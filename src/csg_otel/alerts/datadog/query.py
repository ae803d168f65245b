"""
Datadog's queries of rules and of the seed's names.

Pure. Metrics go by their OTel names, except that Datadog puts ``otel.`` before ``system.`` and ``process.`` to keep them apart
from its Agent's own (docs.datadoghq.com, "Metrics mapping"). Counters arrive as deltas, histograms as distributions. The rule:
what a user has written becomes a tag in Datadog's own alphabet, so it can't end a query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from csg_otel import names
from csg_otel.alerts.text import number

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref
    from csg_otel.alerts.spec import Counted, Rule

GROUPS: Final = ("service", "host")
"""The tags that tell one program from another."""

_OVER_S: Final = 300.0
"""What "over 5 m" means in the seed's names."""

_NO_TAG: Final = re.compile(r"[^\w\-:./]")


def tag(written: str) -> str:
    """Return *written* as Datadog keeps tags: in lower case, ``_`` for what has no place in one."""
    return _NO_TAG.sub("_", written.lower())


def metric_name(name: str) -> str:
    """Return the name that a metric of this OTel *name* has in Datadog."""
    return f"otel.{name}" if name.startswith(("system.", "process.")) else name


def window(seconds: float) -> str:
    """Return the window of an evaluation: whole minutes up to a day, then whole hours; at least a minute."""
    minutes = max(1, -(-int(seconds) // 60))
    return f"last_{minutes}m" if minutes <= 24 * 60 else f"last_{-(-minutes // 60)}h"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which series a query takes (*tags*) and how it tells them apart (*by*)."""

    tags: tuple[str, ...] = ()
    by: tuple[str, ...] = GROUPS

    def of(self, how: str, metric: str, *tags: str) -> str:
        """Return the query of the OTel *metric*, aggregated by *how*."""
        wanted, by = ",".join((*self.tags, *tags)) or "*", ",".join(self.by)
        return f"{how}:{metric_name(metric)}{{{wanted}}}" + (f" by {{{by}}}" if by else "")


def over(query: str, seconds: float, how: str) -> str:
    """Return *query* combined by *how* over the last *seconds* at each point."""
    return f"moving_rollup({query}, {number(round(seconds))}, '{how}')"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a name of the seed: its query, the labels that tell it from other parts, and the tags of its other labels."""

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
    ours = [f"!{interface}:{loopback}" for loopback in ("lo", "lo0", "loopback*")]
    ways = {"sent": "transmit", "received": "receive"}
    return tuple(
        Part(_gauge("sum", metric, f"{names.NETWORK_DIRECTION}:{way}", *ours), (("direction", shown),))
        for shown, way in ways.items()
    )


_FAILED: Final = f"{names.ERROR_TYPE}:*"


def _percent(how: str, metric: names.Metric, part: str) -> Callable[[Scope], str]:
    """Return 100 x those with the tag *part* / all, over the window; nought where there is no part."""

    def query(scope: Scope) -> str:
        some, all_ = (f"{scope.of(how, metric.name, *tags)}.as_count()" for tags in ((part,), ()))
        return f"100 * {over(f'default_zero({some})', _OVER_S, 'sum')} / {over(all_, _OVER_S, 'sum')}"

    return query


def _mean_duration(scope: Scope) -> str:
    seconds, calls = (f"{scope.of(how, names.OPERATION_DURATION.name)}.as_count()" for how in ("sum", "count"))
    return f"{over(seconds, _OVER_S, 'sum')} / {over(calls, _OVER_S, 'sum')}"


def _passing(scope: Scope) -> str:
    states = (
        scope.of("max", names.HEALTH_CHECK_STATUS.name, f"{names.HEALTH_STATE}:{s}") for s in ("healthy", "warning")
    )
    return " + ".join(states)


_CPU: Final = {"cpu": names.CPU_LOGICAL_NUMBER}
_MOUNT: Final = {"mount": names.MOUNTPOINT}
_LOADS: Final = {"1m": names.SYSTEM_LOAD_1M, "5m": names.SYSTEM_LOAD_5M, "15m": names.SYSTEM_LOAD_15M}

ALIASES: Final[Mapping[str, tuple[Part, ...]]] = {
    "system_cpu_usage_percent": (
        Part(_busy("avg"), (("type", "total"),)),
        Part(_busy("max"), (("type", "core"),), _CPU),
    ),
    "system_memory_usage_bytes": (
        Part(_used, (("type", "used"),)),
        Part(_gauge("max", names.SYSTEM_MEMORY_AVAILABLE), (("type", "available"),)),
    ),
    "system_memory_usage_percent": (Part(_used_percent),),
    "system_disk_usage_bytes": tuple(
        Part(
            _gauge("max", names.SYSTEM_FILESYSTEM_USAGE, f"{names.FILESYSTEM_STATE}:{state}"),
            (("type", state),),
            _MOUNT,
        )
        for state in ("used", "free")
    ),
    "system_disk_usage_percent": (
        Part(_gauge("max", names.SYSTEM_FILESYSTEM_UTILIZATION, factor="100 * "), (), _MOUNT),
    ),
    "system_network_bytes_total": _traffic(names.SYSTEM_NETWORK_IO, names.NETWORK_INTERFACE),
    "system_network_packets_total": _traffic(names.SYSTEM_NETWORK_PACKET_COUNT, names.DEVICE),
    "system_load_average": tuple(
        Part(_gauge("max", metric), (("period", period),)) for period, metric in _LOADS.items()
    ),
    "system_processes_total": (Part(_gauge("sum", names.SYSTEM_PROCESS_COUNT)),),
    "application_cpu_usage_percent": (Part(_gauge("sum", names.PROCESS_CPU_UTILIZATION, factor="100 * ")),),
    "application_memory_usage_bytes": (
        Part(_gauge("max", names.PROCESS_MEMORY_USAGE), (("type", "rss"),)),
        Part(_gauge("max", names.PROCESS_MEMORY_VIRTUAL), (("type", "vms"),)),
    ),
    "application_memory_usage_percent": (Part(_gauge("max", names.PROCESS_MEMORY_UTILIZATION, factor="100 * ")),),
    "application_threads_total": (Part(_gauge("max", names.PROCESS_THREAD_COUNT)),),
    "application_file_descriptors_total": (Part(_gauge("max", names.PROCESS_FILE_DESCRIPTOR_COUNT)),),
    "application_uptime_seconds": (Part(_gauge("max", names.PROCESS_UPTIME)),),
    "files_processed_total": (Part(_gauge("sum", names.FILES_PROCESSED), (), {"type": names.FILE_TYPE}),),
    "processing_duration_seconds": (Part(_mean_duration),),
    "processing_errors_total": (Part(_gauge("count", names.OPERATION_DURATION, _FAILED)),),
    "error_rate_percent": (Part(_percent("count", names.OPERATION_DURATION, _FAILED)),),
    "cache_hit_rate_percent": (Part(_percent("sum", names.CACHE_REQUESTS, f"{names.CACHE_RESULT}:hit")),),
    "health_check_status": (Part(_passing, (), {"check": names.CHECK_NAME}),),
}
"""Datadog's query of every name of the seed; its PromQL stands in ``promql``."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a monitor compares: its query, and the labels that tell it from others of the same rule."""

    query: str
    labels: tuple[tuple[str, str], ...] = ()


def values(rule: Rule, service: str) -> tuple[Value, ...]:
    """Return what *rule* compares: one query, or one for each part of a name of the seed that its filters leave."""
    if not rule.ref.alias:
        found = {key: value for key, _, value in rule.filters}
        declared = [key for key, _ in rule.ref.attributes if key != names.ERROR_TYPE]
        scope = _scope(service, found, declared)
        return (Value(_valued(rule, scope.of(_aggregator(rule), rule.ref.name))),)
    asked = {key: value for key, _, value in rule.filters}
    made = []
    for part in _parts(rule.ref.name, asked):
        mapped = {part.tags[key]: value for key, value in asked.items() if key in part.tags}
        query = part.query(_scope(service, mapped, part.tags.values()))
        made.append(Value(_valued(rule, query), tuple(one for one in part.labels if one[0] not in asked)))
    return tuple(made)


def counted(what: Counted, ref: Ref, service: str) -> str:
    """Return the number of events that *what*, about the metric *ref*, counts."""
    asked = {key: value for key, _, value in what.filters}
    if not ref.alias:
        how = "count" if ref.kind == "histogram" else "sum"
        return f"{_scope(service, asked, (), by=()).of(how, ref.name)}.as_count()"
    found = []
    for part in _parts(ref.name, asked):
        mapped = {part.tags[key]: value for key, value in asked.items() if key in part.tags}
        found.append(f"{part.query(_scope(service, mapped, (), by=()))}.as_count()")
    return " + ".join(found)


def _parts(alias: str, asked: Mapping[str, str]) -> list[Part]:
    """Return the parts of *alias* that the labels *asked* for leave."""
    return [
        part
        for part in ALIASES[alias]
        if all(asked.get(key, value) == value for key, value in part.labels)
        and asked.keys() <= {*dict(part.labels), *part.tags}
    ]


def _scope(service: str, wanted: Mapping[str, str], declared: Iterable[str], *, by: tuple[str, ...] = GROUPS) -> Scope:
    tags = [f"service:{tag(service)}"] if service else []
    tags += [f"{tag(key)}:{tag(value)}" for key, value in wanted.items()]
    apart = dict.fromkeys((*by, *(tag(key) for key in declared), *(tag(key) for key in wanted if by)))
    return Scope(tuple(tags), tuple(apart))


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
