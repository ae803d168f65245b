"""
What a forked child does to parts of this package that hold locks, threads or the parent's values.

Knows the parts weakly, so it keeps none alive. The rule: after a fork nothing may wait for a thread that is gone.
"""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol

from csg_otel import faults


class Forkable(Protocol):
    """A part that can begin again in a child."""

    def reset_after_fork(self) -> None:
        """Make new locks, forget the parent's values and start again what ran."""


_living: Final[weakref.WeakSet[Forkable]] = weakref.WeakSet()
_hooked: Final[list[bool]] = []


def track(part: Forkable) -> None:
    """Call ``part.reset_after_fork()`` in every child forked while *part* lives."""
    _living.add(part)
    if not _hooked and hasattr(os, "register_at_fork"):
        _hooked.append(True)
        os.register_at_fork(after_in_child=_reset_in_child)


def _reset_in_child() -> None:
    for part in list(_living):
        try:
            part.reset_after_fork()
        except Exception:  # noqa: BLE001 - a child that can't be measured must still be able to work
            faults.contain("metrics.fork")
