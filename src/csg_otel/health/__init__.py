"""
Health checks: the program's own, by ``@health_check`` and ``component``, and the built-in ones, by the settings.

A definition runs nothing. The registry runs the checks once ``instrument()`` starts it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Literal, TypeVar, overload

from csg_otel.errors import HealthDefinitionError, suggestion
from csg_otel.health import components
from csg_otel.health.components import Component
from csg_otel.health.definition import Check, Loop
from csg_otel.health.listeners import Change
from csg_otel.health.registry import HealthRegistry
from csg_otel.health.snapshot import CheckView, HealthSnapshot
from csg_otel.health.sources import Sources

__all__ = [
    "Change",
    "Check",
    "CheckView",
    "Component",
    "HealthRegistry",
    "HealthSnapshot",
    "Sources",
    "component",
    "default_registry",
    "health_check",
    "maintenance",
]

F = TypeVar("F", bound=Callable[..., Any])


@functools.lru_cache(maxsize=1)
def default_registry() -> HealthRegistry:
    """Return the registry of this process."""
    return HealthRegistry()


@overload
def health_check(function: F, /) -> F: ...
@overload
def health_check(
    name: str | None = None,
    *,
    category: str = "application",
    groups: str | Sequence[str] = ("readiness",),
    critical: bool = True,
    interval_s: float | None = None,
    timeout_s: float | None = None,
    failure_threshold: int | None = None,
    success_threshold: int | None = None,
    failure_status: Literal["warning", "critical"] = "critical",
    depends_on: str | Sequence[str] = (),
    jitter: float = 0.1,
    stale_after_s: float | None = None,
    loop: Loop = "private",
) -> Callable[[F], F]: ...
def health_check(name: Any = None, **policy: Any) -> Any:
    """
    Register the decorated function as a health check and return it unchanged: ``@csg_otel.health_check``, also with options.

    The function takes no parameters and may be async. It returns None or True for HEALTHY, False for a failure, or a
    :class:`HealthStatus` or a :class:`CheckResult`; or it raises. A message given to :class:`Critical` or :class:`Warn` is
    public; the message of any other exception is withheld. When the checks start, all contradictions between them are
    reported together, as :class:`HealthDefinitionError`.

    Args:
        name: 1 to 64 of ``a-z``, ``0-9``, ``_``, ``.``, ``-``; unique. By default the function's name.
        category: ``system``, ``application`` (the default), ``dependency``, ``performance`` or a name of your own.
        groups: The probes the check counts in besides overall; by default ``readiness``.
        critical: False caps its contribution to its groups at WARNING.
        interval_s: Seconds between runs; by default the setting ``health_monitoring.check_interval``.
        timeout_s: Deadline of a run in seconds; by default the setting ``health_monitoring.timeout``.
        failure_threshold: Failures in a row before the check counts as failed; by default from the settings.
        success_threshold: Successes in a row before it counts as recovered; by default from the settings.
        failure_status: Status for False and for an exception; ``critical`` by default.
        depends_on: Checks whose CRITICAL status keeps this one from running; it is UNKNOWN meanwhile.
        jitter: Share of the interval by which runs are spread; 0.1 by default.
        stale_after_s: Age in seconds at which a result counts as UNKNOWN; by default twice the interval plus the deadline.
        loop: Event loop of an async function: ``private`` for its own, ``app`` for the program's.
    """

    if name is not None and not isinstance(name, str):
        return health_check()(name)
    unknown = sorted(policy.keys() - _POLICY)
    if unknown:
        hints = (f"unknown option {key!r}{suggestion(key, _POLICY)}; known: {', '.join(_POLICY)}" for key in unknown)
        raise HealthDefinitionError([f"health_check: {hint}" for hint in hints])

    def register(function: F) -> F:
        if not callable(function):
            raise HealthDefinitionError([f"health_check: {function!r} is not callable; decorate a function"])
        default_registry().register(Check(name=name or _name_of(function), function=function, **policy))
        return function

    return register


_POLICY: Final = (
    *("category", "groups", "critical", "interval_s", "timeout_s", "failure_threshold", "success_threshold"),
    *("failure_status", "depends_on", "jitter", "stale_after_s", "loop"),
)
"""The options of :func:`health_check`; each is the field of Check of the same name."""


def _name_of(function: Callable[..., Any]) -> str:
    """Return the name of *function* in the letters of a check's name."""
    own = getattr(function, "__name__", type(function).__name__)
    return re.sub(r"[^a-z0-9_.-]", "_", own.lower())[:64]


def component(
    name: str,
    *,
    beat_within_s: float | None = None,
    groups: str | Sequence[str] = ("liveness",),
    critical: bool = True,
) -> Component:
    """
    Return a component: a part of the program that reports its own state, by ``beat()``, ``healthy()``, ``warning("why")``.

    Args:
        name: Name of the check; unique.
        beat_within_s: Seconds within which a beat or a report is expected; after that the component is CRITICAL. By default
            no beat is expected.
        groups: The probes it counts in; by default ``liveness``, because a restart cures a loop that has stopped.
        critical: False caps its contribution to its groups at WARNING.
    """
    return components.register(default_registry(), name, beat_within_s=beat_within_s, groups=groups, critical=critical)


def maintenance(reason: str) -> AbstractContextManager[None]:
    """Put the program into maintenance during a ``with`` block: readiness fails with *reason*, liveness still passes."""
    return default_registry().maintenance(reason)
