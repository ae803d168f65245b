"""The Redis check against a real server: up, refused, hanging, wrong password."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from csg_otel.check_result import Critical, Warn
from csg_otel.health.checks.redis import Redis
from csg_otel.status import HealthStatus
from support import servers
from support.servers import PASSWORD, Server, free_port


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A Redis for all tests of this module."""
    with servers.redis() as running:
        yield running


@pytest.mark.real("redis-server")
def test_a_server_that_answers_is_healthy(server: Server) -> None:
    """With password and database in the URL, user or not."""
    for user in ("", "default"):
        result = Redis(f"redis://{user}:{PASSWORD}@127.0.0.1:{server.port}/3")()
        assert result.status is HealthStatus.HEALTHY
        assert result.measurements[0].name == "ping"


@pytest.mark.real("redis-server")
def test_a_server_is_asked_over_tls(tmp_path: Path) -> None:
    """The certificate is verified with `ca_file`; an untrusted one fails the check."""
    authority, port = trustme.CA(), free_port()
    certificate = authority.issue_cert("127.0.0.1")
    (tmp_path / "key").write_bytes(certificate.private_key_pem.bytes())
    (tmp_path / "cert").write_bytes(certificate.cert_chain_pems[0].bytes())
    authority.cert_pem.write_to_path(str(tmp_path / "ca"))
    files = [f"--tls-{name}-file {tmp_path / name}".split() for name in ("key", "cert")]
    options = ["--tls-port", str(port), "--tls-auth-clients", "no", "--tls-ca-cert-file", str(tmp_path / "ca")]
    with servers.redis(*options, *files[0], *files[1]):
        target = f"rediss://:{PASSWORD}@127.0.0.1:{port}"
        assert Redis(target, ca_file=str(tmp_path / "ca"))().status is HealthStatus.HEALTHY
        with pytest.raises(Critical, match="certificate"):
            Redis(target)()


@pytest.mark.real("redis-server")
@pytest.mark.parametrize(
    ("login", "message"),
    [(":wrong@", "authentication failed"), ("", "it requires a password"), (f":{PASSWORD}x@", "authentication failed")],
)
def test_a_wrong_or_missing_password_is_told_without_it(server: Server, login: str, message: str) -> None:
    """In our words."""
    with pytest.raises(Critical, match=message) as raised:
        Redis(f"redis://{login}127.0.0.1:{server.port}")()

    assert PASSWORD not in str(raised.value)


@pytest.mark.real("redis-server")
def test_a_server_that_hangs_is_critical_within_the_deadline(server: Server) -> None:
    """A server stopped by a signal accepts connections and never answers; afterwards it is HEALTHY again."""
    check = Redis(f"redis://:{PASSWORD}@127.0.0.1:{server.port}", timeout_s=0.5)
    with server.hanging():
        began = time.monotonic()
        with pytest.raises(Critical, match=r"did not answer within 0\.5 s"):
            check()
        assert time.monotonic() - began < 1

    assert check().status is HealthStatus.HEALTHY


def test_nobody_listening_is_critical() -> None:
    """A refused connection is reported as refused."""
    with pytest.raises(Critical, match="refused"):
        Redis(f"redis://127.0.0.1:{free_port()}")()


def test_a_server_that_drips_does_not_stretch_the_deadline() -> None:
    """One byte at a time is no answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        wire, _ = listener.accept()
        with wire:
            while not stop.wait(0.1):
                try:
                    wire.sendall(b"+")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    began = time.monotonic()
    with pytest.raises(Critical, match="did not answer"):
        Redis(f"redis://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.5)()
    assert time.monotonic() - began < 1
    stop.set()
    listener.close()
    thread.join(5)


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (b"-LOADING Redis is loading\r\n", Warn, "loading"),
        (b"HTTP/1.1 400 Bad\r\n", Critical, "does not answer as a Redis"),
    ],
)
def test_other_answers_are_told(answer: bytes, kind: type[Exception], message: str) -> None:
    """A server that is still loading is a warning, one of another kind a failure."""
    listener = socket.create_server(("127.0.0.1", 0))

    def reply() -> None:
        wire, _ = listener.accept()
        with wire:
            wire.recv(100)
            wire.sendall(answer)

    thread = threading.Thread(target=reply, daemon=True)
    thread.start()
    with pytest.raises(kind, match=message):
        Redis(f"redis://127.0.0.1:{listener.getsockname()[1]}")()
    thread.join(5)
    listener.close()


def test_the_programs_own_client_is_used() -> None:
    """Whatever has a ping()."""

    class Client:
        def ping(self) -> bool:
            return True

    assert Redis(client=Client())().status is HealthStatus.HEALTHY
    with pytest.raises(ValueError, match="url or a client"):
        Redis()
