"""Health checks as service checks, at a real UDP listener."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from csg_otel import faults
from csg_otel.health import HealthRegistry, HealthSnapshot
from csg_otel.reporters import dogstatsd
from csg_otel.reporters.dogstatsd import ServiceChecks, datagram
from support.programs import Program
from support.servers import free_port


class Listener:
    """A UDP socket that receives datagrams as DogStatsD does."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def receive(self, text: str, within_s: float = 50) -> str:
        """Return the first datagram that contains *text*."""
        deadline, received = time.monotonic() + within_s, []
        while (remaining_s := deadline - time.monotonic()) > 0:
            self._socket.settimeout(remaining_s)
            try:
                received.append(self._socket.recv(9000).decode())
            except TimeoutError:
                break
            if text in received[-1]:
                return received[-1]
        raise AssertionError(f"{text!r} is not in {received}")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Return a new listener."""
    listener = Listener()
    yield listener
    listener.close()


SOURCE = """
    import os, pathlib, sys, csg_otel

    @csg_otel.health_check("crm", category="dependencies", interval_s=0.1, failure_threshold=1, success_threshold=1)
    def crm():
        if pathlib.Path("down").exists():
            raise csg_otel.Critical("no answer\\nm: at | all")

    off = {name: {"enabled": False} for name in ("system_resources", "application", "dependencies", "performance")}
    datadog = {"statsd": True, "statsd_address": sys.argv[1], "signals": []}
    telemetry = csg_otel.instrument(service_name="shop", config={"exporters": {"datadog": datadog},
        "service": {"environment": "staging"}, "health_monitoring": {"checks": off}})
    print("started", flush=True)
    if input() == "fork":
        if os.fork() == 0:
            pathlib.Path("down").touch()
        else:
            telemetry.shutdown()
    input()
"""


def program(listener: Listener, cwd: Path) -> Program:
    """Return the program above, which sends to *listener*."""
    import sys
    import textwrap

    return Program([sys.executable, "-c", textwrap.dedent(SOURCE), listener.address], cwd)


def test_checks_are_sent_on_every_change(listener: Listener, tmp_path: Path) -> None:
    """A change is sent with status, tags and message in the format of DogStatsD, and so is the overall state."""
    with program(listener, tmp_path) as running:
        assert running.line() == "started"
        overall = listener.receive("_sc|csg.health|")
        well = listener.receive("_sc|csg.health.check|0|#csg.health.check.name:crm")
        (tmp_path / "down").touch()
        ill = listener.receive("_sc|csg.health.check|2|#csg.health.check.name:crm")
        (tmp_path / "down").unlink()
        listener.receive("_sc|csg.health.check|0|#csg.health.check.name:crm")

    assert "service:shop,env:staging" in well
    assert ill.endswith("|m:no answer\\nm\\: at / all")
    assert "service:shop" in overall


def test_a_forked_child_sends_its_own(listener: Listener, tmp_path: Path) -> None:
    """A child sends its own state, although the parent has stopped."""
    with program(listener, tmp_path) as running:
        assert running.line() == "started"
        listener.receive("_sc|csg.health.check|0|")
        running.process.stdin.write("fork\n")  # type: ignore[union-attr]
        running.process.stdin.flush()  # type: ignore[union-attr]

        assert listener.receive("_sc|csg.health.check|2|")


def test_every_status_is_repeated(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """A status is sent again without a change, because Datadog takes silence for an outage."""
    monkeypatch.setattr(dogstatsd, "_REPEAT_S", 0.2)
    monkeypatch.setattr(dogstatsd, "_POLL_S", 0.05)
    checks = ServiceChecks(listener.address, HealthRegistry().snapshot, {})
    checks.start()
    received = [listener.receive("_sc|csg.health|3") for _ in range(3)]
    checks.stop()

    assert received == ["_sc|csg.health|3"] * 3


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "unix:///nowhere/dsd.socket", "nowhere.invalid", "{port}"])
def test_no_receiver_is_needed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a receiver nothing raises, waits or is reported."""
    before = faults.counts()
    checks = ServiceChecks(address.format(port=free_port()), HealthSnapshot, {})
    began = time.monotonic()
    checks._send_due()

    assert time.monotonic() - began < 30  # a busy machine's
    assert faults.counts() == before


def test_a_unix_socket_works_too(tmp_path: Path) -> None:
    """The address ``unix:///path`` is the Agent's socket."""
    path = tmp_path / "dsd.socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind(os.fspath(path))
        wire.settimeout(50)
        ServiceChecks(f"unix://{path}", HealthSnapshot, {"env": "x"})._send_due()

        assert wire.recv(100) == b"_sc|csg.health|3|#env:x"


def test_tags_and_messages_can_not_forge_a_datagram() -> None:
    """Separators of fields, tags and datagrams are replaced in them."""
    text = datagram("n", 1, {"a|b": "c,d#\n_sc|x|0"}, "bad\n_sc|y|2|m:z\ud800")

    assert text == "_sc|n|1|#a_b:c_d___sc_x_0|m:bad\\n_sc/y/2/m\\:z?"
    assert text.count("\n") == 0
