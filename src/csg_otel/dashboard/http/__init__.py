"""The dashboard over HTTP: the page, the API below ``/api/v1``, and who may use them; ``csg_otel.server.Server`` serves it."""

from csg_otel.dashboard.http.events import Live
from csg_otel.dashboard.http.web_dashboard import PURPOSE, WebDashboard

__all__ = ["PURPOSE", "Live", "WebDashboard"]
