"""
Health checks as service checks of Datadog, sent as DogStatsD datagrams.

Each check is sent when its status changes and every 30 s, because Datadog takes silence for an outage. A datagram without a
receiver is lost without an error, and no send waits.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from csg_otel import attributes as clean
from csg_otel import clocks, faults, forks, names, waits
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from csg_otel.health import HealthSnapshot

_POLL_S: Final = 1.0
"""Seconds between two readings of the state, and so the longest delay of a change."""

_REPEAT_S: Final = 30.0
"""Seconds after which every status is sent again, well before the 2 minutes after which Datadog usually reports silence."""

_LONGEST_MESSAGE: Final = 1000
"""Characters of a message that are sent, so that message and tags fit into the 1432 bytes of a usual DogStatsD datagram."""

_CHECK: Final = "csg.health.check"
_OVERALL: Final = "csg.health"
_PORT: Final = 8125


class ServiceChecks:
    """Sends the status of each check to DogStatsD, on a thread of its own."""

    def __init__(self, address: str, read_snapshot: Callable[[], HealthSnapshot], tags: Mapping[str, str]) -> None:
        """
        Prepare to send; :meth:`start` begins.

        Args:
            address: ``host:port`` or ``unix:///path``; the port is 8125 by default.
            read_snapshot: Returns the state of all checks.
            tags: Tags of every service check; empty values are left out.
        """
        self._family, self._address = _parse_address(address)
        self._read_snapshot = read_snapshot
        self._tags = {name: value for name, value in tags.items() if value}
        self._reset()
        forks.follow(self.reset_after_fork)

    def _reset(self) -> None:
        self._stopped = waits.Latch()
        self._sent_codes: dict[str, int] = {}
        self._repeat_at = 0.0
        self._running = False

    def start(self) -> None:
        """Start the thread; idempotent."""
        if not self._running:
            self._running = True
            OwnThread(target=self._run, args=(self._stopped,), name="csg-otel-dogstatsd").start()

    def stop(self) -> None:
        """End the thread; idempotent."""
        self._stopped.set()
        self._running = False

    def reset_after_fork(self) -> None:
        """Start again in a forked child if the parent was sending."""
        running = self._running
        self._reset()
        if running:
            forks.afterwards(self.start)

    def _run(self, stopped: waits.Latch) -> None:
        while not stopped.is_set():
            try:
                self._send_due()
                faults.recovered("dogstatsd")
            except Exception:  # noqa: BLE001 - the next reading may succeed
                faults.contain("dogstatsd")
            stopped.wait(_POLL_S)

    def _send_due(self) -> None:
        """Send every status that has changed, or all of them if it is time to repeat them."""
        snapshot, now = self._read_snapshot(), clocks.monotonic()
        if snapshot.bypass:
            return
        repeat = now >= self._repeat_at
        if repeat:
            self._repeat_at = now + _REPEAT_S
        due = [
            (key, code, text)
            for key, code, text in self._checks(snapshot)
            if repeat or self._sent_codes.get(key) != code
        ]
        if due:
            self._send([text for _, _, text in due])
            self._sent_codes.update((key, code) for key, code, _ in due)

    def _checks(self, snapshot: HealthSnapshot) -> Iterator[tuple[str, int, str]]:
        """Yield the key, the status code and the datagram of the overall status and of each check."""
        yield "", snapshot.overall.code, datagram(_OVERALL, snapshot.overall.code, self._tags)
        for view in snapshot.checks:
            tags = {names.CHECK_NAME: view.name, names.CHECK_CATEGORY: view.category, **self._tags}
            yield view.name, view.status.code, datagram(_CHECK, view.status.code, tags, view.result.message)

    def _send(self, texts: list[str]) -> None:
        with socket.socket(self._family, socket.SOCK_DGRAM) as connection:
            connection.setblocking(False)
            for text in texts:
                try:
                    connection.sendto(text.encode(), self._address)
                except OSError:
                    return  # no receiver, or its buffer is full: the statuses are sent again within 30 s


def datagram(name: str, code: int, tags: Mapping[str, str], message: str = "") -> str:
    """
    Return one service check in the datagram format of DogStatsD.

    Args:
        name: Name of the service check.
        code: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
        tags: Its tags.
        message: Its message; none by default.
    """
    tag_list = ",".join(f"{_tag(key)}:{_tag(value)}" for key, value in tags.items())
    text = f"_sc|{name}|{code}"
    if tag_list:
        text += f"|#{tag_list}"
    if message:
        # The escapes of the format; the message is the last field.
        shown = clean.text(message, _LONGEST_MESSAGE).replace("\n", "\\n").replace("m:", "m\\:").replace("|", "/")
        text += f"|m:{shown}"
    return text


def _tag(text: str) -> str:
    """Return *text* with underscores for the separators of tags and fields; a tag has 200 characters at most."""
    return clean.text(text, 200).translate(str.maketrans("|,#\n\r", "_____"))


def _parse_address(address: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    """Return the socket family and the socket address of *address*."""
    if address.startswith("unix://"):
        return socket.AF_UNIX, address.removeprefix("unix://")
    host, _, port = address.removeprefix("udp://").rpartition(":")
    if not host or not port.isdigit():
        host, port = address, str(_PORT)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return family, (host.strip("[]"), int(port))
