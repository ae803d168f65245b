"""
The access log: one line for each request, on the logger ``csg_otel.access`` at INFO.

A thread of its own passes the lines to the program's handlers, so that a handler that hangs (a full pipe, a slow disk) never
delays a probe. The program's handlers write these lines like all other log lines; they are never exported.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from csg_otel import faults, forks
from csg_otel.names import ACCESS_LOGGER
from csg_otel.server.background import Background

if TYPE_CHECKING:
    from csg_otel.server.messages import Done, Request, Response

_log = logging.getLogger(ACCESS_LOGGER)

_MAX_WAITING: Final = 1000
"""Most lines that wait for a slow handler: enough for a burst of scrapes, in less than a megabyte."""

_MAX_PATH: Final = 300
"""Most characters of a path: longer than the longest real path, which contains a check's name."""


class AccessLog:
    """Logs requests without waiting for the program's handlers."""

    def __init__(self) -> None:
        """Set the level of the logger to INFO, unless the program has set a level."""
        if _log.level == logging.NOTSET:
            _log.setLevel(logging.INFO)
        self._background = Background("access-log")
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def write(self, request: Request, status: int, size_bytes: int, duration_s: float) -> None:
        """
        Log one request; returns at once and never raises.

        Args:
            request: The request. Its query string is left out, because it may hold secrets.
            status: The status code of the response.
            size_bytes: The length of the response's body.
            duration_s: Seconds that the response took.
        """
        try:
            if _log.isEnabledFor(logging.INFO):
                self._enqueue(_line(request, status, size_bytes, duration_s))
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("access log")

    def following(self, request: Request, done: Done) -> Done:
        """Return *done*, preceded by the line about the response to *request*."""
        began_s = time.perf_counter()

        def write_and_finish(response: Response) -> None:
            size_bytes = 0 if request.method == "HEAD" else len(response.body)
            self.write(request, response.status, size_bytes, time.perf_counter() - began_s)
            done(response)

        return write_and_finish

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child: the parent writes its own lines."""
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._is_scheduled = False

    def _enqueue(self, line: str) -> None:
        if len(self._waiting) >= _MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(line)
        if not self._is_scheduled:
            self._is_scheduled = True
            if not self._background.run(self._write_lines):  # the system has no more threads
                self._is_scheduled = False  # the next request tries again

    def _write_lines(self) -> None:
        self._is_scheduled = False  # first of all, so that no line is left behind
        while self._waiting:
            dropped, self._dropped = self._dropped, 0
            if dropped:
                _handle(logging.WARNING, f"{dropped} requests are not logged: the handlers of the log were too slow")
            _handle(logging.INFO, self._waiting.popleft())


def _handle(level: int, line: str) -> None:
    """Pass *line* to the handlers; one that raises, even SystemExit, costs only this line."""
    try:
        _log.handle(_log.makeRecord(_log.name, level, __file__, 0, line, (), None))
    except BaseException:  # noqa: BLE001 - see above
        faults.contain("access log")


def _line(request: Request, status: int, size_bytes: int, duration_s: float) -> str:
    client, method, path = (_visible(part) for part in (request.client or "-", request.method, request.path))
    return f"{client} {method} {path} {status} {size_bytes} bytes {1000 * duration_s:.1f} ms"


def _visible(text: str) -> str:
    """Return *text* with blanks, control and non-ASCII characters percent-encoded, so that a request cannot forge a line."""
    return quote(text[:_MAX_PATH], safe="/:@!$&'()*+,;=~", errors="replace")
