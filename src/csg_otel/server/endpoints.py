"""
What ``/metrics`` and the probes answer, whatever server asks.

A probe never runs a check, and ``/metrics`` is 200 whatever the health. Knows nothing of sockets, threads or frameworks.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from csg_otel.exporters import prometheus
from csg_otel.health import HealthSnapshot, report

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.config import Config
    from csg_otel.config.sections.security import ApiAuth

_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_TEXT = {**_NO_STORE, "Content-Type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: _TEXT)


class Endpoints:
    """What the endpoints answer under one configuration."""

    def __init__(
        self,
        config: Config,
        *,
        metrics: Callable[[], MetricsData | None],
        health: Callable[[], HealthSnapshot],
        stopping: Callable[[], bool],
    ) -> None:
        """*metrics*, *health* and *stopping* are asked at each request and must answer from what is known already."""
        self._config = config
        self._metrics = metrics
        self._health = health
        self._stopping = stopping

    @property
    def protected(self) -> bool:
        """Whether a token is asked for."""
        return self._config.security.api_auth.enabled

    def prepare(self) -> None:
        """Load what rendering needs, before the first scrape does."""
        prometheus.family_name("ready", "", "gauge")

    def answer(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> Answer:
        """Answer a request; *query* is what follows the question mark, the names of *headers* are in lower case."""
        endpoint = self._config.system_monitoring.prometheus
        name, _, check = path.strip("/").partition("/")
        if name not in report.GROUP_OF and not (endpoint.enabled and path == endpoint.path):
            return Answer(404, b"not found\n")
        if method not in ("GET", "HEAD"):
            return Answer(405, b"only GET and HEAD\n", {**_TEXT, "Allow": "GET, HEAD"})
        if path == endpoint.path:
            return self._scrape(headers)
        if check and name != "healthz":
            return Answer(404, b"not found\n")
        return self._probe(name, unquote(check) or None, query, headers)

    def _scrape(self, headers: Mapping[str, str]) -> Answer:
        if not self._authorized(headers):
            scheme = "Basic" if self._config.security.api_auth.method == "basic" else "Bearer"
            return Answer(401, b"unauthorized\n", {**_TEXT, "WWW-Authenticate": scheme})
        openmetrics = prometheus.negotiate(headers.get("accept", ""))
        body = prometheus.render(self._metrics(), openmetrics=openmetrics)
        media = prometheus.OPENMETRICS_CONTENT_TYPE if openmetrics else prometheus.TEXT_CONTENT_TYPE
        told = {**_NO_STORE, "Content-Type": media, "Vary": "Accept, Accept-Encoding"}
        if "gzip" in headers.get("accept-encoding", ""):
            return Answer(200, prometheus.compress(body), {**told, "Content-Encoding": "gzip"})
        return Answer(200, body, told)

    def _probe(self, probe: str, check: str | None, query: str, headers: Mapping[str, str]) -> Answer:
        asked = parse_qs(query, keep_blank_values=True)
        reply = report.render(
            self._health(),
            probe,
            check=check,
            verbose="verbose" in asked,
            exclude=asked.get("exclude", ()),
            accept=headers.get("accept", ""),
            authorized=self.protected and self._authorized(headers),
            show_details=self._config.health_monitoring.show_details,
            shutting_down=self._stopping(),
        )
        return Answer(reply.status, reply.body, {**_NO_STORE, "Content-Type": reply.content_type, "Vary": "Accept"})

    def _authorized(self, headers: Mapping[str, str]) -> bool:
        auth = self._config.security.api_auth
        return not auth.enabled or authorized(auth, headers.get("authorization", ""))


def authorized(auth: ApiAuth, header: str) -> bool:
    """Tell whether the ``Authorization`` *header* carries one of the tokens; every comparison takes the same time."""
    given = header.encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(given, _expected(auth, token)) for token in auth.tokens]
    return any(matches)


def _expected(auth: ApiAuth, token: Any) -> bytes:
    """Return the header value that carries *token*: a bearer token, or ``user:password`` for the basic method."""
    secret = token.reveal().encode()
    return b"Basic " + b64encode(secret) if auth.method == "basic" else b"Bearer " + secret
