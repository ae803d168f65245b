"""
The sender of the console: it takes the items of a memory queue to the screen.

One queue carries all signals, so that they are shown in the order in which they were emitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from csg_otel import names, waits
from csg_otel.pipeline import scrub

if TYPE_CHECKING:
    from csg_otel.config.sections.exporters import Signal
    from csg_otel.exporters.console.screen import Console
    from csg_otel.exporters.delivery.queue import MemoryQueue
    from csg_otel.exporters.delivery.sender import Partial

_OPENING_S: Final = 10.0
"""Most seconds that the console is held back: if the telemetry hangs at its start, what it says must be shown."""


class Opening:
    """Holds the console back until the first line of the program, the link to its dashboard, is written."""

    def __init__(self) -> None:
        """Hold nothing back."""
        self._written = waits.Latch()
        self._written.set()

    def hold(self) -> None:
        """Hold the console back."""
        self._written = waits.Latch()

    def release(self) -> None:
        """Let the console write: the line is written, or there is none."""
        self._written.set()

    def wait(self) -> None:
        """Wait until the console may write."""
        self._written.wait(_OPENING_S)


opening: Final = Opening()
"""Of the process, as it has one telemetry."""


class ConsoleSink:
    """Queues the items of one signal as (signal, item)."""

    def __init__(self, queue: MemoryQueue, signal: Signal) -> None:
        """Queue the items of *signal* in *queue*."""
        self._queue = queue
        self._signal = signal

    def enqueue(self, item: Any) -> None:
        """Queue *item*, unless it is a log record that a handler of the program has written to the terminal already."""
        if self._signal != "logs" or not getattr(item.log_record, names.ON_SCREEN, False):
            self._queue.enqueue((self._signal, item))


class ConsoleSender:
    """Passes consecutive items of one signal to the console in one call."""

    def __init__(self, screen: Console) -> None:
        """Show items on *screen*."""
        self._screen = screen

    def send_batch(self, batch: Sequence[Any], _timeout_s: float) -> Partial | None:
        """Show a batch of (signal, item), after the first line of the program."""
        opening.wait()
        for signal, pairs in groupby(batch, itemgetter(0)):
            items = [item for _, item in pairs]
            if signal == "traces":
                self._screen.spans([scrub.span(span) for span in items])
            elif signal == "logs":
                self._screen.logs([scrub.record(record) for record in items])
            else:
                for data in items:
                    self._screen.metrics(data)
        return None

    def on_idle(self) -> None:
        """Show the traces that have been held back long enough."""
        self._screen.tick()

    def reset_after_fork(self) -> None:
        """Drop the parent's items, because the parent shows them."""
        self._screen.reset_after_fork()

    def close(self) -> None:
        """Show everything that is held back."""
        self._screen.close()
