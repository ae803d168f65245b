"""A TCP or TLS connection: every wait on it ends at one deadline, and a bounded number of bytes is read from it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks, descriptors
from csg_otel.net import lookup

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

_CHUNK_BYTES: Final = 64 * 1024


def remaining(deadline: float, problem: str) -> float:
    """Return the seconds until monotonic *deadline*. Raises TimeoutError with the text *problem* if it has passed."""
    seconds = deadline - clocks.monotonic()
    if seconds <= 0:
        raise TimeoutError(f"{problem} before the deadline")
    return seconds


class Connection:
    """
    An open connection.

    `renew` begins the next request: it sets the deadline of all waits and the number of bytes that may be read. Only one
    thread at a time may use a connection.
    """

    def __init__(self, stream: socket.socket, deadline: float, max_bytes: int) -> None:
        """
        Use *stream*, a connected socket; `close` closes it.

        *deadline* is monotonic, in seconds; at most *max_bytes* bytes are read before the next call of `renew`.
        """
        self._stream = stream
        self._file = descriptors.identity(stream.fileno())
        self._buffer = bytearray()
        self.renew(deadline, max_bytes)

    def renew(self, deadline: float, max_bytes: int) -> None:
        """Set the deadline of the next request, and the number of bytes that may be read in it."""
        self._deadline = deadline
        self._unread = max_bytes
        self._received = 0

    @property
    def exhausted(self) -> bool:
        """Whether all bytes that may be read in this request have been read."""
        return self._unread <= 0

    @property
    def silent(self) -> bool:
        """Whether no byte has arrived in this request."""
        return not self._received

    @property
    def drained(self) -> bool:
        """Whether every byte that arrived has been read."""
        return not self._buffer

    @property
    def certificate(self) -> Mapping[str, Any] | None:
        """The certificate of the other side, as ``ssl.SSLSocket.getpeercert`` returns it; None without TLS."""
        read = getattr(self._stream, "getpeercert", None)
        return read() if read is not None else None

    def send_all(self, data: bytes) -> None:
        """Send all of *data*. Raises TimeoutError at the deadline."""
        # socket.sendall is not used: over TLS, its timeout starts again for each part of the data.
        view = memoryview(data)
        while view:
            self._check_descriptor()
            self._stream.settimeout(remaining(self._deadline, "the request was not sent"))
            view = view[self._stream.send(view) :]

    def read(self, count: int) -> bytes:
        """Return the next *count* bytes; fewer if the other side has closed or the limit is reached. Raises TimeoutError."""
        while len(self._buffer) < count and self._receive():
            pass
        return self._take(count)

    def read_line(self, limit: int) -> bytes:
        """Return the next line, its line break included; at most *limit* bytes of it. Raises TimeoutError."""
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0 and len(self._buffer) < limit:
            start = len(self._buffer)
            if not self._receive():
                break
        return self._take(min(limit, end + 1 if end >= 0 else len(self._buffer)))

    def peek(self, count: int) -> bytes:
        """Return the next *count* bytes, or fewer if no more have arrived, without taking them."""
        return bytes(self._buffer[:count])

    def poll(self) -> bool:
        """Receive what has arrived, without waiting; return False if the other side has closed. Raises OSError."""
        self._check_descriptor()
        self._stream.settimeout(0)
        try:
            return self.exhausted or self._receive_some()
        except BlockingIOError:
            return True
        except OSError as error:  # over TLS, another class says the same; `ssl` is not imported for it
            if type(error).__name__ not in ("SSLWantReadError", "SSLWantWriteError"):
                raise
            return True

    def close(self) -> None:
        """
        Close the socket; send nothing, not even the end of TLS.

        So a forked child can close its copy of the parent's connection, and the parent can still use it.
        """
        _close(self._stream, self._file)

    def _check_descriptor(self) -> None:
        """Raise ConnectionError if the program has closed the socket's descriptor, as daemons do: it may be the program's."""
        if descriptors.identity(self._stream.fileno()) != self._file:
            raise ConnectionAbortedError("the program has closed the descriptor of the connection")

    def _receive(self) -> bool:
        """Append bytes to the buffer; return False if the other side has closed or the limit is reached."""
        if self.exhausted:
            return False
        self._check_descriptor()
        self._stream.settimeout(remaining(self._deadline, "no complete response"))
        return self._receive_some()

    def _receive_some(self) -> bool:
        data = self._stream.recv(min(_CHUNK_BYTES, self._unread))
        self._unread -= len(data)
        self._received += len(data)
        self._buffer += data
        return bool(data)

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data


def connect(
    host: str,
    port: int,
    deadline: float,
    *,
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
    before_tls: Callable[[Connection], None] | None = None,
    max_bytes: int = _CHUNK_BYTES,
    check_address: Callable[[str], None] | None = None,
) -> Connection:
    """
    Open a connection to *host* before *deadline*, name resolution and TLS handshake included.

    Raises OSError, and TimeoutError as one.

    Args:
        host: A name or an IP address, without brackets, or the absolute path of a Unix socket.
        port: The TCP port.
        deadline: The monotonic time, in seconds, by which the connection must be open.
        tls: The context of a TLS connection. Default: no TLS.
        server_name: The name that the certificate must contain. Default: *host*.
        before_tls: Called with the connection before the TLS handshake, to request a tunnel. Default: nothing is sent before.
        max_bytes: Most bytes that are read before `Connection.renew`. Default 64 KiB.
        check_address: Called with each IP address before it is used; raises to refuse it. Default: no check.
    """
    stream = _open(host, port, deadline, check_address)
    file = descriptors.identity(stream.fileno())
    try:
        if not host.startswith("/"):
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened = Connection(stream, deadline, max_bytes)
        if before_tls is not None:
            before_tls(opened)
        if tls is not None:
            # One timeout bounds the whole handshake, because the ssl module counts it down over all its reads.
            stream.settimeout(remaining(deadline, "no TLS handshake"))
            stream = tls.wrap_socket(stream, server_hostname=server_name or host)
            opened = Connection(stream, deadline, max_bytes)
    except BaseException:
        _close(stream, file)
        raise
    return opened


def _open(host: str, port: int, deadline: float, check_address: Callable[[str], None] | None) -> socket.socket:
    """Return a socket connected to the first address that accepts; each one gets an equal share of the remaining time."""
    addresses = lookup.addresses(host, port, remaining(deadline, f"{host} did not resolve"))
    failure = OSError(f"{host} has no address")
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        if check_address is not None:
            check_address(str(address[0]))
        try:
            stream = socket.socket(family, kind, protocol)
        except OSError as error:  # a kernel without IPv6 still gets IPv6 addresses from the name service
            failure = error
            continue
        file = descriptors.identity(stream.fileno())
        try:
            stream.settimeout(remaining(deadline, "no connection") / (len(addresses) - index))
            stream.connect(address)
        except OSError as error:
            _close(stream, file)
            failure = error
        except BaseException:
            _close(stream, file)
            raise
        else:
            return stream
    raise failure


def _close(stream: socket.socket, file: descriptors.Identity | None) -> None:
    """Close *stream* if its descriptor is still that of *file*; else only forget it."""
    if file is not None and descriptors.identity(stream.fileno()) == file:
        stream.close()
    else:
        stream.detach()
