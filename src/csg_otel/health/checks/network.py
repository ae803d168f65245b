"""Helpers of the checks that connect to a server: parse addresses, refuse metadata addresses, name the cause of a failure."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from csg_otel import net
from csg_otel.check_result import Critical
from csg_otel.net import metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

_DAY_S = 86_400
_LAST_PORT = 65_535


def split(address: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``[::1]:port``. Raises ValueError for an address without a port."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > _LAST_PORT:
        raise ValueError(f"address {address!r} is not host:port, such as db.internal:5432")
    return host.strip("[]"), int(port)


def has_valid_port(parts: SplitResult) -> bool:
    """Return whether the port in a URL's *parts* is a number from 1 to 65535, or absent."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def address_check(allow_link_local: bool) -> Callable[[str], None] | None:
    """Return the check that `net` makes of each IP address: link-local and metadata addresses only with *allow_link_local*."""
    return None if allow_link_local else _refuse_metadata


def _refuse_metadata(address: str) -> None:
    """Raise Critical where a cloud may serve a machine's credentials; *address* may be a name, which a proxy resolves."""
    if metadata.is_metadata_host(address):
        raise Critical(f"{address} is a link-local or metadata address; set allow_link_local if this check may use it")


def certificate_days(certificate: Mapping[str, Any] | None) -> float | None:
    """Return the number of days until *certificate* expires; None without a certificate."""
    end = (certificate or {}).get("notAfter")
    return (ssl.cert_time_to_seconds(str(end)) - time.time()) / _DAY_S if end else None


def reason(error: OSError) -> str:
    """Return the cause of a failed connection, as text without secrets."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "the name does not resolve"
    if isinstance(error, (net.ProtocolError, net.ProxyError)):
        return str(error)
    return error.strerror or type(error).__name__
