"""Hostile clients of the endpoints, in a process of their own: ``python -m support.hostile_clients PORT KIND...``."""

from __future__ import annotations

import resource
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
HALF = b"GET /livez HTTP/1.1\r\nHost: a\r\nX: "


class Attack:
    """Attacks on one port; each method is one client that never ends."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)

    def scrape(self) -> None:
        """Request pages over and over."""
        buffer = bytearray(1 << 18)
        while True:
            with suppress(OSError), socket.create_connection(self._address, 30) as client:
                client.sendall(SCRAPE)
                while client.recv_into(buffer):
                    pass
            time.sleep(0.05)

    def _endless(self, start: bytes, piece: bytes) -> None:
        while True:
            with suppress(OSError), socket.create_connection(self._address, 5) as client:
                client.sendall(start)
                while True:
                    client.sendall(piece)

    def header_lines(self) -> None:
        """Send header lines without an end."""
        self._endless(HALF + b"\r\n", b"".join(b"X-%d: %s\r\n" % (number, b"a" * 90) for number in range(900)))

    def header_value(self) -> None:
        """Send one header value without an end."""
        self._endless(HALF, b"a" * 90_000)

    def body(self) -> None:
        """Send a body without an end."""
        start = b"POST /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._endless(start, b"10000\r\n" + b"a" * 65536 + b"\r\n")

    def drip(self) -> None:
        """Send a head a byte a second."""
        while True:
            with suppress(OSError), socket.create_connection(self._address, 5) as client:
                for byte in HALF + b"a" * 1000:
                    client.send(bytes([byte]))
                    time.sleep(1)

    def unread(self) -> None:
        """Request pages and never read one."""
        clients = []
        while True:
            with suppress(OSError):
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(self._address)
                client.sendall(SCRAPE)
                clients.append(client)
            time.sleep(0.1)

    def hold(self, count: int, start: bytes) -> Callable[[], None]:
        """Return a client that opens *count* connections, sends *start* on each, and keeps those that stay."""

        def run() -> None:
            selector = selectors.DefaultSelector()
            for _ in range(count):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(self._address)
                selector.register(client, selectors.EVENT_WRITE if start else selectors.EVENT_READ)
            while True:
                for key, event in selector.select(1):
                    client = key.fileobj  # type: ignore[assignment]
                    with suppress(OSError):
                        if event == selectors.EVENT_WRITE:
                            client.send(start)
                            selector.modify(client, selectors.EVENT_READ)
                            continue
                        if client.recv(65536):
                            continue
                    selector.unregister(client)
                    client.close()

        return run


def main(port: int, kinds: list[str]) -> None:
    """Run the attacks *kinds* until the process is ended."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    attack = Attack(port)
    clients: dict[str, list[Callable[[], None]]] = {
        "scrapers": [attack.scrape] * 60,
        "idle": [attack.hold(1100, b"")],
        "half-open": [attack.hold(200, HALF)],
        "header-lines": [attack.header_lines],
        "header-value": [attack.header_value],
        "body": [attack.body],
        "drip": [attack.drip] * 40,
        "unread": [attack.unread],
    }
    for kind in kinds:
        for client in clients[kind]:
            threading.Thread(target=client, daemon=True).start()
    print("attacking", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
