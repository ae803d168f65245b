"""DNS, certificates and addresses that are off limits: against real listeners and real certificates."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from csg_otel.check_result import Critical
from csg_otel.health.checks.database import Database
from csg_otel.health.checks.dns import Dns
from csg_otel.health.checks.http import Http
from csg_otel.health.checks.redis import Redis
from csg_otel.health.checks.tcp import Tcp
from csg_otel.health.checks.tls import Tls
from csg_otel.net import metadata
from csg_otel.status import HealthStatus

HEALTHY, WARNING, CRITICAL = HealthStatus.HEALTHY, HealthStatus.WARNING, HealthStatus.CRITICAL


@contextmanager
def tls_server(context: ssl.SSLContext | None) -> Iterator[str]:
    """Do handshakes on a free port; without a context stay silent. Yields the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            kept.append(wire)
            if context is not None:
                try:
                    context.wrap_socket(wire, server_side=True).close()
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for wire in kept:
            wire.close()


class Authority:
    """A certificate authority and certificates of it."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.file = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.file)

    def context(self, name: str = "127.0.0.1", days: float = 90.0, began_days: float = -1) -> ssl.SSLContext:
        """Return a server's context with a certificate for *name* that ends in *days* days."""
        now = dt.datetime.now(dt.timezone.utc)
        issued = self._authority.issue_cert(
            name,
            not_before=now + dt.timedelta(days=min(began_days, days - 1)),
            not_after=now + dt.timedelta(days=days),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority of this test."""
    return Authority(tmp_path)


@pytest.mark.parametrize(("days", "status"), [(90, HEALTHY), (10, WARNING), (3, CRITICAL)])
def test_a_certificate_is_told_by_its_days(authority: Authority, days: float, status: HealthStatus) -> None:
    """Valid, expiring, nearly expired."""
    with tls_server(authority.context(days=days)) as address:
        result = Tls(address, ca_file=authority.file)()

    assert result.status is status
    assert result.measurements[0].value == pytest.approx(days, abs=0.01)


@pytest.mark.parametrize(
    ("name", "days", "message"),
    [
        ("127.0.0.1", -2, "certificate: certificate has expired"),
        ("elsewhere.example", 90, "certificate: .*not valid for"),
    ],
)
def test_a_certificate_nobody_would_accept(authority: Authority, name: str, days: float, message: str) -> None:
    """Expired, or of another host."""
    with tls_server(authority.context(name, days)) as address, pytest.raises(Critical, match=message):
        Tls(address, ca_file=authority.file)()


def test_another_name_may_be_expected(authority: Authority) -> None:
    """Behind a load balancer the address is not the name."""
    with tls_server(authority.context("shop.example")) as address:
        assert Tls(address, ca_file=authority.file, server_name="shop.example")().status is HEALTHY


def test_an_unknown_authority_is_not_trusted(authority: Authority) -> None:
    """Without its file."""
    with tls_server(authority.context()) as address, pytest.raises(Critical, match="certificate: "):
        Tls(address)()


def test_a_silent_peer_is_critical_within_the_deadline() -> None:
    """For the certificate and for an HTTPS service."""
    with tls_server(None) as address:
        for check in (Tls(address, timeout_s=0.3), Http(f"https://{address}/", timeout_s=0.3)):
            began = time.monotonic()
            with pytest.raises(Critical, match=r"within 0\.3 s"):
                check()
            assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "check",
    [
        Tcp("slow-tcp.invalid:80", timeout_s=0.3),
        Tls("slow-tls.invalid:443", timeout_s=0.3),
        Http("http://slow-http.invalid/", timeout_s=0.3),
        Redis("redis://slow-redis.invalid", timeout_s=0.3),
    ],
)
def test_a_name_service_that_hangs_is_critical_within_the_deadline(
    check: Tcp | Tls | Http | Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a check includes the resolution of the name."""
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(10) and [])
    began = time.monotonic()
    with pytest.raises(Critical, match=r"within 0\.3 s"):
        check()
    took_s = time.monotonic() - began
    release.set()

    assert took_s < 2


def test_names_resolve_or_not() -> None:
    """A name resolves through the system's resolver; a wrong address is reported with the right one."""
    result = Dns("localhost", expected=("127.0.0.1",))()
    assert (result.status, "127.0.0.1" in result.details["addresses"]) == (HEALTHY, True)

    with pytest.raises(Critical, match=r"localhost is .* and not 192\.0\.2\.1"):
        Dns("localhost", expected=("192.0.2.1",))()
    with pytest.raises(Critical, match="does not resolve"):
        Dns("no-such-host.invalid")()


@pytest.mark.parametrize(
    "check",
    [
        Tcp("169.254.169.254:80"),
        Tcp("[::ffff:169.254.169.254]:80"),
        Tcp("[fd00:ec2::254]:80"),
        Tcp("100.100.100.200:80"),
        Http("http://169.254.169.254/latest/meta-data/"),
        *(
            Http(f"http://{host}/")
            for host in (
                *(
                    "2852039166",
                    "0xa9fea9fe",
                    "0251.0376.0251.0376",
                    "169.254.43518",
                    "192.0.0.192",
                ),
                *("[::169.254.169.254]", "[::ffff:0:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a9fe:a9fe]"),
                *("[64:ff9b:1:a9fe:a9:fe00::]", "[2002:a9fe:a9fe::1]", "[2001:0:a9fe:a9fe::1]", "[2001::5601:5601]"),
                *("[2001:db8::200:5efe:a9fe:a9fe]", "[fe80::1]", "[fd20:ce::254]", "168.63.129.16", "169.254.0.1"),
            )
        ),
        Database("postgresql://u:p@169.254.169.254/x"),
        Database("mysql://u:p@[64:ff9b::a9fe:a9fe]/x"),
        Database("postgresql://u:p@localhost/x?hostaddr=169.254.169.254"),
        Database("postgresql://u:p@localhost/x?host=localhost,2852039166"),
        Redis("redis://169.254.169.254"),
        Tls("[2002:a9fe:a9fe::1]:443"),
    ],
)
def test_addresses_that_serve_credentials_are_off_limits(check: Callable[[], object]) -> None:
    """Clouds serve a machine's secrets there; nothing is sent without it being allowed."""
    with pytest.raises(Critical, match="link-local"):
        check()


@pytest.mark.parametrize(
    "host",
    [
        "metadata.google.internal",
        "METADATA.google.internal.",
        "2852039166",
        "169.254.169.254.",
        "\uff11\uff16\uff19.254.169.254",
    ],
)
def test_a_proxy_is_not_asked_for_addresses_that_serve_credentials(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """The proxy resolves names, so the host is refused by its text before the proxy is connected to."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    with pytest.raises(Critical, match="link-local"):
        Http(f"http://{host}/")()


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "127.0.0.1", "::1", "2001:db8::1", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_other_addresses_may_be_checked(address: str) -> None:
    """A form that carries a public or private IPv4 address is no metadata service."""
    assert not metadata.is_metadata(address)
