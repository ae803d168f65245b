"""
A real HTTP proxy on loopback: it forwards requests in absolute form, and opens tunnels for CONNECT.

It resolves no names: every request and every tunnel goes to one server, so that tests can use names that do not exist.
"""

from __future__ import annotations

import base64
import re
import socket
import threading
from contextlib import suppress
from typing import BinaryIO


class HttpProxy:
    """A proxy in front of the server at *target*; ``fault`` is ``hang``, ``garbage``, a status such as ``502``, or empty."""

    def __init__(self, target: int, *, login: str = "", fault: str = "") -> None:
        """Listen; with *login*, ``user:password``, requests without these credentials get 407."""
        self.requests: list[str] = []
        """The first line of each request."""
        self.heads: list[str] = []
        self.fault = fault
        self._target = target
        self._login = f"Basic {base64.b64encode(login.encode()).decode()}" if login else ""
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, login: str = "") -> str:
        """Return the proxy's URL, as in ``HTTP_PROXY``."""
        return f"http://{f'{login}@' if login else ''}127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop listening; hanging connections are closed."""
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), client.makefile("rb") as reader:
            head = self._head(reader)
            if answer := self._refusal(head):
                client.sendall(answer)
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                first = b""
                if head.startswith("CONNECT "):
                    # A server that speaks first may arrive together with the response.
                    server.settimeout(0.2)
                    with suppress(TimeoutError):
                        first = server.recv(65536)
                    server.settimeout(None)
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n" + first)
                    back.start()
                    _copy(client, server)
                else:
                    back.start()
                    while head:
                        length = re.search(r"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
                        server.sendall(_in_origin_form(head) + reader.read(int(length[1]) if length else 0))
                        head = self._head(reader)
                back.join()

    def _head(self, reader: BinaryIO) -> str:
        """Return the head of the next request; empty where the client has closed."""
        head = ""
        while (line := reader.readline().decode("latin-1")) not in ("", "\r\n"):
            head += line
        if head:
            self.heads.append(head)
            self.requests.append(head.split("\r\n")[0])
        return head

    def _refusal(self, head: str) -> bytes:
        if self.fault == "hang":
            self._over.wait(60)
        if self.fault == "garbage":
            return b"\x00\xffgarbage\r\n" * 100
        refused = bool(self._login) and f"proxy-authorization: {self._login}".lower() not in head.lower()
        status = "407" if refused else self.fault
        return f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode() if status else b""


def _in_origin_form(head: str) -> bytes:
    """Return the head of a forwarded request: the target without the server, and nothing that is for the proxy."""
    path = re.sub(r"^(\S+) http://[^/\s]+", r"\1 ", head)
    return (re.sub(r"proxy-authorization: [^\r]*\r\n", "", path, flags=re.IGNORECASE) + "\r\n").encode("latin-1")


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
