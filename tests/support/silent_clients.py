"""
Clients that say nothing or stop halfway, in a process of their own.

``python -m support.silent_clients PORT plain|tls CA COUNT`` holds COUNT idle ones, a fifth as many that stop at one of four
places, and one that is silent after the first message of TLS. It prints ``attacking`` when all are there. Those that the server
has closed come again, until a line arrives on the standard input.
"""

from __future__ import annotations

import random
import selectors
import socket
import ssl
import sys
import threading
import time
from collections import deque
from contextlib import suppress

EVERY_S = 0.01
"""Seconds between two clients that come again after their connection was closed: most are back after 10 s."""

HEAD = b"POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n"
BODY = HEAD + b"Content-Length: 1000\r\n\r\n" + b"a" * 500


def hello() -> bytes:
    """Return a whole first message of TLS."""
    written = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), written, server_hostname="localhost").do_handshake()
    return written.read()


HELLO = hello()
PLAIN = {"line": b"GET /metr", "head": HEAD, "header": HEAD + b"X-Half: ", "body": BODY}
"""What clients send of a request without TLS."""

TLS = {"hello": HELLO[:20], "handshake": b"", "head": HEAD, "body": BODY}
"""What clients send with TLS: a part of the first message, or what follows after the handshake."""


class Clients:
    """The clients, and their connections."""

    def __init__(self, port: int, context: ssl.SSLContext | None) -> None:
        self._address, self._context = ("127.0.0.1", port), context
        self._selector = selectors.DefaultSelector()
        self._closed: deque[str] = deque()
        self._next_at = time.monotonic()

    def open(self, kind: str) -> None:
        """Open a connection, and send what a client of this *kind* sends."""
        client = socket.socket()
        client.settimeout(5)
        try:
            client.connect(self._address)
            if kind == "whole hello":
                client.sendall(HELLO)
            elif self._context is None:
                client.sendall(PLAIN.get(kind, b""))
            elif kind == "hello":
                client.sendall(TLS[kind])
            elif kind in TLS:
                client = self._context.wrap_socket(client, server_hostname="127.0.0.1")
                client.sendall(TLS[kind])
        except OSError:  # the server has closed it meanwhile
            client.close()
            self._closed.append(kind)
            return
        client.setblocking(False)
        self._selector.register(client, selectors.EVENT_READ, kind)

    def look(self) -> None:
        """Close what the server has closed."""
        for key, _ in self._selector.select(EVERY_S):
            client: socket.socket = key.fileobj  # type: ignore[assignment]
            with suppress(OSError):
                if client.recv(65536):
                    continue
            self._selector.unregister(client)
            client.close()
            self._closed.append(key.data)

    def come_again(self) -> None:
        """Open the one again that was closed first, if its time has come."""
        if self._closed and time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + EVERY_S
            self.open(self._closed.popleft())


def main(port: int, context: ssl.SSLContext | None, idle: int) -> None:
    """Hold connections until the process is ended."""
    clients, ended = Clients(port, context), threading.Event()
    places = list(PLAIN if context is None else TLS)
    kinds = ["idle"] * idle + places * (idle // 5 // len(places)) + ["whole hello"]
    random.Random(1).shuffle(kinds)
    for kind in kinds:
        clients.open(kind)

    def wait() -> None:
        sys.stdin.readline()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    print("attacking", flush=True)
    end = time.monotonic() + 600
    while time.monotonic() < end:
        clients.look()
        if not ended.is_set():
            clients.come_again()


if __name__ == "__main__":
    rules = ssl.create_default_context(cafile=sys.argv[3]) if sys.argv[2] == "tls" else None
    main(int(sys.argv[1]), rules, int(sys.argv[4]))
