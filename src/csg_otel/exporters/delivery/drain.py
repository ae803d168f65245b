"""Connecting, flushing and draining destinations: several at once, under one deadline on the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    import threading

    from csg_otel.exporters.delivery.destination import Destination

_COLLECT_SHARE = 0.4
"""Share of a drain's time that the last collection may take, so that sending keeps the rest."""


_LAST_COLLECTION_S = 1.0
"""Seconds for a replaced destination's last collection before its reader is handed over."""


def connect_reader(meters: Any, destination: Destination, replaced: Destination | None) -> None:
    """Connect the reader of *destination* to the provider *meters*; it continues the sums of the *replaced* destination."""
    reader = destination.reader
    if reader is None or meters is None:
        return
    if replaced is not None and replaced.reader is not None and replaced.reader.temporality == reader.temporality:
        if replaced.ticker is not None:
            # What was measured before the exchange leaves by the replaced destination, which is drained afterwards.
            replaced.ticker.stop().wait(_LAST_COLLECTION_S)
        _compat.hand_over(meters, replaced.reader, reader)
    else:
        meters.add_metric_reader(reader)


def flush(destinations: Sequence[Destination], deadline: float) -> bool:
    """Collect and send everything before *deadline*; True only if all is acknowledged or on disk."""
    collected = _wait_all((item.ticker.request() for item in destinations if item.ticker), deadline)
    queues = [queue for destination in destinations for queue in destination.queues.values()]
    for queue in queues:
        queue.nudge()
    return all([queue.flush(deadline) for queue in queues]) and collected


def drain(destinations: Sequence[Destination], deadline: float) -> None:
    """Collect and send what can be sent before *deadline*, drop the rest, and end the queues and spools."""
    queues = [queue for destination in destinations for queue in destination.queues.values()]
    stopped = [item.ticker.stop() for item in destinations if item.ticker is not None]
    for queue in queues:
        queue.nudge()
    now = time.monotonic()
    _wait_all(stopped, now + max(0.0, deadline - now) * _COLLECT_SHARE)
    for queue in queues:
        queue.close(deadline)
    for queue in queues:
        queue.join()
    for destination in destinations:
        destination.log_undelivered()
        destination.end()


def _wait_all(events: Iterable[threading.Event], deadline: float) -> bool:
    # tuple(): every event is requested before the first wait.
    return all([event.wait(max(0.0, deadline - time.monotonic())) for event in tuple(events)])
