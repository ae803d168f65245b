"""
The endpoints inside the user's own web application: ``asgi_app()`` and ``wsgi_app()``.

They serve the telemetry that runs at the moment of a request, so ``instrument()`` may be called before or after mounting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel import forks, sdk
from csg_otel.pipeline.safe_spans import discard_current_span
from csg_otel.server import Request, Response, asgi, wsgi

if TYPE_CHECKING:
    from csg_otel.server.apps import Asgi, Wsgi
    from csg_otel.server.messages import Done


def asgi_app() -> Asgi:
    """
    Return the endpoints as an ASGI application, to be mounted: ``app.mount("/monitoring", csg_otel.asgi_app())``.

    It serves ``/metrics``, ``/livez``, ``/readyz``, ``/startupz`` and ``/healthz`` below the path of the mount, in FastAPI,
    Starlette and every framework that mounts ASGI. Unlike the SDK's own port, it does not respond while the program's event
    loop is blocked.
    """
    return asgi(_respond)


def wsgi_app() -> Wsgi:
    """
    Return the endpoints as a WSGI application, to be mounted by a dispatcher.

    Flask: ``app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/monitoring": csg_otel.wsgi_app()})``. Django: the same
    around ``get_wsgi_application()``.
    """
    return wsgi(_respond)


def _respond(request: Request, done: Done) -> None:
    discard_current_span()
    forks.notice()
    telemetry = sdk.current()
    if telemetry is None or telemetry.endpoints is None:
        done(Response(503, b"csg_otel.instrument() has not been called, or telemetry was shut down\n"))
    else:
        telemetry.endpoints.respond(request, done)
