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
from typing import TYPE_CHECKING, Any

from csg_otel import forks
from csg_otel.server.apps import asgi

if TYPE_CHECKING:
    from csg_otel.server.endpoints import Endpoints

_log = logging.getLogger("csg_otel")


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
            asgi(self._endpoints.answer),
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

    def reset_after_fork(self) -> None:
        """Close the inherited socket in a child, which its parent serves; where any port will do, take one of its own."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self._thread = self._uvicorn = None
        self._stop = threading.Event()
        if self._wanted == 0:
            forks.afterwards(self.start)
        else:
            self.problem = f"port {self._wanted} is served by the process this one was forked from"
