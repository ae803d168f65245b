"""A web dashboard whose documents the test sets, and a program with a dashboard, in the process of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import csg_otel
from csg_otel.config import load
from csg_otel.dashboard import remote
from csg_otel.dashboard.api import Api
from csg_otel.dashboard.http import PURPOSE, WebDashboard
from csg_otel.server import Server
from support.dashboard_source import SetSource
from support.endpoints import WITHIN_S
from support.programs import eventually
from support.web_client import ServedWeb

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test's own requests to a dashboard wait as long as a busy machine needs."""
    monkeypatch.setattr(remote, "_TIMEOUT_S", WITHIN_S)


@pytest.fixture
def source() -> SetSource:
    """The source of the test's dashboard."""
    return SetSource()


@pytest.fixture
def serve_web(source: SetSource, tmp_path: Path) -> Iterator[Callable[..., ServedWeb]]:
    """Return a function that serves a dashboard with the given settings on a free port."""
    running: list[tuple[Server, WebDashboard]] = []

    def start(
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        state: Path | None = tmp_path / "state",
        **settings: Any,
    ) -> ServedWeb:
        config = load(settings, environ={"TOKEN": token}).config
        state_home = str(state) if state is not None else "/proc/none"
        dashboard = WebDashboard(config, source, {"XDG_STATE_HOME": state_home})
        server = Server(host, port, dashboard, purpose=PURPOSE, tls=config.security.tls)
        server.start()
        running.append((server, dashboard))
        return ServedWeb(server, dashboard)

    yield start
    for server, dashboard in running:
        server.stop(WITHIN_S)
        dashboard.close()


@pytest.fixture
def web(serve_web: Callable[..., ServedWeb], tmp_path: Path) -> ServedWeb:
    """A dashboard with the default settings, whose token file is there for commands."""
    web = serve_web()
    eventually((tmp_path / "state" / "csg-otel" / "dashboard" / f"{web.port}.token").exists)
    return web


@pytest.fixture
def instrumented() -> Iterator[Callable[..., csg_otel.Telemetry]]:
    """Return a function that instruments the process with a dashboard and given settings; the test's end shuts it down."""
    with ExitStack() as stack:

        def instrument(**settings: Any) -> csg_otel.Telemetry:
            defaults: dict[str, Any] = {
                "exporters": (),
                "dashboard__enabled": True,
                "dashboard__port": 0,
                "system_monitoring__prometheus__port": 0,
                "system_monitoring__collection_interval": 1,
            }
            return stack.enter_context(csg_otel.instrument("shop", **{**defaults, **settings}))

        yield instrument


@pytest.fixture
def api(instrumented: Callable[..., csg_otel.Telemetry]) -> Api:
    """Return the documents of a program with a dashboard and no built-in health checks."""
    dashboard = instrumented(health_monitoring__enabled=False).dashboard
    assert dashboard is not None
    return dashboard


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()
