"""
HTTP under one deadline: a connection on which every wait ends in time, and one request over one of its own.

Knows nothing of what is asked. The rules: a total deadline on the monotonic clock, however slowly bytes drip; no redirects, no
proxies; a bounded part of an answer is read.
"""

from __future__ import annotations

import base64
import http.client
import io
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

_MOST_ANSWER_BYTES: Final = 16 * 1024 * 1024


class _DeadlineReader(io.RawIOBase):
    """A socket's reading side that never waits past a deadline, however slowly the bytes drip, nor reads more than *most*."""

    def __init__(self, connection: socket.socket, deadline: float, most: int, on_close: Callable[[], None]) -> None:
        self._socket = connection
        self._deadline = deadline
        self._on_close = on_close
        self._left = most
        self.ended = False

    @property
    def exhausted(self) -> bool:
        """Whether as much was read as is ever read of one answer."""
        return self._left <= 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.exhausted:
            return 0
        self._socket.settimeout(_remaining(self._deadline, "no complete answer"))
        count = self._socket.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        self.ended = not count
        return count

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

    def __init__(self, connection: socket.socket, most: int) -> None:
        self._socket = connection
        self._most = most
        self._readers = 0
        self._closed = False
        self.deadline = 0.0

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader that raises TimeoutError at the deadline."""
        self._readers += 1
        return io.BufferedReader(_DeadlineReader(self._socket, self.deadline, self._most, self._read))

    def sendall(self, data: bytes) -> None:
        """Send all of *data*. Raises TimeoutError at the deadline."""
        view = memoryview(data)
        while view:
            self._socket.settimeout(_remaining(self.deadline, "the request could not be sent"))
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


def _remaining(deadline: float, what: str) -> float:
    """Return the seconds left until *deadline*. Raises TimeoutError, with *what* did not happen, when there are none."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError(f"{what} within the deadline")
    return remaining


class _Lookup:
    """One question to the name service, on a thread of its own because nothing else can end it in time."""

    def __init__(self, host: str, port: int) -> None:
        self._asked = (host, port)
        self._found: list[Any] = []
        self._error: OSError | None = None
        self.done = threading.Event()
        thread = threading.Thread(target=self._run, name="csg-otel-lookup", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is going down and starts no more threads
            self._run()

    def _run(self) -> None:
        try:
            self._found = socket.getaddrinfo(*self._asked, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            self._error = error if isinstance(error, OSError) else OSError(f"not a name: {self._asked[0]!r}")
        self.done.set()

    def result(self) -> list[Any]:
        """Return the addresses. Raises OSError if there are none."""
        if self._error is not None:
            raise self._error
        return self._found


_lookups: dict[tuple[int, str, int], _Lookup] = {}
"""Questions under way, by process, so that a name service that hangs is not asked again by every attempt."""


def _addresses(host: str, port: int, deadline: float) -> list[Any]:
    asked = (os.getpid(), host, port)
    lookup = _lookups.get(asked) or _lookups.setdefault(asked, _Lookup(host, port))
    if not lookup.done.wait(_remaining(deadline, "no address")):
        raise TimeoutError(f"no address of {host} within the deadline")
    _lookups.pop(asked, None)
    return lookup.result()


def _connected(host: str, port: int, deadline: float) -> socket.socket:
    """Return a connection to the first address that answers; each gets its share of the time that is left."""
    addresses = _addresses(host, port, deadline)
    failure = OSError(f"{host} has no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(_remaining(deadline, "no connection") / (len(addresses) - tried))
            plain.connect(address)
        except OSError as error:
            plain.close()
            failure = error
        else:
            return plain
    raise failure


def connect(
    host: str, port: int, deadline: float, *, tls: ssl.SSLContext | None = None, most: int = _MOST_ANSWER_BYTES
) -> http.client.HTTPConnection:
    """
    Open a connection, with *tls* if it is given, until monotonic *deadline*; of an answer *most* bytes are read, head included.

    Raises OSError, and TimeoutError as one.
    """
    plain = _connected(host, port, deadline)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            plain.settimeout(_remaining(deadline, "no connection"))
            plain = tls.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
    connection = http.client.HTTPConnection(host, port)
    wire: Any = DeadlineSocket(plain, most)
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
