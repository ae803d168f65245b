"""
Health checks: the program's own by ``@health_check`` and ``component``, the built-in ones by the settings.

Defining a check runs nothing; the registry runs them once ``instrument()`` starts it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeVar

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


def health_check(
    name: str,
    *,
    category: str = "application",
    groups: tuple[str, ...] = ("readiness",),
    critical: bool = True,
    interval_s: float | None = None,
    timeout_s: float | None = None,
    failure_threshold: int | None = None,
    success_threshold: int | None = None,
    failure_status: Literal["warning", "critical"] = "critical",
    depends_on: tuple[str, ...] = (),
    jitter: float = 0.1,
    stale_after_s: float | None = None,
    loop: Loop = "private",
) -> Callable[[F], F]:
    """
    Make the decorated function a health check; it stays the function it was.

    The function, sync or async and without parameters, returns None or True if all is well, and False, a
    :class:`HealthStatus` or a :class:`CheckResult` otherwise, or raises. A message given to :class:`Critical` or
    :class:`Warn` is public; that of any other exception is withheld. The options are the fields of :class:`Check`, times in
    seconds. Contradictions are reported together when checks start, as :class:`HealthDefinitionError`.
    """

    def register(function: F) -> F:
        default_registry().register(
            Check(
                name=name,
                function=function,
                category=category,
                groups=tuple(groups),
                critical=critical,
                interval_s=interval_s,
                timeout_s=timeout_s,
                failure_threshold=failure_threshold,
                success_threshold=success_threshold,
                failure_status=failure_status,
                depends_on=tuple(depends_on),
                jitter=jitter,
                stale_after_s=stale_after_s,
                loop=loop,
            )
        )
        return function

    return register


def component(
    name: str,
    *,
    beat_within_s: float | None = None,
    groups: tuple[str, ...] = ("liveness",),
    critical: bool = True,
) -> Component:
    """
    Return the handle by which a part of the program reports on itself: ``beat()``, ``healthy()``, ``warning("why")``.

    With *beat_within_s* it is CRITICAL when it has not beaten for that many seconds; it counts in liveness by default,
    because a loop that no longer turns is what a restart cures.
    """
    return components.register(
        default_registry(), name, beat_within_s=beat_within_s, groups=tuple(groups), critical=critical
    )


def maintenance(reason: str) -> AbstractContextManager[None]:
    """Be in maintenance during a ``with`` block: not ready, saying *reason*, while the process stays alive."""
    return default_registry().maintenance(reason)
