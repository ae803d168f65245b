"""
Listeners: functions of the program that are called when a check changes its state, each on a thread of its own.

A listener that raises or blocks delays neither the checks, nor the scheduler, nor the other listeners.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from csg_otel import faults, forks
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from csg_otel.status import HealthStatus

_MOST_WAITING = 1000
"""Changes that may wait for one listener; further changes are dropped for it, so that a blocked one costs little memory."""


@dataclass(frozen=True, slots=True)
class Change:
    """
    A check's effective status changed from ``before`` to ``after`` at Unix time ``timestamp``.

    At the end of an outage (the check was CRITICAL, and ``after`` is HEALTHY or WARNING), ``outage_s`` is its length in
    seconds, and ``failures`` the number of runs that ended in WARNING or CRITICAL since the check was HEALTHY. ``critical``
    is that of the check.
    """

    name: str
    category: str
    before: HealthStatus
    after: HealthStatus
    message: str
    timestamp: float
    outage_s: float | None = None
    failures: int = 0
    critical: bool = True


Listener = Callable[[Change], None]

_Inbox = queue.SimpleQueue["Change | None"]
"""A queue without a lock that an exception of a signal handler could leave taken; None ends the thread."""


class Listeners:
    """The listeners of one registry."""

    def __init__(self) -> None:
        self._inboxes: dict[Listener, _Inbox] = {}

    def add(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with every change from now on, until the function returned is called."""
        self._inboxes[listener] = self._start_thread(listener)
        return lambda: self._remove(listener)

    def _start_thread(self, listener: Listener) -> _Inbox:
        inbox: _Inbox = queue.SimpleQueue()
        OwnThread(target=_deliver, args=(inbox, listener), name="csg-otel-on-change", runs_program=True).start()
        return inbox

    def _remove(self, listener: Listener) -> None:
        inbox = self._inboxes.pop(listener, None)
        if inbox is not None:
            _enqueue(inbox, None)

    def publish(self, change: Change) -> None:
        """Queue *change* for every listener; it is dropped for a listener whose queue is full."""
        for inbox in tuple(self._inboxes.values()):
            _enqueue(inbox, change)

    def reset_after_fork(self) -> None:
        """Start new threads in a forked child, which has none of its parent's."""
        forks.afterwards(self._restart_threads)

    def _restart_threads(self) -> None:
        self._inboxes = {listener: self._start_thread(listener) for listener in self._inboxes}


def _enqueue(inbox: _Inbox, change: Change | None) -> None:
    if change is None or inbox.qsize() < _MOST_WAITING:
        inbox.put(change)
    else:
        faults.report("on_change", f"a listener is {_MOST_WAITING} changes behind; further changes are dropped for it")


def _deliver(inbox: _Inbox, listener: Listener) -> None:
    while (change := inbox.get()) is not None:
        try:
            listener(change)
        except BaseException:  # noqa: BLE001 - an error in a listener must not end the thread
            faults.contain("on_change")
