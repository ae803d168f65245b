"""An HTTP server that keeps the bytes of each request as they came, and gives one of several answers, hostile ones too."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ACCEPTS = "accepts"
REFUSES = "refuses and repeats the request"
FAILS = "fails and repeats the request"
REDIRECTS = "redirects"
CLOSES = "closes"
GARBAGE = "is no HTTP server"
ANSWERS = (ACCEPTS, REFUSES, FAILS, REDIRECTS, CLOSES, GARBAGE)


class RawReceiver:
    """The requests that arrived, head and body, and what the next ones get: one of `ANSWERS`."""

    def __init__(self, answer: str, location: str) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self._location = location
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def lines(self, number: int = 0) -> list[str]:
        """Return the lines of the head of a request."""
        return self.requests[number].partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")

    def header(self, name: str, number: int = 0) -> str | None:
        """Return a header of a request; None without it."""
        found = [line.partition(":")[2].strip() for line in self.lines(number) if line.lower().startswith(f"{name}:")]
        return found[0] if found else None

    def _serve(self) -> None:
        while True:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(wire,), daemon=True).start()

    def _talk(self, wire: socket.socket) -> None:
        with wire, suppress(OSError, ValueError):
            wire.settimeout(20)
            with wire.makefile("rb") as reader:
                while True:
                    head = b""
                    while not head.endswith(b"\r\n\r\n"):
                        line = reader.readline()
                        if not line:
                            return
                        head += line
                    length = re.search(rb"(?im)^content-length: (\d+)", head)
                    request = head + (reader.read(int(length[1])) if length else b"")
                    self.requests.append(request)
                    if not (answered := self._answered(request)):
                        return
                    wire.sendall(answered)

    def _answered(self, request: bytes) -> bytes:
        """Return the bytes to answer with; none to close the connection."""
        if self.answer == CLOSES:
            return b""
        if self.answer == GARBAGE:
            return b"220 " + request + b"\r\n"
        status, body = {
            ACCEPTS: (b"200 OK", b"{}"),
            REFUSES: (b"401 " + request.split(b"\r\n")[0], request),
            FAILS: (b"500 No", request),
            REDIRECTS: (b"307 Elsewhere", request),
        }[self.answer]
        head = b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        if self.answer == REDIRECTS:
            head += b"Location: " + self._location.encode() + b"\r\n"
        return head + b"\r\n" + body

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@contextmanager
def raw_receiver(answer: str = ACCEPTS, location: str = "/elsewhere") -> Iterator[RawReceiver]:
    """Run a receiver for the time of the block; *location* is where it redirects to."""
    receiver = RawReceiver(answer, location)
    try:
        yield receiver
    finally:
        receiver.close()
