"""
A small forwarder between Alertmanager and webhooks that it can't call as they are configured: another method, other headers.

Keeps nothing and retries nothing: it answers Alertmanager as the webhook answered, and with 5xx what is worth another try, so
that Alertmanager repeats it. The rule: requests are bounded in number, size and time, whoever calls and whatever is called.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from csg_otel import net
from csg_otel.alerts import routing
from csg_otel.alerts.alertmanager import config, receivers

if TYPE_CHECKING:
    from csg_otel.alerts.spec import AlertSpec

HEALTHY: Final = "/-/healthy"
"""A GET of it is answered with 200 while the relay runs, as Alertmanager's own is."""

_AT_ONCE: Final = 32
_MOST_BYTES: Final = 4 * 1024 * 1024
_READ_S: Final = 10.0
_REFUSED_S: Final = 0.2
_BAD_GATEWAY: Final = 502
_WORTH_A_TRY: Final = frozenset({408, 425, 429})

_log = logging.getLogger("csg_otel")


@dataclass(frozen=True, slots=True)
class Forward:
    """Where and how a notification goes on; *timeout_s* is the deadline of the whole request in seconds."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float = 10.0

    def send(self, body: bytes) -> int:
        """Send *body* and return the status it was answered with. Raises OSError if it wasn't."""
        given = {"Content-Type": "application/json", "User-Agent": "csg-otel-alerts-relay"}
        lower = {name.lower() for name in self.headers}
        headers = {**{name: value for name, value in given.items() if name.lower() not in lower}, **self.headers}
        sent = None if self.method == "GET" else body
        return net.request(self.method, self.url, body=sent, headers=headers, timeout_s=self.timeout_s).status


def forwards(spec: AlertSpec) -> dict[str, Forward]:
    """Return the webhooks of *spec*, by the paths at which the relay takes what is for them."""
    return {
        routing.relay_path(target.name): Forward(
            target.channel.settings.method,
            target.channel.settings.url,
            {name: receivers.plain(value) for name, value in target.channel.settings.headers.items()},
            target.channel.settings.timeout,
        )
        for target in config.targets(spec)
        if target.channel.kind == "webhook"
    }


class Relay:
    """The listening socket and its threads; a context manager that serves within its block."""

    def __init__(self, known: Mapping[str, Forward], host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen at *host*:*port* (0: a free one). Raises OSError if that can't be had."""
        self._server = _Server((host, port), known)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="csg-otel-relay", daemon=True
        )

    @property
    def url(self) -> str:
        """The address it listens at."""
        host, port = self._server.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def __enter__(self) -> Relay:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Take nothing more, let what is under way end within its own deadline, and close."""
        self._server.shutdown()
        self._server.finish()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], known: Mapping[str, Forward]) -> None:
        self.known = known
        self._free = threading.Semaphore(_AT_ONCE)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a request on a thread of its own; refuse it where too many are served."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        with suppress(OSError):
            request.settimeout(_REFUSED_S)
            request.recv(65_536)  # an answer before the question would reset the connection
            request.sendall(b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a request and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, _request: Any, client_address: Any) -> None:
        """Say nothing of callers that went away."""

    def finish(self) -> None:
        """Wait until no request is under way, at most as long as the slowest may take."""
        deadline = time.monotonic() + max((one.timeout_s for one in self.known.values()), default=0.0) + 1
        for _ in range(_AT_ONCE):
            if not self._free.acquire(timeout=max(0.0, deadline - time.monotonic())):
                return


class _Handler(BaseHTTPRequestHandler):
    timeout = _READ_S
    server: _Server

    def do_GET(self) -> None:
        """Tell whether the relay runs."""
        self._answer(*((200, "ok") if self.path == HEALTHY else (404, "nothing to get here")))

    def do_POST(self) -> None:
        """Forward a notification."""
        forward = self.server.known.get(self.path)
        if forward is None:
            self._answer(404, "no webhook of that name is configured")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _MOST_BYTES:
            self._answer(413, f"a body of at most {_MOST_BYTES} bytes, with its length, is taken")
            return
        body = self._body(int(length))
        if body is None:
            self._answer(408, "the body did not arrive in time")
            return
        self._answer(*_forwarded(self.path, forward, body))

    def _body(self, length: int) -> bytes | None:
        deadline = time.monotonic() + _READ_S
        found = b""
        while len(found) < length and time.monotonic() < deadline:
            part = self.rfile.read1(length - len(found))
            if not part:
                break
            found += part
        return found if len(found) == length else None

    def _answer(self, status: int, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's signature
        """Log nothing by itself; failures are."""


def _forwarded(path: str, forward: Forward, body: bytes) -> tuple[int, str]:
    """Return what to answer Alertmanager, which tries again what is answered with 5xx and nothing else."""
    try:
        status = forward.send(body)
    except (OSError, ValueError) as error:  # a ValueError is a header that can't be sent
        status, why = (
            _BAD_GATEWAY,
            f"{type(error).__name__}: {error}" if isinstance(error, OSError) else type(error).__name__,
        )
    else:
        why = f"answered {status}"
        if 200 <= status < 300:
            return 200, "forwarded"
        if status < 400 or status in _WORTH_A_TRY:
            status = _BAD_GATEWAY
    _log.warning("alerts relay: %s %s: %s", path, forward.method, why)
    return status, why
