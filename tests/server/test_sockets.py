"""System calls that keep the interpreter's lock: their results, and that no other thread runs in between."""

from __future__ import annotations

import _ctypes
import socket
from collections.abc import Iterator

import pytest

from csg_otel.server import sockets


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets."""
    first, second = socket.socketpair()
    with first, second:
        yield first, second


def test_a_call_keeps_the_interpreters_lock() -> None:
    """How often a thread takes a lock that is given up depends on the machine, so the kind of the functions is checked."""
    functions = [value for value in vars(sockets).values() if isinstance(value, sockets._LIBRARY._FuncPtr)]

    assert len(functions) == 5
    assert sockets._LIBRARY._func_flags_ & _ctypes.FUNCFLAG_PYTHONAPI


def test_a_call_never_waits(pair: tuple[socket.socket, socket.socket]) -> None:
    """Also on a socket that may wait."""
    first, second = pair

    with pytest.raises(BlockingIOError):
        sockets.receive(first, 100)
    page = b"x" * 10_000_000
    assert 0 < sockets.send(first, page, 0, more=False) < len(page)
    with pytest.raises(BlockingIOError):
        fill(first, page)
    sockets.KeptSocket(second).close()
    with pytest.raises(OSError, match=r"reset|pipe"):
        sockets.send(first, b"x", 0, more=False)


def fill(connection: socket.socket, data: bytes) -> None:
    """Send until the system takes no more."""
    while True:
        sockets.send(connection, data, 0, more=False)


def test_a_part_is_sent_from_its_start(pair: tuple[socket.socket, socket.socket]) -> None:
    """The end of the bytes is sent, and the end of the connection is no bytes."""
    first, second = pair

    assert sockets.send(first, b"head and body", 5, more=False) == 8
    assert sockets.receive(second, 100) == b"and body"
    sockets.KeptSocket(first).close()
    assert sockets.receive(second, 100) == b""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_client_of_a_connection_is_its_address(host: str) -> None:
    """And a program that this one starts does not inherit the connection."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            sockets.accept(listener)
        with socket.create_connection(listener.getsockname()[:2], 10):
            connection, client = sockets.accept(listener)
            with connection:
                assert client == host
                assert not connection.get_inheritable()
