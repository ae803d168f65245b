"""
The HTTP door: ``/metrics`` and the probes, on a thread and an event loop of its own.

A blocked loop of the program can't silence it, a probe never runs a check, and ``/metrics`` is 200 whatever the health. A
port in use is a warning; the program goes on. The web framework is imported on the server's thread, so starting is cheap.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import threading
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from csg_otel.exporters import prometheus
from csg_otel.health import HealthSnapshot, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import MetricsData
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from csg_otel.config.model import ApiAuth, Config

_log = logging.getLogger("csg_otel")

PROBES = ("livez", "readyz", "startupz", "healthz")

_METHODS = ["GET", "HEAD"]
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Endpoints:
    """What the endpoints answer, as a Starlette application that can also be mounted elsewhere."""

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

    def app(self) -> Starlette:
        """Return the application with all routes; imports the framework."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        routes = [Route(f"/{probe}", self._probe, methods=_METHODS) for probe in PROBES]
        routes.append(Route("/healthz/{check}", self._probe, methods=_METHODS))
        if self._config.system_monitoring.prometheus.enabled:
            routes.append(Route(self._config.system_monitoring.prometheus.path, self._scrape, methods=_METHODS))
        return Starlette(routes=routes)

    async def _scrape(self, request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response

        if not self._authorized(request):
            scheme = "Basic" if self._config.security.api_auth.method == "basic" else "Bearer"
            return Response("unauthorized\n", 401, {**_NO_STORE, "WWW-Authenticate": scheme}, "text/plain")
        openmetrics = prometheus.negotiate(request.headers.get("accept", ""))
        body = await run_in_threadpool(self._exposition, openmetrics)
        headers = dict(_NO_STORE)
        if "gzip" in request.headers.get("accept-encoding", ""):
            body = await run_in_threadpool(prometheus.compress, body)
            headers.update({"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
        media = prometheus.OPENMETRICS_CONTENT_TYPE if openmetrics else prometheus.TEXT_CONTENT_TYPE
        return Response(body, 200, {**headers, "Content-Type": media})

    def _exposition(self, openmetrics: bool) -> bytes:
        return prometheus.render(self._metrics(), openmetrics=openmetrics)

    async def _probe(self, request: Request) -> Response:
        from starlette.responses import Response

        query = request.query_params
        reply = report.render(
            self._health(),
            request.url.path.rstrip("/").rsplit("/", 1)[-1] if "check" not in request.path_params else "healthz",
            check=request.path_params.get("check"),
            verbose="verbose" in query,
            exclude=query.getlist("exclude"),
            accept=request.headers.get("accept", ""),
            authorized=self._config.security.api_auth.enabled and self._authorized(request),
            show_details=self._config.health_monitoring.show_details,
            shutting_down=self._stopping(),
        )
        return Response(reply.body, reply.status, {**_NO_STORE, "Content-Type": reply.content_type})

    def _authorized(self, request: Request) -> bool:
        auth = self._config.security.api_auth
        return not auth.enabled or authorized(auth, request.headers.get("authorization", ""))


def authorized(auth: ApiAuth, header: str) -> bool:
    """Tell whether the ``Authorization`` *header* carries one of the tokens; every comparison takes the same time."""
    given = header.encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(given, expected) for token in auth.tokens for expected in _expected(auth, token)]
    return any(matches)


def _expected(auth: ApiAuth, token: Any) -> tuple[bytes, ...]:
    """Return the header values that carry *token*: a bearer token, or ``user:password`` for the basic method."""
    secret = token.reveal().encode()
    if auth.method == "basic":
        return (b"Basic " + b64encode(secret),)
    return (b"Bearer " + secret,)


class Server:
    """The listening socket and the thread that serves it."""

    def __init__(self, host: str, port: int, endpoints: Endpoints) -> None:
        self._host = host
        self._wanted = port
        self._endpoints = endpoints
        self._socket: socket.socket | None = None
        self._uvicorn: Any = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.problem = ""

    @property
    def url(self) -> str:
        """The address served, as a URL without a path; empty while nothing is."""
        if self._socket is None:
            return ""
        host, port = self._socket.getsockname()[:2]
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"

    def start(self) -> bool:
        """Bind and serve; False and one warning if the port can't be had. Port 0 takes a free one."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._wanted))
            listener.listen(128)
        except OSError as error:
            listener.close()
            self.problem = f"{self._host}:{self._wanted}: {error.strerror or error}"
            _log.warning(
                "no /metrics and no probes here: can't listen on %s; the program goes on (port 0 takes a free port)",
                self.problem,
            )
            return False
        self._socket = listener
        if self._host not in ("127.0.0.1", "::1", "localhost") and not self._endpoints.protected:
            _log.warning("%s is served beyond this machine without a token (security.api_auth)", self.url)
        self._thread = threading.Thread(target=self._serve, name="csg-otel-http", daemon=True)
        self._thread.start()
        return True

    def _serve(self) -> None:
        import uvicorn

        settings = uvicorn.Config(
            self._endpoints.app(),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = uvicorn.Server(settings)
        if not self._stop.is_set():
            asyncio.run(self._uvicorn.serve(sockets=[self._socket]))

    def stop(self, timeout_s: float) -> None:
        """Stop serving and close the socket, within *timeout_s* seconds."""
        self._stop.set()
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True
            self._uvicorn.force_exit = True
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def forget_after_fork(self) -> None:
        """Close the inherited socket in a child: its parent serves it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.problem = "inherited over a fork; the parent serves it"
