"""
A persistent queue for people: what comes within a window is one request, so that a burst of alerts is one notification.

An item waits a moment for others of its request. After a request, the items of the same groups wait until the window is over;
an item of another group waits only the moment, and takes along what waits. The rules: however many wait, they are
one request, up to its size in bytes; waiting items are on disk like all others; a flush and a shutdown send them at once, and a
shutdown waits for an attempt that has not failed yet.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks
from csg_otel.exporters.delivery.backlog import MAX_MEMORY_BYTES
from csg_otel.exporters.delivery.persistent_queue import PersistentQueue

if TYPE_CHECKING:
    from csg_otel.exporters.delivery.backlog import Frame
    from csg_otel.exporters.delivery.burst import Chunk

_MOST_GROUPS: Final = 1000
"""Groups whose last request is remembered; beyond them the oldest are forgotten."""


class WindowedQueue(PersistentQueue):
    """A persistent queue with at most one request for each group of items in a window."""

    def __init__(
        self, *args: Any, window_s: float, group: Callable[[Any], Hashable], most: int = sys.maxsize, **options: Any
    ) -> None:
        """
        Prepare the queue; its threads start with the first item.

        Args:
            *args: Those of :class:`PersistentQueue`.
            window_s: Seconds between two requests about the same group.
            group: Returns the group of an item.
            most: Most items of a request; those that it has no room for follow at once. Default: any number.
            **options: The other options of :class:`PersistentQueue`; ``delay_s`` is the wait of an item for others.
        """
        self._window_s = window_s
        self._group = group
        self._most = most
        super().__init__(*args, **options)

    def _reset(self) -> None:
        super()._reset()
        self._arriving: set[Hashable] = set()
        """Groups of the items that are being written to the spool; only the gathering thread uses it."""
        self._waiting: set[Hashable] = set()
        self._sent_at: dict[Hashable, float] = {}
        self._next_at = math.inf

    def _requests(self, chunk: Chunk) -> list[tuple[int, bytes]]:
        self._arriving |= {self._group(item) for item in chunk.items} or {None}  # already encoded: one group together
        return super()._requests(chunk)

    def _mark_kept(self) -> None:
        """Set the time of the next request, which the sending thread has to look at; called with the lock held."""
        now = clocks.monotonic()
        for group in self._arriving:
            over = self._sent_at.get(group, -math.inf) + self._window_s
            self._next_at = min(self._next_at, max(now + self._delay_s, over))
        self._waiting |= self._arriving
        self._arriving = set()
        super()._mark_kept()
        self._due.set()

    def _is_due(self, now: float) -> bool:
        return now >= self._due_at()

    def _take(self) -> tuple[list[Frame], bytes]:
        return self._backlog.take(self._most, MAX_MEMORY_BYTES)

    def _due_at(self) -> float:
        is_of_the_dead = not self._backlog.oldest
        return 0.0 if is_of_the_dead else self._next_at

    def _deliver(self, batch: list[Frame], body: bytes) -> None:
        with self._lock:
            now = clocks.monotonic()
            for group in self._waiting:
                self._sent_at.pop(group, None)
                self._sent_at[group] = now
            for group in list(self._sent_at)[:-_MOST_GROUPS]:
                del self._sent_at[group]
            self._waiting.clear()
            self._next_at = now if self._backlog else math.inf  # what the request has no room for follows at once
        super()._deliver(batch, body)

    def _gives_up(self) -> bool:
        return self._failing
