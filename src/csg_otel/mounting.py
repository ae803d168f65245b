"""
The endpoints inside the user's own web application, one line each.

They answer for whatever ``instrument()`` runs at the moment of a request, so it does not matter which comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from csg_otel import sdk
from csg_otel.server import Request, Response, asgi, wsgi

if TYPE_CHECKING:
    from csg_otel.server.apps import Wsgi


def asgi_app() -> Any:
    """
    Return the endpoints as an ASGI application, to be mounted: ``app.mount("/monitoring", csg_otel.asgi_app())``.

    It serves ``/metrics``, ``/livez``, ``/readyz``, ``/startupz`` and ``/healthz`` below where it is mounted (FastAPI,
    Starlette and everything that mounts ASGI). Unlike the port of its own, it is silent while the program's loop is blocked.
    """
    return asgi(_respond)


def wsgi_app() -> Wsgi:
    """
    Return the endpoints as a WSGI application, to be mounted where WSGI applications are.

    Flask: ``app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/monitoring": csg_otel.wsgi_app()})``; Django: the same
    around ``get_wsgi_application()``.
    """
    return wsgi(_respond)


def _respond(request: Request) -> Response:
    telemetry = sdk.current()
    if telemetry is None or telemetry.endpoints is None:
        return Response(503, b"csg_otel.instrument() has not been called, or telemetry was shut down\n")
    return telemetry.endpoints.respond(request)
