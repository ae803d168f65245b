"""
The checks that the settings define: four categories of built-in checks, and the user's own by ``type``.

A check's module is imported when a check of its type is created, and not before. All wrong parameters of all checks are
reported together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from csg_otel import environment
from csg_otel.config.sections.performance import Performance
from csg_otel.errors import HealthDefinitionError, suggestion
from csg_otel.health import checks, parameters
from csg_otel.health.definition import GROUPS, Check
from csg_otel.health.sources import Sources

if TYPE_CHECKING:
    from csg_otel.config.sections.health_monitoring import CheckDefinition, HealthMonitoring

_PROBES: Final = ("readiness", "startup")

_SECTIONS: Final = "health_monitoring.checks"

_GRACE_S: Final = 1.0
"""Seconds from a probe's own timeout to the deadline of its run, so that the probe can report what timed out."""

_GROWTH_MB_PER_H: Final = 100.0
"""Growth of memory in megabytes an hour above which the state is WARNING, where the settings name no limit."""

_GROWTH_WINDOW_S: Final = 3600.0
_GROWTH_READINGS: Final = 10
"""Seconds, and readings of memory, that the growth is computed from: a slope from fewer readings is mostly chance."""

_BENCHMARK_S: Final = 60.0
"""Seconds of a benchmark's deadline if the settings have none: several sizes, each with up to six runs."""

_Factory = Callable[[], Check]
"""Creates one check; raises HealthDefinitionError if its type or parameters are wrong."""


def build(
    settings: HealthMonitoring,
    problems: Sequence[str] = (),
    sources: Sources | None = None,
    performance: Performance | None = None,
) -> list[Check]:
    """
    Return the checks that *settings* define. Raises HealthDefinitionError with every wrong type and parameter.

    Args:
        settings: The settings of all checks.
        problems: Problems of the configuration, for the check ``configuration`` to report; none by default.
        sources: Telemetry of this process, for the checks that read it; empty by default.
        performance: Settings of the benchmark and of the memory watch; their defaults by default.
    """
    factories: list[_Factory] = [
        *_system(settings),
        *_application(settings, problems),
        *_dependencies(settings),
        *_performance(settings, performance or Performance()),
        *(
            partial(_custom, name, definition, sources or Sources())
            for name, definition in settings.checks.custom.items()
            if definition.enabled
        ),
    ]
    built: list[Check] = []
    wrong: list[str] = []
    for create in factories:
        try:
            built.append(create())
        except HealthDefinitionError as error:
            wrong.extend(error.problems)
    if wrong:
        raise HealthDefinitionError(wrong)
    return built


def _factory(
    name: str,
    kind: str,
    section: Any,
    values: Mapping[str, Any] | None = None,
    *,
    where: str = "",
    supplied: Mapping[str, Any] | None = None,
    **policy: Any,
) -> _Factory:
    """
    Return the factory of one built-in check.

    Args:
        name: Name of the check.
        kind: Its type, a key of ``checks.TYPES``.
        section: The settings of its category, with ``interval`` and ``timeout`` in seconds.
        values: Its parameters from the settings; none by default.
        where: Beginning of each problem's message; by default the settings' key and *name*.
        supplied: Its parameters that the SDK supplies; none by default.
        **policy: Further fields of :class:`Check`.
    """

    def create() -> Check:
        timed = _with_timeout(kind, values or {}, section.timeout)
        function = parameters.make(kind, timed, where or f"{_SECTIONS}: {name}", supplied=supplied or {})
        timeout_s = _deadline(timed, function, section.timeout)
        times = {"interval_s": section.interval, "timeout_s": timeout_s}
        return Check(name=name, function=function, own=True, **{**times, **policy})

    return create


def _with_timeout(kind: str, values: Mapping[str, Any], timeout_s: float | None) -> Mapping[str, Any]:
    """Return the parameters *values*; if they set no ``timeout_s`` and *kind* has one, it is the run's deadline *timeout_s*."""
    if timeout_s is None or "timeout_s" in values or not parameters.takes(kind, "timeout_s"):
        return values
    return {**values, "timeout_s": timeout_s}


def _deadline(values: Mapping[str, Any], function: Any, timeout_s: float | None) -> float | None:
    """Return the run's deadline: *timeout_s*, or a little more than the probe's own timeout if only that is set."""
    if timeout_s is None and "timeout_s" in values:
        return float(function.timeout_s) + _GRACE_S
    return timeout_s


def _system(settings: HealthMonitoring) -> Iterator[_Factory]:
    section = settings.checks.system_resources
    if not section.enabled:
        return
    # In no probe: a busy machine is no reason to restart this process or to take its traffic away.
    policy: dict[str, Any] = {"category": "system", "groups": ()}
    for name in ("cpu", "memory", "disk", "load"):
        limits = {
            "warning_threshold": getattr(section, f"{name}_warning_threshold"),
            "critical_threshold": getattr(section, f"{name}_critical_threshold"),
        }
        if name == "disk":
            limits["mounts"] = section.mounts
        yield _factory(name, name, section, limits, critical=name in ("memory", "disk"), **policy)


def _application(settings: HealthMonitoring, problems: Sequence[str]) -> Iterator[_Factory]:
    section = settings.checks.application
    if not section.enabled:
        return
    policy: dict[str, Any] = {"category": "application", "groups": _PROBES}
    required = {"required_variables": section.required_variables}
    supplied = {"environ": environment.snapshot(), "problems": lambda: problems}
    yield _factory("configuration", "configuration", section, required, supplied=supplied, **policy)
    if section.modules:
        yield _factory("imports", "imports", section, {"modules": section.modules}, **policy)
    if section.functional:
        limits = {"function": section.functional, "limit_s": section.response_time_threshold_ms / 1000}
        yield _factory("functional", "functional", section, limits, **policy)
    if section.memory_limit_mb is not None:
        limit = {"limit_mb": section.memory_limit_mb}
        yield _factory("process_memory", "process_memory", section, limit, category="application", groups=())
    for model in section.nlp_models:
        name = _name("nlp_model", PurePath(model).name)
        yield _factory(name, "nlp_model", section, {"model": model}, **policy)


def _dependencies(settings: HealthMonitoring) -> Iterator[_Factory]:
    section = settings.checks.dependencies
    if not section.enabled:
        return
    policy: dict[str, Any] = {"category": "dependency", "groups": _PROBES}
    where = f"{_SECTIONS}.dependencies"
    if section.check_python_environment:
        yield _factory("python_environment", "python_environment", section, {"packages": section.packages}, **policy)
    for kind, key, targets in (
        ("filesystem", "path", section.paths if section.check_filesystem else ()),
        ("http", "url", section.apis if section.check_apis else ()),
        ("tcp", "address", section.tcp),
        ("dns", "host", section.dns),
        ("tls", "address", section.tls),
        ("database", "url", section.databases),
    ):
        for number, target in enumerate(targets, 1):
            values = target if isinstance(target, Mapping) else {key: target}
            name = _name(kind, str(parameters.revealed(values.get(key, ""))))
            yield _factory(name, kind, section, values, where=f"{where}: {kind} {number}", **policy)


def _performance(settings: HealthMonitoring, performance: Performance) -> Iterator[_Factory]:
    section = settings.checks.performance
    if not section.enabled:
        return
    policy: dict[str, Any] = {"category": "performance", "groups": (), "critical": False}
    limit = {"function": section.benchmark, "warning_s": section.processing_time_threshold_ms / 1000}
    yield _factory("processing", "processing", section, limit, **policy)
    memory, benchmarking = performance.memory_optimization, performance.benchmarking
    if performance.enabled and memory.enabled:
        interval_s = memory.monitoring_interval or section.interval or settings.check_interval
        per_minute, per_hour = section.memory_growth_threshold_mb, section.memory_growth_threshold_mb_per_hour
        limits = [per_minute * 60 if per_minute else None, per_hour]
        growth = {
            "warning_mb_per_h": min((limit for limit in limits if limit), default=_GROWTH_MB_PER_H),
            "window_s": max(_GROWTH_WINDOW_S, _GROWTH_READINGS * interval_s),
        }
        yield _factory("memory_growth", "memory_growth", section, growth, interval_s=interval_s, **policy)
    if performance.enabled and benchmarking.enabled:
        timed = {**limit, "sizes": benchmarking.test_sizes}
        policy.update(interval_s=benchmarking.interval, timeout_s=section.timeout or _BENCHMARK_S)
        yield _factory("benchmark", "benchmark", section, timed, **policy)


def _custom(name: str, definition: CheckDefinition, sources: Sources) -> Check:
    """Return the user's own check *name*. Raises HealthDefinitionError for an unknown type or a wrong parameter."""
    where = f"{definition.location or _SECTIONS}: check {name!r}"
    if definition.type not in checks.TYPES:
        types = ", ".join(sorted(checks.TYPES))
        hint = suggestion(definition.type, checks.TYPES)
        raise HealthDefinitionError([f"{where}: unknown type {definition.type!r}{hint} (known: {types})"])
    unknown = [group for group in definition.groups if group not in GROUPS]
    wrong = [
        f"{where}: unknown group {group!r}{suggestion(group, GROUPS)} (known: {', '.join(GROUPS)})" for group in unknown
    ]
    timed = _with_timeout(definition.type, definition.parameters, definition.timeout)
    supplied = {each.name: getattr(sources, each.name) for each in fields(sources)}
    supplied["environ"] = environment.snapshot()
    policy = [each.name for each in fields(definition)]
    try:
        function = parameters.make(
            definition.type, timed, f"{where} of type {definition.type}", supplied=supplied, policy=policy
        )
    except HealthDefinitionError as error:
        wrong.extend(error.problems)
    if wrong:
        raise HealthDefinitionError(wrong)
    return Check(
        name=name,
        function=function,
        category=definition.category or checks.CATEGORIES[definition.type],
        groups=definition.groups,
        critical=definition.critical,
        interval_s=definition.interval,
        timeout_s=_deadline(timed, function, definition.timeout),
        failure_threshold=definition.failure_threshold,
        success_threshold=definition.success_threshold,
        failure_status=definition.failure_status,
        depends_on=definition.depends_on,
        stale_after_s=definition.stale_after,
        own=True,
    )


_TOKEN: Final = re.compile(r"(?=.*\d)(?=.*[a-z])[\w~.=-]{12,}|[\w~=]{24,}")
"""A part of a path that may be a token, such as a webhook's."""


def _digest(token: re.Match[str]) -> str:
    return hashlib.sha256(token[0].encode()).hexdigest()[:6]


def _name(kind: str, target: str) -> str:
    """Return the name of a check from its type and target, without the target's credentials, query and tokens in its path."""
    plain = re.sub(r"^[a-z+]+://", "", target.lower())
    host, *path = plain.split("?")[0].split("#")[0].rsplit("@", 1)[-1].strip("/").split("/")
    plain = (
        "/".join([host, *(_TOKEN.sub(_digest, part) for part in path)]) if kind == "http" else "/".join([host, *path])
    )
    return f"{kind}.{re.sub(r'[^a-z0-9_.-]+', '-', plain).strip('-') or 'root'}"[:64]
