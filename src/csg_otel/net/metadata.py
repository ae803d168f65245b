"""
Addresses at which clouds serve a machine's credentials: link-local addresses, and those of metadata services.

Pure. IPv6 has many forms that carry an IPv4 address, and a gateway sends them there: each is taken apart. The one rule: the
decision is about the address that is connected to, at each connection, so a name that changes its address gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Final

_SERVICES: Final = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"))
)
"""Metadata services that are not link-local: Amazon's and Google's over IPv6, Alibaba's, Oracle's, Azure's."""

_NAMES: Final = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)
"""Names that a proxy would resolve."""

_PREFIXES: Final = tuple(
    (ipaddress.IPv6Network(network), positions)
    for network, positions in (
        ("::/96", ((12, 13, 14, 15),)),  # IPv4-compatible (RFC 4291, 2.5.5.1)
        ("::ffff:0:0/96", ((12, 13, 14, 15),)),  # IPv4-mapped
        ("::ffff:0:0:0/96", ((12, 13, 14, 15),)),  # IPv4-translated (RFC 2765)
        ("64:ff9b::/96", ((12, 13, 14, 15),)),  # NAT64 (RFC 6052)
        # NAT64 of a network's own (RFC 8215): its prefix has one of four lengths.
        ("64:ff9b:1::/48", ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))),
        ("2002::/16", ((2, 3, 4, 5),)),  # 6to4
        ("2001::/32", ((4, 5, 6, 7),)),  # Teredo: the server; the client is inverted
    )
)
_TEREDO: Final = ipaddress.IPv6Network("2001::/32")
_ISATAP: Final = (b"\0\0\x5e\xfe", b"\x02\0\x5e\xfe")


def is_metadata(address: str) -> bool:
    """Return whether *address*, an IP address, is link-local or a metadata service's, in whichever form it is written."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return any(one.is_link_local or one in _SERVICES for one in (ip, *_carried(ip)))


def is_metadata_host(host: str) -> bool:
    """Return whether *host*, which a proxy resolves, is a metadata service's name, or one of `is_metadata`'s addresses."""
    name = host.lower().rstrip(".").strip("[]")
    if name in _NAMES:
        return True
    try:
        return is_metadata(name)
    except ValueError:
        pass
    try:
        return is_metadata(socket.inet_ntoa(socket.inet_aton(name)))  # 2852039166, 0xa9.0xfe.0251.254
    except (OSError, ValueError):  # another name
        return False


def refuse(address: str) -> None:
    """Raise PermissionError for a metadata service's address or name; for `csg_otel.net`, as ``check_address``."""
    if is_metadata_host(address):
        raise PermissionError(1, f"{address} is a link-local or metadata address, to which nothing is sent")


def _carried(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """Yield the IPv4 addresses in an IPv6 address."""
    if ip.version == 4:
        return
    data = ip.packed
    for network, positions in _PREFIXES:
        if ip in network:
            yield from (ipaddress.IPv4Address(bytes(data[at] for at in places)) for places in positions)
    if ip in _TEREDO:
        yield ipaddress.IPv4Address(bytes(byte ^ 0xFF for byte in data[12:]))
    if data[8:12] in _ISATAP:
        yield ipaddress.IPv4Address(data[12:])
