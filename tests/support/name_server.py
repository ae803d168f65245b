"""
A name server on loopback (RFC 1035) that answers each question for an address with the next of its answers.

The system's resolver can't be pointed to it without root, so `resolving` replaces the one call of it by a question over UDP;
other names go to the system.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

_HEAD = struct.Struct(">HHHHHH")
_ADDRESS, _INTERNET = 1, 1


class NameServer:
    """Answers the first question with the first of *answers*, and so on; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.questions: list[str] = []
        self._answers = answers
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = self._socket.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                query, asker = self._socket.recvfrom(512)
            except OSError:
                return
            if not query:
                return
            name, end = _name(query, _HEAD.size)
            addresses = self._answers[min(len(self.questions), len(self._answers) - 1)]
            self.questions.append(name)
            head = _HEAD.pack(struct.unpack(">H", query[:2])[0], 0x8180, 1, len(addresses), 0, 0)
            records = b"".join(
                struct.pack(">HHHIH", 0xC00C, _ADDRESS, _INTERNET, 0, 4) + socket.inet_aton(address)
                for address in addresses
            )
            self._socket.sendto(head + query[_HEAD.size : end + 4] + records, asker)

    def resolve(self, name: str) -> list[str]:
        """Ask it for the addresses of *name*, as a resolver without a cache does."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
        question = _HEAD.pack(7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", _ADDRESS, _INTERNET)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(5)
            asking.sendto(question, self.address)
            answer = asking.recv(512)
        count = _HEAD.unpack_from(answer)[3]
        return [socket.inet_ntoa(answer[-16 * at :][12:16]) for at in range(count, 0, -1)]

    def close(self) -> None:
        """Stop answering."""
        self._socket.sendto(b"", self.address)
        self._socket.close()


def _name(message: bytes, at: int) -> tuple[str, int]:
    """Return the name at *at*, and where it ends."""
    labels = []
    while length := message[at]:
        labels.append(message[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels), at + 1


@contextmanager
def resolving(zone: str, *answers: Sequence[str]) -> Iterator[NameServer]:
    """Let names that end in *zone* be resolved by a server with *answers*, for the time of the block."""
    server = NameServer(*answers)
    of_the_system = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if not name.rstrip(".").endswith(zone):
            return of_the_system(host, port, *args, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in server.resolve(name)]

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", getaddrinfo)
            yield server
    finally:
        server.close()
