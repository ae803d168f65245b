"""
Outgoing connections: every connection that this package opens to a server is opened here, under one deadline.

`request` sends one HTTP request. `Session` sends many over one kept connection. `connect` opens a TCP or TLS connection for
another protocol. The rules: one total deadline on the monotonic clock, name resolution included, however slowly the other side
sends; a bounded part of a response is read; no proxies; no redirects unless the caller allows them; no decompression.

Imports neither ``http.client`` nor, before the first https URL, ``ssl``: a health probe starts in a few milliseconds.
"""

from csg_otel.net.connection import Connection, connect, remaining
from csg_otel.net.http import Session, request
from csg_otel.net.response import DEFAULT_MAX_BYTES, ProtocolError, Response
from csg_otel.net.url import Url, parse

__all__ = [
    "DEFAULT_MAX_BYTES",
    "Connection",
    "ProtocolError",
    "Response",
    "Session",
    "Url",
    "connect",
    "parse",
    "remaining",
    "request",
]
