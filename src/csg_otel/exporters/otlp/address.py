"""
The address of an OTLP destination: whether its connections are encrypted, and the forms that HTTP and gRPC need. Pure.

The rule of OpenTelemetry's specification: the scheme of an endpoint decides, ``http`` or ``https``; the setting ``insecure``
counts only without a scheme.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from csg_otel import net

_GRPC_PORT = 4317
"""The port of a plain gRPC endpoint without one, by the OTLP specification."""


@dataclass(frozen=True)
class Address:
    """An endpoint with a scheme."""

    url: str
    """The endpoint, with ``http://`` or ``https://`` before it; or ``unix:///path``, for gRPC."""

    @property
    def secure(self) -> bool:
        """Whether connections are TLS connections."""
        return urlsplit(self.url).scheme == "https"

    def for_signal(self, signal: str) -> str:
        """Return the URL with OTLP's path for *signal*, unless it ends in that path already."""
        parts, path = urlsplit(self.url), f"/v1/{signal}"
        base = parts.path.rstrip("/").removesuffix(path)
        return urlunsplit((parts.scheme, parts.netloc, base + path, parts.query, ""))

    def for_grpc(self) -> str:
        """Return the URL of a gRPC endpoint: with its port."""
        parts = urlsplit(self.url)
        return self.url if parts.port or parts.scheme != "http" else f"{parts.scheme}://{parts.netloc}:{_GRPC_PORT}"


def resolve(endpoint: str, insecure: bool | None) -> Address:
    """
    Return *endpoint* with a scheme. It may be a target of gRPC's naming, such as ``dns:///host:port``.

    Without a scheme, the connection is encrypted unless *insecure* is True, or it is None and the endpoint is this machine.
    """
    endpoint = net.grpc_target(endpoint)
    if endpoint.startswith("unix://"):
        return Address(endpoint)
    if "://" in endpoint:
        parts = urlsplit(endpoint)  # in small letters: HTTPS:// is https://
        return Address(urlunsplit(parts))
    host = urlsplit(f"//{endpoint}").hostname or ""
    plain = net.is_loopback(host) if insecure is None else insecure
    return Address(f"{'http' if plain else 'https'}://{endpoint}")


def server(url: str) -> tuple[str, int | None]:
    """Return host and port of *url*; without a port, that of its scheme; None if the port is no number."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = None
    return parts.hostname or "", port
