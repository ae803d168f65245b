"""
System calls on sockets that never wait, made without giving up the interpreter's lock.

The methods of :class:`socket.socket` give up the lock in each call. While another thread computes, such as a collection of
metrics, it takes the lock every time and keeps it for 5 ms, so a probe of ten calls takes 50 ms. A call that cannot wait takes
microseconds and needs no other thread. The rule: every socket here is non-blocking, or the call says that it may not wait.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from typing import Any, Final

from csg_otel import descriptors

_LIBRARY: Final = ctypes.PyDLL(None, use_errno=True)  # unlike CDLL, it keeps the lock
_ADDRESS_BYTES: Final = 128
"""The size of ``struct sockaddr_storage``."""

_SENT_BYTES: Final = 256 * 1024
"""Most bytes of one call: copying them takes a tenth of a millisecond, in which no other thread runs."""

_SEND: Final = socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0)
_SEND_MORE: Final = _SEND | getattr(socket, "MSG_MORE", 0)

_ADDRESSES: Final = {socket.AF_INET: slice(4, 8), socket.AF_INET6: slice(8, 24)}
"""Where the address is in ``struct sockaddr_in`` and ``sockaddr_in6``."""


_COOKIE: Final = 57
"""Linux's ``SO_COOKIE``: the number of a socket, which no other has."""


class DescriptorsClosedError(OSError):
    """The program has closed descriptors of the server, as daemons close all."""


class KeptSocket:
    """A socket that stays open, and is used only while its descriptor is still its own."""

    def __init__(self, kept: socket.socket) -> None:
        """Keep *kept*, which is open."""
        self.socket = kept
        self._identity = _identity(kept)

    @property
    def is_own(self) -> bool:
        """Whether the descriptor is still that of the socket; it may be a file of the program if that has closed it."""
        return self._identity is not None and _identity(self.socket) == self._identity

    def forget(self) -> None:
        """Close this process's copy of the socket, unless the program has."""
        if self.is_own:
            self.socket.close()
        else:
            self.socket.detach()

    def close(self) -> None:
        """Close the connection for the client, even if a forked child has a copy of the descriptor."""
        is_own = self.is_own
        descriptor = self.socket.detach()
        if is_own:
            _shutdown(descriptor, socket.SHUT_RDWR)
            _close(descriptor)


def _identity(kept: socket.socket) -> object:
    """Return what no other open socket or file has; None if *kept* is closed."""
    if sys.platform == "linux":
        try:
            return kept.getsockopt(socket.SOL_SOCKET, _COOKIE, 8)  # unlike `os.fstat`, it keeps the interpreter's lock
        except OSError:  # no socket, or another kernel
            pass
    return descriptors.identity(kept.fileno())


def _function(name: str, *argument_types: Any) -> Any:
    function = getattr(_LIBRARY, name)
    function.argtypes, function.restype = argument_types, ctypes.c_ssize_t if name in ("recv", "send") else ctypes.c_int
    return function


_accept = _function("accept", ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_recv = _function("recv", ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_send = _function("send", ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_shutdown = _function("shutdown", ctypes.c_int, ctypes.c_int)
_close = _function("close", ctypes.c_int)


def accept(listener: socket.socket) -> tuple[socket.socket, str]:
    """Return the next connection of *listener*, which is non-blocking, and the client's address. Raises OSError."""
    address, size = ctypes.create_string_buffer(_ADDRESS_BYTES), ctypes.c_int(_ADDRESS_BYTES)
    descriptor = _checked(_accept(listener.fileno(), address, ctypes.byref(size)))
    os.set_inheritable(descriptor, False)
    family = listener.family
    client = socket.socket(family, listener.type, listener.proto, fileno=descriptor)
    return client, socket.inet_ntop(family, address.raw[_ADDRESSES[family]])


def receive(connection: socket.socket, most: int) -> bytes:
    """Return at most *most* bytes that have arrived; none at the end. Raises OSError, and BlockingIOError if nothing has."""
    buffer = ctypes.create_string_buffer(most)
    return ctypes.string_at(buffer, _checked(_recv(connection.fileno(), buffer, most, socket.MSG_DONTWAIT)))


def send(connection: socket.socket, data: bytes, start: int, *, more: bool) -> int:
    """
    Send *data* from *start* on, and return how many bytes the system has taken. Raises OSError as :func:`receive`.

    With *more* to follow, the system may wait for it, so that a head and a small body are one packet.
    """
    address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
    count = min(len(data) - start, _SENT_BYTES)
    return _checked(_send(connection.fileno(), address + start, count, _SEND_MORE if more else _SEND))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
