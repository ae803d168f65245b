"""HTTP URLs: the components that a request needs."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

_PORTS: Final = {"http": 80, "https": 443}
_NAMED: Final = r"(?i)dns://[^/]*/([^/]+)"
_LOCAL: Final = r"(?i)unix:(?://)?(/.+)"
_KEPT: Final = "!#$%&'()*+,/:;=?@[]~"
"""Characters of a path and a query that are sent unchanged; others, such as spaces, are sent as %XX."""


class Url(NamedTuple):
    """An HTTP address; its ``str()`` and its ``repr()`` contain neither user and password nor path and query."""

    scheme: str
    host: str
    """A name or an IP address without brackets; or the absolute path of a Unix socket, for gRPC."""
    port: int
    target: str
    """Path and query, as they are in the request line."""
    user: str | None = None
    password: str = ""

    @property
    def secure(self) -> bool:
        """Whether the connection is a TLS connection."""
        return self.scheme == "https"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: credentials are sent to one origin only."""
        return self.scheme, self.host, self.port

    @property
    def host_header(self) -> str:
        """The host, and the port unless it is the scheme's default port."""
        return self.authority.rpartition(":")[0] if self.port == _PORTS[self.scheme] else self.authority

    @property
    def authority(self) -> str:
        """The host and the port, as a proxy needs it for a tunnel; ``localhost`` for a socket, as gRPC's own client sends."""
        if self.host.startswith("/"):
            return "localhost"
        host = self.host if self.host.isascii() else self.host.encode("idna").decode("ascii")
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def authorization(self) -> str | None:
        """The header value for the URL's ``user:password@``, as browsers and curl send it (RFC 7617); None without one."""
        if self.user is None:
            return None
        from base64 import b64encode

        return f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"

    def __str__(self) -> str:
        """Return scheme, host and port."""
        return f"{self.scheme}://{self.host_header}"

    def __repr__(self) -> str:
        """Return the same, with the type."""
        return f"Url({str(self)!r})"


def parse(text: str) -> Url:
    """Return *text* as an address. Raises ValueError, with nothing secret in it, if it is not an http or https URL."""
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise ValueError("not an HTTP URL: host or port is malformed (http://host:port/path)") from None
    if scheme not in _PORTS or not host or port == 0:
        shown = f"{scheme}://{host or ''} is" if "://" in text else "without http:// or https:// it is"
        raise ValueError(f"{shown} not an HTTP URL (http://host:port/path)")
    target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_KEPT)
    user = None if parts.username is None else unquote(parts.username)
    return Url(scheme, host, port or _PORTS[scheme], target, user, unquote(parts.password or ""))


def grpc_target(text: str) -> str:
    """
    Return a target of gRPC's naming as an address: ``dns:///host:port`` as ``host:port``, a socket as ``unix:///path``.

    Every other text is returned unchanged. The authority of ``dns://authority/`` is ignored: the system's name service is used.
    """
    import re

    if named := re.fullmatch(_NAMED, text):
        return named[1]
    if local := re.fullmatch(_LOCAL, text):
        return f"unix://{local[1]}"
    return text


def parse_grpc(text: str) -> Url:
    """Return the address of a gRPC server, as `parse` does; ``unix:///path`` is a plain connection to that socket."""
    if (path := text.removeprefix("unix://")).startswith("/"):
        return Url("http", path, 0, "/")
    return parse(text)
