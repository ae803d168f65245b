"""One HTTP request under one deadline, against servers of every manner."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from csg_otel import net


@contextmanager
def answering(*pieces: bytes, pause_s: float = 0.0) -> Iterator[str]:
    """Serve one connection: read a request, send *pieces* with pauses between, close."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except OSError:
                    return
                time.sleep(pause_s)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    finally:
        thread.join(10)
        listener.close()


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"])
def test_a_server_that_closes_is_read_to_the_end(head: bytes) -> None:
    """An answer whose end is the end of the connection arrives whole."""
    with answering(head, b"a" * 100_000, b"b") as url:
        answer = net.ask("GET", url, timeout_s=5)

    assert (answer.status, len(answer.body), answer.body[-1:]) == (200, 100_001, b"b")


def test_bytes_that_drip_do_not_outlast_the_deadline() -> None:
    """Each byte comes in time, all of them don't: the request ends at its deadline."""
    with answering(b"HTTP/1.1 200 OK\r\n", *[b"x"] * 30, pause_s=0.05) as url:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            net.ask("GET", url, timeout_s=0.3)

    assert time.monotonic() - began < 5


def test_what_is_not_http_is_no_answer() -> None:
    """Another protocol is an OSError like any other lack of an answer."""
    with answering(b"220 mail.example ESMTP\r\n") as url, pytest.raises(ConnectionError, match="no HTTP answer"):
        net.ask("GET", url, timeout_s=5)


def test_an_address_of_another_kind_is_a_mistake_of_the_caller() -> None:
    """A URL without http is a ValueError that shows no password."""
    with pytest.raises(ValueError, match="ftp://host is no address") as caught:
        net.ask("GET", "ftp://me:pa55@host/", timeout_s=1)

    assert "pa55" not in str(caught.value)
