"""Requests to a server of the SDK, over a real socket."""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csg_otel.server import Server

WITHIN_S = 40.0
"""Seconds to wait for a response: a busy machine may stop both sides for some."""


def port_of(server: Server) -> int:
    """Return the port of *server*."""
    return int(server.url.rpartition(":")[2])


def ask(
    server: Server, path: str, method: str = "GET", *, source: str = "127.0.0.1", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """
    Send one request and return status, headers (in lower case) and body.

    Args:
        server: The server.
        path: The path with its query string.
        method: The method.
        source: The loopback address the request comes from.
        **headers: Headers, with ``_`` for ``-``.
    """
    address = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=WITHIN_S, source_address=(source, 0))
    connection.request(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})
    response = connection.getresponse()
    result = (response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())
    connection.close()
    return result


def connect(server: Server) -> socket.socket:
    """Return a connection to *server* that waits `WITHIN_S` for bytes."""
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), WITHIN_S)


def is_closed(connection: socket.socket) -> bool:
    """Wait for a byte or the end of *connection*, and return whether it has ended."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def exchange(server: Server, request: bytes) -> bytes:
    """Send the bytes of a *request*, and return those of the response, which ends with the connection."""
    with connect(server) as client:
        client.sendall(request)
        with client.makefile("rb") as response:
            return response.read()
