"""
Name resolution under a deadline.

The system's resolver has no deadline, so it runs on a thread of its own, and the caller stops waiting at the deadline.
"""

from __future__ import annotations

import os
import socket
from typing import Any, Final

from csg_otel import clocks

_LATE_S: Final = 10.0
"""Seconds for which a result that came after the deadline is usable: the caller's next attempt begins within this time."""


class _Lookup:
    """One call of the system's resolver, on its own thread."""

    def __init__(self, host: str, port: int) -> None:
        from csg_otel import waits  # late, because a probe of an IP address has no thread
        from csg_otel.threads import OwnThread

        self._host = host
        self._port = port
        self._addresses: list[Any] = []
        self._error: OSError | None = None
        self._ended = 0.0
        self.done = waits.Latch()
        thread = OwnThread(target=self._run, name="csg-otel-lookup")
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down and starts no more threads
            self._run()

    def _run(self) -> None:
        try:
            self._addresses = _resolve(self._host, self._port)
        except OSError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - no memory, for example; without a result every later call would wait
            self._error = OSError(f"{self._host} did not resolve: {type(error).__name__}")
        self._ended = clocks.monotonic()
        self.done.set()

    @property
    def usable(self) -> bool:
        """Whether this lookup still runs, or has returned addresses within the last 10 seconds."""
        return not self.done.is_set() or (self._error is None and clocks.monotonic() - self._ended < _LATE_S)

    def result(self) -> list[Any]:
        """Return the addresses. Raises OSError if there are none."""
        if self._error is not None:
            raise self._error
        return self._addresses


_running: Final[dict[tuple[int, str, int], _Lookup]] = {}
"""Lookups by process id, host and port, so that only one thread per name waits while a name service hangs."""


def addresses(host: str, port: int, timeout_s: float) -> list[Any]:
    """
    Return the addresses of *host*, as ``socket.getaddrinfo`` does; of the path of a Unix socket, that path.

    Raises TimeoutError after *timeout_s* seconds, and OSError if the name does not resolve. Addresses that come too late are
    kept for the next call.
    """
    if host.startswith("/"):
        return [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", host)]
    if ip_address(host) is not None:
        return _resolve(host, port)
    key = (os.getpid(), host, port)
    lookup = _running.get(key)
    if lookup is None or not lookup.usable:
        lookup = _running[key] = _Lookup(host, port)
    if not lookup.done.wait(timeout_s):
        raise TimeoutError(f"{host} did not resolve before the deadline")
    _running.pop(key, None)
    return lookup.result()


def _resolve(host: str, port: int) -> list[Any]:
    try:
        # An ASCII name is passed as bytes: for text, the interpreter would first load its codec for international names.
        return socket.getaddrinfo(host.encode("ascii") if host.isascii() else host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"{host!r} is not a host name") from None


def ip_address(host: str) -> bytes | None:
    """Return the bytes of an IP address, 4 or 16; None for a name, which only a name service resolves."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
    return None
