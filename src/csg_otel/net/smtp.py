"""
Sending one mail by SMTP (RFC 5321): one conversation under one deadline, with TLS, STARTTLS and AUTH.

Not ``smtplib``: its timeout starts again with each read, so a server that sends slowly would hold the caller for ever. The
rules: with ``starttls`` no command but EHLO and STARTTLS is sent before TLS, and no byte that came before it is used; no error
contains what was sent, because that may be a password.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from csg_otel import clocks
from csg_otel.lines import one_line
from csg_otel.net.connection import Connection, connect
from csg_otel.net.tls import tls_context

if TYPE_CHECKING:
    import ssl

_MAX_BYTES: Final = 64 * 1024
"""Most bytes that are read of a server in a conversation."""
_MAX_LINE: Final = 2048
_MAX_SHOWN: Final = 200
_NAME: Final = "localhost"
"""The name of this client: the name of the machine may be one that a server refuses, and finding it out asks a name server."""


class SmtpError(ConnectionError):
    """The server does not accept the mail; *code* is that of its reply, 0 if the server can't do what is needed."""

    def __init__(self, step: str, code: int, text: str) -> None:
        """Describe the reply *code* *text* to the *step* of the conversation."""
        super().__init__(f"the mail server answers {step} with {code} {text}" if code else f"{step}: {text}")
        self.code = code
        self.refuses_mail = 550 <= code <= 559 and step in ("MAIL", "RCPT", "DATA")
        """Whether the server refuses this mail for good."""


def send_mail(
    host: str,
    port: int,
    *,
    sender: str,
    recipients: Sequence[str],
    content: bytes,
    timeout_s: float,
    security: str = "starttls",
    username: str = "",
    password: str = "",
    tls: ssl.SSLContext | None = None,
    check_address: Callable[[str], None] | None = None,
) -> tuple[str, ...]:
    """
    Send a mail and return the recipients that the server refuses; at least one is accepted.

    Raises SmtpError if the server does not accept the mail, OSError if the connection fails (TimeoutError at the deadline), and
    ValueError for an address with a line break or a space.

    Args:
        host: The mail server.
        port: Its port.
        sender: The address of the sender.
        recipients: The addresses of the recipients.
        content: The mail, in lines that end with CRLF.
        timeout_s: Seconds for everything, from name resolution to the last reply.
        security: ``tls`` from the first byte, ``starttls``, or ``plain``. Default: STARTTLS.
        username: The account. Default: no login.
        password: The password of the account.
        tls: The context of TLS. Default: certificates are verified against the system's authorities.
        check_address: Called with each IP address before it is used; raises to refuse it. Default: no check.
    """
    _check(sender, *recipients)
    deadline = clocks.monotonic() + timeout_s
    context = None if security == "plain" else tls or tls_context()
    before_tls = _start_tls if security == "starttls" else None
    opened = connect(
        host, port, deadline, tls=context, before_tls=before_tls, max_bytes=_MAX_BYTES, check_address=check_address
    )
    try:
        talk = _Talk(opened)
        if security != "starttls":
            talk.expect("the connection", 2)
        talk.greet()
        if username:
            talk.log_in(username, password, is_private=security != "plain")
        return talk.send(sender, recipients, content)
    finally:
        opened.close()


def _check(*addresses: str) -> None:
    """Raise ValueError for an address that would be more than an address in a command."""
    for address in addresses:
        if not address or any(char <= " " or char in "<>\x7f" for char in address):
            raise ValueError("an address of the mail has a character that SMTP does not allow")


def _start_tls(opened: Connection) -> None:
    """Request TLS on the new connection *opened*. Raises SmtpError if the server has none."""
    talk = _Talk(opened)
    talk.expect("the connection", 2)
    talk.greet()
    if "STARTTLS" not in talk.extensions:
        raise SmtpError(
            "STARTTLS", 0, "the mail server does not offer it; set use_tls: false only in a network you trust"
        )
    talk.command("STARTTLS", "STARTTLS", 2)
    if not opened.drained:
        raise SmtpError("STARTTLS", 0, "the mail server sends data before TLS begins")


class _Talk:
    """A conversation over an open connection."""

    def __init__(self, opened: Connection) -> None:
        self._opened = opened
        self.extensions: dict[str, str] = {}

    def greet(self) -> None:
        """Say EHLO, or HELO to a server from before 1995, and keep the extensions of the server."""
        try:
            lines = self.command("EHLO", f"EHLO {_NAME}", 2)
        except SmtpError as error:
            if error.code not in (500, 502):
                raise
            self.command("HELO", f"HELO {_NAME}", 2)
            lines = []
        words = (line.replace("=", " ", 1).split(" ", 1) for line in lines[1:] if line)
        self.extensions = {first.upper(): " ".join(rest).upper() for first, *rest in words}

    def log_in(self, username: str, password: str, *, is_private: bool) -> None:
        """Log in; where the connection is not private, by CRAM-MD5 if the server offers it."""
        offered = self.extensions.get("AUTH", "").split()
        preferred = ("PLAIN", "LOGIN", "CRAM-MD5") if is_private else ("CRAM-MD5", "PLAIN", "LOGIN")
        chosen = next((mechanism for mechanism in preferred if mechanism in offered), "")
        if chosen == "PLAIN":
            self.command("AUTH", f"AUTH PLAIN {_base64(f'{chr(0)}{username}{chr(0)}{password}'.encode())}", 2)
        elif chosen == "LOGIN":
            self.command("AUTH", "AUTH LOGIN", 3)
            self.command("AUTH", _base64(username.encode()), 3)
            self.command("AUTH", _base64(password.encode()), 2)
        elif chosen:
            (challenge, *_) = self.command("AUTH", "AUTH CRAM-MD5", 3)
            try:
                digest = hmac.digest(password.encode(), base64.b64decode(challenge), "md5").hex()
            except ValueError:
                raise SmtpError("AUTH", 0, "the challenge of the mail server is no base64") from None
            self.command("AUTH", _base64(f"{username} {digest}".encode()), 2)
        else:
            raise SmtpError("AUTH", 0, "the mail server offers no login by PLAIN, LOGIN or CRAM-MD5")

    def send(self, sender: str, recipients: Sequence[str], content: bytes) -> tuple[str, ...]:
        """Send the mail, say goodbye, and return the recipients that were refused; see :func:`send_mail`."""
        plain = all(address.isascii() for address in (sender, *recipients))
        if not plain and "SMTPUTF8" not in self.extensions:
            raise SmtpError("SMTPUTF8", 0, "the mail server does not offer it, and an address has letters beyond ASCII")
        self.command("MAIL", f"MAIL FROM:<{sender}>{'' if plain else ' SMTPUTF8'}", 2)
        refused: dict[str, SmtpError] = {}
        for recipient in recipients:
            try:
                self.command("RCPT", f"RCPT TO:<{recipient}>", 2)
            except SmtpError as error:
                refused[recipient] = error
        if len(refused) == len(set(recipients)):
            raise next((error for error in refused.values() if not error.refuses_mail), next(iter(refused.values())))
        self.command("DATA", "DATA", 3)
        stuffed = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
        self._opened.send_all(stuffed.removesuffix(b"\r\n") + b"\r\n.\r\n")
        self.expect("DATA", 2)
        self._opened.send_all(b"QUIT\r\n")
        return tuple(refused)

    def command(self, step: str, line: str, wanted: int) -> list[str]:
        """Send *line* and return the lines of the reply, whose code begins with *wanted*. Raises SmtpError for another."""
        self._opened.send_all(line.encode() + b"\r\n")
        return self.expect(step, wanted)

    def expect(self, step: str, wanted: int) -> list[str]:
        """Read a reply and return its lines without the code; see :meth:`command`."""
        lines: list[str] = []
        while True:
            line = self._opened.read_line(_MAX_LINE)
            code = line[:3]
            if not line.endswith(b"\n") or not (code.isdigit() and line[3:4] in (b" ", b"-", b"\r", b"\n")):
                raise SmtpError(step, 0, "the mail server ends the conversation, or does not speak SMTP")
            lines.append(line[4:].decode("utf-8", "replace").strip())
            if line[3:4] != b"-":
                break
        if int(code) // 100 != wanted:
            raise SmtpError(step, int(code), one_line(" ".join(lines))[:_MAX_SHOWN])
        return lines


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
