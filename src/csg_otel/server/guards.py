"""What a request passes before it reaches an endpoint or the dashboard, as the section ``security`` configures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel.server.access_log import AccessLog
from csg_otel.server.hosts import HostCheck
from csg_otel.server.messages import PLAIN_TEXT, Guard, Response
from csg_otel.server.rate_limit import RateLimit

if TYPE_CHECKING:
    from csg_otel.config.sections.security import ApiAuth, Security


def access_log(security: Security) -> AccessLog | None:
    """Return the access log; None if it is off."""
    logging = security.access_logging
    return AccessLog() if logging.enabled and logging.log_requests else None


def guards(security: Security, host: str, *, checks_hosts: bool = False) -> tuple[Guard, ...]:
    """
    Return the guards that are switched on, in the order in which a request passes them.

    Args:
        security: The settings.
        host: The name or address that the server listens on.
        checks_hosts: Whether the host of requests is checked although no allowed hosts are configured. Default False.
    """
    switched_on = list[Guard]()
    if (security.allowed_hosts or checks_hosts) and "*" not in security.allowed_hosts:
        switched_on.append(HostCheck((*security.allowed_hosts, host)))
    if security.rate_limiting.enabled:
        switched_on.append(RateLimit(security.rate_limiting.requests_per_minute))
    return tuple(switched_on)


def unauthorized(auth: ApiAuth) -> Response:
    """Return the response to a request without an accepted token."""
    challenge = 'Basic realm="csg_otel", charset="UTF-8"' if auth.method == "basic" else "Bearer"
    return Response(401, b"unauthorized\n", {**PLAIN_TEXT, "WWW-Authenticate": challenge})
