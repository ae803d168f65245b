"""
From the settings to the checks they ask for: the seed's four categories, and the user's own by ``type``.

Modules of checks are imported here, when checks are made, and not before. The rule: what is wrong with a check's parameters
is collected and reported together with everything else that contradicts itself.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from inspect import Parameter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from csg_otel import environment
from csg_otel.errors import HealthDefinitionError, suggestion
from csg_otel.health import checks
from csg_otel.health.checks.levels import limit
from csg_otel.health.definition import GROUPS, Check
from csg_otel.health.sources import Sources

if TYPE_CHECKING:
    from csg_otel.config.model import HealthMonitoring
    from csg_otel.config.monitoring import CheckDefinition

CATEGORIES: Final = ("system", "application", "dependency", "performance")

_OURS: Final = ("clock", "limits", "problems", "read")
"""Parameters of checks that no file can give."""

_PROBES: Final = ("readiness", "startup")


def build(settings: HealthMonitoring, problems: Sequence[str] = (), sources: Sources | None = None) -> list[Check]:
    """
    Return the checks *settings* ask for; *problems* is what was found wrong with the configuration when it was read.

    Checks of our own telemetry read it from *sources*.

    Raises HealthDefinitionError with every check whose type or parameters are wrong.
    """
    wrong: list[str] = []
    found = [
        *_system(settings),
        *_application(settings, problems),
        *_dependencies(settings),
        *_performance(settings),
    ]
    for name, definition in settings.checks.custom.items():
        if definition.enabled:
            try:
                found.append(_custom(name, definition, sources or Sources()))
            except HealthDefinitionError as error:
                wrong.extend(error.problems)
    if wrong:
        raise HealthDefinitionError(wrong)
    return found


def _check(name: str, kind: str, section: Any, parameters: Mapping[str, Any] | None = None, **policy: Any) -> Check:
    return Check(
        name=name,
        function=checks.check_type(kind)(**(parameters or {})),
        interval_s=section.interval,
        timeout_s=section.timeout,
        own=True,
        **policy,
    )


def _system(settings: HealthMonitoring) -> Iterator[Check]:
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
        yield _check(name, name, section, limits, critical=name in ("memory", "disk"), **policy)


def _application(settings: HealthMonitoring, problems: Sequence[str]) -> Iterator[Check]:
    section = settings.checks.application
    if not section.enabled:
        return
    policy: dict[str, Any] = {"category": "application", "groups": _PROBES}
    required = {
        "required_variables": section.required_variables,
        "environ": environment.snapshot(),
        "problems": lambda: problems,
    }
    yield _check("configuration", "configuration", section, required, **policy)
    if section.modules:
        yield _check("imports", "imports", section, {"modules": section.modules}, **policy)
    if section.functional:
        limits = {"function": section.functional, "limit_s": section.response_time_threshold_ms / 1000}
        yield _check("functional", "functional", section, limits, **policy)
    if section.memory_limit_mb is not None:
        limit = {"limit_mb": section.memory_limit_mb}
        yield _check("process_memory", "process_memory", section, limit, category="application", groups=())
    for model in section.nlp_models:
        name = _name("nlp_model", PurePath(model).name)
        yield _check(name, "nlp_model", section, {"model": model}, **policy)


def _dependencies(settings: HealthMonitoring) -> Iterator[Check]:
    section = settings.checks.dependencies
    if not section.enabled:
        return
    policy: dict[str, Any] = {"category": "dependency", "groups": _PROBES}
    if section.check_python_environment:
        yield _check("python_environment", "python_environment", section, {"packages": section.packages}, **policy)
    for kind, key, targets in (
        ("filesystem", "path", section.paths if section.check_filesystem else ()),
        ("http", "url", section.apis if section.check_apis else ()),
        ("tcp", "address", section.tcp),
        ("dns", "host", section.dns),
        ("tls", "address", section.tls),
        ("database", "url", section.databases),
    ):
        for target in targets:
            parameters = _parameters(target, key)
            yield _check(_name(kind, str(parameters.get(key, ""))), kind, section, parameters, **policy)


def _performance(settings: HealthMonitoring) -> Iterator[Check]:
    section = settings.checks.performance
    if not section.enabled:
        return
    policy: dict[str, Any] = {"category": "performance", "groups": (), "critical": False}
    limit = {"function": section.benchmark, "warning_s": section.processing_time_threshold_ms / 1000}
    yield _check("processing", "processing", section, limit, **policy)
    growth = {"warning_mb_per_h": section.memory_growth_threshold_mb}
    yield _check("memory_growth", "memory_growth", section, growth, **policy)


def _custom(name: str, definition: CheckDefinition, sources: Sources) -> Check:
    """Return the user's own check *name*; raises HealthDefinitionError for an unknown type or parameter."""
    where = f"{definition.location or 'health_monitoring.checks'}: check {name!r}"
    if definition.type not in checks.TYPES:
        known = ", ".join(sorted(checks.TYPES))
        hint = suggestion(definition.type, checks.TYPES)
        raise HealthDefinitionError([f"{where}: unknown type {definition.type!r}{hint} (known: {known})"])
    unknown = [group for group in definition.groups if group not in GROUPS]
    wrong = [f"{where}: unknown group {group!r}{suggestion(group, GROUPS)}" for group in unknown]
    try:
        function = _probe(f"{where} of type {definition.type}", definition, sources)
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
        timeout_s=definition.timeout,
        failure_threshold=definition.failure_threshold,
        success_threshold=definition.success_threshold,
        failure_status=definition.failure_status,
        depends_on=definition.depends_on,
        stale_after_s=definition.stale_after,
        own=True,
    )


def _probe(where: str, definition: CheckDefinition, sources: Sources) -> Any:
    """Return the callable behind *definition*; raises HealthDefinitionError with what is wrong with its parameters."""
    made = checks.check_type(definition.type)
    taken = inspect.signature(made).parameters
    wired = {key: value for key, value in _wiring(sources).items() if key in taken}
    known = [key for key in taken if key not in wired and key not in _OURS]
    given = definition.parameters
    keys = [*known, *(one.name for one in fields(definition))]
    wrong = [f"{where}: unknown parameter {key!r}{suggestion(key, keys)}" for key in given if key not in known]
    needed = [key for key in known if taken[key].default is Parameter.empty]
    wrong += [f"{where}: {key!r} is missing" for key in needed if key not in given]
    if wrong:
        raise HealthDefinitionError(wrong)
    try:
        return made(**{key: _limited(key, _revealed(value)) for key, value in given.items()}, **wired)
    except (TypeError, ValueError) as error:
        raise HealthDefinitionError([f"{where}: {error}"]) from None


def _wiring(sources: Sources) -> dict[str, Any]:
    """Return what checks get from us and not from a file, by parameter."""
    return {**{one.name: getattr(sources, one.name) for one in fields(sources)}, "environ": environment.snapshot()}


def _parameters(target: Any, key: str) -> dict[str, Any]:
    """Return a target of the settings as parameters: a mapping as it is, anything else as its *key*."""
    if isinstance(target, Mapping):
        return {name: _revealed(value) for name, value in target.items()}
    return {key: _revealed(target)}


def _limited(key: str, value: Any) -> Any:
    """Return a limit given as text as the range it is."""
    return limit(value) if key.split("_", maxsplit=1)[0] in ("warning", "critical") else value


def _revealed(value: Any) -> Any:
    return value.reveal() if hasattr(value, "reveal") else value


def _name(kind: str, target: str) -> str:
    """Return a check's name made of its kind and target, without anything secret in it: credentials, queries."""
    plain = re.sub(r"^[a-z+]+://", "", target.lower())
    plain = plain.split("?")[0].split("#")[0].rsplit("@", 1)[-1].strip("/")
    return f"{kind}.{re.sub(r'[^a-z0-9_.-]+', '-', plain).strip('-') or 'root'}"[:64]
