"""The HTTP endpoints: ``/metrics`` and the probes, on the SDK's own server or mounted into the user's application."""

from csg_otel.server.apps import asgi, wsgi
from csg_otel.server.endpoints import Endpoints
from csg_otel.server.messages import Request, Response
from csg_otel.server.serving import Server

__all__ = ["Endpoints", "Request", "Response", "Server", "asgi", "wsgi"]
