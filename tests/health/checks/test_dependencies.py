"""HTTP, TCP and file systems: proven against real servers and folders, both ways."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from csg_otel.check_result import Critical, Warn
from csg_otel.config import load
from csg_otel.health import builtin
from csg_otel.health.checks.filesystem import Filesystem
from csg_otel.health.checks.http import Http
from csg_otel.health.checks.tcp import Tcp
from csg_otel.status import HealthStatus

HEALTHY, WARNING, CRITICAL = HealthStatus.HEALTHY, HealthStatus.WARNING, HealthStatus.CRITICAL
Talk = Callable[[socket.socket], None]


@contextmanager
def server(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve connections one by one with *talk* on a free loopback port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            try:
                wire = context.wrap_socket(wire, server_side=True) if context else wire
                talk(wire)
            except OSError:
                pass
            finally:
                wire.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def answers(status: str = "200 OK", body: str = "fine", extra: str = "", pause_s: float = 0.0) -> Talk:
    """Return a talk that reads a request and answers it."""

    def talk(wire: socket.socket) -> None:
        wire.recv(65536)
        time.sleep(pause_s)
        wire.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n{body}".encode())

    return talk


def drips(wire: socket.socket) -> None:
    """Send a byte every tenth of a second, for ever."""
    wire.recv(65536)
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 1000:
        wire.sendall(bytes([byte]))
        time.sleep(0.1)


def silent(wire: socket.socket) -> None:
    """Say nothing."""
    wire.settimeout(10)
    wire.recv(65536)
    wire.recv(65536)


def test_http_that_works() -> None:
    """Status, text and time as expected."""
    with server(answers(body="all is fine")) as port:
        result = Http(f"http://127.0.0.1:{port}/health", contains="fine", warning_s=5)()

    assert result.status is HEALTHY
    assert result.details == {"status_code": 200}
    assert result.measurements[0].unit == "s"


@pytest.mark.parametrize(
    ("talk", "expected", "message"),
    [
        (answers("503 No"), "2xx", "answered 503, expected 2xx"),
        (answers("302 Found", extra="Location: /login\r\n"), "2xx", "answered 302"),
        (answers("204 Empty", body=""), (200, "201-203"), "answered 204, expected 200, 201-203"),
        (lambda wire: wire.close(), "2xx", "closed before the response|reset"),
        (answers(body="something else"), 200, "without the expected text"),
    ],
)
def test_http_that_does_not(talk: Talk, expected: str, message: str) -> None:
    """A redirect fails the check, and the message has the expected status."""
    with server(talk) as port, pytest.raises(Critical, match=message):
        Http(f"http://127.0.0.1:{port}/", expected_status=expected, contains="fine")()


@pytest.mark.parametrize("talk", [drips, silent])
def test_http_that_takes_for_ever(talk: Talk) -> None:
    """The deadline is for the whole exchange, however the time is spent."""
    with server(talk) as port:
        began = time.monotonic()
        with pytest.raises(Critical, match=r"did not answer within 0\.5 s"):
            Http(f"http://127.0.0.1:{port}/", timeout_s=0.5)()
        took_s = time.monotonic() - began

    assert took_s < 1.0


def test_http_that_is_slow() -> None:
    """Slower than the limits is a warning, then a failure."""
    with server(answers(pause_s=0.1)) as port:
        url = f"http://127.0.0.1:{port}/"
        assert Http(url, warning_s=0.05)().status is WARNING
        assert Http(url, warning_s=0.01, critical_s=0.05)().status is CRITICAL


def test_http_sends_what_it_is_told() -> None:
    """Method, headers and body arrive."""
    seen: list[str] = []

    def talk(wire: socket.socket) -> None:
        seen.append("")
        while not seen[0].endswith("ping"):
            seen[0] += wire.recv(65536).decode()
        wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with server(talk) as port:
        Http(f"http://127.0.0.1:{port}/a?b=c", method="POST", headers={"X-Token": "t"}, body="ping")()

    assert seen[0].startswith("POST /a?b=c HTTP/1.1\r\n")
    assert "X-Token: t" in seen[0]
    assert seen[0].endswith("ping")


def test_a_secret_of_the_file_opens_the_door() -> None:
    """Headers and the URL's user and password arrive as they are, though settings never show them."""
    seen: list[str] = []

    def talk(wire: socket.socket) -> None:
        seen.append(wire.recv(65536).decode())
        wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with server(talk) as port:
        mine = {"type": "http", "url": f"http://127.0.0.1:{port}", "headers": {"authorization": "Bearer ${TOKEN}"}}
        basic = {"url": f"http://me:${{TOKEN}}@127.0.0.1:{port}/b"}
        checks = {"mine": mine, "dependencies": {"apis": [basic]}}
        loaded = load({"health_monitoring": {"checks": checks}}, environ={"TOKEN": "op%65n"})
        probes = [check.function for check in builtin.build(loaded.config.health_monitoring)]
        for probe in probes:
            if isinstance(probe, Http):
                probe()

    assert "Authorization: Basic bWU6b3Blbg==" in seen[0]
    assert "authorization: Bearer op%65n" in seen[1]


def test_http_never_tells_a_secret() -> None:
    """Credentials and queries of the URL and headers are in no message and no representation."""
    check = Http("http://user:canary@127.0.0.1:1/?key=canary", headers={"Authorization": "canary"}, timeout_s=1)
    with pytest.raises(Critical) as caught:
        check()

    assert "canary" not in str(caught.value) + repr(check)
    assert "127.0.0.1:1" in str(caught.value)


def test_https_checks_the_certificate(tmp_path: Path) -> None:
    """A trusted certificate passes; one for another host, an untrusted one and one that expires too soon do not."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(other)
    ca_file = str(tmp_path / "ca.pem")
    with server(answers(), context) as port:
        url = f"https://127.0.0.1:{port}/"
        assert Http(url, ca_file=ca_file)().status is HEALTHY
        with pytest.raises(Critical, match="certificate: "):
            Http(url)()
        with pytest.raises(Warn, match="expires in"):
            Http(url, ca_file=ca_file, certificate_days=1e6)()
    with server(answers(), other) as port, pytest.raises(Critical, match="certificate: "):
        Http(f"https://127.0.0.1:{port}/", ca_file=ca_file)()


def test_what_can_not_be_asked_is_refused() -> None:
    """At its definition, with what would be right."""
    with pytest.raises(ValueError, match="http or https"):
        Http("ftp://example.com/")
    with pytest.raises(ValueError, match="class"):
        Http("http://example.com/", expected_status="ok")
    with pytest.raises(ValueError, match="host:port"):
        Tcp("example.com")


def test_tcp() -> None:
    """Something that listens, nothing that listens, something that does not answer."""
    with server(silent) as port:
        assert Tcp(f"127.0.0.1:{port}")().status is HEALTHY
    with pytest.raises(Critical, match="refused"):
        Tcp(f"127.0.0.1:{port}")()
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _ in range(8)]  # fill the queue of a server that never accepts
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    with pytest.raises(Critical, match=r"does not answer within 0\.3 s"):
        Tcp(f"127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.3)()
    for one in (*waiting, listener):
        one.close()


def test_a_folder_that_can_be_written(tmp_path: Path) -> None:
    """A directory that can be written is HEALTHY, and no file stays in it."""
    assert Filesystem(str(tmp_path))().status is HEALTHY
    assert list(tmp_path.iterdir()) == []


def test_folders_that_can_not_be_written(tmp_path: Path) -> None:
    """One that is not there, one that is a file, and the kernel's own, which even root can't write."""
    (tmp_path / "file").touch()
    for path, message in ((tmp_path / "none", "does not exist"), (tmp_path / "file", "is not a directory")):
        with pytest.raises(Critical, match=message):
            Filesystem(str(path))()
    if Path("/proc/self").is_dir():
        with pytest.raises(Critical, match=r"can't be written: E[A-Z]+"):
            Filesystem("/proc")()
