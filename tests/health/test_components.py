"""Parts of the program that report on themselves."""

from __future__ import annotations

import time

import csg_otel
from csg_otel.health import default_registry
from csg_otel.health.components import Component
from csg_otel.status import HealthStatus


def test_a_component_says_how_it_is() -> None:
    """What it said last counts, with its message."""
    component = Component("worker", None)
    assert component.check().status is HealthStatus.HEALTHY
    component.warning("queue is long")

    assert (component.check().status, component.check().message) == (HealthStatus.WARNING, "queue is long")
    component.critical("queue is full")
    assert component.check().status is HealthStatus.CRITICAL
    component.healthy()
    assert component.check().status is HealthStatus.HEALTHY


def test_a_component_that_stops_beating_is_critical() -> None:
    """Silence for longer than promised is a failure, and the next beat ends it."""
    now = [100.0]
    component = Component("worker", 5.0, clock=lambda: now[0])
    now[0] += 5
    assert component.check().status is HealthStatus.HEALTHY
    now[0] += 1.5

    result = component.check()
    assert (result.status, result.error_type) == (HealthStatus.CRITICAL, "no_beat")
    assert result.message == "no beat for 6.5 s (limit 5 s): the loop is blocked or has stopped"
    component.beat()
    assert component.check().status is HealthStatus.HEALTHY


def test_a_component_counts_in_liveness_and_needs_no_thread() -> None:
    """It is a check of the default registry."""
    name = f"worker-{time.monotonic_ns()}"
    csg_otel.component(name, beat_within_s=1.0).warning("slow")
    registry = default_registry()
    try:
        registry.run(name)
        view = registry.snapshot().check(name)
    finally:
        registry.unregister(name)

    assert view is not None
    assert (view.groups, view.status) == (("liveness",), HealthStatus.WARNING)
