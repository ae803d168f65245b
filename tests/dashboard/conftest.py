"""A web dashboard on a free loopback port, whose documents the test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from csg_otel.config import load
from csg_otel.dashboard.http import PURPOSE, WebDashboard
from csg_otel.server import Server
from support.dashboard_source import SetSource
from support.web_client import Web


@pytest.fixture
def source() -> SetSource:
    """The source of the test's dashboard."""
    return SetSource()


@pytest.fixture
def serve_web(source: SetSource, tmp_path: Path) -> Iterator[Callable[..., Web]]:
    """Return a function that serves a dashboard with the given settings on a free port."""
    running: list[tuple[Server, WebDashboard]] = []

    def start(
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        state: Path | None = tmp_path / "state",
        **settings: Any,
    ) -> Web:
        config = load(settings, environ={"TOKEN": token}).config
        state_home = str(state) if state is not None else "/proc/none"
        dashboard = WebDashboard(config, source, {"XDG_STATE_HOME": state_home})
        server = Server(host, port, dashboard, purpose=PURPOSE)
        server.start()
        running.append((server, dashboard))
        return Web(server, dashboard)

    yield start
    for server, dashboard in running:
        server.stop(2.0)
        dashboard.close()


@pytest.fixture
def web(serve_web: Callable[..., Web]) -> Web:
    """A dashboard with the default settings."""
    return serve_web()
