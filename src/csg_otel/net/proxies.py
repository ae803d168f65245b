"""
The HTTP proxies of the environment: ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``; in capital or small letters.

The environment is an argument. The rules are those of curl, Go and Python's ``urllib`` where these agree. A server on
this machine is always requested directly, as in Go: a proxy elsewhere cannot reach it. ``urllib.request`` is not used, because
it knows no networks in ``NO_PROXY``, reads the environment itself, and loads ``http.client``.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from csg_otel.net import lookup, url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ALL: Final = "all_proxy"
"""The variable that counts where no other one is set, as for curl and ``requests``."""

_GRPC: Final = ("grpc_proxy", "https_proxy", "http_proxy", _ALL)
"""The variables for gRPC by precedence, the first three as its own client has them; it tunnels, with and without TLS."""


class ProxyError(OSError):
    """A proxy that can't be used; the message contains neither user nor password."""


class Proxy(NamedTuple):
    """A proxy; its ``str()`` and its ``repr()`` contain neither user nor password."""

    host: str
    port: int
    authorization: str | None = None
    """The value of the header ``Proxy-Authorization``."""
    credentials: str = ""
    """``user:password@`` as in a URL; empty without a user."""

    def __str__(self) -> str:
        """Return host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        """Return the same, with the type."""
        return f"Proxy({str(self)!r})"

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of requests to the proxy."""
        return {} if self.authorization is None else {"Proxy-Authorization": self.authorization}

    @property
    def secret_url(self) -> str:
        """The proxy as a URL with user and password."""
        return f"http://{self.credentials}{self}"


def for_http(server: url.Url, environ: Mapping[str, str]) -> Proxy | None:
    """
    Return the proxy for requests to *server* by the variables in *environ*; None if they go to it directly.

    Raises ProxyError if the variable for it does not contain an ``http://`` URL.
    """
    if not server.secure and "REQUEST_METHOD" in environ and "http_proxy" not in environ:
        return None  # in a CGI script, HTTP_PROXY comes from the client's header "Proxy"
    return _choose((f"{server.scheme}_proxy", _ALL), ("no_proxy",), (server.host, server.port), environ)


def for_grpc(server: url.Url, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for gRPC to *server*, as `for_http` does; ``grpc_proxy`` wins over the others."""
    return _choose(_GRPC, ("no_grpc_proxy", "no_proxy"), (server.host, server.port), environ)


def is_loopback(host: str) -> bool:
    """Return whether *host*, a name, an IP address or the path of a socket, is this machine."""
    name = host.lower().rstrip(".")
    if host.startswith("/") or name == "localhost" or name.endswith(".localhost"):
        return True
    address = lookup.ip_address(name)
    return address is not None and (address == b"\0" * 15 + b"\1" or (len(address) == 4 and address[0] in (0, 127)))


def _choose(
    variables: Sequence[str], exceptions: Sequence[str], server: tuple[str, int], environ: Mapping[str, str]
) -> Proxy | None:
    """
    Return the proxy in the first of *variables* that is set; None without one, and for a server that is an exception.

    Args:
        variables: Names of variables in small letters; the same in capital letters counts if this one is not set.
        exceptions: Likewise; the first that is set lists the servers that are requested directly.
        server: Host and port.
        environ: The environment.
    """
    name, value = _first(variables, environ)
    host, port = server
    if not value or is_loopback(host) or _is_exception(host, port, _first(exceptions, environ)[1]):
        return None
    if name.lower() == _ALL and value.lower().startswith("socks"):
        _warn_of_socks(name)
        return None
    return _parse(name, value)


@functools.lru_cache(1)  # once
def _warn_of_socks(name: str) -> None:
    import logging  # late, because a probe starts in a few milliseconds

    logging.getLogger("csg_otel").warning(
        "%s names a SOCKS proxy, which telemetry can't use: it connects directly; if it needs a proxy, set HTTPS_PROXY to "
        "the URL of an HTTP proxy",
        name,
    )


def _first(names: Sequence[str], environ: Mapping[str, str]) -> tuple[str, str]:
    """Return name and value of the first of *names* that is set, and empty texts without one."""
    spellings = (spelling for name in names for spelling in (name, name.upper()))
    return next(((name, value) for name in spellings if (value := environ.get(name, "").strip())), ("", ""))


def _parse(name: str, value: str) -> Proxy:
    """Return the proxy in *value*. Raises ProxyError, which names the variable *name* only."""
    text = value if "://" in value else f"http://{value}"
    try:
        address = url.parse(text)
    except ValueError:
        address = None
    if address is None or address.secure:
        raise ProxyError(f"the variable {name} does not name a proxy that can be used: write http://host:port")
    credentials = "".join(urlsplit(text).netloc.rpartition("@")[:2])
    return Proxy(address.host, address.port, address.authorization, credentials)


def _is_exception(host: str, port: int, text: str) -> bool:
    """Return whether *text*, the value of ``NO_PROXY``, lists *host* and *port*."""
    name = host.lower().rstrip(".")
    return any(_matches(name, port, entry) for entry in text.lower().replace(",", " ").split())


def _matches(host: str, port: int, entry: str) -> bool:
    """
    Return whether *entry* of ``NO_PROXY`` stands for *host* and *port*.

    An entry is ``*``, a domain with its subdomains (``example.com``, ``.example.com``, ``*.example.com``), an IP address or a
    network (``10.0.0.0/8``); a domain or an address may have a port.
    """
    if entry == "*":
        return True
    if "/" in entry:
        return _is_in_network(host, entry)
    if lookup.ip_address(entry) is None:
        pattern, colon, only_port = entry.rpartition(":")
        if colon and only_port.isdigit():
            if int(only_port[:6]) != port:
                return False
            entry = pattern
    entry = entry.strip("[]")
    if (address := lookup.ip_address(entry)) is not None:
        return address == lookup.ip_address(host)
    domain = entry.removeprefix("*").strip(".")
    is_name = lookup.ip_address(host) is None
    return bool(domain) and (host == domain or (is_name and host.endswith(f".{domain}")))


def _is_in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
