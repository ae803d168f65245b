"""Clients that request a large page and read it slowly, or not at all: what the process and the system keep for them."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from csg_otel.exporters import prometheus
from csg_otel.server import Server, connection
from support.authority import Authority
from support.endpoints import WITHIN_S, port_of
from support.programs import eventually

Serve = Callable[..., Server]

READERS = 60
FORMS = {
    "text": b"",
    "gzip": b"Accept-Encoding: gzip\r\n",
    "protobuf": b"Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n",
}


def kept_by_system(port: int) -> int:
    """Return the bytes that the system keeps for the clients of *port*: not sent, or not confirmed."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(line[4].partition(":")[0], 16) for line in lines if line[1].endswith(f":{port:04X}"))


def kept_by_process(server: Server) -> int:
    """Return the bytes of pages that *server* keeps; clients of one page share them."""
    connections = () if server._loop is None else tuple(server._loop._connections)
    return sum({id(each.body): len(each.body) for each in connections}.values())


def reader(server: Server, stack: ExitStack, context: ssl.SSLContext | None) -> socket.socket:
    """Return a connection whose client has room for a few packets only."""
    client = stack.enter_context(socket.socket())
    client.settimeout(WITHIN_S)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port_of(server)))
    if context is None:
        return client
    return stack.enter_context(context.wrap_socket(client, server_hostname="127.0.0.1"))


@pytest.mark.parametrize(("form", "encrypted"), [*((form, False) for form in FORMS), ("text", True)])
def test_slow_readers_keep_a_few_pages(
    serve: Serve, tmp_path: Path, form: str, encrypted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many of them, with pages of their own: a few pages in the process, and a tenth of a page each in the system."""
    page, count = b"x" * 3_000_000, 0

    def page_of(*_: Any, **__: Any) -> bytes:
        nonlocal count
        count += 1
        return page + b"%04d" % count

    monkeypatch.setattr(prometheus.Pages, "render", page_of)
    monkeypatch.setattr(prometheus, "compress", page_of)
    authority = Authority(tmp_path)
    server = serve(security=authority.settings() if encrypted else {})
    most = 0
    with ExitStack() as stack:
        clients = [reader(server, stack, authority.client() if encrypted else None) for _ in range(READERS)]
        for client in clients:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n" + FORMS[form] + b"\r\n")
            most = max(most, kept_by_system(port_of(server)))
            # One page is there before the server closes another for it.
            assert kept_by_process(server) <= max(8 << 20, 2 * len(page)) + len(page) + 8

        def is_stuck() -> bool:
            nonlocal most
            before, most = most, max(most, kept_by_system(port_of(server)))
            return count > 3 and kept_by_process(server) > 0 and most == before

        eventually(is_stuck)
        most = max(most, kept_by_system(port_of(server)))

    assert 0 < most < READERS * len(page) / 10


def test_the_oldest_slow_reader_is_closed_first(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the newest gets its page whole."""
    count = 0

    def page_of(*_: Any, **__: Any) -> bytes:
        nonlocal count
        count += 1
        return b"%d" % count * 6_000_000

    monkeypatch.setattr(prometheus.Pages, "render", page_of)
    monkeypatch.setattr(connection, "_STALLED_S", 60.0)  # a busy machine may stop the readers, too
    server = serve()
    with ExitStack() as stack:
        clients = []
        for _ in range(4):
            clients.append(reader(server, stack, None))
            clients[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert clients[-1].recv(1) == b"H"
        sizes = []
        for client in clients:
            with client.makefile("rb") as answer:
                try:
                    sizes.append(len(answer.read()))
                except ConnectionResetError:
                    sizes.append(0)

    assert max(sizes[:2]) < 6_000_000
    assert min(sizes[2:]) > 6_000_000
