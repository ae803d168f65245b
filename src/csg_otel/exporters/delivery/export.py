"""An export operation: one request of a persistent queue, from its first attempt until it is accepted or refused for good."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from csg_otel import clocks
from csg_otel.exporters.delivery.sdk_metrics import record_export

if TYPE_CHECKING:
    from collections.abc import Mapping

    from csg_otel.exporters.delivery.backlog import Frame
    from csg_otel.exporters.delivery.base import Counts
    from csg_otel.exporters.delivery.component import Component


@dataclass(frozen=True, slots=True)
class Export:
    """
    The frames of a request, and its size in items of the queue and in ``units``: spans, log records or data points.

    ``began`` is on the monotonic clock.
    """

    batch: list[Frame]
    items: int
    units: int
    began: float
    component: Component | None

    @classmethod
    def begin(cls, batch: list[Frame], body: bytes, component: Component | None) -> Export:
        """Return the export of *batch*, whose joined bytes are *body*; it begins now."""
        items = sum(frame.count for frame in batch)
        return cls(batch, items, units(body, items, component), clocks.monotonic(), component)

    def count_begin(self, counts: Counts) -> None:
        """Count its items as passed on and in a request; call it with the queue's lock held, as the next."""
        counts.passed += self.items
        counts.in_request = self.units

    def count_end(self, counts: Counts, refused: Mapping[str, int]) -> None:
        """Count the request as ended, with *refused* units by reason."""
        counts.in_request = 0
        if self.component is not None and self.component.signal == "metrics":
            shares = shared_out(self.units, refused)
            counts.points.update({**shares, "": self.units - shares.total()})

    def record(self, refused: Mapping[str, int]) -> None:
        """Record the duration of the export, which has ended with *refused* units by reason; call it with the lock free."""
        if self.component is not None:
            error = next((reason for reason, count in refused.items() if count), "")
            record_export(self.component, clocks.monotonic() - self.began, error)


def units(body: bytes, items: int, component: Component | None) -> int:
    """Return the number of units in the request *body*, which has *items* items of the queue."""
    return items if component is None else component.units(body, items)


def shared_out(total: int, refused: Mapping[str, int]) -> Counter[str]:
    """Return *refused*, cut so that its sum is at most *total*."""
    shares: Counter[str] = Counter()
    for reason, count in refused.items():
        shares[reason] = min(count, total - shares.total())
    return shares
