"""A time limit that a signal handler raises, at each point of a call at which Python looks for signals, one after the other."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from types import FrameType


class Limit(Exception):
    """The time is over."""


class _Alarm:
    """Raises at the *at*-th point: Python looks for signals when a function begins, and after a function in C."""

    def __init__(self, at: int, handler: Callable[[], object], *, raises: bool) -> None:
        self.left = at
        self.handler = handler
        self.raises = raises

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "c_return") and self.left:
            self.left -= 1
            if not self.left:
                sys.setprofile(None)
                self.handler()
                if self.raises:
                    raise Limit


def at_each_point(
    call: Callable[[], object], handler: Callable[[], object] = lambda: None, *, raises: bool = True
) -> Iterator[bool]:
    """
    Call *call* with a limit at its first point, at its second, and so on; yield each time whether the caller got it.

    The signal handler calls *handler* before it raises; if *raises* is False, it returns.
    """
    at = 0
    while True:
        at += 1
        alarm, caught = _Alarm(at, handler, raises=raises), False
        gc.disable()  # a collection calls functions of other libraries in between, and drops what is raised there
        try:
            sys.setprofile(alarm)
            call()
        except Limit:
            caught = True
        finally:
            sys.setprofile(None)
            gc.enable()
        if alarm.left:
            return
        yield caught
