"""Receivers of notifications in tests: an HTTP server and a mail server with AUTH on loopback, which record what they get."""

from __future__ import annotations

import email
import email.policy
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from support.servers import free_port


@dataclass(frozen=True)
class Request:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


@dataclass
class HttpSink:
    """The requests that arrived, and what the next ones are answered with (a status, or a function that returns one)."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    status: int = 200
    answer: Callable[[str], bytes] = lambda path: b"ok"
    before: Callable[[], object] = lambda: None

    def at(self, path: str) -> list[Request]:
        """Return the requests to *path*."""
        return [request for request in self.requests if request.path == path]


@contextmanager
def http_sink(port: int = 0) -> Iterator[HttpSink]:
    """Run an HTTP server at *port*, by default a free one, that keeps every request."""
    sink = HttpSink()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sink.before()
            sink.requests.append(Request(self.command, self.path, dict(self.headers), body))
            self.send_response(sink.status)
            answer = sink.answer(self.path)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - the standard library's naming

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    sink.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class MailSink:
    """The mails that arrived, each with the account it was sent from."""

    port: int
    mails: list[tuple[str, list[str], email.message.EmailMessage]] = field(default_factory=list)

    def to(self, recipient: str) -> list[email.message.EmailMessage]:
        """Return the mails to *recipient*."""
        return [mail for _, recipients, mail in self.mails if recipient in recipients]


@contextmanager
def mail_sink(
    user: str,
    password: str,
    *,
    port: int = 0,
    implicit: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    without: Any = "LOGIN",
    refuses: str = "",
) -> Iterator[MailSink]:
    """
    Run a mail server that takes mails from *user* with *password* only.

    Args:
        user: the account.
        password: its password.
        port: the port; 0 for a free one.
        implicit: TLS from the first byte.
        starttls: TLS that the server demands after its greeting.
        without: a mechanism of AUTH that the server does not offer; by default LOGIN, whose challenge breaks Go's clients.
        refuses: a recipient that the server does not accept.
    """
    sink = MailSink(port or free_port())

    class Handler:
        async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
            if not session.authenticated:  # asked here, because aiosmtpd warns of AUTH that is required without TLS
                return "530 5.7.0 authentication is required"
            if address.lower() == refuses:
                return "550 5.1.1 no such user"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
            sink.mails.append((session.auth_data.login.decode(), envelope.rcpt_tos, mail))
            return "250 OK"

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=right, auth_data=data)

    controller = Controller(
        Handler(),
        hostname="127.0.0.1",
        port=sink.port,
        authenticator=check,
        auth_require_tls=starttls is not None,
        ssl_context=implicit,
        tls_context=starttls,
        require_starttls=starttls is not None,
        auth_exclude_mechanism=[without],
    )
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
