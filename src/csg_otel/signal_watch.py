"""
A thread that a signal wakes, even while the main thread is in a long call into C.

Python runs the handler of a signal on the main thread, and only between two of its instructions. But the moment a signal
comes, the interpreter also writes its number to a descriptor (``signal.set_wakeup_fd``), which a thread of this package reads.
The rule: what the handler itself does can neither block, nor start a thread, nor raise.
"""

from __future__ import annotations

import errno
import os
import signal
import time
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from csg_otel import descriptors, threads

if TYPE_CHECKING:
    from collections.abc import Callable

_CALLED: Final = b"\x00"
"""Written by the handler; no signal has this number."""

_STOP: Final = b"\xff"
"""Written by :meth:`SignalWatch.stop`; no signal has this number."""

_PAUSE_S: Final = 0.05
"""Seconds without a look after a signal of others: profilers send a thousand a second."""

_POLL_S: Final = 0.1
"""Seconds between two looks where the thread can't wait for a descriptor: it is a greenlet, or the descriptor is gone."""

_MOST_DESCRIPTOR: Final = 1000
"""Highest descriptor asked for: a program that closes everything, as daemons do, soon uses the low numbers again."""

_ATTEMPTS: Final = 5
"""How often a pipe is made whose ends other threads close at once."""


class SignalWatch:
    """Calls a function on a thread of its own when one signal comes; all methods are for the main thread."""

    def __init__(self, number: int, wake: Callable[[], None], is_handled_here: Callable[[], bool]) -> None:
        """
        Prepare for the signal *number*; :meth:`start` begins.

        Args:
            number: The signal.
            wake: Called on the thread, once for all signals that came before it returns.
            is_handled_here: Returns whether the handler that calls :meth:`note` is the program's handler of the signal now.
        """
        self._number = number
        self._wake = wake
        self._is_handled_here = is_handled_here
        self._descriptors: tuple[int, int] | None = None
        self._pipe: descriptors.Identity | None = None
        self._noted = False
        self._round: object = None

    def start(self) -> None:
        """Start the thread. It also hears of the signal without :meth:`note`, unless others use the descriptor of signals."""
        self._noted = False
        self._round = this_round = object()
        target: Callable[[], None]
        if os.name != "posix" or threads.are_greenlets():
            target = lambda: self._poll(this_round)  # noqa: E731 - one of two bodies
        else:
            read_end, _ = self._descriptors = _make_pipe()
            self._pipe = descriptors.identity(read_end)
            self.claim()
            target = lambda: self._read(read_end, this_round)  # noqa: E731 - as above
        threads.OwnThread(target=target, name="csg-otel-sigterm").start()

    def claim(self) -> bool:
        """Use the descriptor of signals; return False if others use it, such as an event loop, which wakes the main thread."""
        if self._descriptors is None:
            return True
        descriptor = self._descriptors[1]
        before = signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
        if before not in (-1, descriptor):
            signal.set_wakeup_fd(before)
            return False
        # Trio uses the descriptor while it runs, gives it back, and warns of that; a program may turn warnings into errors.
        warnings.filterwarnings("ignore", "It looks like Trio's signal handling code might have", RuntimeWarning)
        return True

    def note(self) -> None:
        """Wake the thread; for the handler: it sets a flag, and writes a byte if there is room."""
        self._noted = True
        if self._descriptors is None:
            return
        descriptor = self._descriptors[1]
        with suppress(OSError, ValueError):
            if descriptors.identity(descriptor) == self._pipe:
                os.write(descriptor, _CALLED)
            else:  # the program has closed it; the interpreter must not write signals to what has its number now
                self._descriptors = None
                _give_back(descriptor)

    @property
    def is_noted(self) -> bool:
        """Whether the handler noted a signal for which the function has not returned yet."""
        return self._noted

    def stop(self) -> None:
        """End the thread and give the descriptor back."""
        self._round = None
        if self._descriptors is None:
            return
        descriptor, self._descriptors = self._descriptors[1], None
        _give_back(descriptor)
        if descriptors.identity(descriptor) == self._pipe:
            with suppress(OSError):
                os.write(descriptor, _STOP)
            descriptors.close(descriptor, self._pipe)

    def reset_after_fork(self) -> None:
        """Start again in a forked child: the pipe is the parent's, and the child must never write to it."""
        if self._descriptors is not None:
            read_end, write_end = self._descriptors
            self._descriptors = None
            _give_back(write_end)
            descriptors.close(read_end, self._pipe)
            descriptors.close(write_end, self._pipe)
        self.start()

    def _poll(self, this_round: object) -> None:
        while self._round is this_round:
            if self._noted:
                self._wake()
                self._noted = False
            time.sleep(_POLL_S)

    def _read(self, descriptor: int, this_round: object) -> None:
        pipe = self._pipe
        try:
            while descriptors.identity(descriptor) == pipe and (received := os.read(descriptor, 4096)):
                if _CALLED in received or (bytes((self._number,)) in received and self._is_handled_here()):
                    self._wake()
                    self._noted = False
                    received += _rest(descriptor)
                elif _STOP not in received:
                    time.sleep(_PAUSE_S)
                if _STOP in received:
                    descriptors.close(descriptor, pipe)
                    return
        except OSError:
            pass
        # The program has closed the descriptors of others, as daemons do.
        again = self._reopened() if self._round is this_round else None
        if again is None:
            self._poll(this_round)
            return
        if self._noted:  # while neither the interpreter nor the handler had anything to write to
            self._wake()
            self._noted = False
        self._read(again, this_round)

    def _reopened(self) -> int | None:
        """Return the read end of another pipe whose other end has the number that the interpreter writes to; None if taken."""
        closed = self._descriptors
        if closed is None:
            return None
        for descriptor in closed:
            descriptors.close(descriptor, self._pipe)  # one of them may still be open: see _make_pipe
        with suppress(OSError):
            ends = _make_pipe(closed[1])
            pipe = descriptors.identity(ends[0])
            if ends[1] == closed[1]:
                self._pipe, self._descriptors = pipe, ends
                return ends[0]
            for descriptor in ends:
                descriptors.close(descriptor, pipe)
        return None


def _give_back(descriptor: int) -> None:
    """Let the interpreter write signals nowhere; where others have replaced *descriptor*, to theirs as before."""
    present = signal.set_wakeup_fd(-1)
    if present not in (-1, descriptor):
        signal.set_wakeup_fd(present)


def _make_pipe(number: int | None = None) -> tuple[int, int]:
    """
    Return the two ends of a pipe, with high numbers where there are any; a write never blocks. Raises OSError.

    The write end has the *number* if that is free. After a program has closed all descriptors, threads close those of the files
    they had open, which may be the numbers of the new pipe: so the ends are compared, and the pipe is made again.
    """
    for _ in range(_ATTEMPTS):
        low = os.pipe()
        pipe = descriptors.identity(low[0])
        write_end = _raised(low[1], number)
        read_end = _raised(low[0])
        for before, raised in zip(low, (read_end, write_end), strict=True):
            if raised != before:
                descriptors.close(before, pipe)
        if pipe is not None and descriptors.identity(read_end) == descriptors.identity(write_end) == pipe:
            os.set_blocking(write_end, False)
            return read_end, write_end
        for before, raised in zip(low, (read_end, write_end), strict=True):
            descriptors.close(raised, pipe if raised == before else descriptors.identity(raised))
    raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _raised(descriptor: int, lowest: int | None = None) -> int:
    """Return a copy of *descriptor* with the first free number from *lowest*, a high one, up; *descriptor* if there is none."""
    import fcntl
    import resource

    if lowest == descriptor:
        return descriptor
    if lowest is None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        lowest = (_MOST_DESCRIPTOR if limit == resource.RLIM_INFINITY else min(limit, _MOST_DESCRIPTOR)) - 8
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, max(0, lowest))
    except OSError:
        return descriptor


def _rest(descriptor: int) -> bytes:
    """Return what is in the pipe, without waiting."""
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""
    finally:
        os.set_blocking(descriptor, True)
