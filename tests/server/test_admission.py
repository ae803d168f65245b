"""Which connection is closed when there are too many: a crowd of silent clients takes nothing from those that behave."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from csg_otel.server import Server, connection
from csg_otel.server.connection import State
from support.authority import Authority
from support.endpoints import WITHIN_S, is_closed, port_of
from support.programs import eventually

Serve = Callable[..., Server]
CROWD = 300
"""Clients of a crowd: the server has at most 128 connections."""


Opened = tuple[Server, Callable[..., http.client.HTTPConnection]]


@pytest.fixture(params=["plain", "tls"])
def opened(
    request: pytest.FixtureRequest, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opened]:
    """A server, and a function that returns a client of it at an address."""
    monkeypatch.setattr(
        connection, "_REQUEST_S", 60.0
    )  # on a busy machine a crowd may take longer than 10 s to connect
    authority = Authority(tmp_path) if request.param == "tls" else None
    server = serve(**({} if authority is None else {"security": authority.settings()}))
    context = authority.client() if authority is not None else None
    with ExitStack() as clients:

        def client(address: str = "127.0.0.1") -> http.client.HTTPConnection:
            port, source = port_of(server), (address, 0)
            if context is None:
                made = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S, source_address=source)
            else:
                made = http.client.HTTPSConnection(
                    "127.0.0.1", port, timeout=WITHIN_S, source_address=source, context=context
                )
            clients.callback(made.close)
            return made

        yield server, client


def status(client: http.client.HTTPConnection) -> int:
    """Return the status of a probe on the connection of *client*, which stays open."""
    client.request("GET", "/livez")
    response = client.getresponse()
    response.read()
    return response.status


@contextmanager
def crowd(server: Server, count: int = CROWD) -> Iterator[list[socket.socket]]:
    """Silent clients at one address."""
    with ExitStack() as clients:
        yield [
            clients.enter_context(socket.create_connection(("127.0.0.1", port_of(server)), WITHIN_S))
            for _ in range(count)
        ]


def test_a_crowd_takes_no_connection_that_had_a_response(opened: Opened) -> None:
    """A scraper keeps its connection, and a new client is served, too."""
    server, client = opened
    scraper = client()
    assert status(scraper) == 503
    kept = scraper.sock
    with crowd(server):
        assert status(client()) == 503
        assert status(scraper) == 503
        assert scraper.sock is kept


def test_a_crowd_takes_no_connection_of_another_address(opened: Opened) -> None:
    """That is so before the first request, too: the handshake of a client far away takes longer than a crowd."""
    server, client = opened
    other = client("127.0.0.2")
    other.connect()
    with crowd(server):
        assert status(client()) == 503
        assert status(other) == 503


def test_clients_that_keep_connections_lock_none_out(opened: Opened) -> None:
    """Those that had a response are many; each new client is served, however long it takes until its request."""
    _, client = opened
    kept = [client() for _ in range(CROWD)]
    for each in kept:
        assert status(each) == 503
    new = [client() for _ in range(10)]
    for each in new:
        each.connect()

    assert [status(each) for each in new] == [503] * 10


def test_a_part_of_a_request_is_closed_first(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound client sends all of it at once."""
    monkeypatch.setattr(connection, "_REQUEST_S", 60.0)
    server = serve()
    with crowd(server, 64) as silent, crowd(server, 64) as parts:
        for each in parts:
            each.sendall(b"GET /livez HTTP/1.1\r\n")
        eventually(lambda: server._loop is not None)
        loop = server._loop
        assert loop is not None
        eventually(lambda: [each.state for each in tuple(loop._connections)].count(State.STARTED) == 64)
        with crowd(server, 60):
            assert all(map(is_closed, parts[:60]))
            silent[0].sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            assert silent[0].recv(1000).startswith(b"HTTP/1.1 503 ")
