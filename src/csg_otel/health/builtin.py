"""
From the settings to the checks they ask for: the seed's four categories, and the user's own by ``type``.

Modules of checks are imported here, when checks are made, and not before. The rule: what is wrong with a check's parameters
is collected and reported together with everything else that contradicts itself.
"""

from __future__ import annotations

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

CATEGORIES: Final = ("system", "application", "dependency", "performance")

_PROBES: Final = ("readiness", "startup")

_SECTIONS: Final = "health_monitoring.checks"

_OWN_ANSWER_S: Final = 1.0
"""How much later than a check's own deadline its run is given up, so that it can still say what it waited for."""

_GROWTH_WINDOW_S: Final = 3600.0
_GROWTH_READINGS: Final = 10
"""Seconds, and readings of memory, that the growth is computed from: a slope from fewer readings is mostly chance."""

_BENCHMARK_S: Final = 60.0
"""Deadline of a benchmark where the settings name none: several sizes, each run up to six times, take their time."""

_Plan = Callable[[], Check]
"""Makes one check; raises HealthDefinitionError."""


def build(
    settings: HealthMonitoring,
    problems: Sequence[str] = (),
    sources: Sources | None = None,
    performance: Performance | None = None,
) -> list[Check]:
    """
    Return the checks *settings* ask for; *problems* is what was found wrong with the configuration when it was read.

    Checks of our own telemetry read it from *sources*. *performance* switches the benchmark and the watch on memory.

    Raises HealthDefinitionError with every check whose type or parameters are wrong.
    """
    plans: list[_Plan] = [
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
    found: list[Check] = []
    wrong: list[str] = []
    for plan in plans:
        try:
            found.append(plan())
        except HealthDefinitionError as error:
            wrong.extend(error.problems)
    if wrong:
        raise HealthDefinitionError(wrong)
    return found


def _plan(
    name: str,
    kind: str,
    section: Any,
    given: Mapping[str, Any] | None = None,
    *,
    where: str = "",
    wired: Mapping[str, Any] | None = None,
    **policy: Any,
) -> _Plan:
    """Return what makes a check of one of the seed's sections, with *section*'s times."""

    def make() -> Check:
        timed = _timed(kind, given or {}, section.timeout)
        function = parameters.make(kind, timed, where or f"{_SECTIONS}: {name}", wired=wired or {})
        timeout_s = _deadline(timed, function, section.timeout)
        times = {"interval_s": section.interval, "timeout_s": timeout_s}
        return Check(name=name, function=function, own=True, **{**times, **policy})

    return make


def _timed(kind: str, given: Mapping[str, Any], timeout_s: float | None) -> Mapping[str, Any]:
    """Return the parameters *given*, with the run's deadline as the probe's own where only that was named."""
    if timeout_s is None or "timeout_s" in given or not parameters.takes(kind, "timeout_s"):
        return given
    return {**given, "timeout_s": timeout_s}


def _deadline(timed: Mapping[str, Any], function: Any, timeout_s: float | None) -> float | None:
    """Return the run's deadline: *timeout_s*, or, where only the probe's own was named, a little later than that."""
    if timeout_s is None and "timeout_s" in timed:
        return float(function.timeout_s) + _OWN_ANSWER_S
    return timeout_s


def _system(settings: HealthMonitoring) -> Iterator[_Plan]:
    section = settings.checks.system_resources
    if not section.enabled:
        return
    # They say how the machine is, not whether this process should be restarted or get work: no probe asks them, and a
    # busy CPU is no outage.
    policy: dict[str, Any] = {"category": "system", "groups": ()}
    for name in ("cpu", "memory", "disk", "load"):
        limits = {
            "warning_threshold": getattr(section, f"{name}_warning_threshold"),
            "critical_threshold": getattr(section, f"{name}_critical_threshold"),
        }
        if name == "disk":
            limits["mounts"] = section.mounts
        yield _plan(name, name, section, limits, critical=name in ("memory", "disk"), **policy)


def _application(settings: HealthMonitoring, problems: Sequence[str]) -> Iterator[_Plan]:
    section = settings.checks.application
    if not section.enabled:
        return
    policy: dict[str, Any] = {"category": "application", "groups": _PROBES}
    required = {"required_variables": section.required_variables}
    wired = {"environ": environment.snapshot(), "problems": lambda: problems}
    yield _plan("configuration", "configuration", section, required, wired=wired, **policy)
    if section.modules:
        yield _plan("imports", "imports", section, {"modules": section.modules}, **policy)
    if section.functional:
        limits = {"function": section.functional, "limit_s": section.response_time_threshold_ms / 1000}
        yield _plan("functional", "functional", section, limits, **policy)
    if section.memory_limit_mb is not None:
        limit = {"limit_mb": section.memory_limit_mb}
        yield _plan("process_memory", "process_memory", section, limit, category="application", groups=())
    for model in section.nlp_models:
        name = _name("nlp_model", PurePath(model).name)
        yield _plan(name, "nlp_model", section, {"model": model}, **policy)


def _dependencies(settings: HealthMonitoring) -> Iterator[_Plan]:
    section = settings.checks.dependencies
    if not section.enabled:
        return
    policy: dict[str, Any] = {"category": "dependency", "groups": _PROBES}
    where = f"{_SECTIONS}.dependencies"
    if section.check_python_environment:
        yield _plan("python_environment", "python_environment", section, {"packages": section.packages}, **policy)
    for kind, key, targets in (
        ("filesystem", "path", section.paths if section.check_filesystem else ()),
        ("http", "url", section.apis if section.check_apis else ()),
        ("tcp", "address", section.tcp),
        ("dns", "host", section.dns),
        ("tls", "address", section.tls),
        ("database", "url", section.databases),
    ):
        for place, target in enumerate(targets):
            given = target if isinstance(target, Mapping) else {key: target}
            name = _name(kind, str(parameters.revealed(given.get(key, ""))))
            yield _plan(name, kind, section, given, where=f"{where}: {kind} {place + 1}", **policy)


def _performance(settings: HealthMonitoring, performance: Performance) -> Iterator[_Plan]:
    section = settings.checks.performance
    if not section.enabled:
        return
    policy: dict[str, Any] = {"category": "performance", "groups": (), "critical": False}
    limit = {"function": section.benchmark, "warning_s": section.processing_time_threshold_ms / 1000}
    yield _plan("processing", "processing", section, limit, **policy)
    memory, benchmarking = performance.memory_optimization, performance.benchmarking
    if performance.enabled and memory.enabled:
        interval_s = memory.monitoring_interval or section.interval or settings.check_interval
        growth = {
            "warning_mb_per_h": section.memory_growth_threshold_mb,
            "window_s": max(_GROWTH_WINDOW_S, _GROWTH_READINGS * interval_s),
        }
        yield _plan("memory_growth", "memory_growth", section, growth, interval_s=interval_s, **policy)
    if performance.enabled and benchmarking.enabled:
        timed = {**limit, "sizes": benchmarking.test_sizes}
        policy.update(interval_s=benchmarking.interval, timeout_s=section.timeout or _BENCHMARK_S)
        yield _plan("benchmark", "benchmark", section, timed, **policy)


def _custom(name: str, definition: CheckDefinition, sources: Sources) -> Check:
    """Return the user's own check *name*; raises HealthDefinitionError for an unknown type or parameter."""
    where = f"{definition.location or _SECTIONS}: check {name!r}"
    if definition.type not in checks.TYPES:
        known = ", ".join(sorted(checks.TYPES))
        hint = suggestion(definition.type, checks.TYPES)
        raise HealthDefinitionError([f"{where}: unknown type {definition.type!r}{hint} (known: {known})"])
    unknown = [group for group in definition.groups if group not in GROUPS]
    wrong = [f"{where}: unknown group {group!r}{suggestion(group, GROUPS)}" for group in unknown]
    timed = _timed(definition.type, definition.parameters, definition.timeout)
    wired = {**{one.name: getattr(sources, one.name) for one in fields(sources)}, "environ": environment.snapshot()}
    policy = [one.name for one in fields(definition)]
    try:
        function = parameters.make(
            definition.type, timed, f"{where} of type {definition.type}", wired=wired, policy=policy
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


def _name(kind: str, target: str) -> str:
    """Return a check's name made of its kind and target, without anything secret in it: credentials, queries."""
    plain = re.sub(r"^[a-z+]+://", "", target.lower())
    plain = plain.split("?")[0].split("#")[0].rsplit("@", 1)[-1].strip("/")
    return f"{kind}.{re.sub(r'[^a-z0-9_.-]+', '-', plain).strip('-') or 'root'}"[:64]
