"""
The list of allowed hosts: protection against DNS rebinding.

In that attack a web page binds its own name to a loopback or private address, so that the browser lets the page read the
responses of a program there. The browser then sends the page's name in the header ``Host``. ``localhost`` and IP addresses
cannot come from the attack, so they always pass: kubelets and Prometheus use addresses. A request without the header passes
too, because every browser sends the header.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from csg_otel.server.messages import PLAIN_TEXT, Request, Response

if TYPE_CHECKING:
    from csg_otel.config.sections.security import EndpointTls

_IPV6_NETWORK_BITS = 64
"""One machine on the internet usually owns a whole /64 network, so its addresses count as one client."""

_SHOWN_CHARACTERS = 100
"""Most characters of a refused name in the response, which must not repeat an arbitrarily long header."""


class HostCheck:
    """Refuses a request whose ``Host`` is not in the list, with 421 Misdirected Request."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """Allow the names in *allowed*; ``*.example.org`` allows every name below ``example.org``."""
        names = [_as_sent(host_name(name)) for name in allowed]
        self._names = {"localhost", *(name for name in names if not name.startswith("*."))}
        self._suffixes = (".localhost", *(name[1:] for name in names if name.startswith("*.")))

    def refusal(self, request: Request) -> Response | None:
        """Return 421 for a host that is not allowed, with the name of the setting that can allow it."""
        header = request.headers.get("host", "")
        name = host_name(header)
        if not header or name in self._names or name.endswith(self._suffixes) or _is_address(name):
            return None
        text = (
            f"host {header[:_SHOWN_CHARACTERS]!a} is not allowed here; add it to security.allowed_hosts to allow it\n"
        )
        return Response(421, text.encode(), PLAIN_TEXT)


def is_loopback(host: str) -> bool:
    """Return whether only programs on the same machine reach a server that listens on *host*."""
    if host in ("::1", "localhost"):
        return True
    # Not by the beginning alone: 127.0.0.1.example.org is a name. Short forms such as 127.1 are addresses to the system.
    return host.startswith("127.") and host.replace(".", "").isdecimal() and host.isascii()


def is_open(host: str, tls: EndpointTls | None, *, protected: bool) -> bool:
    """Return whether other machines reach a server on *host* without a token (*protected*) and without a certificate."""
    is_mutual = tls is not None and bool(tls.cert) and bool(tls.client_ca) and tls.client_auth == "required"
    return not (is_loopback(host) or protected or is_mutual)


def exposure(address: str, section: str) -> tuple[str, str]:
    """Return the sentence about an open server at *address*, and what to set; *section* has its host."""
    problem = f"{address} can be reached from other machines without a token"
    return problem, f"set security.api_auth, or {section}.host to 127.0.0.1"


def client_network(client: str) -> str:
    """Return what stands for the client at the address *client*: its IPv4 address or its IPv6 network."""
    if ":" not in client:
        return client
    try:
        address = ipaddress.IPv6Address(client.partition("%")[0])
    except ValueError:
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, _IPV6_NETWORK_BITS), strict=False))


def host_name(header: str) -> str:
    """Return the host in a ``Host`` header: lower case, without port, brackets and the dot at its end."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.rpartition(":")
    if colon and (port.isdigit() or not port) and ":" not in name:
        host = name
    return host.removesuffix(".")


def _as_sent(name: str) -> str:
    """Return *name* as browsers send it: an international name in its ASCII form, ``xn--...``."""
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
