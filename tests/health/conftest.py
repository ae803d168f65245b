"""A registry of its own for each test, stopped at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from csg_otel.config.sections.health_monitoring import HealthMonitoring
from csg_otel.health import Check, HealthRegistry, default_registry

Make = Callable[..., HealthRegistry]


@pytest.fixture(autouse=True)
def _default_registry_of_its_own() -> Iterator[None]:
    """Give each test a default registry that no other test has configured."""
    default_registry.cache_clear()
    yield
    default_registry().stop(1.0)
    default_registry.cache_clear()


@pytest.fixture
def make() -> Iterator[Make]:
    """
    Return a function that creates a registry: ``make(check, ..., **settings)``.

    The interval is short, and the deadline long: on a busy machine a quick check may take seconds.
    """
    registries: list[HealthRegistry] = []

    def build(*checks: Check, **settings: Any) -> HealthRegistry:
        registry = HealthRegistry(HealthMonitoring(**{"check_interval": 0.05, "timeout": 30.0, **settings}))
        for check in checks:
            registry.register(check)
        registries.append(registry)
        return registry

    yield build
    for registry in registries:
        registry.stop(2.0)
