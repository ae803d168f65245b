"""
The intake of queues: the threads of the program append to a list of each queue, and take no lock.

A queue moves its list to where it counts and limits (``DeliveryQueue.attend``): each time a portion has come, and before its
worker takes a batch or its counts are read. So one call costs the program about the same, however many destinations there are.
The rules: the lists stay the same objects, because a thread may be about to append; and where a signal handler raises, an item
is in a list and will count, or it is in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, Final, Protocol

_PORTION: Final = 64
"""
Most items that come before the queues look at their lists.

So many more than its limit may wait in a queue. The look costs 2 us for each queue.
"""


class Reader(Protocol):
    """Reads a list of items that others append to."""

    pending: list[Any]
    """The list, always the same one."""

    def attend(self) -> None:
        """Look at the list now; called on a thread of the program."""


class Intake:
    """One intake for the items of several queues; it is a sink."""

    def __init__(self, readers: Sequence[Reader], batch_size: int) -> None:
        """Append to the lists of *readers*, of which the smallest batch has *batch_size* items."""
        self._readers = tuple(readers)
        self._appends = tuple(reader.pending.append for reader in readers)
        self._portion = min(_PORTION, batch_size)
        self._number = count(1).__next__
        self._is_watched = True

    def watch(self) -> None:
        """Let the readers attend to the next item, because one of them falls asleep."""
        self._is_watched = True

    def enqueue(self, item: Any) -> None:
        """Queue *item*; never blocks."""
        for append in self._appends:
            append(item)
        if not self._number() % self._portion or self._is_watched:
            self._attend()

    def _attend(self) -> None:
        self._is_watched = False  # first: a reader that falls asleep from now on is woken by the next item
        try:
            for reader in self._readers:
                reader.attend()
        except BaseException:  # of a signal handler
            self._is_watched = True
            raise
