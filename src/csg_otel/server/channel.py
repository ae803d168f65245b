"""The bytes of one connection as its client sent them, and as it gets them: plain here, encrypted in `csg_otel.server.tls`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel.server import sockets

if TYPE_CHECKING:
    import socket


class Channel:
    """A connection without encryption; no method waits."""

    is_pending = False
    """Whether bytes that :meth:`send` has taken are still to be sent by :meth:`flush`."""

    def __init__(self, client_socket: socket.socket) -> None:
        """Use *client_socket*, which stays its owner's."""
        self._socket = client_socket

    def receive(self, most: int) -> bytes:
        """Return about *most* bytes that have arrived; none at the end. Raises OSError; BlockingIOError if there are none."""
        return sockets.receive(self._socket, most)

    def send(self, data: bytes, start: int, *, more: bool) -> int:
        """Send *data* from *start* on, with *more* to follow; return how many bytes are taken. Raises OSError as above."""
        return sockets.send(self._socket, data, start, more=more)

    def flush(self) -> None:
        """Send all that is taken. Raises OSError as above."""

    def end(self) -> None:
        """Let the client know that no more bytes follow, if that needs bytes of its own. Raises nothing."""
