"""TLS of the endpoints: versions, client certificates, changed files, and clients that do not finish a handshake."""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from csg_otel import faults
from csg_otel.config import load
from csg_otel.errors import ConfigError
from csg_otel.exporters import prometheus
from csg_otel.server import Server, connection
from support.authority import Authority
from support.endpoints import WITHIN_S, is_closed, port_of
from support.programs import eventually

Serve = Callable[..., Server]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority of this test."""
    return Authority(tmp_path)


def ask(server: Server, context: ssl.SSLContext, path: str = "/metrics", **headers: str) -> tuple[int, bytes]:
    """Send one request with TLS and return status and body."""
    client = http.client.HTTPSConnection("127.0.0.1", port_of(server), timeout=WITHIN_S, context=context)
    try:
        client.request("GET", path, headers=headers)
        response = client.getresponse()
        return response.status, response.read()
    finally:
        client.close()


def serial(server: Server) -> int:
    """Return the serial number of the certificate that a new connection gets."""
    with socket.create_connection(("127.0.0.1", port_of(server)), WITHIN_S) as plain:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) as client:
            return hash(client.getpeercert(binary_form=True))


def test_everything_is_served_with_tls_only(serve: Serve, authority: Authority) -> None:
    """Pages and probes, one after the other on one connection; the address is an https one, and HTTP gets a sentence."""
    server = serve(security=authority.settings())
    assert server.url.startswith("https://127.0.0.1:")
    client = http.client.HTTPSConnection("127.0.0.1", port_of(server), timeout=WITHIN_S, context=authority.client())
    for path, status in (("/metrics", 200), ("/livez", 503), ("/nothing", 404), ("/metrics", 200)):
        client.request("GET", path)
        response = client.getresponse()
        assert (response.status, bool(response.read())) == (status, True)
    client.close()
    with socket.create_connection(("127.0.0.1", port_of(server)), WITHIN_S) as plain:
        plain.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        with plain.makefile("rb") as answer:
            text = answer.read()
    assert text.startswith(b"HTTP/1.0 400 ")
    assert b"https://" in text
    for header in (b"nosniff", b"no-store", b"default-src 'none'"):
        assert header in text.partition(b"\r\n\r\n")[0]
    assert b"hits_total" not in text


def test_a_large_page_arrives_whole(serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """To many clients at once, some of which read slowly."""
    page = bytes(range(256)) * 12_000
    monkeypatch.setattr(prometheus.Pages, "render", lambda *_, **__: page)
    server, pages = serve(security=authority.settings()), list[bytes]()
    threads = [threading.Thread(target=lambda: pages.append(ask(server, authority.client())[1])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [arrived == page for arrived in pages] == [True] * 8


@pytest.mark.parametrize(
    ("client_auth", "with_certificate", "is_served"),
    [("required", True, True), ("required", False, False), ("optional", False, True), ("none", False, True)],
)
def test_clients_need_a_certificate_of_the_authority(
    serve: Serve, authority: Authority, client_auth: str, with_certificate: bool, is_served: bool
) -> None:
    """Where ``client_ca`` is set, unless ``client_auth`` says otherwise."""
    server = serve(security=authority.settings(client_ca=str(authority.ca_file), client_auth=client_auth))
    context = authority.client(with_certificate=with_certificate)
    if is_served:
        assert ask(server, context)[0] == 200
    else:
        with pytest.raises(OSError):  # noqa: PT011 - the end of the connection, or an alert, whichever arrives first
            ask(server, context)


@pytest.mark.parametrize("client_auth", ["required", "optional"])
def test_a_certificate_of_another_authority_is_refused(serve: Serve, authority: Authority, client_auth: str) -> None:
    """Also where none is needed."""
    server = serve(security=authority.settings(client_ca=str(authority.ca_file), client_auth=client_auth))
    context = authority.client()
    trustme.CA().issue_cert("scraper@example.org").configure_cert(context)
    with pytest.raises(OSError):  # noqa: PT011 - see above
        ask(server, context)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_are_refused(serve: Serve, authority: Authority) -> None:
    """TLS 1.1 always, TLS 1.2 where the settings want 1.3."""
    old, tls12 = authority.client(), authority.client()
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    tls12.maximum_version = ssl.TLSVersion.TLSv1_2
    both, newest = serve(security=authority.settings()), serve(security=authority.settings(min_version="TLS13"))

    assert [ask(both, tls12)[0], ask(newest, authority.client())[0]] == [200, 200]
    for server, context in ((both, old), (newest, tls12)):
        with pytest.raises(OSError):  # noqa: PT011 - see above
            ask(server, context)


def test_a_changed_certificate_is_used(
    serve: Serve, authority: Authority, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By new connections, soon; files that can't be used leave the previous certificate, with one line, until they can."""
    monkeypatch.setattr(faults, "strict", False)
    caplog.set_level(logging.INFO, "csg_otel")
    server = serve(security=authority.settings())
    first = serial(server)
    # The connection made the server look at its files: half of the change below would be a fault.
    eventually(lambda: "csg-otel-server" not in {thread.name for thread in threading.enumerate()})
    authority.issue()
    eventually(lambda: serial(server) != first)
    second = serial(server)
    authority.key.write_text("broken")
    eventually(lambda: serial(server) == second and "security.tls.key" in caplog.text)
    authority.cert.unlink()
    time.sleep(1.5)
    assert ask(server, authority.client())[0] == 200
    authority.issue()
    eventually(lambda: serial(server) not in (first, second))
    eventually(lambda: "fault in telemetry (tls) is over" in caplog.text)
    assert caplog.text.count("fault in telemetry (tls): ") == 1


@pytest.mark.parametrize("mistake", ["missing", "no certificate", "broken", "foreign key", "encrypted", "no authority"])
def test_files_that_cannot_be_used_start_no_server(
    serve: Serve, authority: Authority, caplog: pytest.LogCaptureFixture, mistake: str
) -> None:
    """One warning names the setting; nothing is served without TLS instead, and the program goes on."""
    settings, named = authority.settings(), "key"
    if mistake == "missing":
        authority.cert.unlink()
        named = "cert"
    elif mistake == "no certificate":
        authority.cert.write_text("broken")
        named = "cert"
    elif mistake == "broken":
        authority.key.write_text("broken")
    elif mistake == "foreign key":
        trustme.CA().issue_cert("a.example").private_key_pem.write_to_path(str(authority.key))
    elif mistake == "encrypted":
        text = authority.key.read_text().splitlines()
        authority.key.write_text(
            "\n".join([text[0], "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,00", "", *text[1:]])
        )
    else:
        settings, named = authority.settings(client_ca=str(authority.folder / "none.pem")), "client_ca"
    server = serve(security=settings)

    assert server.url == ""
    assert f"security.tls.{named} " in server.problem
    assert caplog.text.count("nothing is served without TLS") == 1


def test_who_does_not_finish_a_handshake_delays_no_client(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent clients, halves of a handshake, and garbage: each has the deadline of a request, and others are served."""
    monkeypatch.setattr(connection, "_REQUEST_S", 6.0)
    server, context = serve(security=authority.settings()), authority.client()
    threads = threading.active_count()
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    with ExitStack() as clients:
        stuck = [
            clients.enter_context(socket.create_connection(("127.0.0.1", port_of(server)), WITHIN_S)) for _ in range(60)
        ]
        for number, client in enumerate(stuck):
            client.sendall((b"", hello, b"\x16" * 100, b"\x00garbage")[number % 4])
        assert [ask(server, context, "/livez")[0] for _ in range(20)] == [503] * 20
        assert all(map(is_closed, stuck[2:]))
        assert all(map(is_closed, stuck[:2]))
        assert threading.active_count() <= threads + 2  # of the server: one for scrapes, one for the files


def test_small_records_are_sent_at_once(serve: Serve, authority: Authority) -> None:
    """Otherwise a page's head waits until the tickets of the handshake are confirmed, for 40 ms."""
    server = serve(security=authority.settings())
    with (
        socket.create_connection(("127.0.0.1", port_of(server)), WITHIN_S) as plain,
        authority.client().wrap_socket(plain, server_hostname="127.0.0.1"),
    ):
        assert server._loop is not None
        (served,) = tuple(server._loop._connections)
        assert served.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_end_of_a_connection_is_announced(serve: Serve, authority: Authority) -> None:
    """So that a client can tell it from one that was cut."""
    server = serve(security=authority.settings())
    with socket.create_connection(("127.0.0.1", port_of(server)), WITHIN_S) as plain:
        context = authority.client()
        with context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            pieces = iter(lambda: client.recv(65536), b"")
            assert b"".join(pieces).startswith(b"HTTP/1.1 200 ")


def test_a_key_without_a_certificate_is_refused_at_load() -> None:
    """It would look as if TLS were on."""
    for settings in ({"key": "k.pem"}, {"client_ca": "ca.pem"}):
        with pytest.raises(ConfigError, match=r"security\.tls: needs 'cert'"):
            load({"security": {"tls": settings}}, environ={})
