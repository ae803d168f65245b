"""
The server of ``csg-otel alerts relay``: it receives notifications of Alertmanager, and passes each to a channel.

A notification is forwarded with the secrets of the channel, so it has to come from a program: a request that a web page can
send is refused. The server's thread receives, a bounded number of threads forward. So a client that is slow takes the place of
no notification.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, faults
from csg_otel.server.hosts import HostCheck, is_loopback
from csg_otel.server.messages import PLAIN_TEXT, Request, Response
from csg_otel.server.serving import Purpose, Server
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from csg_otel.alerts.alertmanager.relay import Forward
    from csg_otel.server.messages import Done
    from csg_otel.server.tokens import Tokens

HEALTHY: Final = "/-/healthy"
"""The path that answers 200 while the relay runs; Alertmanager has the same path."""

_MAX_FORWARDS: Final = 32
"""Notifications forwarded at the same time; each has a thread."""

_MAX_BYTES: Final = 4 * 1024 * 1024
"""Size limit of a notification in bytes; a notification with hundreds of alerts is far smaller."""

_SPARE_S: Final = 1.0
"""Seconds beyond the longest timeout of a channel in which a forward ends."""

_STOP_S: Final = 2.0
"""Upper bound in seconds for closing the connections."""


class RelayService:
    """The notifications that the relay accepts: JSON, to a known path, from a program with access."""

    def __init__(
        self,
        forwards: Mapping[str, Forward],
        host: str,
        tokens: Tokens | None = None,
        allowed_hosts: tuple[str, ...] = (),
    ) -> None:
        """
        Accept notifications for *forwards*.

        Args:
            forwards: The channels by their paths.
            host: The name or address that the server listens on.
            tokens: The tokens of callers. Default: none is needed.
            allowed_hosts: Names of this machine besides loopback's, as in ``security.allowed_hosts``. On a network the token
                is the protection, and without names here every name is allowed.
        """
        self.longest_s = max((forward.timeout_s for forward in forwards.values()), default=0.0) + _SPARE_S
        """Upper bound in seconds for forwarding one notification."""
        self._forwards = forwards
        self._tokens = tokens
        checks_hosts = (bool(allowed_hosts) or is_loopback(host)) and "*" not in allowed_hosts
        self._hosts = HostCheck((*allowed_hosts, host)) if checks_hosts else None
        self._free = threading.Semaphore(_MAX_FORWARDS)
        self._is_ending = False

    @property
    def protected(self) -> bool:
        """Whether a caller needs a token."""
        return self._tokens is not None

    def prepare(self, url: str) -> None:
        """Prepare nothing."""

    def body_limit(self, request: Request) -> int:
        """Return the most bytes of the body of *request*; nothing is kept of a request that is refused."""
        return _MAX_BYTES if request.method == "POST" and self._refusal(request) is None else 0

    def too_large(self, request: Request) -> Response:
        """Return the response to *request*, whose body is too long; the reason is another one if it is refused anyway."""
        return self._refusal(request) or _answer(413, f"the body must be at most {_MAX_BYTES} bytes")

    def respond(self, request: Request, done: Done) -> None:
        """Call *done* with the response to *request*, now or later on another thread."""
        refusal = self._refusal(request)
        if refusal is not None or request.method in ("GET", "HEAD"):
            done(refusal or _answer(200, "ok"))
        elif self._is_ending or not self._free.acquire(blocking=False):
            done(_answer(503, "the relay is busy or about to end; try again"))
        else:
            self._start(request, done)

    def _start(self, request: Request, done: Done) -> None:
        thread = OwnThread(target=self._forward, args=(request, done), name="csg-otel-relay-forward")
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads
            self._free.release()
            done(_answer(503, "the system has no more threads; try again"))

    def _forward(self, request: Request, done: Done) -> None:
        response = _answer(500, "internal error")
        try:
            response = _answer(*self._forwards[request.path].answer(request.path, request.body))
        except Exception:  # noqa: BLE001 - the caller always gets an answer
            faults.contain("relay")
        finally:
            done(response)
            self._free.release()

    def _refusal(self, request: Request) -> Response | None:
        """Return the response that refuses *request*, the cheapest reason first; None to let it pass."""
        if self._hosts is not None and (refusal := self._hosts.refusal(request)) is not None:
            return refusal
        if request.method in ("GET", "HEAD"):
            return None if request.path == HEALTHY else _answer(404, f"only {HEALTHY} can be read here")
        return self._stranger(request) or self._unknown(request)

    def _stranger(self, request: Request) -> Response | None:
        """Return the response to *request* if a web page may have sent it, or it has no token; None for all others."""
        if request.method != "POST":
            return _answer(405, "only POST", Allow="POST")
        # Browsers send one of these with every request of a page to another site, and programs send none.
        if any(name in request.headers for name in ("origin", "sec-fetch-site", "sec-fetch-mode")):
            return _answer(403, "requests of web pages are refused")
        if self._tokens is not None and not self._tokens.accept(request.headers.get("authorization", "")):
            return _answer(401, "unauthorized", **{"WWW-Authenticate": "Bearer"})
        return None

    def _unknown(self, request: Request) -> Response | None:
        """Return the response to *request* if it is no notification for a channel; None if it is one."""
        if request.path not in self._forwards:
            advice = "start the relay with the configuration that Alertmanager's was compiled from"
            return _answer(404, f"no channel has this path; {advice}")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return None if kind == "application/json" else _answer(415, "the content type must be application/json")

    def finish(self) -> None:
        """Accept no more notifications, and wait until the current ones are forwarded, at most :attr:`longest_s`."""
        self._is_ending = True
        deadline = clocks.monotonic() + self.longest_s
        for _ in range(_MAX_FORWARDS):
            if not self._free.acquire(timeout=max(0.0, deadline - clocks.monotonic())):
                return


class Relay:
    """The relay at one address; a context manager that serves within its block."""

    def __init__(
        self,
        forwards: Mapping[str, Forward],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tokens: Tokens | None = None,
        allowed_hosts: tuple[str, ...] = (),
    ) -> None:
        """
        Prepare to listen at *host*:*port*.

        Args:
            forwards: The channels by their paths.
            host: The address to listen at. Default: loopback. Any other address needs *tokens*.
            port: The port to listen at. Default: a free one.
            tokens: The tokens of callers. Default: none is needed.
            allowed_hosts: See :class:`RelayService`.
        """
        self._service = RelayService(forwards, host, tokens, allowed_hosts)
        purpose = Purpose(
            "no relay here",
            "",
            "relay",
            is_private=True,
            option="--listen",
            response_s=self._service.longest_s + _SPARE_S,
        )
        # A start that fails is reported by its exception alone: a server that is started again soon logs nothing.
        self._server = Server(host, port, self._service, purpose=purpose, tries_again=lambda: True)
        self.url = ""
        """The URL of the relay, once it serves."""

    def __enter__(self) -> Relay:
        """Start to serve. Raises OSError if the address is not available, or can be reached without a token."""
        if not self._server.start():
            raise OSError(self._server.problem)
        self.url = self._server.url
        return self

    def __exit__(self, *_error: object) -> None:
        """Accept no more requests, wait until the current ones end or reach their deadlines, and close."""
        self._service.finish()
        self._server.stop(_STOP_S)


def _answer(status: int, text: str, **headers: str) -> Response:
    return Response(status, f"{text}\n".encode(), {**PLAIN_TEXT, **headers})
