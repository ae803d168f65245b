"""
The counts of redactions: a metric by the rule of the scrubber, over all scrubbers of this process.

A forked child starts at 0, because its parent exports what it has counted. The rule: the counts never decrease.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import forks
from csg_otel.markers import reads_snapshot
from csg_otel.names import SCRUBBING_REDACTIONS
from csg_otel.privacy import active

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from csg_otel.names import Metric
    from csg_otel.privacy import Scrubber


class _Redactions:
    """The counts of the scrubbers that were in use before, and the one in use."""

    def __init__(self) -> None:
        self._scrubber: Scrubber | None = None
        self._earlier: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._published = False

    def install(self, scrubber: Scrubber) -> None:
        with self._lock:
            self._earlier.update(self._present())
            self._scrubber = scrubber
            active.install(scrubber)

    def _present(self) -> Mapping[str, int]:
        return {} if self._scrubber is None else self._scrubber.redactions

    def counts(self) -> dict[str, int]:
        with self._lock:
            total = self._earlier.copy()
            total.update(self._present())
        return {rule: count for rule, count in total.items() if count > 0}

    def publish(self, create: Callable[[Metric, list[Any]], object]) -> None:
        with self._lock:
            if self._published:
                return
            self._published = True
        forks.follow(self.reset_after_fork)
        create(SCRUBBING_REDACTIONS, [_observe])

    def reset_after_fork(self) -> None:
        self._lock = threading.RLock()  # a thread of the parent may have held it
        self._earlier = Counter()
        self._earlier.subtract(self._present())


_all: Final = _Redactions()


def install(scrubber: Scrubber) -> None:
    """Use *scrubber* from now on in this process."""
    _all.install(scrubber)


def counts() -> dict[str, int]:
    """Return the number of redactions in this process by rule."""
    return _all.counts()


def publish(create: Callable[[Metric, list[Any]], object]) -> None:
    """Export the counts as a metric, made by *create* (``scope.create``); calls after the first do nothing."""
    _all.publish(create)


@reads_snapshot
def _observe(_options: CallbackOptions) -> Iterable[Observation]:
    (attribute,) = SCRUBBING_REDACTIONS.attributes
    return [Observation(count, {attribute: rule}) for rule, count in counts().items()]
