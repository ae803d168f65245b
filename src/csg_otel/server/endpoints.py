"""
The endpoints: the responses of ``/metrics`` and the probes, independent of the server that receives the request.

A probe never runs a check, and ``/metrics`` responds with 200 in every state of health. Needs no sockets and no framework.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import parse_qs, unquote

from csg_otel import interruptions
from csg_otel.exporters import prometheus
from csg_otel.health import HealthSnapshot, report
from csg_otel.server import index
from csg_otel.server.background import Background
from csg_otel.server.guards import access_log, guards, unauthorized
from csg_otel.server.messages import NO_STORE, PLAIN_TEXT, Done, Request, Response
from csg_otel.server.scrapes import Form, Scrapes
from csg_otel.server.tokens import Tokens

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.config import Config


T = TypeVar("T")

_BUSY: Final = Response(503, b"no response could be made; the log of the program has the reason\n")
"""The response where the collection failed, the background thread hangs, or the system has no more threads."""


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
        Serve *config*; the three callables run at each request.

        Args:
            config: The whole configuration.
            metrics: Returns all metrics now; None if there are none. Runs on a background thread, one call at a time.
            health: Returns the latest results of the checks; runs none.
            stopping: Returns whether the program is shutting down.
        """
        self._config = config
        self._health = health
        self._stopping = stopping
        self._guards = guards(config.security, config.system_monitoring.prometheus.host)
        self._background = Background("endpoints")
        self._details = Background("details")  # of its own, because the text of a detail may hang
        self._scrapes = Scrapes(metrics, self._background)
        self._access_log = access_log(config.security)
        self._tokens = Tokens.of(config.security.api_auth)

    @property
    def protected(self) -> bool:
        """Whether ``/metrics`` needs a token."""
        return self._config.security.api_auth.enabled

    def prepare(self, url: str) -> None:  # noqa: ARG002 - see `messages.Service`
        """Import the modules for rendering in the background, so that the first scrape does not wait for them."""
        self._background.run(lambda: prometheus.family_name("ready", "", "gauge"))

    def body_limit(self, request: Request) -> int:  # noqa: ARG002 - see `messages.Service`
        """Return 0: no endpoint uses a body."""
        return 0

    def too_large(self, request: Request) -> Response:  # noqa: ARG002 - see `messages.Service`
        """Return the response 413."""
        return Response(413, b"content too large\n", PLAIN_TEXT)

    def respond(self, request: Request, done: Done) -> None:
        """
        Call *done* with the response to *request*, and log the request if the access log is on. Returns at once, never raises.

        Most responses are computed from stored values, on the calling thread. Pages of metrics, and details of checks, come
        later from a background thread: a collection takes long, and details become text by code of the program.
        """
        if self._access_log is not None:
            done = self._access_log.following(request, done)
        response = self._contained(partial(self._refusal, request))
        if response is not None:
            done(response)
        elif self._is_scrape(request):
            self._scrape(request.headers, done)
        elif request.path == "/":
            done(self._contained(lambda: index.response(request, self._config.service.name or "", self._metrics_path)))
        else:
            self._probe(request, done)

    def _contained(self, compute: Callable[[], T]) -> T | Response:
        """Return what *compute* returns, or the response 500 if it raises."""
        try:
            return compute()
        except Exception as error:  # noqa: BLE001 - telemetry never raises into the program
            interruptions.let_through()
            self._background.contain(error)  # on its thread, because a handler of the log may hang
            return Response(500, b"internal error\n")

    def _refusal(self, request: Request) -> Response | None:
        """Return the response to a request that reaches no endpoint; None for all others."""
        for guard in self._guards:
            if (refusal := guard.refusal(request)) is not None:
                return refusal
        name, check = _probe_of(request)
        is_scrape = self._is_scrape(request)
        if name not in report.GROUP_OF and not is_scrape and request.path != "/":
            return Response(404, self._not_found())
        if request.method not in ("GET", "HEAD"):
            return Response(405, b"only GET and HEAD\n", {**PLAIN_TEXT, "Allow": "GET, HEAD"})
        if is_scrape:
            return None if self._authorized(request.headers) else unauthorized(self._config.security.api_auth)
        return Response(404, self._not_found()) if check and name != "healthz" else None

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of ``/metrics`` and of the probes."""
        return index.paths(self._metrics_path)

    @property
    def _metrics_path(self) -> str:
        """The path of the metrics; empty if they are not served."""
        endpoint = self._config.system_monitoring.prometheus
        return endpoint.path if endpoint.enabled else ""

    def _is_scrape(self, request: Request) -> bool:
        return request.path == self._metrics_path

    def _not_found(self) -> bytes:
        """Return the body for a path that does not exist: a user who opens the address in a browser sees where to go."""
        return f"not found; the endpoints are {' '.join(self.paths)}\n".encode()

    def _scrape(self, headers: Mapping[str, str], done: Done) -> None:
        accept, encoding = headers.get("accept", ""), headers.get("accept-encoding", "")
        utf8 = self._config.system_monitoring.prometheus.names == "utf8"
        form = Form(prometheus.negotiate(accept, utf8=utf8), prometheus.accepts_gzip(encoding))
        self._scrapes.request(form, lambda page: done(_page_response(form, page)))

    def _probe(self, request: Request, done: Done) -> None:
        show_details = self._config.health_monitoring.show_details
        authorized = self.protected and self._authorized(request.headers)
        compute = partial(self._contained, partial(self._probe_response, request, authorized))
        details = show_details == "always" or (show_details == "authorized" and authorized)
        if not (details and report.wants_json(request.headers.get("accept", ""))):
            done(compute())
        elif not self._details.run(lambda: done(compute())):
            done(_BUSY)

    def _probe_response(self, request: Request, authorized: bool) -> Response:
        probe, check = _probe_of(request)
        options = parse_qs(request.query, keep_blank_values=True)
        reply = report.render(
            self._health(),
            probe,
            check=unquote(check) or None,
            verbose="verbose" in options,
            exclude=options.get("exclude", ()),
            accept=request.headers.get("accept", ""),
            authorized=authorized,
            show_details=self._config.health_monitoring.show_details,
            shutting_down=self._stopping(),
        )
        return Response(reply.status, reply.body, {**NO_STORE, "Content-Type": reply.content_type, "Vary": "Accept"})

    def _authorized(self, headers: Mapping[str, str]) -> bool:
        return not self.protected or self._tokens.accept(headers.get("authorization", ""))


def _probe_of(request: Request) -> tuple[str, str]:
    """Return the probe and the check that the path of *request* names, as they are in the path."""
    name, _, check = request.path.strip("/").partition("/")
    return name, check


def _page_response(form: Form, page: bytes | None) -> Response:
    if page is None:
        return _BUSY
    headers = {**NO_STORE, "Content-Type": form.format.content_type, "Vary": "Accept, Accept-Encoding"}
    return Response(200, page, {**headers, "Content-Encoding": "gzip"} if form.gzip else headers)
