"""The HTTP door: ``/metrics`` and the probes, on a server of our own or mounted into the user's."""

from csg_otel.server.apps import asgi, wsgi
from csg_otel.server.endpoints import Answer, Endpoints
from csg_otel.server.serving import Server

__all__ = ["Answer", "Endpoints", "Server", "asgi", "wsgi"]
