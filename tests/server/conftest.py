"""A server on a free loopback port, with two metrics and one failing check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricsData

from csg_otel.check_result import CheckResult
from csg_otel.config import Config, load
from csg_otel.health import HealthSnapshot
from csg_otel.health.snapshot import CheckView
from csg_otel.pipeline.readers import LocalReader
from csg_otel.server import Endpoints, Server
from csg_otel.status import HealthStatus

VIEW = CheckView(
    "disk",
    "system",
    ("liveness", "readiness", "startup"),
    True,
    HealthStatus.CRITICAL,
    HealthStatus.CRITICAL,
    CheckResult(HealthStatus.CRITICAL, "full", {"mount": "/secret"}),
)
SNAPSHOT = HealthSnapshot((VIEW,), dict.fromkeys(("overall", *VIEW.groups), HealthStatus.CRITICAL))


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Return a function that serves with the given settings on a free port."""
    reader = LocalReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("m").create_counter("hits").add(3)
    provider.get_meter("m").create_counter("hits.by.day").add(3)
    running: list[Server] = []

    def start(
        port: int = 0,
        token: str = "",
        collect: Callable[[], MetricsData | None] = reader.read,
        snapshot: HealthSnapshot = SNAPSHOT,
        **settings: Any,
    ) -> Server:
        config: Config = load(settings, environ={"TOKEN": token}).config
        endpoints = Endpoints(config, metrics=collect, health=lambda: snapshot, stopping=lambda: False)
        server = Server("127.0.0.1", port, endpoints, tls=config.security.tls)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop(30.0)
    provider.shutdown()
