"""`csg_otel.net.smtp` against real mail servers with AUTH: TLS at once, STARTTLS and plain; deadlines, refusals, injections."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from csg_otel.net.smtp import SmtpError, send_mail
from support.authority import Authority
from support.notification_sinks import mail_sink

USER, PASSWORD = "mailer", "canary-pa55 wörd"
CONTENT = b"Subject: hi\r\n\r\nfirst\r\n.dot\r\n..two\r\n.\r\nlast\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The authority of the mail servers."""
    return Authority(tmp_path)


def server_context(authority: Authority) -> ssl.SSLContext:
    """Return the TLS of a mail server."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.cert, authority.key)
    return context


def send(port: int, security: str, *, tls: ssl.SSLContext | None = None, **changes: Any) -> tuple[str, ...]:
    """Send the mail to a server on loopback."""
    values: dict[str, Any] = {
        "username": USER,
        "password": PASSWORD,
        "timeout_s": 20,
        "recipients": ("ops@example.com",),
    }
    return send_mail(
        "127.0.0.1", port, sender="a@example.com", content=CONTENT, security=security, tls=tls, **{**values, **changes}
    )


@pytest.mark.parametrize("security", ["tls", "starttls", "plain"])
@pytest.mark.parametrize("excluded", ["LOGIN", "PLAIN"])
def test_a_mail_arrives_with_a_login(authority: Authority, security: str, excluded: str) -> None:
    """By PLAIN and by LOGIN, in each way of TLS; lines that begin with dots arrive as they are."""
    context = server_context(authority)
    options: dict[str, dict[str, Any]] = {
        "tls": {"implicit": context},
        "starttls": {"starttls": context},
        "plain": {},
    }
    with mail_sink(USER, PASSWORD, without=excluded, **options[security]) as sink:
        refused = send(sink.port, security, tls=authority.client())
        with pytest.raises(SmtpError, match="AUTH with 535") as wrong:
            send(sink.port, security, tls=authority.client(), password="n0-canary")
        ((account, recipients, mail),) = sink.mails

    assert (refused, account, recipients) == ((), USER, ["ops@example.com"])
    assert mail.get_content().replace("\r\n", "\n") == "first\n.dot\n..two\n.\nlast\n"
    assert not wrong.value.refuses_mail
    assert "canary" not in str(wrong.value)


def test_a_server_without_starttls_gets_no_password() -> None:
    """Nothing but EHLO is sent to it."""
    with mail_sink(USER, PASSWORD) as sink, pytest.raises(SmtpError, match="does not offer it"):
        send(sink.port, "starttls")
    assert not sink.mails


def test_a_certificate_of_strangers_is_refused(authority: Authority) -> None:
    """The login comes after the check."""
    with (
        mail_sink(USER, PASSWORD, implicit=server_context(authority)) as sink,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        send(sink.port, "tls")


@contextmanager
def script(*replies: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Run a server that sends one of *replies* at once and after each line; yield its port and the lines it gets."""
    lines: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as client, client.makefile("rb") as reader:
                client.sendall(replies[0])
                for reply in replies[1:]:
                    if not (line := reader.readline()):
                        return
                    lines.append(line)
                    client.sendall(reply)
                reader.read()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], lines
        thread.join(20)


HELLO = b"250-mail\r\n250 SIZE 1000\r\n"


def test_bytes_before_tls_are_not_believed(authority: Authority) -> None:
    """What a stranger has put behind the answer to STARTTLS would be read as if it came over TLS (CVE-2011-0411)."""
    with (
        script(b"220 hi\r\n", b"250-mail\r\n250 STARTTLS\r\n", b"220 go\r\n250 injected\r\n") as (port, _),
        pytest.raises(SmtpError, match="before TLS begins"),
    ):
        send(port, "starttls", tls=authority.client())


def test_only_some_recipients_are_refused() -> None:
    """The others get the mail, once; if all are refused for good, the mail is."""
    ok, no = b"250 ok\r\n", b"550 5.1.1 no such user\r\n"
    two = ("x@example.com", "ops@example.com")
    with script(b"220 hi\r\n", HELLO, ok, no, ok, b"354 go\r\n", *[b""] * 7, ok) as (port, lines):
        assert send(port, "plain", username="", recipients=two) == ("x@example.com",)
    assert b"RCPT TO:<ops@example.com>\r\n" in lines
    with (
        script(b"220 hi\r\n", HELLO, ok, no, no) as (port, _),
        pytest.raises(SmtpError, match="RCPT with 550") as all_of,
    ):
        send(port, "plain", username="", recipients=two)
    assert all_of.value.refuses_mail


@pytest.mark.parametrize(
    ("reply", "final"),
    [(b"451 4.7.1 greylisted\r\n", False), (b"550 5.7.1 spam\r\n", True), (b"530 log in\r\n", False)],
)
def test_a_refusal_is_final_only_if_it_is_about_the_mail(reply: bytes, final: bool) -> None:
    """Greylisting and a missing login may pass."""
    with script(b"220 hi\r\n", HELLO, reply) as (port, _), pytest.raises(SmtpError) as error:
        send(port, "plain", username="")
    assert error.value.refuses_mail is final


@pytest.mark.parametrize("answer", [b"hello\r\n", b"", b"2" * 5000, b"\xff\xfe\r\n"])
def test_what_is_no_mail_server_is_an_error(answer: bytes) -> None:
    """No other exception leaves."""
    with script(answer, b"") as (port, _), pytest.raises(OSError):  # noqa: PT011 - any of them
        send(port, "plain", timeout_s=0.5)


def test_a_server_that_drips_is_left_at_the_deadline() -> None:
    """One deadline for the whole conversation, not one for each byte."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with server.accept()[0] as client:
                try:
                    while True:
                        client.sendall(b"220-x\r\n")
                        time.sleep(0.05)
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            send(server.getsockname()[1], "plain", timeout_s=0.5)
        assert time.monotonic() - began < 5
        thread.join(10)


@pytest.mark.parametrize("address", ["a@x.org\r\nDATA", "a@x.org>", "a b@x.org", ""])
def test_an_address_is_no_command(address: str) -> None:
    """A line break in an address would be a command of its own."""
    with pytest.raises(ValueError, match="character that SMTP does not allow"):
        send(9, "plain", recipients=(address,))


def test_addresses_that_serve_credentials_are_refused() -> None:
    """The check is made before the connection."""

    def refuse(address: str) -> None:
        raise PermissionError(address)

    with mail_sink(USER, PASSWORD) as sink, pytest.raises(PermissionError):
        send(sink.port, "plain", check_address=refuse)
