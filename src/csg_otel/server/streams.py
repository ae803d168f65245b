"""
The body of a response without an end, such as server-sent events: pieces from one thread, for one client.

The rule: a client that reads too slowly is disconnected, so that it makes the process keep a bounded number of bytes, and other
clients notice nothing. Pieces are shared: the same bytes may be in the streams of all clients. Uses no socket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

_MAX_WAITING_BYTES: Final = 1024 * 1024
"""Most bytes that wait for one client, unless one piece alone is larger: several states of a large program."""


class Stream:
    """One client's stream: one thread at a time calls :meth:`send`, the server's thread takes the pieces."""

    def __init__(self) -> None:
        """Prepare an empty stream; pieces may be sent before the server has begun the response."""
        self._pieces: deque[bytes] = deque()
        self._sent_bytes = 0
        self._taken_bytes = 0
        self._wake: Callable[[], object] = lambda: None
        self.closed = False
        """Whether the client has left, or was disconnected; the server sets it."""

    def send(self, piece: bytes) -> None:
        """Queue *piece* for the client; returns at once. A client with too many bytes waiting is disconnected instead."""
        waiting_bytes = self._sent_bytes - self._taken_bytes
        if waiting_bytes and waiting_bytes + len(piece) > _MAX_WAITING_BYTES:
            self.abort()
            return
        self._sent_bytes += len(piece)
        self._pieces.append(piece)
        self._wake()

    def abort(self) -> None:
        """Disconnect the client."""
        self.closed = True
        self._pieces.clear()
        self._wake()

    # -- for the server's thread -----------------------------------------------------------------------------------

    def open(self, wake: Callable[[], object]) -> None:
        """Call *wake*, on any thread, whenever there is something to do from now on."""
        self._wake = wake

    def take(self) -> bytes:
        """Return the next piece; empty if there is none yet."""
        try:
            piece = self._pieces.popleft()
        except IndexError:
            return b""
        self._taken_bytes += len(piece)
        return piece
