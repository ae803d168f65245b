"""
Public IP addresses: the host part becomes 0 (``/24`` of version 4, ``/48`` of version 6). Pure and linear.

Private, loopback, link-local, documentation and reserved addresses are kept, and so are versions that look like addresses.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy.options import Hit

_V4: Final = re.compile(r"(?<![\w.])(\d{1,3}\.\d{1,3}\.\d{1,3})\.(\d{1,3})(?![\w]|\.\d|-[A-Za-z]|-\d{1,3}(?![\d.]))")
_V6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}:(?=[0-9A-Fa-f:])[0-9A-Fa-f:.]{2,41}(?![\w:])")
_VERSION: Final = re.compile(
    r"(?:\b|_)(?:version|ver|v|release|build|firmware|driver|oid|revision|rev|upgrade|chrome|==|>=|<=|~=|!=)[\"']?\s?[:=]?\s?[\"']?v?\Z",
    re.IGNORECASE,
)
RULE: Final = "ip"


def hits(text: str) -> Iterator[Hit]:
    """Yield the public addresses in *text* with the network as replacement."""
    if text.count(".") >= 3:
        for match in _V4.finditer(text):
            if match[2] != "0" and _public4(match[0]) and not _version(text, match.start()):
                yield Hit(match.start(), match.end(), RULE, f"{match[1]}.0")
    if text.count(":") >= 2:
        for match in _V6.finditer(text):
            if (network := _network6(match[0])) and network != match[0].lower():
                yield Hit(match.start(), match.end(), RULE, network)


def _public4(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _network6(text: str) -> str:
    """Return the /48 network's address of a global address, or an empty text."""
    try:
        address = ipaddress.IPv6Address(text.rstrip("."))
    except ValueError:
        return ""
    number = int(address)
    if number >> 125 != 1 or not address.is_global:
        return ""
    network = number >> 80 << 80
    return "" if network == number else str(ipaddress.IPv6Address(network))


def _version(text: str, start: int) -> bool:
    """Return whether the number at *start* is a version: behind its word, or behind a product's name and ``/``."""
    before = text[max(0, start - 16) : start]
    if before.endswith("/"):
        return len(before) > 1 and before[-2].isalpha()
    return _VERSION.search(before) is not None
