"""Connecting, flushing and draining destinations: several at once, under one deadline on the monotonic clock."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from csg_otel import clocks
from csg_otel.pipeline.global_providers import detach, global_providers

if TYPE_CHECKING:
    from csg_otel.exporters.delivery.base import DeliveryQueue
    from csg_otel.exporters.delivery.destination import Destination
    from csg_otel.waits import Latch

_log = logging.getLogger("csg_otel")

_ADOPT_SHARE = 0.2
"""Share of a drain's time in which the spools of dead processes are adopted; the next process adopts the rest."""

_EMITTED_SHARE = 0.3
"""Share of the time left until which spans, log records and alerts are sent first, so that the last collection counts them."""

_COLLECT_SHARE = 0.6
"""Share of the time left until which the last collection may take; the rest is for sending it."""

_LATE_COLLECT_SHARE = 0.8
"""The same for destinations that are late, because many collections share the processors; the others are sending meanwhile."""

_MOST_NAMED = 5
"""Destinations that one log line names."""

_LAST_COLLECTION_S = 1.0
"""Seconds that the last collection of a replaced destination may take, before a new reader continues its sums."""


def connect_reader(destination: Destination, replaced: Destination | None) -> None:
    """
    Connect the reader of *destination*, if it has one, to the global meter provider.

    The reader continues the sums of the *replaced* destination if both have the same temporality and aggregation.
    """
    reader = destination.reader
    if reader is None:
        return
    if replaced is not None and replaced.reader is not None and replaced.reader.form == reader.form:
        if replaced.ticker is not None:
            # The replaced destination collects the measurements made so far, and sends them when it is drained.
            replaced.ticker.stop().wait(_LAST_COLLECTION_S)
        global_providers().meters.replace(replaced.reader, reader)
        replaced.reader = None
    else:
        global_providers().meters.attach(reader)


def disconnect_readers(destinations: Sequence[Destination]) -> None:
    """Take the readers of ended *destinations* off the global meter provider; otherwise it adds up for them for ever."""
    detach([destination.reader for destination in destinations if destination.reader is not None])
    for destination in destinations:
        destination.reader = None


def flush(destinations: Sequence[Destination], deadline: float, only: str = "") -> bool:
    """
    Collect and send everything before monotonic *deadline*; True only if every item is acknowledged or on disk.

    *only* is the one signal to send; by default all are sent.
    """
    tickers = [item.ticker for item in destinations if item.ticker and only in ("", "metrics")]
    collected = _wait_all((ticker.request() for ticker in tickers), deadline)
    every = [pair for destination in destinations for pair in destination.queues.items()]
    queues = [queue for signal, queue in every if only in ("", signal)]
    for queue in queues:
        queue.nudge()
    return all([queue.flush(deadline) for queue in queues]) and collected


def drain(destinations: Sequence[Destination], deadline: float) -> None:
    """Collect and send items until monotonic *deadline*, drop or spool the rest, and end the queues and spools."""
    queues = [queue for destination in destinations for queue in destination.queues.values()]
    tickers = {item.name: item.ticker for item in destinations if item.ticker is not None}
    began = clocks.monotonic()
    for destination in destinations:
        destination.adopt(began + _ADOPT_SHARE * max(0.0, deadline - began))
    now = clocks.monotonic()
    left_s = max(0.0, deadline - now)
    for queue in queues:
        queue.nudge()
    if tickers:
        _settle([queue for queue in queues if queue.signal != "metrics"], now + left_s * _EMITTED_SHARE)
    collected = {name: ticker.stop() for name, ticker in tickers.items()}
    _wait_all(collected.values(), now + left_s * _COLLECT_SHARE)
    late = _names_of_late(collected)
    waiting = [queue for queue in queues if queue.signal == "metrics" and queue.destination in late]
    for queue in queues:
        if queue not in waiting:
            queue.close(deadline)
    _wait_all(collected.values(), now + left_s * _LATE_COLLECT_SHARE)
    for queue in waiting:
        queue.close(deadline)
    for queue in queues:
        queue.join()
    _log_lost_collections(_names_of_late(collected))
    for destination in destinations:
        destination.log_undelivered()
        destination.end()


def _names_of_late(collected: Mapping[str, Latch]) -> list[str]:
    return [name for name, latch in collected.items() if not latch.is_set()]


def _log_lost_collections(names: Sequence[str]) -> None:
    """Log that the destinations *names* did not get their last metrics: no queue has counted what was not collected."""
    if names:
        _log.warning(
            "the last metrics of %d destinations (%s%s) are lost: they were not collected before the shutdown's deadline; "
            "raise exporters.shutdown_timeout, because each destination needs a collection of its own",
            len(names),
            ", ".join(names[:_MOST_NAMED]),
            ", ..." if names[_MOST_NAMED:] else "",
        )


def _settle(queues: Iterable[DeliveryQueue], deadline: float) -> None:
    for queue in queues:
        queue.flush(deadline)


def _wait_all(latches: Iterable[Latch], deadline: float) -> bool:
    # tuple() requests all latches before the first wait.
    return all([latch.wait(deadline - clocks.monotonic()) for latch in tuple(latches)])
