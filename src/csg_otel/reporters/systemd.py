"""
Notifications to systemd: the service is ready, alive, stopping, and its state in words; see sd_notify(3).

They are sent only if systemd requests them by ``NOTIFY_SOCKET``, and only by the service's main process: its helpers inherit
that variable, and their end is not the service's. READY is sent when the program is up: systemd ends a service that is not
ready in time, and a restart makes no dependency work. The watchdog is fed at half of its time while liveness is not CRITICAL:
systemd restarts a process whose heartbeats have stopped, and not one whose database is down.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from csg_otel import faults, forks, waits
from csg_otel.health import HealthSnapshot, report
from csg_otel.threads import OwnThread

_POLL_S: Final = 1.0
"""Longest time between two readings of the state in seconds."""

_MAX_ANCESTORS: Final = 32
"""Most ancestors that are read; a bound far beyond real depths."""


class Notifier:
    """Sends the state of this process to systemd, on a thread of its own; created by :meth:`from_environment`."""

    def __init__(self, address: str, read_snapshot: Callable[[], HealthSnapshot], watchdog_s: float | None) -> None:
        """
        Prepare to send; :meth:`start` begins.

        Args:
            address: The socket in ``NOTIFY_SOCKET``: a path, or ``@name`` for an abstract socket.
            read_snapshot: Returns the state of all checks.
            watchdog_s: Seconds within which systemd expects a message for its watchdog; None without a watchdog.
        """
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._read_snapshot = read_snapshot
        self._interval_s = min(_POLL_S, watchdog_s / 2) if watchdog_s else _POLL_S
        self._feeds_watchdog = watchdog_s is not None
        self._waits_for_readiness = False
        self._stopped = waits.Latch()
        self._sent_status = ""

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], read_snapshot: Callable[[], HealthSnapshot]
    ) -> Notifier | None:
        """Return a notifier if *environ* shows that systemd expects notifications of this process; else None."""
        address = environ.get("NOTIFY_SOCKET", "")
        if not address or not hasattr(socket, "AF_UNIX") or _is_helper(address, environ.get("SYSTEMD_EXEC_PID", "")):
            return None
        # Children inherit the variables, but the watchdog is for the process in WATCHDOG_PID alone.
        is_for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "")
        return cls(address, read_snapshot, int(microseconds) / 1e6 if is_for_us and microseconds.isdigit() else None)

    def start(self, *, ready: Literal["started", "readiness"]) -> None:
        """Start the thread; READY is sent at once, or when readiness passes. A forked child sends nothing."""
        self._waits_for_readiness = ready == "readiness"
        forks.follow(self._stopped.set)
        OwnThread(target=self._run, name="csg-otel-systemd").start()

    def stop(self) -> None:
        """Send that the service is stopping, and end the thread; idempotent."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._send("STOPPING=1\nSTATUS=stopping")

    def _run(self) -> None:
        ready = False
        while not self._stopped.is_set():
            try:
                ready = self._send_state(ready)
            except Exception:  # noqa: BLE001 - an error here must not starve the watchdog
                faults.contain("systemd")
            self._stopped.wait(self._interval_s)

    def _send_state(self, ready: bool) -> bool:
        """Feed the watchdog, send READY once, and send STATUS if it has changed; return whether READY has been sent."""
        snapshot = self._read_snapshot()
        if self._feeds_watchdog and report.render(snapshot, "livez").status == 200:
            self._send("WATCHDOG=1")
        passes = not self._waits_for_readiness or report.render(snapshot, "readyz").status == 200
        if passes and not ready:
            self._send("READY=1")
        unhealthy = [view.name for view in snapshot.checks if view.status.code]
        status = f"{snapshot.overall}: {', '.join(unhealthy)}" if unhealthy else str(snapshot.overall)
        if status != self._sent_status:
            self._sent_status = status
            self._send(f"STATUS={status}")
        return ready or passes

    def _send(self, message: str) -> None:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.sendto(message.encode(), self._address)


def _is_helper(address: str, main_pid: str) -> bool:
    """
    Return whether this process is a helper of the service: started by an interpreter with the same socket, or apart from it.

    Args:
        address: The socket that this process has got.
        main_pid: The process that systemd started, from ``SYSTEMD_EXEC_PID``; empty for systemd before version 248. It may be a
            shell around the service. A process that is not below it has left the service, as daemons do.
    """
    if main_pid == str(os.getpid()):
        return False
    with suppress(OSError, ValueError, IndexError):  # no /proc, or a process of another user: the service manager
        own = _program(os.getpid())
        for pid in _ancestors():
            if not _has_socket(pid, address):
                break
            if _is_interpreter(pid, own):
                return True
            if main_pid == str(pid):
                return False
        if main_pid.isdigit():
            return Path(f"/proc/{main_pid}").exists()
        leaders = {os.getpgrp(), os.getsid(0)} - {os.getpid(), 0}
        return any(_has_socket(pid, address) and _is_interpreter(pid, own) for pid in leaders)
    return False


def _ancestors() -> Iterator[int]:
    """Yield the processes above this one, nearest first."""
    pid = os.getppid()
    for _ in range(_MAX_ANCESTORS):
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])


def _has_socket(pid: int, address: str) -> bool:
    """Return whether the process *pid* has got the socket *address*, too; False for a process of another user."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"NOTIFY_SOCKET={address}".encode() in variables


def _is_interpreter(pid: int, own: Path) -> bool:
    """Return whether the process *pid* runs the program *own*, or any Python. Raises OSError."""
    program = _program(pid)
    return program == own or program.name.startswith(("python", "pypy"))


def _program(pid: int) -> Path:
    return Path(f"/proc/{pid}/exe").readlink()
