"""
Those who want to know when a check changes its state, each on a thread of its own.

A listener that raises or blocks harms nobody: not the check, not the scheduler, not the other listeners.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from csg_otel import faults, forks

if TYPE_CHECKING:
    from csg_otel.status import HealthStatus

_MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """
    A check's effective status changed from ``before`` to ``after`` at Unix time ``timestamp``.

    On recovery (``after`` is HEALTHY), ``outage_s`` is how long the check was not, and ``failures`` how many of its runs
    failed in that time.
    """

    name: str
    category: str
    before: HealthStatus
    after: HealthStatus
    message: str
    timestamp: float
    outage_s: float | None = None
    failures: int = 0


Listener = Callable[[Change], None]


class Listeners:
    """The listeners of one registry."""

    def __init__(self) -> None:
        self._inboxes: dict[Listener, queue.Queue[Change]] = {}

    def add(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with every change from now on, until the function returned is called."""
        self._inboxes[listener] = self._serve(listener)
        return lambda: self._remove(listener)

    def _serve(self, listener: Listener) -> queue.Queue[Change]:
        inbox: queue.Queue[Change] = queue.Queue(_MOST_WAITING)
        threading.Thread(target=_call, args=(inbox, listener), name="csg-otel-on-change", daemon=True).start()
        return inbox

    def _remove(self, listener: Listener) -> None:
        inbox = self._inboxes.pop(listener, None)
        if inbox is not None:
            _offer(inbox, None)

    def tell(self, change: Change) -> None:
        """Hand *change* to every listener; one that is too far behind misses it."""
        for inbox in tuple(self._inboxes.values()):
            _offer(inbox, change)

    def reset_after_fork(self) -> None:
        """Start the threads anew in a child."""
        forks.afterwards(self._start_anew)

    def _start_anew(self) -> None:
        self._inboxes = {listener: self._serve(listener) for listener in self._inboxes}


def _offer(inbox: queue.Queue[Change], change: Change | None) -> None:
    try:
        inbox.put_nowait(change)  # type: ignore[arg-type] # None ends the thread
    except queue.Full:
        faults.report("on_change", "a listener does not keep up; changes are not told to it")


def _call(inbox: queue.Queue[Change], listener: Listener) -> None:
    while (change := inbox.get()) is not None:
        try:
            listener(change)
        except BaseException:  # noqa: BLE001 - a listener of the program must not end the telling
            faults.contain("on_change")
