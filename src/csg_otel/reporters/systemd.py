"""
What systemd is told: that the service is ready, alive, reloading nothing, stopping; see sd_notify(3).

Only where systemd asks for it by ``NOTIFY_SOCKET``. The watchdog is fed while liveness is not CRITICAL, at half the time
systemd allows, so a process whose heartbeats are lost is restarted, and one whose database is down is not.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from csg_otel import faults, forks
from csg_otel.health import HealthSnapshot, report

_LOOK_S: Final = 1.0


class Notifier:
    """Tells systemd how the process is; made by :meth:`from_environment`."""

    def __init__(self, address: str, health: Callable[[], HealthSnapshot], watchdog_s: float | None) -> None:
        """Send to *address* what *health* says; feed the watchdog if it wants to be fed every *watchdog_s* seconds."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._health = health
        self._every_s = min(_LOOK_S, watchdog_s / 2) if watchdog_s else _LOOK_S
        self._feeds = watchdog_s is not None
        self._stopped = threading.Event()
        self._told = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], health: Callable[[], HealthSnapshot]) -> Notifier | None:
        """Return a notifier if systemd started this very process with ``Type=notify`` or a watchdog; else None."""
        address = environ.get("NOTIFY_SOCKET", "")
        if not address or not hasattr(socket, "AF_UNIX"):
            return None
        # A watchdog is for one process, and children inherit the variables.
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "")
        return cls(address, health, int(microseconds) / 1e6 if ours and microseconds.isdigit() else None)

    def start(self) -> None:
        """Watch on a thread of its own; in a forked child nothing is told."""
        forks.follow(self._stopped.set)
        threading.Thread(target=self._run, name="csg-otel-systemd", daemon=True).start()

    def stop(self) -> None:
        """Tell that the service is stopping; idempotent."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._send("STOPPING=1\nSTATUS=stopping")

    def _run(self) -> None:
        ready = False
        while not self._stopped.is_set():
            try:
                ready = self._look(ready)
            except Exception:  # noqa: BLE001 - the watchdog must not starve of a defect of ours
                faults.contain("systemd")
            self._stopped.wait(self._every_s)

    def _look(self, ready: bool) -> bool:
        """Tell what there is to tell, and return whether READY has been told."""
        snapshot = self._health()
        if self._feeds and report.render(snapshot, "livez").status == 200:
            self._send("WATCHDOG=1")
        passes = report.render(snapshot, "readyz").status == 200
        if passes and not ready:
            self._send("READY=1")
        wrong = [view.name for view in snapshot.checks if view.status.code]
        text = f"{snapshot.overall}: {', '.join(wrong)}" if wrong else str(snapshot.overall)
        if text != self._told:
            self._told = text
            self._send(f"STATUS={text}")
        return ready or passes

    def _send(self, message: str) -> None:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
            wire.sendto(message.encode(), self._address)
