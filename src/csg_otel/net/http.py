"""HTTP requests: one request over its own connection, or many requests over a kept connection."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from csg_otel import clocks, environment
from csg_otel.net import addresses, connection, proxies, response, url
from csg_otel.net.agent import USER_AGENT
from csg_otel.net.response import DEFAULT_MAX_BYTES, Response
from csg_otel.net.route import Route

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_FIRST_ERROR: Final = 400
_HARMLESS: Final = frozenset({"accept", "connection", "content-type", "user-agent"})
"""Headers that have no credentials."""

_SHORTEST: Final = 4
"""Fewest characters of a text that is hidden in an answer."""

_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})


class Session:
    """
    A kept connection to one URL. The first request opens it; a later request opens it again if the other side has closed it.

    Only one thread at a time may use a session. A forked child closes its copy, and its next request opens a new connection.
    """

    def __init__(
        self,
        address: str,
        *,
        tls: ssl.SSLContext | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        check_address: Callable[[str], None] | None = None,
        direct: bool = False,
    ) -> None:
        """
        Prepare for *address*; nothing is sent yet.

        Raises ValueError if it is not an http or https URL, and ProxyError if the environment's proxy for it can't be used.

        Args:
            address: The URL of every request. A user and password in it are sent as basic authentication.
            tls: The context of https. Default: certificates are verified against the system's authorities.
            max_bytes: Most bytes of a response that are read, head included. Default 64 KiB.
            check_address: Called with each IP address before it is used, or a proxy's host; raises to refuse. Default: none.
            direct: Whether the environment's proxies are ignored. Default False.
        """
        self._url = url.parse(address)
        self._proxy = None if direct else proxies.for_http(self._url, environment.snapshot())
        self._route = Route(self._url, self._proxy, tls=tls, check_address=check_address)
        self._max_bytes = max_bytes
        self._connection: connection.Connection | None = None

    @property
    def connected(self) -> bool:
        """Whether a connection is kept."""
        return self._connection is not None

    def request(
        self,
        method: str,
        *,
        timeout_s: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """
        Send one request and return the response, whatever its status.

        Raises OSError if there is no response (TimeoutError at the deadline, ProtocolError if it is not HTTP), and ValueError
        for a header that can't be sent.

        Args:
            method: The method, such as POST.
            timeout_s: Seconds for everything, from name resolution to the last byte.
            body: The bytes to send. Default none.
            headers: Headers to send; they replace the default headers of the same name. Default none.
        """
        deadline = clocks.monotonic() + timeout_s
        headers, target = headers or {}, self._url.target
        if self._proxy is not None and not self._url.secure:
            target = f"{self._url}{target}"
            headers = {**self._proxy.headers, **headers}
        message = _head(method, self._url, target, body, headers) + (body or b"")
        kept = self._connection
        try:
            result = self._send_and_read(method, message, deadline)
        except ConnectionError:
            # The server may have closed the kept connection while it was idle, which is normal: try once on a new one.
            if kept is None or not kept.silent:
                raise
            result = self._send_and_read(method, message, deadline)
        return result._replace(sent=_credentials(self._url, headers))

    def close(self) -> None:
        """Close the connection without sending anything; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send_and_read(self, method: str, message: bytes, deadline: float) -> Response:
        result = None
        try:
            if self._connection is None:
                self._connection = self._route.open(deadline)
            self._connection.renew(deadline, self._max_bytes)
            result = _exchange(self._connection, method, message)
        finally:
            if result is None or not result.reusable:
                self.close()
        return result


def _exchange(opened: connection.Connection, method: str, message: bytes) -> Response:
    """Send *message* and return the response: a server may refuse a request, and close, before it has read all of it."""
    try:
        opened.send_all(message)
    except TimeoutError:
        raise
    except OSError:
        refusal = None
        with suppress(OSError):
            refusal = response.read(opened, method)
        if refusal is None or refusal.status < _FIRST_ERROR:
            raise
        return refusal._replace(reusable=False)
    return response.read(opened, method)


def request(
    method: str,
    address: str,
    *,
    timeout_s: float,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_redirects: int = 0,
    check_address: Callable[[str], None] | None = None,
    direct: bool = False,
) -> Response:
    """
    Send one request over its own connection and return the response, whatever its status.

    Raises OSError if there is no response (TimeoutError at the deadline, ProtocolError if it is not HTTP), and ValueError for
    an *address* that is not an http or https URL and for a header that can't be sent.

    Args:
        method: The method, such as POST.
        address: The URL. A user and password in it are sent as basic authentication.
        timeout_s: Seconds for everything, from name resolution to the last byte, redirects included.
        body: The bytes to send. Default none.
        headers: Headers to send; they replace the default headers of the same name. Default none.
        tls: The context of https. Default: certificates are verified against the system's authorities.
        max_bytes: Most bytes of a response that are read, head included. Default 64 KiB.
        max_redirects: Most redirects of a GET that are followed, on the same host only. Default 0. Another port of it does not
            get *headers*.
        check_address: Called with each IP address before it is used, or a proxy's host; raises to refuse. Default: none.
        direct: Whether the environment's proxies are ignored. Default False.
    """
    deadline = clocks.monotonic() + timeout_s
    sent = dict(headers or {})
    while True:
        session = Session(address, tls=tls, max_bytes=max_bytes, check_address=check_address, direct=direct)
        closing = sent if any(name.lower() == "connection" for name in sent) else {"Connection": "close", **sent}
        remaining_s = connection.remaining(deadline, "no complete response")
        try:
            result = session.request(method, timeout_s=remaining_s, body=body, headers=closing)
        finally:
            session.close()
        following = _redirect(address, result) if method == "GET" and max_redirects else None
        if following is None:
            return result
        max_redirects -= 1
        if url.parse(following).origin != url.parse(address).origin:
            sent = {}
        address = following


def _redirect(address: str, result: Response) -> str | None:
    """Return the URL on the same host to which *result* redirects; None if there is none, or if it would end encryption."""
    if result.status not in _REDIRECTS or "location" not in result.headers:
        return None
    try:
        following = urljoin(address, result.headers["location"])
        here, there = url.parse(address), url.parse(following)
    except ValueError:
        return None
    return following if there.host == here.host and (there.secure or not here.secure) else None


def _head(method: str, address: url.Url, target: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    """
    Return the request's head. Raises ValueError for a method or a header that can't be sent.

    Args:
        method: The method.
        address: The server.
        target: The request's target: path and query, or the whole URL for a proxy.
        body: The body; None without one.
        headers: Headers that replace the default headers.
    """
    if not method or not _TOKEN.issuperset(method):
        raise ValueError("the method holds characters that HTTP does not allow")
    present = {name.lower() for name in headers}
    defaults = {"Host": address.host_header, "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    if address.authorization is not None:
        defaults["Authorization"] = address.authorization
    if body is not None or method in _WITH_BODY:
        defaults["Content-Length"] = str(len(body or b""))
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in defaults.items() if name.lower() not in present]
    check_headers(headers)
    lines += {name.lower(): f"{name}: {value}" for name, value in headers.items()}.values()  # of one name, the last one
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _credentials(address: url.Url, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts of a request that may be credentials, the longest first: headers, a query, a path with a token."""
    values = [value for name, value in headers.items() if name.lower() not in _HARMLESS]
    values += [address.authorization or ""]
    values += [value.partition(" ")[2].strip() for value in values]  # without its scheme
    path, _, query = address.target.partition("?")
    values += [query, *([path] if addresses.holds_secret(path) else [])]
    values += [part for part in path.split("/") if addresses.holds_secret(f"/{part}")]
    return tuple(sorted({value for value in values if len(value) >= _SHORTEST}, key=len, reverse=True))


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise ValueError for a header that can't be set; the message has its name, because the value may be secret."""
    for name, value in headers.items():
        if name.lower() in _FRAMING:
            raise ValueError(f"header {name!r} describes the body of each request, so it can't be set")
        if not name or not _TOKEN.issuperset(name) or not _is_sendable(value):
            raise ValueError(f"header {name!r} holds characters that HTTP does not allow")


def _is_sendable(value: str) -> bool:
    """Return whether a header can hold *value*: Latin-1 without line breaks."""
    return not ("\r" in value or "\n" in value or "\0" in value) and (value.isascii() or max(value) < "\u0100")
