"""
The part that keeps what the dashboard shows, and serves it.

Its modules are imported only where ``dashboard.enabled`` is on.
"""

from __future__ import annotations

import hashlib
import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from csg_otel import clocks, environment, metrics
from csg_otel._version import VERSION
from csg_otel.exporters.build import spool_folder
from csg_otel.pipeline.global_providers import global_providers
from csg_otel.sdk.parts import Part
from csg_otel.server import Server

if TYPE_CHECKING:
    from pathlib import Path

    from csg_otel.config import Config
    from csg_otel.dashboard.api import Api
    from csg_otel.dashboard.http import WebDashboard
    from csg_otel.dashboard.keeper import Keeper
    from csg_otel.dashboard.model import Attributes, Service
    from csg_otel.dashboard.otlp.transfer import Transfer
    from csg_otel.dashboard.program import Program
    from csg_otel.providers import Providers
    from csg_otel.sdk.parts import Sampling, Serving
    from csg_otel.sdk.telemetry import Telemetry

_STOP_S = 1.0
"""Upper bound in seconds for the last look at the queues and the file with the history of metrics."""

_SERVER_STOP_S = 0.5
"""Upper bound in seconds for closing the connections of the pages."""


class Dashboard(Part):
    """The dashboard of this process; other settings keep what it has collected."""

    def __init__(self, telemetry: Telemetry, providers: Providers, serving: Serving, sampling: Sampling) -> None:
        self._telemetry = telemetry
        self._providers = providers
        self._serving = serving
        self._sampling = sampling
        self._keeper: Keeper | None = None
        self._server: Server | None = None
        self._web: WebDashboard | None = None
        self.api: Api | None = None

    def start(self, config: Config) -> None:
        if config.disabled or not config.dashboard.enabled:
            self.api = None
            return
        from csg_otel.dashboard.api import Api
        from csg_otel.dashboard.http import PURPOSE, WebDashboard
        from csg_otel.dashboard.keeper import Keeper

        if self._keeper is None:
            self._keeper = Keeper(
                self._service_name,
                self._serving.read_metrics,
                resource=self._resource,
                serves=lambda: bool(self.url),
                folder=self._folder(config),
            )
        self.api = Api(config, self._keeper, self._program(config), transfer=partial(_transfer, self._keeper))
        self._keeper.on_metrics = self.api.look_at_alerts
        global_providers().watch(self._keeper.intake)
        self._keeper.start()
        self._web = WebDashboard(config, self.api, environment.snapshot())
        settings, serving = config.dashboard, self._serving
        self._server = Server(
            settings.host,
            settings.port,
            self._web,
            purpose=PURPOSE,
            may_serve=serving.may_serve,
            tries_again=lambda: serving.is_member,
            tls=config.security.tls,
        )
        self._server.start()
        serving.on_turn = self._server.start

    def stop(self, deadline: float) -> None:
        if self._keeper is not None:
            global_providers().watch(None)
            self._keeper.stop(max(0.0, min(_STOP_S, deadline - clocks.monotonic())))

    def close(self) -> None:
        self._serving.on_turn = lambda: None
        if self._server is not None and self._web is not None:
            self._server.stop(_SERVER_STOP_S)
            self._web.close()
            self._server = self._web = None

    def reset_after_fork(self) -> None:
        if self._server is not None:
            self._server.reset_after_fork()

    @property
    def url(self) -> str:
        """The address of the page; empty while this process does not serve it."""
        return self._server.url if self._server is not None else ""

    def login_url(self) -> str:
        """Return a new link to the page, which works once; empty while this process does not serve it."""
        return self._web.login_url(self.url) if self._web is not None and self.url else ""

    # -- what the dashboard reads ----------------------------------------------------------------------------------

    def _program(self, config: Config) -> Program:
        from csg_otel.dashboard.program import Program

        telemetry, history = self._telemetry, self._sampling.history
        return Program(
            config=config,
            service=self._service,
            health=telemetry.health.snapshot,
            histories=telemetry.health.table.histories,
            destinations=telemetry.status,
            snapshot=self._snapshot,
            trends=history.names,
            trend=history.series,
            url=lambda: telemetry.url,
            workers=lambda: self._serving.workers,
            restart=telemetry.restart,
        )

    def _snapshot(self) -> dict[str, Any]:
        return metrics.snapshot(self._sampling.latest(), (), None)

    def _folder(self, config: Config) -> Path | None:
        """Return the folder of the files that outlive the process: one for each service, beside the spool."""
        folder = spool_folder(config.exporters.spool.directory)
        name = hashlib.sha256(self._service_name().encode()).hexdigest()[:16]
        return None if folder is None else folder / "dashboard" / name

    def _service_name(self) -> str:
        return str(self._providers.resource.attributes.get("service.name", ""))

    def _resource(self) -> Attributes:
        from csg_otel.dashboard.store.convert import attributes

        return attributes(self._providers.shown_resource)

    def _service(self) -> Service:
        resource = self._providers.shown_resource
        return {
            "name": self._service_name(),
            "version": str(resource.get("service.version", "")),
            "environment": str(resource.get("deployment.environment.name", "")),
            "instance": str(resource.get("service.instance.id", "")),
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "language": "python",
            "sdk": f"csg-otel {VERSION}",
        }


def _transfer(keeper: Keeper) -> Transfer:
    from csg_otel.dashboard.otlp.transfer import Transfer

    return Transfer(keeper)
