"""System calls that keep the interpreter's lock: their results, and that no other thread runs in between."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from csg_otel.server import sockets


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets."""
    first, second = socket.socketpair()
    with first, second:
        yield first, second


class Busy:
    """A thread that computes without a pause."""

    def __init__(self) -> None:
        self.turns = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Compute for the time of the block."""
        stop = False

        def compute() -> None:
            while not stop:
                self.turns += 1

        thread = threading.Thread(target=compute)
        thread.start()
        try:
            yield
        finally:
            stop = True
            thread.join()

    def turns_taken(self, call: Callable[[], object]) -> int:
        """Return in how many of 400 calls this thread ran."""
        taken = 0
        for _ in range(400):
            before = self.turns
            call()
            taken += self.turns != before
        return taken


def test_a_thread_that_computes_takes_no_turn_in_a_call(pair: tuple[socket.socket, socket.socket]) -> None:
    """The methods of sockets would lose the interpreter's lock to it, for 5 ms each, in a large part of the calls."""
    first, second = pair
    busy = Busy()

    def exchange() -> None:
        assert sockets.send(first, b"ping", 0, more=False) == 4
        assert sockets.receive(second, 100) == b"ping"

    with busy.running():
        assert busy.turns_taken(exchange) < 40


def test_a_call_never_waits(pair: tuple[socket.socket, socket.socket]) -> None:
    """Also on a socket that may wait."""
    first, second = pair

    with pytest.raises(BlockingIOError):
        sockets.receive(first, 100)
    page = b"x" * 10_000_000
    assert 0 < sockets.send(first, page, 0, more=False) < len(page)
    with pytest.raises(BlockingIOError):
        fill(first, page)
    sockets.close(second)
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
    sockets.close(first)
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
