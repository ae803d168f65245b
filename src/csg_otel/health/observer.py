"""The interface between the registry of checks and its telemetry: one observer, which sees every run and every change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from csg_otel.health.execution import Execution
    from csg_otel.health.listeners import Change


@dataclass(frozen=True, slots=True)
class HealthEvent:
    """
    The end of a run, changes of state, or both.

    Attributes:
        execution: The run that ended, with its result; None where time alone changed a state, as with a stale result.
        changes: The changes of state; empty where a run changed nothing.
    """

    execution: Execution | None
    changes: tuple[Change, ...]


class HealthObserver(Protocol):
    """Telemetry of a registry. Its methods are called at once, on the thread that runs the check or found the change."""

    def run_check(self, execution: Execution, function: Callable[[], Any]) -> Any:
        """Call *function*, the check of *execution*, and return its value; for example inside a span."""
        ...

    def on_health_event(self, event: HealthEvent) -> None:
        """Record *event*."""
        ...


class NoObserver:
    """The observer of a registry without telemetry: it runs checks and records nothing."""

    def run_check(self, execution: Execution, function: Callable[[], Any]) -> Any:  # noqa: ARG002 - the interface
        """Call *function* and return its value."""
        return function()

    def on_health_event(self, event: HealthEvent) -> None:
        """Ignore *event*."""
