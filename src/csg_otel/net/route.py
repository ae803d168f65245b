"""The way to a server: a connection to it, or through a proxy of the environment; with TLS if its URL says so."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from csg_otel.net import connection, proxies, response
from csg_otel.net.agent import USER_AGENT
from csg_otel.net.response import ProtocolError
from csg_otel.net.tls import tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from csg_otel.net.url import Url


class Route:
    """Opens connections to one server."""

    def __init__(
        self,
        server: Url,
        proxy: proxies.Proxy | None,
        *,
        tls: ssl.SSLContext | None = None,
        tunnels: bool = False,
        check_address: Callable[[str], None] | None = None,
    ) -> None:
        """
        Prepare for *server*; nothing is opened yet.

        Args:
            server: The address of the server.
            proxy: The proxy; None for none.
            tls: The context of https. Default: certificates are verified against the system's authorities.
            tunnels: Whether plain connections, too, go through a tunnel of the proxy. Default False.
            check_address: Called with each IP address before it is used, or with the host for a proxy; raises to refuse it.
                Default: no check.
        """
        self._server = server
        self._proxy = proxy
        self._tls = tls
        self._tunnels = tunnels or server.secure
        self._check_address = check_address

    def open(self, deadline: float) -> connection.Connection:
        """Return a new connection. Raises OSError, and TimeoutError as one, at the monotonic time *deadline*."""
        tls, host, port = self._context(), self._server.host, self._server.port
        if self._proxy is None:
            return connection.connect(host, port, deadline, tls=tls, check_address=self._check_address)
        if self._check_address is not None:
            # The proxy resolves names. The host is checked as the proxy reads it: 2852039166 is an address there.
            self._check_address(self._server.authority.rpartition(":")[0].strip("[]"))
        tunnel = self._request_tunnel if self._tunnels else None
        try:
            return connection.connect(
                self._proxy.host, self._proxy.port, deadline, tls=tls, server_name=host, before_tls=tunnel
            )
        except (ConnectionRefusedError, socket.gaierror) as error:
            raise proxies.ProxyError(f"the proxy {self._proxy}: {error.strerror or error}") from error

    def _context(self) -> ssl.SSLContext | None:
        if not self._server.secure:
            return None
        if self._tls is None:
            self._tls = tls_context()
        return self._tls

    def _request_tunnel(self, opened: connection.Connection) -> None:
        """Request a tunnel to the server (RFC 9110, 9.3.6). Raises OSError if the proxy refuses it."""
        assert self._proxy is not None  # noqa: S101 - for the type checker
        where = self._server.authority
        lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}", f"User-Agent: {USER_AGENT}"]
        lines += [f"{name}: {value}" for name, value in self._proxy.headers.items()]
        opened.send_all("\r\n".join([*lines, "", ""]).encode("latin-1"))
        status = response.read_head(opened)[0]
        if not 200 <= status < 300:
            raise proxies.ProxyError(f"the proxy {self._proxy} answers a request for a tunnel with HTTP {status}")
        if self._server.secure and not opened.drained:  # a plain server may speak first
            raise ProtocolError(f"the proxy {self._proxy} sends data before the tunnel is in use")
