"""Sockets under one deadline, for the probes that talk to others: connect, TLS, read, and which addresses are off limits."""

from __future__ import annotations

import io
import ipaddress
import select
import socket
import ssl
import time
from typing import Any
from urllib.parse import SplitResult

from csg_otel.status import Critical

_DAY_S = 86_400
_LAST_PORT = 65_535
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")))
"""Metadata services that are not link-local: Amazon's over IPv6, Alibaba's, Oracle's."""


def left(deadline: float) -> float:
    """Return the seconds until monotonic *deadline*. Raises TimeoutError when it has passed."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


def split(address: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``[::1]:port``. Raises ValueError for an address without a port."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > _LAST_PORT:
        raise ValueError(f"address {address!r} is not host:port")
    return host.strip("[]"), int(port)


def has_port(parts: SplitResult) -> bool:
    """Tell whether what stands for a port in a URL's *parts*, if anything does, is one."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def connect(host: str, port: int, deadline: float, *, allow_link_local: bool = False) -> socket.socket:
    """
    Open a TCP connection before *deadline*.

    Raises Critical for a link-local or metadata address unless those are allowed: there cloud machines serve their
    credentials. Raises OSError, and TimeoutError as one.
    """
    problem: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not allow_link_local and _serves_credentials(str(address[0])):
            raise Critical(f"{host} is a link-local or metadata address; a check asks one only with allow_link_local")
        wire = socket.socket(family, kind, protocol)
        try:
            wire.settimeout(left(deadline))
            wire.connect(address)
        except OSError as error:
            wire.close()
            problem = error
        else:
            return wire
    raise problem or OSError("no address")


def _serves_credentials(address: str) -> bool:
    """Tell whether a cloud may serve a machine's credentials at *address*, also where IPv6 stands for IPv4."""
    found = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_link_local or found in _METADATA


def secure(plain: socket.socket, context: ssl.SSLContext, host: str, deadline: float) -> ssl.SSLSocket:
    """Do the TLS handshake on *plain* before *deadline*, however slowly the peer sends. Raises ssl.SSLError, TimeoutError."""
    plain.setblocking(False)
    wire = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    try:
        while True:
            try:
                wire.do_handshake()
            except ssl.SSLWantReadError:
                select.select([wire], [], [], left(deadline))
            except ssl.SSLWantWriteError:
                select.select([], [wire], [], left(deadline))
            else:
                return wire
    except BaseException:
        wire.close()
        raise


def certificate_days(wire: ssl.SSLSocket) -> float | None:
    """Return how many days the peer's certificate is valid for; None if it sent none."""
    ends = (wire.getpeercert() or {}).get("notAfter")
    return (ssl.cert_time_to_seconds(str(ends)) - time.time()) / _DAY_S if ends else None


def reason(error: OSError) -> str:
    """Return why a connection failed, in words that hold nothing secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "the name does not resolve"
    return error.strerror or type(error).__name__


class Deadlined:
    """A socket on which every single wait ends at one deadline; used like the socket of an HTTP client."""

    def __init__(self, wire: socket.socket, deadline: float) -> None:
        """*deadline* is monotonic, in seconds."""
        self._wire = wire
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Send all of *data*. Raises TimeoutError at the deadline."""
        self._wire.settimeout(left(self._deadline))
        self._wire.sendall(data)

    def makefile(self, _mode: str = "rb", *_options: Any) -> io.BufferedReader:
        """Return a reader whose reads raise TimeoutError at the deadline."""
        return io.BufferedReader(_Raw(self._wire, self._deadline))

    def close(self) -> None:
        """Leave it open; whoever opened it closes it."""


class _Raw(io.RawIOBase):
    def __init__(self, wire: socket.socket, deadline: float) -> None:
        self._wire = wire
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wire.settimeout(left(self._deadline))
        return self._wire.recv_into(buffer)
