"""Ctrl-C, SIGTERM and SIGHUP: as the end of a command that serves until then, or as exceptions in one that cleans up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from csg_otel.waits import Latch


def stop_latch() -> Latch:
    """Return a latch that is set by the first SIGINT or SIGTERM; the process's own handling of both is replaced."""
    ended = Latch()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    return ended


@contextmanager
def stopping_by_exception() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise SystemExit in the block, as Ctrl-C raises KeyboardInterrupt. Other code ends at once."""
    # Windows has no SIGHUP.
    present = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [one for one in present if signal.getsignal(one) is signal.SIG_DFL]
    with suppress(ValueError):  # of another thread than the main one, which gets no signals
        for number in numbers:
            signal.signal(number, _exit)
    try:
        yield
    finally:
        with suppress(ValueError):
            for number in numbers:
                signal.signal(number, signal.SIG_DFL)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)  # as shells report a program that a signal has ended
