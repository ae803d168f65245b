"""A dashboard for any program: it shows what arrives by OTLP, and does not instrument the process that it runs in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from csg_otel import environment
from csg_otel.dashboard.api import Api
from csg_otel.dashboard.http import PURPOSE, WebDashboard
from csg_otel.dashboard.otlp.arrivals import Arrivals
from csg_otel.dashboard.otlp.receivers import GRPC_PORT, HTTP_PORT, Receivers
from csg_otel.dashboard.otlp.transfer import Transfer
from csg_otel.dashboard.program import Senders
from csg_otel.dashboard.source import SourceError
from csg_otel.server import Server

if TYPE_CHECKING:
    from csg_otel.config import Config
    from csg_otel.dashboard.source import Source

_STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class View:
    """
    A dashboard that receives.

    ``source`` has its documents. ``url`` is a link to its page that works once; empty without a page. ``otlp_http`` and
    ``otlp_grpc`` are the addresses to send to; one is empty if its port is in use.
    """

    source: Source
    url: str
    otlp_http: str
    otlp_grpc: str


@contextmanager
def view(
    config: Config, *, http_port: int = HTTP_PORT, grpc_port: int = GRPC_PORT, web: bool = False
) -> Iterator[View]:
    """
    Receive OTLP on the loopback interface while the context lasts, and show it.

    Args:
        config: The configuration: the section ``dashboard``, and ``security`` for the page.
        http_port: The port of OTLP over HTTP; 0 takes a free one. Default: 4318.
        grpc_port: The port of OTLP over gRPC; 0 takes a free one. Default: 4317.
        web: Whether to serve the web page, too. Default: no.

    Raises:
        SourceError: Both ports are in use.
    """
    arrivals = Arrivals()
    receivers = Receivers(
        arrivals, http_port=http_port, grpc_port=grpc_port, allowed_hosts=config.security.allowed_hosts
    )
    senders = Senders(service=arrivals.service, services=arrivals.services, addresses=receivers.addresses)
    api = Api(config, arrivals, senders, transfer=lambda: Transfer(arrivals, lambda: receivers.intake))
    with ExitStack() as stack:
        if not receivers.start():
            raise SourceError(
                "nothing can be received: both ports are in use, perhaps by a collector or another dashboard"
            )
        stack.callback(receivers.stop)
        url = stack.enter_context(_page(config, api)) if web else ""
        yield View(api, url, receivers.otlp_http, receivers.otlp_grpc)


@contextmanager
def _page(config: Config, api: Api) -> Iterator[str]:
    """Serve the web page, and return a link to it; empty if its port is in use."""
    dashboard = WebDashboard(config, api, environment.snapshot())
    server = Server(config.dashboard.host, config.dashboard.port, dashboard, purpose=PURPOSE, tls=config.security.tls)
    try:
        yield dashboard.login_url(server.url) if server.start() else ""
    finally:
        server.stop(_STOP_S)
        dashboard.close()
