"""
The queries of Datadog for rules, and for the aliases (short metric names, ``names.ALIASES``).

Pure. Metrics have their OTel names, except that Datadog puts ``otel.`` before ``system.`` and ``process.``, because its Agent
has metrics of the same names (docs.datadoghq.com, "Metrics mapping"). Counters arrive as deltas, histograms as distributions.
The rule: text from the configuration is reduced to the characters that Datadog allows in a tag, so it can't end a query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from csg_otel import names
from csg_otel.alerts.text import number

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref
    from csg_otel.alerts.filters import Filter
    from csg_otel.alerts.model import Counted, Operand

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


class InexpressibleError(ValueError):
    """Datadog has no query for a rule; the message says what it can't say."""


def _selected(conditions: tuple[str, ...]) -> str:
    """Return *conditions* on tags as a scope; a comma and the words AND and NOT can't be in the same scope."""
    if not any(" " in condition for condition in conditions):
        return ",".join(dict.fromkeys(conditions)) or "*"
    return " AND ".join(re.sub("^!", "NOT ", condition) for condition in conditions)


@dataclass(frozen=True, slots=True)
class Scope:
    """The series that a query selects (*tags*), and the tags that it groups them by (*by*)."""

    tags: tuple[str, ...] = ()
    by: tuple[str, ...] = GROUPS

    def of(self, how: str, metric: str, *tags: str) -> str:
        """Return the query of the OTel *metric*, aggregated by *how* (``sum``, ``max``, ...); *tags* are further tags."""
        selected, by = _selected((*self.tags, *tags)), ",".join(self.by)
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


def counted(events: Counted, ref: Ref, service: str) -> str:
    """Return the query of the number of *events*, which the metric *ref* counts."""
    if not ref.alias:
        how = "count" if ref.kind == "histogram" else "sum"
        return f"{_scope(service, scoped(events.filters), (), by=()).of(how, ref.name)}.as_count()"
    queries = []
    own = _distinguishing(ref.name, events.filters)
    for part in _parts(ref.name, own):
        mapped = scoped([each for each in own if each.attribute in part.tags], tags=part.tags)
        queries.append(f"{part.query(_scope(service, mapped, (), by=()))}.as_count()")
    return " + ".join(queries)


def of_alias(operand: Operand, service: str) -> Iterator[tuple[Part, str]]:
    """Yield the queries of *operand*, a value of an alias, that its filters select, without its function."""
    own = _distinguishing(operand.ref.name, operand.filters)
    for part in _parts(operand.ref.name, own):
        filtered = [each for each in own if each.attribute in part.tags]
        declared = [part.tags[each.attribute] for each in filtered]
        yield part, part.query(_scope(service, scoped(filtered, tags=part.tags), [*part.tags.values(), *declared]))


def constants(alias: str) -> dict[str, str]:
    """Return the labels of *alias* that have the same value in every program; Datadog has no tags of them."""
    return {label: value for label, value in names.ALIASES[alias].fixed if value != names.PROGRAM}


def _distinguishing(alias: str, filters: Iterable[Filter]) -> tuple[Filter, ...]:
    return tuple(each for each in filters if each.attribute not in constants(alias))


def _parts(alias: str, filters: Iterable[Filter]) -> list[Part]:
    """Return the queries of *alias* that *filters* select."""
    every = tuple(filters)
    return [
        part
        for part in ALIASES[alias]
        if all(each.attribute in part.tags or each.is_met(dict(part.labels).get(each.attribute)) for each in every)
    ]


def scoped(filters: Iterable[Filter], *, tags: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """
    Return *filters* as conditions on tags. Raises InexpressibleError for a pattern that tags can't be compared with.

    Args:
        filters: the filters.
        tags: the tags of their attributes, where these have other names.
    """
    return tuple(_condition(each, tag((tags or {}).get(each.attribute, each.attribute))) for each in filters)


def _condition(each: Filter, key: str) -> str:
    is_not = each.how.endswith("not")
    values = [tag(value) for value in each.values]
    if each.how.startswith("matches"):
        is_code = re.search("code|status", key) is not None
        values = [value for part in each.values[0].split("|") for value in _wildcards(part, is_code=is_code)]
        if "" in values:
            raise InexpressibleError(f"{each} is a pattern, and Datadog compares tags with values and prefixes only")
    if len(values) == 1:
        return f"{'!' if is_not else ''}{key}:{values[0]}"
    if any("*" in value for value in values):
        either = " OR ".join(f"{key}:{value}" for value in values)
        return f"{'NOT ' if is_not else ''}({either})"
    return f"{key} {'NOT IN' if is_not else 'IN'} ({','.join(values)})"


def _wildcards(pattern: str, *, is_code: bool) -> list[str]:
    """
    Return *pattern*, one alternative, as values of a tag, with ``*`` for any text; an empty value if it is no such pattern.

    Args:
        pattern: a regular expression without ``|``.
        is_code: whether the tag has status codes, of which a class (``5..``) is a prefix.
    """
    code = re.fullmatch(r"(?:([1-5])|\[([1-5]+)\])(?:\.\.|\\d\\d)", pattern)
    if code is not None and is_code:
        return [f"{digit}*" for digit in code[1] or code[2]]
    literal = re.fullmatch(r"(\.\*)?((?:[\w\-:/]|\\\.)+)(\.[*+])?", pattern)
    if literal is None:
        return [""]
    return [f"{'*' if literal[1] else ''}{tag(literal[2].replace(chr(92), ''))}{'*' if literal[3] else ''}"]


def scope_of(operand: Operand, service: str) -> Scope:
    """Return the scope of *operand*: its filters, and the tags of the labels that distinguish its values."""
    keys = {label: key for key, label in operand.ref.attributes} | {"job": "service", "instance": "host"}
    sources = dict(operand.renamed)
    by = (tag(keys.get(label, label)) for label in (sources.get(label, label) for label in operand.by))
    own = (f"service:{tag(service)}",) if service else ()
    return Scope((*own, *scoped(operand.filters)), tuple(dict.fromkeys(by)))


def _scope(service: str, conditions: Iterable[str], declared: Iterable[str], *, by: tuple[str, ...] = GROUPS) -> Scope:
    """
    Return the scope of a query.

    Args:
        service: name of the service; empty for any.
        conditions: conditions on tags.
        declared: attributes that the series are grouped by.
        by: tags that they are always grouped by; by default service and host; empty for a single series.
    """
    own = (f"service:{tag(service)}",) if service else ()
    return Scope((*own, *conditions), tuple(dict.fromkeys((*by, *(tag(key) for key in declared)))))
