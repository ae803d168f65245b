"""A name server that changes its answers (DNS rebinding) leads neither a check nor the relay to a cloud's metadata service."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from csg_otel.check_result import CheckResult, Critical
from csg_otel.health.checks.database import Database
from csg_otel.health.checks.http import Http
from csg_otel.health.checks.redis import Redis
from csg_otel.health.checks.tcp import Tcp
from csg_otel.health.checks.tls import Tls
from support.name_server import resolving
from support.raw_receiver import REDIRECTS, raw_receiver
from support.servers import free_port
from support.webhooks import webhook

METADATA = "169.254.169.254"
HERE = "127.0.0.1"

_noting: list[list[str]] = []
"""The list that connections are noted in, during a test that wants them."""


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _noting and isinstance(arguments[1], tuple):
        _noting[0].append(str(arguments[1][0]))


sys.addaudithook(_note)


@pytest.fixture
def connections() -> Iterator[list[str]]:
    """The addresses that the interpreter connects to; a hook of it sees every attempt."""
    noted: list[str] = []
    _noting.append(noted)
    yield noted
    _noting.clear()


CHECKS: dict[str, Callable[[str], Callable[[], CheckResult]]] = {
    "http": lambda where: Http(f"http://{where}/", timeout_s=2),
    "https": lambda where: Http(f"https://{where}/", timeout_s=2),
    "tcp": lambda where: Tcp(where, timeout_s=2),
    "tls": lambda where: Tls(where, timeout_s=2),
    "redis": lambda where: Redis(f"redis://{where}", timeout_s=2),
    "database": lambda where: Database(f"postgresql://u:p@{where}/d", timeout_s=2),
}


@pytest.mark.parametrize("kind", CHECKS)
def test_the_address_is_checked_at_each_run(kind: str, connections: list[str]) -> None:
    """The first run reaches this machine; in the next one the name has another address, which is not connected to."""
    with resolving("rebind.test", [HERE], [METADATA]):
        check = CHECKS[kind](f"{kind}.rebind.test:{free_port()}")
        with pytest.raises(Critical):
            check()  # nothing listens
        with pytest.raises(Critical, match="link-local"):
            check()

    assert METADATA not in connections


@pytest.mark.parametrize("kind", sorted(CHECKS.keys() - {"database"}))
def test_the_address_that_was_checked_is_the_one_connected_to(kind: str, connections: list[str]) -> None:
    """One run asks the name server once: between its check and its connection no other answer can come."""
    with resolving("rebind.test", [HERE], [METADATA]) as server:
        with pytest.raises(Critical):
            CHECKS[kind](f"{kind}.rebind.test:{free_port()}")()
        assert len(server.questions) == 1

    assert connections.count(HERE) >= 1
    assert METADATA not in connections


@pytest.mark.parametrize("answer", [[HERE, METADATA], [METADATA, HERE], [HERE, "100.100.100.200"]])
@pytest.mark.parametrize("kind", CHECKS)
def test_every_address_of_an_answer_is_checked(kind: str, answer: list[str], connections: list[str]) -> None:
    """Where the first one refuses the connection, the next one is not tried unchecked."""
    with resolving("rebind.test", answer), pytest.raises(Critical, match="link-local"):
        CHECKS[kind](f"{kind}-{answer[1]}.rebind.test:{free_port()}")()

    assert not {METADATA, "100.100.100.200"} & set(connections)


def test_the_relay_checks_the_address_at_each_request(connections: list[str]) -> None:
    """The webhook gets the first notification; once its name leads to a metadata service, Alertmanager gets a 502."""
    with raw_receiver() as hook, resolving("rebind.test", [HERE], [METADATA]) as server:
        forward = webhook("POST", f"http://hook.rebind.test:{hook.port}/x", {"Authorization": "Bearer c4nary"}, 2)
        assert forward.answer("/hook", b"{}")[0] == 200
        status, reason = forward.answer("/hook", b"{}")

        assert len(server.questions) == 2
    assert status == 502
    assert "metadata" in reason
    assert METADATA not in connections


def test_a_redirect_to_such_a_name_is_not_followed(connections: list[str]) -> None:
    """A check fails, and the relay answers 502: neither asks for the name."""
    with (
        resolving("rebind.test", [METADATA]) as server,
        raw_receiver(REDIRECTS, "http://meta.rebind.test/latest/meta-data/") as receiver,
    ):
        with pytest.raises(Critical, match="answered 307"):
            Http(f"http://{receiver.host}/", timeout_s=2)()
        assert webhook("POST", f"http://{receiver.host}/", {}, 2).answer("/hook", b"{}")[0] == 502
        assert not server.questions

    assert set(connections) <= {HERE}


@contextmanager
def endless(head: bytes) -> Iterator[tuple[int, list[int]]]:
    """Serve bodies without an end; yields the port and the numbers of bytes that were sent."""
    listener = socket.create_server((HERE, 0))
    sent: list[int] = []

    def talk(wire: socket.socket) -> None:
        sent.append(0)
        with wire, suppress(OSError):
            wire.settimeout(10)
            wire.recv(65536)
            wire.sendall(head)
            while sent[-1] < 64 << 20:
                sent[-1] += wire.send(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    def serve() -> None:
        with suppress(OSError):
            while True:
                talk(listener.accept()[0])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], sent
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


@pytest.mark.parametrize("framing", [b"", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 1000000000000\r\n"])
def test_a_body_without_an_end_is_left(framing: bytes) -> None:
    """A check and the relay read 64 KiB of the answer, whatever its length is said to be."""
    with endless(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n") as (port, sent):
        assert Http(f"http://{HERE}:{port}/", timeout_s=10)().details == {"status_code": 200}
        assert webhook("POST", f"http://{HERE}:{port}/", {}, 10).send(b"{}") == 200

    assert len(sent) == 2
    assert max(sent) < 32 << 20  # what the system's buffers hold
