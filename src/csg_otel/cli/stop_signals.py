"""Ctrl-C and SIGTERM as the end of a command that serves until then."""

from __future__ import annotations

import signal

from csg_otel.waits import Latch


def stop_latch() -> Latch:
    """Return a latch that is set by the first SIGINT or SIGTERM; the process's own handling of both is replaced."""
    ended = Latch()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    return ended
