"""
Health checks as Datadog's service checks, by DogStatsD's datagrams.

One datagram a check: when its status changes, and again every half minute, because Datadog takes silence for an outage. The
rule: nobody has to listen, and nothing here waits for whoever does.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from csg_otel import attributes as clean
from csg_otel import faults, forks, names

if TYPE_CHECKING:
    from csg_otel.health import HealthSnapshot

_LOOK_S: Final = 1.0
_REPEAT_S: Final = 30.0
_LONGEST_MESSAGE: Final = 1000
_CHECK: Final = "csg.health.check"
_OVERALL: Final = "csg.health"
_PORT: Final = 8125


class ServiceChecks:
    """Tells DogStatsD at *address* what *health* says; *tags* are those of every check."""

    def __init__(self, address: str, health: Callable[[], HealthSnapshot], tags: Mapping[str, str]) -> None:
        """*address* is ``host:port`` or ``unix:///path``."""
        self._family, self._address = _where(address)
        self._health = health
        self._tags = {name: value for name, value in tags.items() if value}
        self._reset()
        forks.follow(self.reset_after_fork)

    def _reset(self) -> None:
        self._stopped = threading.Event()
        self._told: dict[str, int] = {}
        self._repeat_at = 0.0
        self._running = False

    def start(self) -> None:
        """Watch on a thread of its own; idempotent."""
        if not self._running:
            self._running = True
            threading.Thread(target=self._run, args=(self._stopped,), name="csg-otel-dogstatsd", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer; idempotent."""
        self._stopped.set()
        self._running = False

    def reset_after_fork(self) -> None:
        """Begin anew in a child, if the parent's was running."""
        running = self._running
        self._reset()
        if running:
            forks.afterwards(self.start)

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            try:
                self._look()
                faults.recovered("dogstatsd")
            except Exception:  # noqa: BLE001 - the next look may do better
                faults.contain("dogstatsd")
            stopped.wait(_LOOK_S)

    def _look(self) -> None:
        snapshot, now = self._health(), time.monotonic()
        if snapshot.bypass:
            return
        everything = now >= self._repeat_at
        if everything:
            self._repeat_at = now + _REPEAT_S
        due = [
            (key, code, text) for key, code, text in self._checks(snapshot) if everything or self._told.get(key) != code
        ]
        if due:
            self._send([text for _, _, text in due])
            self._told.update((key, code) for key, code, _ in due)

    def _checks(self, snapshot: HealthSnapshot) -> Iterator[tuple[str, int, str]]:
        """Yield what identifies a check, its status, and its datagram."""
        yield "", snapshot.overall.code, datagram(_OVERALL, snapshot.overall.code, self._tags)
        for view in snapshot.checks:
            tags = {names.CHECK_NAME: view.name, names.CHECK_CATEGORY: view.category, **self._tags}
            yield view.name, view.status.code, datagram(_CHECK, view.status.code, tags, view.result.message)

    def _send(self, texts: list[str]) -> None:
        with socket.socket(self._family, socket.SOCK_DGRAM) as wire:
            wire.setblocking(False)
            for text in texts:
                try:
                    wire.sendto(text.encode(), self._address)
                except OSError:
                    # Nobody listens, or does not keep up: datagrams are for whoever is there.
                    return


def datagram(name: str, code: int, tags: Mapping[str, str], message: str = "") -> str:
    """Return one service check as DogStatsD's datagram format has it; *code* is 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    told = ",".join(f"{_tag(key)}:{_tag(value)}" for key, value in tags.items())
    text = f"_sc|{name}|{code}"
    if told:
        text += f"|#{told}"
    if message:
        # The format's own escapes; the message comes last.
        shown = clean.text(message, _LONGEST_MESSAGE).replace("\n", "\\n").replace("m:", "m\\:").replace("|", "/")
        text += f"|m:{shown}"
    return text


def _tag(given: str) -> str:
    """Return *given* without what separates tags and fields."""
    return clean.text(given, 200).translate(str.maketrans("|,#\n\r", "_____"))


def _where(address: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    if address.startswith("unix://"):
        return socket.AF_UNIX, address.removeprefix("unix://")
    host, _, port = address.removeprefix("udp://").rpartition(":")
    if not host or not port.isdigit():
        host, port = address, str(_PORT)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return family, (host.strip("[]"), int(port))
