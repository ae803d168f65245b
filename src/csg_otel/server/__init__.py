"""The HTTP endpoints, on the SDK's own server or mounted into the user's application; the server of the dashboard, too."""

from csg_otel.server.apps import asgi, wsgi
from csg_otel.server.endpoints import Endpoints
from csg_otel.server.messages import Request, Response
from csg_otel.server.serving import Purpose, Server

__all__ = ["Endpoints", "Purpose", "Request", "Response", "Server", "asgi", "wsgi"]
