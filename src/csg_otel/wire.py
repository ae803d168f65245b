"""
HTTP under one deadline: a connection on which every wait ends in time, and one request over one of its own.

Knows nothing of what is asked. The rules: a total deadline on the monotonic clock, however slowly bytes drip; no redirects, no
proxies; a bounded part of an answer is read.
"""

from __future__ import annotations

import base64
import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

_MOST_ANSWER_BYTES: Final = 16 * 1024 * 1024


class _DeadlineReader(io.RawIOBase):
    """A socket's reading side that never waits past a deadline, however slowly the bytes drip."""

    def __init__(self, connection: socket.socket, deadline: float, on_close: Callable[[], None]) -> None:
        self._socket = connection
        self._deadline = deadline
        self._on_close = on_close

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("no complete answer within the deadline")
        self._socket.settimeout(remaining)
        return self._socket.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._on_close()


class DeadlineSocket:
    """
    What ``http.client`` needs of a socket, with the deadline of the request now under way.

    Like a real one it stays open until its last reader is closed: with ``Connection: close``, ``http.client`` closes the socket
    before it reads the body.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._readers = 0
        self._closed = False
        self.deadline = 0.0

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader that raises TimeoutError at the deadline."""
        self._readers += 1
        return io.BufferedReader(_DeadlineReader(self._socket, self.deadline, self._read))

    def sendall(self, data: bytes) -> None:
        """Send all of *data*. Raises TimeoutError at the deadline."""
        view = memoryview(data)
        while view:
            remaining = self.deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("the request could not be sent within the deadline")
            self._socket.settimeout(remaining)
            view = view[self._socket.send(view) :]

    def close(self) -> None:
        """Close the connection as soon as nobody reads from it."""
        self._closed = True
        if not self._readers:
            self._socket.close()

    def _read(self) -> None:
        self._readers -= 1
        if self._closed and not self._readers:
            self._socket.close()


def connect(host: str, port: int, deadline: float, *, tls: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
    """Open a connection, with *tls* if it is given, until monotonic *deadline*. Raises OSError, and TimeoutError as one."""
    plain = socket.create_connection((host, port), max(0.05, deadline - time.monotonic()))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is not None:
        plain.settimeout(max(0.05, deadline - time.monotonic()))
        try:
            plain = tls.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    connection = http.client.HTTPConnection(host, port)
    wire: Any = DeadlineSocket(plain)
    wire.deadline = deadline
    connection.sock = wire
    return connection


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its status, its headers (lower case), its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is a success, 2xx."""
        return 200 <= self.status < 300


def ask(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float,
) -> Answer:
    """
    Send one request and return the answer, whatever its status, within *timeout_s* seconds in all.

    A user and password in *url* are sent as basic authentication. Raises OSError (TimeoutError at the deadline) where there is
    no answer, also for one that is not HTTP, and ValueError for a *url* that is not http or https.
    """
    deadline = time.monotonic() + timeout_s
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{parts.scheme}://{parts.hostname or ''} is no address of an HTTP server (http://host:port)")
    sent = dict(headers or {})
    if parts.username is not None:
        account = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        sent["Authorization"] = f"Basic {base64.b64encode(account.encode()).decode()}"
    secure = parts.scheme == "https"
    tls = ssl.create_default_context() if secure else None
    connection = connect(parts.hostname, parts.port or (443 if secure else 80), deadline, tls=tls)
    try:
        connection.request(method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, sent)
        answer = connection.getresponse()
        with answer:
            data = answer.read(_MOST_ANSWER_BYTES)
    except http.client.HTTPException as error:
        raise ConnectionError(f"no HTTP answer: {type(error).__name__}: {error}") from error
    finally:
        connection.close()
    return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, data)
