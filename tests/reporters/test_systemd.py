"""The notifications on a real datagram socket: ready, alive, stopping; and none for the watchdog without a heartbeat."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.programs import Program

SERVICE = """
    import os, sys, time
    import csg_otel

    worker = csg_otel.component("worker", beat_within_s=0.5)

    @csg_otel.health_check("database", interval_s=0.05, groups=("readiness",))
    def database():
        if not os.path.exists("up"): raise csg_otel.Critical("no database")

    off = {section: {"enabled": False} for section in ("system_resources", "dependencies", "performance")}
    telemetry = csg_otel.instrument(exporters=["prometheus"], config={"health_monitoring": {"checks": off}})
    if os.fork() == 0:
        time.sleep(1)
        os._exit(0)
    print("started", flush=True)
    while not os.path.exists("end"):
        if not os.path.exists("hang"):
            worker.beat()
        time.sleep(0.05)
"""


class Systemd:
    """The socket on which systemd receives notifications."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def receive(self, for_s: float) -> list[str]:
        """Return the notifications of the next *for_s* seconds."""
        messages, deadline = [], time.monotonic() + for_s
        while (remaining_s := deadline - time.monotonic()) > 0:
            self._socket.settimeout(remaining_s)
            try:
                messages.append(self._socket.recv(4096).decode())
            except TimeoutError:
                break
        return messages

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    """Return a socket in the place of systemd's."""
    systemd = Systemd(tmp_path / "notify")
    yield systemd
    systemd.close()


def test_systemd_receives_the_state_of_the_service(systemd: Systemd, tmp_path: Path) -> None:
    """READY when readiness passes, WATCHDOG while liveness does, STATUS on each change, STOPPING last; none from a child."""
    environment = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "200000"}
    with Program(SERVICE, tmp_path, environment) as program:
        assert program.line() == "started"
        messages = systemd.receive(0.8)
        assert "READY=1" not in messages
        assert 3 <= messages.count("WATCHDOG=1") <= 14, "not ready is no reason to be restarted"
        assert any(line.startswith("STATUS=CRITICAL: database") for line in messages)

        (tmp_path / "up").touch()
        messages = systemd.receive(1.0)
        assert messages.count("READY=1") == 1
        assert "STATUS=HEALTHY" in messages

        (tmp_path / "hang").touch()
        systemd.receive(1.5)
        assert "WATCHDOG=1" not in systemd.receive(0.5)

        (tmp_path / "end").touch()
        program.wait()
        assert any(line.startswith("STOPPING=1") for line in systemd.receive(0.2))
