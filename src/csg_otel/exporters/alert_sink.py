"""The intake of the program's own alerts: each receiver gets those that it accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from csg_otel.alerts.events import Event
    from csg_otel.pipeline.sink import Sink


class AlertSink:
    """The intake of one receiver's queue."""

    def __init__(self, queue: Sink, accepts: Callable[[Event], bool]) -> None:
        """Queue in *queue* the alerts that the receiver *accepts*."""
        self._queue = queue
        self.accepts = accepts

    def enqueue(self, item: Any) -> None:
        """Queue the alert *item*; never blocks and never raises."""
        self._queue.enqueue(item)


def offer(sink: Sink, event: Event) -> bool:
    """Queue *event* in *sink* if its receiver accepts it, and return whether it does."""
    accepts = not isinstance(sink, AlertSink) or sink.accepts(event)
    if accepts:
        sink.enqueue(event)
    return accepts
