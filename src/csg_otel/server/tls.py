"""
TLS of the server: encrypted connections that never wait, and certificates that are read again when their files change.

A handshake is a part of reading a request: it has the same deadline, and a client that does not finish it delays no other. The
rule: a file that cannot be used never replaces a certificate that can, and nothing is served in clear text instead.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from csg_otel import faults, regular_file
from csg_otel.server import sockets
from csg_otel.server.channel import Channel

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from csg_otel.config.sections.security import EndpointTls
    from csg_otel.server.background import Background

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_VERIFICATION: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}

_LOOK_S: Final = 1.0
"""Seconds between two looks at the files: new connections have a new certificate about that soon."""

_PIECE_BYTES: Final = 32 * 1024
"""Most bytes that are encrypted before the system has taken those before: each client has a copy of its own."""

_HANDSHAKE: Final = b"\x16"
"""The first byte of TLS."""

_NO_TLS: Final = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
    b"X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    b"Connection: close\r\n\r\nthis port speaks TLS only: use https://\n"
)


class Certificates:
    """The certificate and the rules of TLS that new connections get."""

    def __init__(self, settings: EndpointTls, background: Background) -> None:
        """
        Read the files of *settings*. Raises OSError with a sentence if they can't be used.

        Args:
            settings: The section ``security.tls``.
            background: Reads the files again, because a disk may hang.
        """
        self._settings = settings
        self._background = background
        self._read = self._signature()
        self._context = server_context(settings)
        self._look_at = 0.0

    def channel(self, client: socket.socket, now: float) -> TlsChannel:
        """Return the channel of a connection that begins at the monotonic time *now*; look at the files in the background."""
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            self._background.run(self._look)
        return TlsChannel(client, self._context)

    def _look(self) -> None:
        signature = self._signature()
        if signature == self._read:
            return
        self._read = signature
        try:
            self._context = server_context(self._settings)
        except OSError as error:
            faults.report("tls", f"{error}; connections get the previous certificate")
        else:
            faults.recovered("tls")

    def _signature(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(map(_file_signature, filter(None, _files(self._settings).values())))


def _files(settings: EndpointTls) -> dict[str, str | None]:
    return {"cert": settings.cert, "key": settings.key, "client_ca": settings.client_ca}


def _file_signature(path: str) -> tuple[int, int, int] | None:
    """Return what changes when the file at *path* is written or replaced; None if there is none."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def server_context(settings: EndpointTls) -> ssl.SSLContext:
    """Return the rules of *settings*. Raises OSError with a sentence if a file can't be used."""
    for name, path in _files(settings).items():
        if path:
            _checked(name, path, partial(_open, path))  # ssl would wait for a FIFO
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.min_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    cert, key, client_ca = settings.cert or "", settings.key, settings.client_ca
    _checked(
        "cert", cert, lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cert)
    )  # before its key
    _checked("key" if key else "cert", key or cert, lambda: context.load_cert_chain(cert, key, _refuse_password))
    if client_ca:
        _checked("client_ca", client_ca, lambda: context.load_verify_locations(client_ca))
        context.verify_mode = _VERIFICATION[settings.client_auth]
    return context


def _checked(name: str, path: str, use: Callable[[], None]) -> None:
    """Call *use*, which needs the file *path* of the setting *name*. Raises OSError with a sentence."""
    try:
        use()
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise OSError(f"security.tls.{name} {path} can't be used: {reason}") from None


def _open(path: str) -> None:
    regular_file.opened(path).close()


def _refuse_password() -> NoReturn:
    raise ValueError("the key is encrypted, and there is no terminal to ask for its password")


class TlsChannel(Channel):
    """A connection with TLS."""

    def __init__(self, client_socket: socket.socket, context: ssl.SSLContext) -> None:
        """Begin a handshake over *client_socket* by the rules of *context*."""
        super().__init__(client_socket)
        self._received, self._encrypted = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._context = context
        self._is_open = False
        """Whether the handshake is complete."""
        self._is_new = True
        """Whether nothing has arrived."""
        self._unsent = b""
        self._sent_bytes = 0

    @cached_property
    def _tls(self) -> ssl.SSLObject:
        """The state of TLS, some 50 KB; a client that sends nothing gets none."""
        return self._context.wrap_bio(self._received, self._encrypted, server_side=True)

    @property
    def is_pending(self) -> bool:  # type: ignore[override]
        """See :class:`Channel`."""
        return bool(self._unsent or self._encrypted.pending)

    def receive(self, most: int) -> bytes:
        """See :class:`Channel`; returns all that is decrypted, which is at most a record more than *most*."""
        arrived = sockets.receive(self._socket, max(most, _PIECE_BYTES))
        if self._is_new:
            self._is_new = False
            self._refuse_plain(arrived)
        if arrived:
            self._received.write(arrived)
        else:
            self._received.write_eof()
        try:
            if not self._is_open:
                self._tls.do_handshake()
                self._is_open = True
            return self._decrypted()
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        except ssl.SSLZeroReturnError:
            return b""
        finally:
            with suppress(OSError):
                self.flush()

    def _refuse_plain(self, arrived: bytes) -> None:
        """Answer a client that speaks HTTP without TLS, and raise OSError."""
        if not arrived or arrived.startswith(_HANDSHAKE):
            return
        if arrived[:1].isalpha():
            with suppress(OSError):
                sockets.send(self._socket, _NO_TLS, 0, more=False)
        raise ConnectionAbortedError

    def _decrypted(self) -> bytes:
        pieces: list[bytes] = []
        try:
            while piece := self._tls.read(_PIECE_BYTES):
                pieces.append(piece)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            if not pieces:
                raise
        return b"".join(pieces)

    def send(self, data: bytes, start: int, *, more: bool) -> int:  # noqa: ARG002 - records are sent at once
        """See :class:`Channel`."""
        self.flush()
        count = self._tls.write(memoryview(data)[start : start + _PIECE_BYTES])
        with suppress(BlockingIOError):
            self.flush()
        return count

    def flush(self) -> None:
        """See :class:`Channel`."""
        if self._encrypted.pending:
            self._unsent, self._sent_bytes = self._unsent[self._sent_bytes :] + self._encrypted.read(), 0
        while self._sent_bytes < len(self._unsent):
            self._sent_bytes += sockets.send(self._socket, self._unsent, self._sent_bytes, more=False)
        self._unsent, self._sent_bytes = b"", 0

    def end(self) -> None:
        """See :class:`Channel`."""
        if not self._is_open:
            return
        with suppress(OSError, ValueError):
            self._tls.unwrap()
        with suppress(OSError):
            self.flush()
