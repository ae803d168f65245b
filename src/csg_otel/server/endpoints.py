"""
The endpoints: the responses of ``/metrics`` and the probes, independent of the server that receives the request.

A probe never runs a check, and ``/metrics`` responds with 200 in every state of health. Needs no sockets and no framework.
"""

from __future__ import annotations

import hmac
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from csg_otel.exporters import prometheus
from csg_otel.health import HealthSnapshot, report
from csg_otel.server.access_log import AccessLog
from csg_otel.server.hosts import HostCheck
from csg_otel.server.messages import NO_STORE, PLAIN_TEXT, Guard, Request, Response
from csg_otel.server.rate_limit import RateLimit

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.config import Config
    from csg_otel.config.sections.security import ApiAuth


class Endpoints:
    """The endpoints of one configuration; the order is access log, host check, rate limit, token, endpoint."""

    def __init__(
        self,
        config: Config,
        *,
        metrics: Callable[[], MetricsData | None],
        health: Callable[[], HealthSnapshot],
        stopping: Callable[[], bool],
    ) -> None:
        """
        Serve *config*; the three callables run at each request, on the thread of the request.

        Args:
            config: The whole configuration.
            metrics: Returns all metrics now; None if there are none.
            health: Returns the latest results of the checks; runs none.
            stopping: Returns whether the program is shutting down.
        """
        self._config = config
        self._metrics = metrics
        self._health = health
        self._stopping = stopping
        self._guards = _guards(config)
        logging = config.security.access_logging
        self._access_log = AccessLog() if logging.enabled and logging.log_requests else None

    @property
    def protected(self) -> bool:
        """Whether ``/metrics`` needs a token."""
        return self._config.security.api_auth.enabled

    def prepare(self) -> None:
        """Import the modules for rendering now, so that the first scrape does not wait for them."""
        prometheus.family_name("ready", "", "gauge")

    def respond(self, request: Request) -> Response:
        """Return the response to *request*, and log the request if the access log is on."""
        if self._access_log is None:
            return self._respond(request)
        began_s = time.perf_counter()
        status, size_bytes = 500, 0  # the server's response if rendering raises
        try:
            response = self._respond(request)
            status, size_bytes = response.status, 0 if request.method == "HEAD" else len(response.body)
            return response
        finally:
            self._access_log.write(request, status, size_bytes, time.perf_counter() - began_s)

    def _respond(self, request: Request) -> Response:
        for guard in self._guards:
            if (refusal := guard.refusal(request)) is not None:
                return refusal
        endpoint = self._config.system_monitoring.prometheus
        name, _, check = request.path.strip("/").partition("/")
        if name not in report.GROUP_OF and not (endpoint.enabled and request.path == endpoint.path):
            return Response(404, self._not_found())
        if request.method not in ("GET", "HEAD"):
            return Response(405, b"only GET and HEAD\n", {**PLAIN_TEXT, "Allow": "GET, HEAD"})
        if request.path == endpoint.path:
            return self._scrape(request.headers)
        if check and name != "healthz":
            return Response(404, self._not_found())
        return self._probe(name, unquote(check) or None, request.query, request.headers)

    def _not_found(self) -> bytes:
        """Return the body for a path that does not exist: a user who opens the address in a browser sees where to go."""
        endpoint = self._config.system_monitoring.prometheus
        paths = (*([endpoint.path] if endpoint.enabled else []), *(f"/{name}" for name in report.GROUP_OF))
        return f"not found; the endpoints are {' '.join(paths)}\n".encode()

    def _scrape(self, headers: Mapping[str, str]) -> Response:
        if not self._authorized(headers):
            scheme = "Basic" if self._config.security.api_auth.method == "basic" else "Bearer"
            return Response(401, b"unauthorized\n", {**PLAIN_TEXT, "WWW-Authenticate": scheme})
        openmetrics = prometheus.negotiate(headers.get("accept", ""))
        body = prometheus.render(self._metrics(), openmetrics=openmetrics)
        media_type = prometheus.OPENMETRICS_CONTENT_TYPE if openmetrics else prometheus.TEXT_CONTENT_TYPE
        response_headers = {**NO_STORE, "Content-Type": media_type, "Vary": "Accept, Accept-Encoding"}
        if "gzip" in headers.get("accept-encoding", ""):
            return Response(200, prometheus.compress(body), {**response_headers, "Content-Encoding": "gzip"})
        return Response(200, body, response_headers)

    def _probe(self, probe: str, check: str | None, query: str, headers: Mapping[str, str]) -> Response:
        options = parse_qs(query, keep_blank_values=True)
        reply = report.render(
            self._health(),
            probe,
            check=check,
            verbose="verbose" in options,
            exclude=options.get("exclude", ()),
            accept=headers.get("accept", ""),
            authorized=self.protected and self._authorized(headers),
            show_details=self._config.health_monitoring.show_details,
            shutting_down=self._stopping(),
        )
        return Response(reply.status, reply.body, {**NO_STORE, "Content-Type": reply.content_type, "Vary": "Accept"})

    def _authorized(self, headers: Mapping[str, str]) -> bool:
        auth = self._config.security.api_auth
        return not auth.enabled or authorized(auth, headers.get("authorization", ""))


def _guards(config: Config) -> tuple[Guard, ...]:
    """Return the guards that are switched on, in the order in which a request passes them."""
    security, guards = config.security, list[Guard]()
    if security.allowed_hosts and "*" not in security.allowed_hosts:
        guards.append(HostCheck((*security.allowed_hosts, config.system_monitoring.prometheus.host)))
    if security.rate_limiting.enabled:
        guards.append(RateLimit(security.rate_limiting.requests_per_minute))
    return tuple(guards)


def authorized(auth: ApiAuth, header: str) -> bool:
    """Return whether the ``Authorization`` *header* contains one of the tokens; every comparison takes the same time."""
    sent = header.encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(sent, _expected(auth, token)) for token in auth.tokens]
    return any(matches)


def _expected(auth: ApiAuth, token: Any) -> bytes:
    """Return the header value for *token*: a bearer token, or ``user:password`` for the basic method."""
    secret = token.reveal().encode()
    return b"Basic " + b64encode(secret) if auth.method == "basic" else b"Bearer " + secret
