"""
The request to the other workers to publish now, and the wait for their publications.

A worker that has not read its FIFO within 35 ms counts as hung. One that has read it gets 250 ms in all, because it is at
work. The rule: the worker that requests goes on at its deadline, whatever the others do.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_READ_WITHIN_S: Final = 0.035
"""An idle worker reads its FIFO at once; the rest is for a busy machine, and leaves time to answer within 50 ms."""

_PUBLISH_WITHIN_S: Final = 0.25
_POLL_S: Final = 0.001


class Inquiry:
    """One request to the workers of some FIFOs; a context manager that closes them."""

    def __init__(self, fifos: Mapping[str, int], has_published: Callable[[str, int], bool]) -> None:
        """
        Write to *fifos*, descriptors by the worker's name.

        *has_published* returns whether a worker has a publication begun after a time, in nanoseconds of the monotonic clock.
        """
        self._fifos = dict(fifos)
        self._has_published = has_published
        self._began_ns = time.monotonic_ns()
        for fifo in self._fifos.values():
            with suppress(OSError):  # full of earlier requests
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
            passed_s = time.monotonic() - began_s
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
