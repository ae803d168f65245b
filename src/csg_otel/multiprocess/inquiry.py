"""
The inquiry: a request to the other workers to publish now, and the wait for their publications.

A worker that has not read its FIFO within 35 ms counts as hung. A worker that has read it gets 250 ms in all, because it is
working on its publication. The rule: the requesting worker continues at its deadline, whatever the others do.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from csg_otel import clocks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_READ_WITHIN_S: Final = 0.035
"""An idle worker reads its FIFO at once, a busy machine needs longer; the scrape's 50 ms leave the rest for the response."""

_PUBLISH_WITHIN_S: Final = 0.25
"""Seconds in all for a worker that has read its FIFO: a collection with slow callbacks on a busy machine fits in."""
_POLL_S: Final = 0.001


class Inquiry:
    """One request to the workers of some FIFOs; a context manager that closes them."""

    def __init__(self, fifos: Mapping[str, int], has_published: Callable[[str, int], bool]) -> None:
        """
        Request a publication from every worker in *fifos*, descriptors by the worker's name.

        *has_published(name, since_ns)* returns whether a worker has a publication that was begun at *since_ns* or later, in
        nanoseconds of the monotonic clock.
        """
        self._fifos = dict(fifos)
        self._has_published = has_published
        self._began_ns = clocks.monotonic_ns()
        for fifo in self._fifos.values():
            with suppress(OSError):  # the FIFO is full of earlier requests
                os.write(fifo, b".")

    def __enter__(self) -> Inquiry:
        """Return the inquiry."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the FIFOs."""
        for fifo in self._fifos.values():
            os.close(fifo)

    def wait(self) -> None:
        """Wait for the publications: 35 ms for a worker that has not read its FIFO, 250 ms for all others."""
        began_s = self._began_ns / 1e9
        waiting = list(self._fifos)
        while waiting := [name for name in waiting if not self._has_published(name, self._began_ns)]:
            passed_s = clocks.monotonic() - began_s
            if passed_s > _READ_WITHIN_S:
                waiting = [name for name in waiting if _is_empty(self._fifos[name])]
            if not waiting or passed_s > _PUBLISH_WITHIN_S:
                return
            time.sleep(_POLL_S)


def _is_empty(fifo: int) -> bool:
    """Return whether everything written into a FIFO has been read."""
    try:
        (unread,) = struct.unpack("i", fcntl.ioctl(fifo, termios.FIONREAD, b"\0" * 4))
    except OSError:
        return False
    return bool(unread == 0)
