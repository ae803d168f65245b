"""
The listening socket, and the thread and event loop that serve it.

A blocked loop of the program can't silence it. A port in use is a warning; the program goes on. The web framework is
imported on the server's thread, so starting is cheap.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from csg_otel import faults, forks
from csg_otel.server.apps import asgi, in_thread

if TYPE_CHECKING:
    from csg_otel.server.endpoints import Endpoints

_log = logging.getLogger("csg_otel")

_CLOSING_S = 0.05

_AGAIN_S = 0.5
"""Between two attempts to serve, in seconds."""


class Server:
    """The listening socket and the thread that serves it."""

    def __init__(
        self, host: str, port: int, endpoints: Endpoints, *, may_serve: Callable[[], bool] = lambda: True
    ) -> None:
        """Serve *endpoints* when asked to; *may_serve* says whether no other worker of this program does."""
        self._may_serve = may_serve
        self._starting = threading.Lock()
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
        """
        Bind and serve; False if another worker does, or if the port can't be had, with one warning. Port 0 takes a free one.

        Idempotent, and may be tried again.
        """
        with self._starting:
            if self._socket is not None or self._stop.is_set():
                return self._socket is not None
            if not self._may_serve():
                self.problem = ""
                return False
            try:
                self._socket = self._listener_soon()
            except OSError as error:
                self._say(f"{self._host}:{self._wanted}: {error.strerror or error}")
                return False
            self.problem = ""
            if self._host not in ("127.0.0.1", "::1", "localhost") and not self._endpoints.protected:
                _log.warning("%s is served beyond this machine without a token (security.api_auth)", self.url)
            self._thread = threading.Thread(target=self._serve, name="csg-otel-http", daemon=True)
            self._thread.start()
            return True

    def _listener_soon(self) -> socket.socket:
        """Return the listening socket; the one before may be about to be closed, as when a worker was killed."""
        try:
            return self._listener()
        except OSError:
            self._stop.wait(_CLOSING_S)
            return self._listener()

    def _listener(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._wanted))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        return listener

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            _log.warning(
                "no /metrics and no probes here: can't listen on %s; the program goes on (port 0 takes a free port)",
                problem,
            )

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                self._serve_once()
                return
            except Exception:  # noqa: BLE001 - a socket that listens and is never answered is worse than none
                # Python 3.11: an import can fail because another thread compiles at the same moment, and works the next time.
                faults.contain("server")
                self._stop.wait(_AGAIN_S)

    def _serve_once(self) -> None:
        import uvicorn

        settings = uvicorn.Config(
            asgi(self._endpoints.respond),
            log_config=None,
            access_log=False,
            proxy_headers=False,  # any client can write X-Forwarded-For, and the rate limit counts by address
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = uvicorn.Server(settings)
        if not self._stop.is_set():
            asyncio.run(self._until_stopped(self._uvicorn))

    async def _until_stopped(self, server: Any) -> None:
        # What the first answer would have to load is loaded meanwhile, or that scrape would take ten times as long as others.
        ready = asyncio.ensure_future(in_thread(self._endpoints.prepare))
        await server.serve(sockets=[self._socket])
        await ready

    def stop(self, timeout_s: float) -> None:
        """Stop serving and close the socket, within *timeout_s* seconds."""
        with self._starting:
            self._stop.set()
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True
            self._uvicorn.force_exit = True
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def reset_after_fork(self) -> None:
        """
        Close the inherited sockets in a child, because its parent serves them; where any port will do, take one of its own.

        The connections' sockets are closed and nothing else: taking them off the loop would take them off the parent's.
        """
        inherited = [self._socket] if self._socket is not None else []
        for connection in tuple(getattr(getattr(self._uvicorn, "server_state", None), "connections", ())):
            transport = getattr(connection, "transport", None)
            wrapped = transport.get_extra_info("socket") if transport is not None else None
            # asyncio hands out a view without close(); where another loop has none, the socket stays as it is.
            if isinstance(real := getattr(wrapped, "_sock", None), socket.socket):
                inherited.append(real)
        for one in inherited:
            one.close()
        self._socket = self._thread = self._uvicorn = None
        self._stop = threading.Event()
        self._starting = threading.Lock()
        if self._wanted == 0:
            forks.afterwards(self.start)
        else:
            self.problem = f"port {self._wanted} is served by the process this one was forked from"
