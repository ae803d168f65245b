"""
The server: a listening socket with a thread of its own.

It responds even while the program's own event loop is blocked. If the port is in use, it logs a warning, and the program goes
on. The server's thread imports the protocol's library, so that the program starts quickly. One class serves the endpoints and
the dashboard; :class:`Purpose` has what differs.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, forks, waits
from csg_otel.server import hosts
from csg_otel.server.background import Background
from csg_otel.server.channel import Channel
from csg_otel.server.messages import NO_STORE
from csg_otel.server.sockets import DescriptorsClosedError, KeptSocket
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from csg_otel.config.sections.security import EndpointTls
    from csg_otel.server.connection import Connection
    from csg_otel.server.loop import Loop
    from csg_otel.server.messages import Service
    from csg_otel.server.tls import Certificates

_log = logging.getLogger("csg_otel")

_REBIND_S = 0.05
"""Seconds before the second attempt to bind: a worker that was just killed may still have its socket open."""

_BACKLOG: Final = 4096
"""
Connections that the system accepts before the server does, as far as it allows so many (``net.core.somaxconn``). A client that
finds no place is not refused: its system tries again after 1 s.
"""

_UNSENT_BYTES: Final = 64 * 1024
"""
Most bytes that the system keeps of a page for one client until they are on their way. Without this bound it keeps 4 MiB for
each, in memory that counts as the container's: 500 MB for the clients that may be connected, if they do not read.
"""

_GRACE_S = 1.0
"""Seconds for which a port that is taken is not logged, if it is tried again: a worker or an earlier run may be leaving it."""

_RETRY_S = 0.5
"""Seconds between two attempts to serve after an unexpected failure."""


@dataclass(frozen=True)
class Purpose:
    """
    What a server is for.

    ``missing`` is what does not exist without it, ``section`` the settings with its host and port, ``thread`` the end of the
    name of its thread. ``is_private`` servers do not start where other machines can reach them without a token; others log a
    warning.
    ``option`` is the option of the command that sets the port, where no setting does. ``response_s`` is the upper bound in
    seconds for computing a response; a collection takes a fraction of the default. ``headers`` are of every response, also
    to what the service never gets.
    """

    missing: str
    section: str
    thread: str
    is_private: bool = False
    option: str = ""
    response_s: float = 30.0
    headers: Mapping[str, str] = field(default_factory=lambda: NO_STORE)


ENDPOINTS: Final = Purpose("no /metrics and no probes here", "system_monitoring.prometheus", "http")


class Server:
    """A server on a port of its own."""

    def __init__(
        self,
        host: str,
        port: int,
        service: Service,
        *,
        purpose: Purpose = ENDPOINTS,
        may_serve: Callable[[], bool] = lambda: True,
        tries_again: Callable[[], bool] = lambda: False,
        tls: EndpointTls | None = None,
    ) -> None:
        """
        Prepare a server; :meth:`start` starts it.

        Args:
            host: The address to listen on.
            port: The port; 0 takes a free one.
            service: What to serve.
            purpose: What it is for. Default: the endpoints.
            may_serve: Returns False while another worker of this program serves. Default: always returns True.
            tries_again: Returns whether :meth:`start` will be called again soon. Default: always returns False.
            tls: The section ``security.tls``. Default: no TLS.
        """
        self._tls = tls if tls is not None and tls.cert else None
        self._certificates: Certificates | None = None
        self._may_serve = may_serve
        self._tries_again = tries_again
        self._failing_since_s: float | None = None
        self._logged = ""
        self._starting = threading.Lock()
        self._host = host
        self._port = port
        self._service = service
        self._purpose = purpose
        self._socket: KeptSocket | None = None
        self._address: tuple[str, int] = ("", 0)
        """The address of the socket."""
        self._loop: Loop | None = None
        self._background = Background("server")  # for log lines, because a handler of the program may hang
        self._thread: threading.Thread | None = None
        self._stop = waits.Latch()
        self.problem = ""

    @property
    def url(self) -> str:
        """The URL of the server without a path; empty while it does not serve."""
        if self._socket is None:
            return ""
        host, port = self._address
        reachable = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        scheme = "https" if self._tls is not None else "http"
        return f"{scheme}://[{reachable}]:{port}" if ":" in reachable else f"{scheme}://{reachable}:{port}"

    def start(self) -> bool:
        """
        Bind and serve, and return whether this process serves now.

        The result is False if another worker serves, or, with one warning, if the port is not available. Idempotent; may be
        called again later.
        """
        with self._starting:
            if self._socket is not None or self._stop.is_set():
                return self._socket is not None
            if not self._may_serve():
                self.problem, self._failing_since_s = "", None
                return False
            if self._purpose.is_private and self._is_open:
                self.problem = self._exposure(f"{self._host}:{self._port}")
                self._log_once(f"{self._purpose.missing}: {self.problem}")
                return False
            if not self._has_certificates():
                return False
            try:
                listener = self._listener_with_retry()
            except OSError as error:
                self._note(f"{self._host}:{self._port}: {error.strerror or error}")
                return False
            self._socket, self._address = KeptSocket(listener), listener.getsockname()[:2]
            self.problem, self._logged, self._failing_since_s = "", "", None
            if self._is_open:
                _log.warning("%s", self._exposure(self.url))
            self._thread = OwnThread(target=self._serve, name=f"csg-otel-{self._purpose.thread}")
            self._thread.start()
            return True

    def _has_certificates(self) -> bool:
        """Return whether all is there that TLS needs, if it is configured; else log the reason, because nothing is served."""
        if self._tls is None:
            return True
        from csg_otel.server.tls import Certificates

        try:
            self._certificates = Certificates(self._tls, self._background)
        except OSError as error:
            self.problem = str(error)
            self._log_once(f"{self._purpose.missing}: {error}; the program goes on, and nothing is served without TLS")
            return False
        return True

    @property
    def _is_open(self) -> bool:
        """Whether other machines can reach the server without a token and without a certificate."""
        return hosts.is_open(self._host, self._tls, protected=self._service.protected)

    def _exposure(self, address: str) -> str:
        """Return the sentence about a server at *address* that is open, and what to set."""
        return "; ".join(hosts.exposure(address, self._purpose.section))

    def _listener_with_retry(self) -> socket.socket:
        """Return a listening socket; try twice, because the previous process on the port may be closing it."""
        try:
            return self._listener()
        except OSError:
            self._stop.wait(_REBIND_S)
            return self._listener()

    def _listener(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # The connections inherit both. With TLS, a small record would wait until the one before it is confirmed: 40 ms.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(OSError, AttributeError):  # a system without this option
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
            listener.bind((self._host, self._port or self._address[1]))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener

    def _note(self, problem: str) -> None:
        """Keep *problem*; log it once, unless the next attempt may succeed."""
        now_s = clocks.monotonic()
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        self.problem = problem
        if self._tries_again() and now_s - self._failing_since_s < _GRACE_S:
            return
        port = self._purpose.option or f"{self._purpose.section}.port"
        self._log_once(
            f"{self._purpose.missing}: can't listen on {problem}; the program goes on. Set {port} to another one "
            "(port 0 takes a free port)"
        )

    def _log_once(self, warning: str) -> None:
        if warning != self._logged:
            self._logged = warning
            _log.warning("%s", warning)

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                self._serve_once()
                return
            except DescriptorsClosedError:
                self._start_again()
                return
            except Exception as error:  # noqa: BLE001 - a port that accepts and never responds is worse than a closed one
                # Python 3.11: an import can fail because another thread compiles at the same moment; the next try works.
                self._background.contain(error)
                self._stop.wait(_RETRY_S)

    def _serve_once(self) -> None:
        from csg_otel.server.loop import Loop

        listener = self._socket
        if listener is None:
            return
        self._service.prepare(self.url)
        if not listener.is_own:
            raise DescriptorsClosedError
        self._loop = loop = Loop(listener, self._service, self._background, self._connector())
        try:
            if not self._stop.is_set():
                loop.run()
        finally:
            loop.close()

    def _connector(self) -> Callable[[socket.socket, str, float], Connection]:
        """Return the function that makes the connection of a new client."""
        from csg_otel.server.connection import Connection

        service, purpose, certificates = self._service, self._purpose, self._certificates

        def connect(client: socket.socket, address: str, now: float) -> Connection:
            channel = Channel(client) if certificates is None else certificates.channel(client, now)
            return Connection(client, address, now, service, purpose, channel=channel)

        return connect

    def _start_again(self) -> None:
        """Listen again, with another thread: the program has closed all descriptors, as daemons do."""
        with self._starting:
            if self._socket is not None:
                self._socket.forget()
            self._socket = None
        self.start()

    def stop(self, timeout_s: float) -> None:
        """Stop serving and close the socket, within *timeout_s* seconds."""
        with self._starting:
            self._stop.set()
        if self._loop is not None:
            self._loop.stop()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._socket is not None:
            self._socket.forget()
            self._socket = None

    def reset_after_fork(self) -> None:
        """
        Close the inherited sockets in a forked child, because the parent serves them; with port 0, serve on another free port.
        """
        if self._loop is not None:
            self._loop.close()
        if self._socket is not None:
            self._socket.forget()
        self._socket = self._thread = self._loop = None
        self._address = ("", 0)
        self._stop = waits.Latch()
        self._starting = threading.Lock()
        if self._port == 0:
            forks.afterwards(self.start)
        else:
            self.problem = f"port {self._port} is served by the parent of this process"
