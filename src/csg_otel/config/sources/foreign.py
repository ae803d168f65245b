"""
Variables that other programs set, too: one that this program can't use is ignored with a warning, and never stops it.

Kubernetes sets ``PROMETHEUS_PORT=tcp://10.0.0.1:9090`` for a Service of that name; ``LOG_LEVEL`` may be for another program.
OpenTelemetry's specification requires that a wrong ``OTEL_*`` value is ignored. Pure: the environment is an argument. The one
rule: of all variables, only those that begin with ``CSG_OTEL_`` can make a configuration invalid.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from csg_otel.config.sources.env import variable
from csg_otel.config.walk import PREFIX, every

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from csg_otel.config.tree import Report

_STANDARD: Final = "OTEL_"
_SERVICE_LINK: Final = re.compile(r"(tcp|udp|sctp)://")


class _Reported(Protocol):
    """A result with the report about its settings."""

    @property
    def report(self) -> Report: ...


_Result = TypeVar("_Result", bound=_Reported)


def without_misfits(environ: Mapping[str, str], report: Report) -> dict[str, str]:
    """Return *environ* without variables whose value is an address where none fits, or none where one is needed."""
    kept = dict(environ)
    for leaf in every():
        for name in leaf.variables:
            if reason := _misfit(name, environ.get(name, "")):
                del kept[name]
                ours = f"; correct it, or if it belongs to another program, set {leaf.variables[0]}"
                ours = ours if name != leaf.variables[0] else ""
                report.warning(variable(name, None, leaf.key), f"{reason}; it is ignored{ours}")
    return kept


def _misfit(name: str, value: str) -> str:
    """Return the reason why *value* can't be meant for the setting of the variable *name*; empty if it may be."""
    if name.endswith("_PORT") and _SERVICE_LINK.match(value):
        return "an address, as Kubernetes sets for a Service"
    if not value or name.startswith((PREFIX, _STANDARD)):
        return ""
    if name.endswith("_URL"):
        return "" if value.strip().lower().startswith(("http://", "https://")) else "not an http or https URL"
    return "an address, which is no value of this setting" if "://" in value else ""


def settle(environ: Mapping[str, str], bind: Callable[[Mapping[str, str]], _Result]) -> tuple[_Result, dict[str, None]]:
    """
    Return the result of *bind* without the foreign variables that cause problems, and the warnings about them.

    Args:
        environ: The environment.
        bind: Returns the configuration with an environment.
    """
    result = bind(environ)
    warnings: dict[str, None] = {}
    while causes := _causes(result.report) & environ.keys():
        warnings.update((f"{problem}; it is ignored", None) for problem in _problems_of(result.report, causes))
        environ = {name: value for name, value in environ.items() if name not in causes}
        result = bind(environ)
    # A variable may contradict another setting, and the problem may be located at that one.
    for name in sorted(_foreign(environ)) if result.report.problems else ():
        fewer = {other: value for other, value in environ.items() if other != name}
        retried = bind(fewer)
        if len(retried.report.problems) < len(result.report.problems):
            solved = [problem for problem in result.report.problems if problem not in retried.report.problems]
            warnings.update((f"variable {name}: it is ignored, because {problem}", None) for problem in solved)
            environ, result = fewer, retried
    return result, warnings


def _causes(report: Report) -> set[str]:
    """Return the foreign variables whose values are problems in *report*."""
    origins = [origin for origin in report.problems.values() if origin is not None and origin.kind == "environment"]
    return {origin.where for origin in origins if not origin.where.startswith(PREFIX)}


def _problems_of(report: Report, names: set[str]) -> list[str]:
    return [problem for problem, origin in report.problems.items() if origin is not None and origin.where in names]


def _foreign(environ: Mapping[str, str]) -> set[str]:
    """Return the variables in *environ* that the configuration reads and that do not begin with our prefix."""
    settings = {name for leaf in every() for name in leaf.variables}
    return {name for name in environ.keys() & settings if not name.startswith(PREFIX)} | {
        name for name in environ if name.startswith(_STANDARD)
    }
