"""
The relay: it forwards notifications of Alertmanager to webhooks whose method or headers Alertmanager does not support.

It stores nothing and retries nothing. It returns the answer of the webhook to Alertmanager. For a failure that may pass it
answers 5xx, so that Alertmanager tries again. The rule: requests are bounded in number, size and time.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks, net
from csg_otel.alerts import routing
from csg_otel.alerts.alertmanager import config, receivers
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from csg_otel.alerts.spec import AlertSpec

HEALTHY: Final = "/-/healthy"
"""The path that answers 200 while the relay runs; Alertmanager has the same path."""

_MAX_REQUESTS: Final = 32
"""Requests served at the same time; each has a thread."""

_MAX_BYTES: Final = 4 * 1024 * 1024
"""Size limit of a notification in bytes; a notification with hundreds of alerts is far smaller."""

_READ_S: Final = 10.0
"""Time limit in seconds for the body of a request to arrive."""

_REFUSE_S: Final = 0.2
"""Time limit in seconds for refusing a request above the limit; it is short, because the next request waits meanwhile."""

_BAD_GATEWAY: Final = 502
_RETRYABLE: Final = frozenset({408, 425, 429})
"""Answers below 500 after which a later try may succeed."""

_log = logging.getLogger("csg_otel")


@dataclass(frozen=True, slots=True)
class Forward:
    """A webhook and how to call it; *timeout_s* is the deadline of the whole request in seconds."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float = 10.0

    def send(self, body: bytes) -> int:
        """Send *body* and return the status of the answer. Raises OSError if there is no answer."""
        defaults = {"Content-Type": "application/json", "User-Agent": "csg-otel-alerts-relay"}
        lower = {name.lower() for name in self.headers}
        headers = {**{name: value for name, value in defaults.items() if name.lower() not in lower}, **self.headers}
        sent_body = None if self.method == "GET" else body
        return net.request(self.method, self.url, body=sent_body, headers=headers, timeout_s=self.timeout_s).status


def forwards(spec: AlertSpec) -> dict[str, Forward]:
    """Return the webhooks of *spec* by the paths at which the relay accepts their notifications."""
    return {
        routing.relay_path(target.name): Forward(
            target.channel.settings.method,
            receivers.plain(target.channel.settings.url),
            {name: receivers.plain(value) for name, value in target.channel.settings.headers.items()},
            target.channel.settings.timeout,
        )
        for target in config.targets(spec)
        if target.channel.kind == "webhook"
    }


class Relay:
    """The listening socket and its threads; a context manager that serves within its block."""

    def __init__(self, forwards: Mapping[str, Forward], host: str = "127.0.0.1", port: int = 0) -> None:
        """
        Listen at *host*:*port*. Raises OSError if the address is not available.

        Args:
            forwards: the webhooks by their paths.
            host: address to listen at; by default loopback, because the relay has no login.
            port: port to listen at; 0 for a free one.
        """
        self._server = _Server((host, port), forwards)
        self._thread = OwnThread(target=self._server.serve_forever, args=(0.1,), name="csg-otel-relay")

    @property
    def url(self) -> str:
        """The URL of the relay."""
        host, port = self._server.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def __enter__(self) -> Relay:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Accept no more requests, wait until the current ones end or reach their deadlines, and close."""
        self._server.shutdown()
        self._server.finish()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], forwards: Mapping[str, Forward]) -> None:
        self.forwards = forwards
        self._free = threading.Semaphore(_MAX_REQUESTS)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a request on a thread of its own, or refuse it above the limit."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        with suppress(OSError):
            request.settimeout(_REFUSE_S)
            request.recv(65_536)  # closing a connection with unread bytes resets it, and the answer is lost
            request.sendall(b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a request, then make room for the next one."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, _request: Any, client_address: Any) -> None:
        """Print no traceback for a client that closed its connection."""

    def finish(self) -> None:
        """Wait for the current requests, at most for the longest timeout of a webhook plus a second."""
        deadline = clocks.monotonic() + max((forward.timeout_s for forward in self.forwards.values()), default=0.0) + 1
        for _ in range(_MAX_REQUESTS):
            if not self._free.acquire(timeout=max(0.0, deadline - clocks.monotonic())):
                return


class _Handler(BaseHTTPRequestHandler):
    timeout = _READ_S
    server: _Server

    def do_GET(self) -> None:
        """Answer that the relay runs."""
        self._answer(*((200, "ok") if self.path == HEALTHY else (404, f"only {HEALTHY} can be read here")))

    def do_POST(self) -> None:
        """Forward a notification."""
        forward = self.server.forwards.get(self.path)
        if forward is None:
            self._answer(
                404,
                "no webhook has this path; start the relay with the configuration that Alertmanager's was compiled from",
            )
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _MAX_BYTES:
            self._answer(413, f"the body must be at most {_MAX_BYTES} bytes, with a Content-Length")
            return
        body = self._body(int(length))
        if body is None:
            self._answer(408, f"the body did not arrive within {_READ_S:g} s")
            return
        self._answer(*_forwarded(self.path, forward, body))

    def _body(self, length: int) -> bytes | None:
        deadline = clocks.monotonic() + _READ_S
        body = b""
        while len(body) < length and clocks.monotonic() < deadline:
            part = self.rfile.read1(length - len(body))
            if not part:
                break
            body += part
        return body if len(body) == length else None

    def _answer(self, status: int, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's signature
        """Log no line per request; `_forwarded` logs failures."""


def _forwarded(path: str, forward: Forward, body: bytes) -> tuple[int, str]:
    """Send *body* and return the answer for Alertmanager, which tries again only after a 5xx."""
    try:
        status = forward.send(body)
    except (OSError, ValueError) as error:  # a ValueError is a header that can't be sent
        # A ValueError may quote the header, and with it a secret.
        reason = f"{type(error).__name__}: {error}" if isinstance(error, OSError) else type(error).__name__
        status = _BAD_GATEWAY
    else:
        reason = f"answered {status}"
        if 200 <= status < 300:
            return 200, "forwarded"
        if status < 400 or status in _RETRYABLE:
            status = _BAD_GATEWAY
    _log.warning("alerts relay: %s of the webhook at %s failed: %s", forward.method, path, reason)
    return status, reason
