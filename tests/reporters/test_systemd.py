"""The notifications on a real datagram socket: ready, alive, stopping; and none for the watchdog without a heartbeat."""

from __future__ import annotations

import os
import signal
import socket
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.programs import Program, eventually

SERVICE = """
    import os, sys, time
    import csg_otel

    worker = csg_otel.component("worker", beat_within_s=0.5)

    @csg_otel.health_check("database", interval_s=0.05, groups=("readiness",))
    def database():
        if not os.path.exists("up"): raise csg_otel.Critical("no database")

    off = {section: {"enabled": False} for section in ("system_resources", "dependencies", "performance")}
    settings = {"checks": off, **({"ready": os.environ["READY"]} if "READY" in os.environ else {})}
    telemetry = csg_otel.instrument(exporters=["prometheus"], config={"health_monitoring": settings})
    parent = os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent:
            time.sleep(0.05)
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
        self.messages: list[str] = []
        """All notifications so far."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    @property
    def status(self) -> str:
        """The last STATUS so far."""
        return next((message for message in reversed(self.messages) if message.startswith("STATUS=")), "")

    def receive(self, for_s: float) -> list[str]:
        """Return the notifications of the next *for_s* seconds; 0 returns those that have arrived."""
        messages, deadline = [], time.monotonic() + for_s
        while True:
            self._socket.settimeout(max(0.0, deadline - time.monotonic()))
            try:
                messages.append(self._socket.recv(4096).decode())
            except (TimeoutError, BlockingIOError):
                break
        self.messages += messages
        return messages

    def receive_until(self, condition: Callable[[], bool]) -> None:
        """Receive until *condition* is true, which may take long on a busy machine."""

        def has_come() -> bool:
            self.receive(0.05)
            return condition()

        eventually(has_come)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    """Return a socket in the place of systemd's."""
    systemd = Systemd(tmp_path / "notify")
    yield systemd
    systemd.close()


@pytest.mark.parametrize("ready", [{}, {"READY": "readiness"}], ids=["started", "readiness"])
def test_systemd_receives_the_state_of_the_service(ready: dict[str, str], systemd: Systemd, tmp_path: Path) -> None:
    """READY first, WATCHDOG while liveness passes, STATUS on each change, STOPPING last; none from a child."""
    environment = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "200000", **ready}
    with Program(SERVICE, tmp_path, environment) as program:
        assert program.line() == "started"
        began = time.monotonic()
        earlier = systemd.receive(0).count("WATCHDOG=1")
        systemd.receive_until(lambda: systemd.messages.count("WATCHDOG=1") >= earlier + 10)
        fed = systemd.messages.count("WATCHDOG=1") - earlier
        # At half of the 200 ms, by one process; two more may have been on their way.
        assert fed <= (time.monotonic() - began) / 0.1 + 2
        systemd.receive_until(lambda: systemd.status.startswith("STATUS=CRITICAL: database"))
        # systemd ends a service that does not become ready, which makes no database work.
        assert ("READY=1" in systemd.messages) is not bool(ready)

        (tmp_path / "up").touch()
        systemd.receive_until(lambda: "READY=1" in systemd.messages and systemd.status == "STATUS=HEALTHY")

        (tmp_path / "hang").touch()
        systemd.receive_until(
            lambda: "WATCHDOG=1" not in systemd.receive(0.5) and systemd.status.startswith("STATUS=CRITICAL: worker")
        )

        (tmp_path / "end").touch()
        program.wait()
        assert any(line.startswith("STOPPING=1") for line in systemd.receive(0))
        assert systemd.messages.count("READY=1") == 1


HELPER = "import csg_otel, time; csg_otel.instrument('job', exporters=[]); time.sleep({seconds}); print(1, flush=True)"
STARTER = """
    import csg_otel, subprocess, sys
    csg_otel.instrument("service", exporters=[])
    print("started", flush=True)
    input()
    command = [sys.executable, "-c", sys.argv[1]]
    subprocess.run(command if sys.argv[2] == "directly" else ["sh", "-c", '"$@"; true', "sh", *command])
    print("helper ended", flush=True)
    input()
"""


@pytest.mark.parametrize("how", ["directly", "by a shell"])
def test_helpers_of_the_service_send_nothing(how: str, systemd: Systemd, tmp_path: Path) -> None:
    """They inherit the socket; a helper that ends must not end the service, nor is its state that of the service."""
    command = [sys.executable, "-c", textwrap.dedent(STARTER), HELPER.format(seconds=2), how]
    with Program(command, tmp_path, {"NOTIFY_SOCKET": str(systemd.path)}) as service:
        service.line_with("started")
        eventually(lambda: "READY=1" in systemd.receive(0.2) or "READY=1" in systemd.messages)
        print(file=service.process.stdin, flush=True)
        service.line_with("helper ended")
        systemd.receive(0)
        assert not any("STOPPING" in message for message in systemd.messages)
        assert systemd.messages.count("READY=1") == 1
        print(file=service.process.stdin, flush=True)
        assert service.wait() == 0
    systemd.receive(0)
    assert sum("STOPPING=1" in message for message in systemd.messages) == 1


def test_a_shell_around_the_service_does_not_silence_it(systemd: Systemd, tmp_path: Path) -> None:
    """A unit may start the program by a script; the interpreter below it is the service."""
    program = HELPER.format(seconds=600)
    command = [
        "sh",
        "-c",
        '"$@"; true',
        "sh",
        sys.executable,
        "-c",
        "import os; print(os.getpid(), flush=True);" + program,
    ]
    with Program(command, tmp_path, {"NOTIFY_SOCKET": str(systemd.path)}) as service:
        pid = int(service.line())
        eventually(lambda: "READY=1" in systemd.receive(0.2) or "READY=1" in systemd.messages)
        os.kill(pid, signal.SIGTERM)
        service.wait()


@pytest.mark.parametrize("off", ["ENABLE_HEALTH_MONITORING", "DISABLE_HEALTH_CHECKS", "OTEL_SDK_DISABLED"])
def test_a_service_without_health_checks_becomes_ready_and_stays_alive(
    off: str, systemd: Systemd, tmp_path: Path
) -> None:
    """A unit of Type=notify with a watchdog is not ended because checks or telemetry are switched off."""
    variables = {off: "false" if off.startswith("ENABLE") else "true"}
    environment = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "200000", **variables}
    with Program("import csg_otel; csg_otel.instrument(exporters=[]); input()", tmp_path, environment) as program:
        systemd.receive_until(lambda: "READY=1" in systemd.messages and systemd.messages.count("WATCHDOG=1") > 2)
        program.go_on()
        assert program.wait() == 0


DAEMON = """
    import os, sys, time
    if os.fork():
        os._exit(0)
    {leave}
    if os.fork():
        os._exit(0)
    import csg_otel
    csg_otel.instrument("daemon", exporters=[])
    time.sleep(2)
"""


@pytest.mark.parametrize("leave", ["os.setsid()", "pass"])
def test_a_daemon_of_the_service_sends_nothing(leave: str, systemd: Systemd, tmp_path: Path) -> None:
    """A process that has left the service's tree is no main process: systemd started another, or it is in its group."""
    daemon = textwrap.dedent(DAEMON.format(leave=leave))
    source = f"""
        import os, subprocess, sys
        os.setsid()
        if {leave != "pass"}:
            os.environ["SYSTEMD_EXEC_PID"] = str(os.getpid())
        import csg_otel
        csg_otel.instrument("service", exporters=[])
        subprocess.run([sys.executable, "-c", sys.argv[1]])
        print("daemon started", flush=True)
        input()
    """
    command = [sys.executable, "-c", textwrap.dedent(source), daemon]
    with Program(command, tmp_path, {"NOTIFY_SOCKET": str(systemd.path)}) as service:
        service.line_with("daemon started")
        systemd.receive_until(lambda: "READY=1" in systemd.messages)
        systemd.receive(3.0)  # longer than the daemon lives: it would have sent STOPPING
        assert systemd.messages.count("READY=1") == 1
        assert not any("STOPPING" in message for message in systemd.messages)
        service.go_on()
        assert service.wait() == 0
