"""
Outgoing connections: only this package's `net` opens connections to servers, each under one deadline.

`request` sends one HTTP request. `Session` sends many requests over one kept connection. `connect` opens a TCP or TLS
connection for another protocol, `csg_otel.net.http2` sends gRPC's requests, and `csg_otel.net.smtp` sends mails. The rules: one
total deadline on the monotonic clock, which includes name resolution and a server that sends slowly; only a bounded part of a
response is read; HTTP requests go through the proxies of the environment; no redirects unless the caller allows them; no
decompression.

Does not import ``http.client``, and imports ``ssl`` only for the first https URL, so that a health probe starts in a few
milliseconds.
"""

from csg_otel.net.agent import USER_AGENT
from csg_otel.net.connection import Connection, connect, remaining
from csg_otel.net.http import Session, check_headers, request
from csg_otel.net.proxies import ProxyError, is_loopback
from csg_otel.net.response import DEFAULT_MAX_BYTES, ProtocolError, Response
from csg_otel.net.tls import client_certificate_problem, tls_context
from csg_otel.net.url import Url, grpc_target, parse, parse_grpc

__all__ = [
    "DEFAULT_MAX_BYTES",
    "USER_AGENT",
    "Connection",
    "ProtocolError",
    "ProxyError",
    "Response",
    "Session",
    "Url",
    "check_headers",
    "client_certificate_problem",
    "connect",
    "grpc_target",
    "is_loopback",
    "parse",
    "parse_grpc",
    "remaining",
    "request",
    "tls_context",
]
