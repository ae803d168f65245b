"""
Notifications to systemd: the service is ready, alive, stopping, and its state in words; see sd_notify(3).

They are sent only if systemd requests them by ``NOTIFY_SOCKET``, and only by the service's main process: its helpers inherit
that variable, and their end is not the service's. The watchdog is fed at half of its time while liveness is
not CRITICAL. So systemd restarts a process whose heartbeats have stopped, and not one whose database is down.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

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
        self._stopped = waits.Latch()
        self._sent_status = ""

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], read_snapshot: Callable[[], HealthSnapshot]
    ) -> Notifier | None:
        """Return a notifier if *environ* shows that systemd expects notifications of this process; else None."""
        address = environ.get("NOTIFY_SOCKET", "")
        if not address or not hasattr(socket, "AF_UNIX") or _is_helper(address):
            return None
        # Children inherit the variables, but the watchdog is for the process in WATCHDOG_PID alone.
        is_for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "")
        return cls(address, read_snapshot, int(microseconds) / 1e6 if is_for_us and microseconds.isdigit() else None)

    def start(self) -> None:
        """Start the thread; a forked child sends nothing."""
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
        passes = report.render(snapshot, "readyz").status == 200
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


def _is_helper(address: str) -> bool:
    """Return whether an interpreter above this process has got the same socket: that one is the service, or its server."""
    variable, pid = f"NOTIFY_SOCKET={address}".encode(), os.getppid()
    with suppress(OSError, ValueError, IndexError):  # no /proc, or a process of another user: the service manager
        own = _program(os.getpid())
        for _ in range(_MAX_ANCESTORS):
            process = Path(f"/proc/{pid}")
            if variable not in (process / "environ").read_bytes().split(b"\0"):
                return False
            if _program(pid) == own or _program(pid).name.startswith(("python", "pypy")):
                return True
            pid = int((process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
    return False


def _program(pid: int) -> Path:
    return Path(f"/proc/{pid}/exe").readlink()
