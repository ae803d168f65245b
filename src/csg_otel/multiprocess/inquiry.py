"""
Asking other workers to publish, and waiting for those that are awake.

A worker that has not even heard the bell is given little time, because it hangs; one that has heard it is given more, because
it is on its way. The rule: whoever asks goes on at its deadline, whatever the others do.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

_HEARING_S: Final = 0.035
_ANSWERING_S: Final = 0.25
_POLL_S: Final = 0.001


class Inquiry:
    """One question to the workers whose bells are given, as descriptors; use as a context manager, which closes them."""

    def __init__(self, bells: Mapping[str, int], has_published: Callable[[str, int], bool]) -> None:
        """Ring; *has_published* tells whether a worker has published something begun after a monotonic time in ns."""
        self._bells = dict(bells)
        self._has_published = has_published
        self._asked_ns = time.monotonic_ns()
        for bell in self._bells.values():
            with suppress(OSError):  # full: it has been rung many times already
                os.write(bell, b".")

    def __enter__(self) -> Inquiry:
        """Return the inquiry."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the bells."""
        for bell in self._bells.values():
            os.close(bell)

    def wait(self) -> None:
        """
        Wait for the answers of all who have heard.

        35 ms after the question it is over for those who have not, 250 ms after it for everybody.
        """
        asked = self._asked_ns / 1e9
        waiting = list(self._bells)
        while waiting := [name for name in waiting if not self._has_published(name, self._asked_ns)]:
            passed = time.monotonic() - asked
            if passed > _HEARING_S:
                waiting = [name for name in waiting if _heard(self._bells[name])]
            if not waiting or passed > _ANSWERING_S:
                return
            time.sleep(_POLL_S)


def _heard(bell: int) -> bool:
    """Tell whether nothing is left of what was written into a pipe."""
    try:
        (left,) = struct.unpack("i", fcntl.ioctl(bell, termios.FIONREAD, b"\0" * 4))
    except OSError:
        return False
    return bool(left == 0)
