"""
A TCP proxy between an exporter and a real collector that does what networks and broken servers do.

``fault`` is what happens from now on, to connections that are open as well: the names of ``FAULTS``, or ``pass``. Those of
``ANSWERS`` are given instead of the collector's answer and make sense for HTTP only.
"""

from __future__ import annotations

import gzip
import re
import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Final

from support.servers import free_port

_OTLP: Final = "Content-Type: application/x-protobuf"


def _answer(status: str, *headers: str, body: bytes = b"", length: int | None = None) -> bytes:
    announced = len(body) if length is None else length
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, f"Content-Length: {announced}", "", "")).encode() + body


ANSWERS: Final = {
    "redirect": _answer("302 Found", "Location: http://127.0.0.1:1/login"),
    "html": _answer("200 OK", "Content-Type: text/html", body=b"<html>log in</html>"),
    "busy": _answer("429 Too Many Requests", "Retry-After: 2"),
    "away": _answer("503 Service Unavailable"),
    "unauthorized": _answer("401 Unauthorized"),
    "bomb": _answer(
        "503 Service Unavailable", "Content-Encoding: gzip", _OTLP, body=gzip.compress(bytes(50_000_000), 9)
    ),
    "huge": _answer("503 Service Unavailable", _OTLP, length=400_000_000),
}
FAULTS: Final = ("refuse", "black_hole", "hang", "drip", "cut_request", "cut_answer", "corrupt", "reset", *ANSWERS)
_CUT_AT = 20


class FaultProxy:
    """Listens on a loopback port and passes on to *target*, unless something goes wrong."""

    def __init__(self, target: int, fault: str = "pass") -> None:
        self._target = target
        self._fault = fault
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._over = threading.Event()
        self._listener: socket.socket | None = None
        self.connections = 0
        self.requests = 0
        self.written = 0
        """Bytes of answers the exporter's side has taken."""
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.fault = fault

    @property
    def fault(self) -> str:
        """What goes wrong now."""
        return self._fault

    @fault.setter
    def fault(self, fault: str) -> None:
        assert fault == "pass" or fault in FAULTS, fault
        self._fault = fault
        if fault in ("refuse", "reset"):
            self._stop_listening()
            self._drop_all(hard=fault == "reset")
        if fault != "refuse" and self._listener is None:
            self._listen()

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the accept() that close() alone leaves waiting
            listener.close()

    def _drop_all(self, *, hard: bool) -> None:
        with self._lock:
            connections, self._open = tuple(self._open), set()
        for connection in connections:
            _drop(connection, hard=hard)

    def _accept(self, listener: socket.socket) -> None:
        while not self._over.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.fault == "reset":
                _drop(client, hard=True)
                continue
            self._keep(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _keep(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def _serve(self, client: socket.socket) -> None:
        server: socket.socket | None = None
        pending, hung = b"", False
        try:
            while data := client.recv(65536):
                fault = self.fault
                if fault == "black_hole":  # open, and nothing is ever read
                    self._over.wait()
                    return
                if fault == "hang":  # read, and never answered
                    hung = True
                if hung:
                    continue
                if fault == "cut_request":
                    return
                if fault in ANSWERS:
                    pending = self._answered(client, pending + data, ANSWERS[fault])
                    continue
                if server is None:
                    server = socket.create_connection(("127.0.0.1", self._target))
                    self._keep(server)
                    threading.Thread(target=self._back, args=(server, client), daemon=True).start()
                server.sendall(data)
        except OSError:
            pass
        finally:
            for connection in (client, server):
                if connection is not None:
                    _drop(connection, hard=False)

    def _answered(self, client: socket.socket, data: bytes, answer: bytes) -> bytes:
        """Answer each whole HTTP request in *data*; returns what is left of it."""
        while (found := re.search(rb"\r\n\r\n", data)) is not None:
            announced = re.search(rb"content-length: *(\d+)", data[: found.end()], re.IGNORECASE)
            end = found.end() + (int(announced[1]) if announced else 0)
            if len(data) < end:
                break
            data = data[end:]
            self.requests += 1
            view = memoryview(answer)
            while view:
                written = client.send(view)
                self.written += written
                view = view[written:]
            while answer is ANSWERS["huge"] and not self._over.is_set():
                self.written += client.send(bytes(65536))
        return data

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        sent = 0
        try:
            while data := server.recv(65536):
                fault = self.fault
                if fault in ("black_hole", "hang"):
                    self._over.wait()
                    return
                if fault == "cut_answer":
                    client.sendall(data[: max(0, _CUT_AT - sent)])
                    return
                if fault == "corrupt":
                    data = bytes(byte ^ 0x55 for byte in data)
                if fault == "drip":
                    for byte in data:
                        client.sendall(bytes((byte,)))
                        time.sleep(0.05)
                    continue
                client.sendall(data)
                sent += len(data)
        except OSError:
            pass
        finally:
            _drop(client, hard=False)
            _drop(server, hard=False)

    def close(self) -> None:
        """Stop listening and drop all connections."""
        self._over.set()
        self._stop_listening()
        self._drop_all(hard=False)


def _drop(connection: socket.socket, *, hard: bool) -> None:
    """Close *connection*, in order or with a reset."""
    with suppress(OSError):
        if hard:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            connection.shutdown(socket.SHUT_RDWR)
    connection.close()
